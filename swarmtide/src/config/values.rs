//! Value types of the configuration file that check themselves while they are read, so that the TOML parser can point at the line.
//!
//! It does not know any key: what a value means is in [`super`].

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

/// A length of time between 1 ms and 24 h, written `2s`, `500ms`, `1m 30s`, or as a bare number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_hours(24);

impl Span {
    /// Makes a span for a built-in default.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// The span as a [`Duration`].
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let parsed = if let Ok(seconds) = trimmed.parse::<f64>() {
            Duration::try_from_secs_f64(seconds).ok()
        } else {
            trimmed
                .parse::<jiff::SignedDuration>()
                .ok()
                .and_then(|signed| Duration::try_from(signed).ok())
        };
        match parsed {
            Some(duration) if (SHORTEST..=LONGEST).contains(&duration) => Ok(Self(duration)),
            Some(_) => Err(format!("{text:?} is outside 1ms to 24h")),
            None => Err(format!(
                "{text:?} is not a length of time; write for example \"2s\", \"500ms\" or \"1m 30s\""
            )),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        if milliseconds.is_multiple_of(1000) {
            write!(f, "{}s", milliseconds / 1000)
        } else {
            write!(f, "{milliseconds}ms")
        }
    }
}

/// A size in bytes, written `8MiB`, `500kB`, or as a bare number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(usize);

impl Bytes {
    /// Makes a size for a built-in default.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let digits = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let unit = trimmed.get(digits.len()..).unwrap_or_default().trim();
        let factor: usize = match unit {
            "" | "B" => 1,
            "k" | "kB" => 1_000,
            "M" | "MB" => 1_000_000,
            "G" | "GB" => 1_000_000_000,
            "Ki" | "KiB" => 1 << 10,
            "Mi" | "MiB" => 1 << 20,
            "Gi" | "GiB" => 1 << 30,
            _ => {
                return Err(format!(
                    "{text:?} has the unknown unit {unit:?}; write for example \"8MiB\""
                ));
            }
        };
        digits
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a size; write for example \"8MiB\""))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 != 0 && self.0.is_multiple_of(1 << 20) {
            write!(f, "{}MiB", self.0 >> 20)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// An address to listen on: `HOST:PORT` with a literal IPv4 or bracketed IPv6 address; port 0 lets the kernel choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl Listen {
    /// The address by which this host reaches it: loopback, where it listens on all addresses.
    #[must_use]
    pub fn reachable(self) -> SocketAddr {
        let mut address = self.0;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        address
    }

    /// Where this host asks what listens there.
    #[must_use]
    pub fn url(self) -> String {
        format!("http://{}", self.reachable())
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!("{text:?} is not ADDRESS:PORT; write for example \"127.0.0.1:8008\" or \"[::]:6343\"")
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A network that datagrams are accepted from: `10.0.0.0/8`, `2001:db8::/32`, or a bare address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr(pub collector::Network);

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|error| format!("{text:?} is no network: {error}"))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A range of VIPs: `10.30.0.0/16`, or a bare address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VipRange(pub lbsync::Prefix);

impl FromStr for VipRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|error| format!("{text:?} is no range of VIPs: {error}"))
    }
}

impl fmt::Display for VipRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A sidecar that is listened to: `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceUrl(String);

impl SourceUrl {
    /// The whole, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `HOST:PORT`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0.strip_prefix("http://").unwrap_or(&self.0)
    }
}

impl FromStr for SourceUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is not http://HOST:PORT; write for example \"http://10.0.0.11:8008\"")
        };
        let whole = text.trim().trim_end_matches('/');
        let authority = whole.strip_prefix("http://").ok_or_else(wrong)?;
        let uri: hyper::Uri = whole.parse().map_err(|_| wrong())?;
        let plain = uri.authority().map(hyper::http::uri::Authority::as_str) == Some(authority);
        let complete = uri.port_u16().is_some() && uri.host().is_some_and(|host| !host.is_empty());
        if plain && complete && !authority.contains('@') {
            Ok(Self(whole.to_owned()))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where events are posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl(pub crate::webhook::Url);

impl FromStr for WebhookUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|error: crate::webhook::UrlError| error.to_string())
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads a value from a TOML string, integer or float by its [`FromStr`].
macro_rules! text_value {
    ($type:ty) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $type;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string or a number")
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_any(Visitor)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

pub(super) use text_value;

text_value!(Span);
text_value!(Bytes);
text_value!(Listen);
text_value!(Cidr);
text_value!(VipRange);
text_value!(WebhookUrl);
text_value!(SourceUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_what_people_write() {
        for (text, milliseconds) in [
            ("2s", 2000),
            ("500ms", 500),
            ("1m 30s", 90_000),
            ("3", 3000),
            ("0.25", 250),
        ] {
            assert_eq!(
                text.parse::<Span>().unwrap().get().as_millis(),
                milliseconds,
                "{text}"
            );
        }
        for text in ["", "soon", "-1s", "0s", "25h", "NaN", "1e99"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn sources_are_plain_urls() {
        let url: SourceUrl = "http://10.0.0.11:8008/".parse().unwrap();
        assert_eq!(
            (url.as_str(), url.authority()),
            ("http://10.0.0.11:8008", "10.0.0.11:8008")
        );
        assert!("http://[::1]:8008".parse::<SourceUrl>().is_ok());
        for text in [
            "",
            "10.0.0.11:8008",
            "http://10.0.0.11",
            "http://:1",
            "http://a:1/x",
            "http://u@a:1",
            "http://a b:1",
        ] {
            assert!(text.parse::<SourceUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_read_what_people_write() {
        for (text, bytes) in [
            ("8MiB", 8 << 20),
            ("500kB", 500_000),
            ("17", 17),
            ("1 GiB", 1 << 30),
        ] {
            assert_eq!(text.parse::<Bytes>().unwrap().get(), bytes, "{text}");
        }
        for text in ["", "8Mb", "-1", "99999999999999999999", "8 potatoes"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
