//! Values of labels: `None` where a text is not one.

use std::net::IpAddr;
use std::time::Duration;

use jiff::SignedDuration;

use crate::config::ServiceFlags;
use crate::share::Share;

/// Longest duration that a label can name.
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest path or host name.
const TEXT_MAX: usize = 255;

/// A decimal number without a sign.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

pub(super) fn within(text: &str, least: u32, most: u32) -> Option<u32> {
    number(text).filter(|number| (least..=most).contains(number))
}

pub(super) fn port(text: &str) -> Option<u16> {
    number(text)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port != 0)
}

pub(super) fn share(text: &str) -> Option<Share> {
    let text = text.strip_suffix('%').unwrap_or(text).trim_end();
    let percent = u8::try_from(number(text)?).ok()?;
    Share::percent(percent)
}

pub(super) fn duration(text: &str) -> Option<Duration> {
    let duration = match number(text) {
        Some(seconds) => Duration::from_secs(u64::from(seconds)),
        None => Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()?,
    };
    (duration <= DURATION_MAX).then_some(duration)
}

pub(super) fn duration_within(text: &str, least: Duration, most: Duration) -> Option<Duration> {
    duration(text).filter(|duration| (least..=most).contains(duration))
}

pub(super) fn path(text: &str) -> Option<String> {
    let fits = text.starts_with('/') && is_visible(text);
    fits.then(|| text.to_owned())
}

pub(super) fn host(text: &str) -> Option<String> {
    let fits = !text.is_empty() && is_visible(text);
    fits.then(|| text.to_owned())
}

/// Nothing that could end a line of a request or begin a header.
fn is_visible(text: &str) -> bool {
    text.len() <= TEXT_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Scheduler flags by name; those of another scheduler are none.
pub(super) fn flags(text: &str, scheduler: &str) -> Option<ServiceFlags> {
    let mut flags = ServiceFlags::NONE;
    for name in text.split(',') {
        let flag = match (name.trim(), scheduler) {
            ("mh-fallback", "mh") | ("sh-fallback", "sh") => ServiceFlags::FALLBACK,
            ("mh-port", "mh") | ("sh-port", "sh") => ServiceFlags::PORT,
            ("flag-3", _) => ServiceFlags::THIRD,
            _ => return None,
        };
        flags = flags.with(flag);
    }
    Some(flags)
}

pub(super) fn vip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let second = Duration::from_secs(1);
        for (text, expected) in [
            ("30s", Some(30 * second)),
            ("1m 30s", Some(90 * second)),
            ("15", Some(15 * second)),
            ("0", Some(Duration::ZERO)),
            ("250ms", Some(second / 4)),
            ("24h", Some(86_400 * second)),
            ("25h", None),
            ("-1s", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn shares_and_texts() {
        assert_eq!(share("50%"), Share::percent(50));
        assert_eq!(share("100"), Share::percent(100));
        assert_eq!((share("101"), share("-1"), share("%")), (None, None, None));
        assert_eq!(path("/a?b"), Some("/a?b".to_owned()));
        assert_eq!(
            (path("a"), path("/a b"), path("/\r\nX: y")),
            (None, None, None)
        );
    }

    #[test]
    fn flags_belong_to_their_scheduler() {
        let both = ServiceFlags::FALLBACK.with(ServiceFlags::PORT);
        assert_eq!(flags("mh-port, mh-fallback", "mh"), Some(both));
        assert_eq!(flags("mh-port", "sh"), None);
        assert_eq!(flags("flag-3", "rr"), Some(ServiceFlags::THIRD));
        assert_eq!(flags("", "mh"), None);
    }
}
