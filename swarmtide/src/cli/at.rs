//! A moment as people write it.

use std::str::FromStr;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp, Zoned, civil::Time};

/// A moment: an instant, a time of today, or a while ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// An instant.
    Instant(Timestamp),
    /// A time of the present day, in the time zone of whoever asks.
    Today(Time),
    /// So long before now.
    Ago(SignedDuration),
}

impl At {
    /// The instant that is meant, seen from `now`.
    ///
    /// # Errors
    /// When there is no such instant: clocks that are set forward leave some out.
    pub fn timestamp(self, now: &Zoned) -> anyhow::Result<Timestamp> {
        match self {
            Self::Instant(at) => Ok(at),
            Self::Today(time) => {
                let at = now.with().time(time).build();
                Ok(at
                    .with_context(|| format!("there is no {time} today"))?
                    .timestamp())
            }
            Self::Ago(ago) => Ok(now.timestamp().checked_sub(ago)?),
        }
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(ago) = text.strip_suffix("ago")
            && let Ok(ago) = ago.trim().parse()
        {
            return Ok(Self::Ago(ago));
        }
        if let Ok(at) = text.parse() {
            return Ok(Self::Instant(at));
        }
        text.parse().map(Self::Today).map_err(|_| {
            format!("{text:?} is no time; write 10:42, 5m ago or 2026-11-21T10:42:00Z")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Zoned = "2026-11-21T12:00:00+01:00[Europe/Paris]"
            .parse()
            .or_else(|_| "2026-11-21T12:00:00+01:00[+01:00]".parse())
            .unwrap();
        for (text, expected) in [
            ("10:42", "2026-11-21T09:42:00Z"),
            ("10:42:30", "2026-11-21T09:42:30Z"),
            ("5m ago", "2026-11-21T10:55:00Z"),
            ("1h 30m ago", "2026-11-21T09:30:00Z"),
            ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z"),
        ] {
            let at: At = text.parse().unwrap();
            assert_eq!(at.timestamp(&now).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "soon", "25:00", "ago"] {
            assert!(text.parse::<At>().is_err(), "{text}");
        }
    }
}
