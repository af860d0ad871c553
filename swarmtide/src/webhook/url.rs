//! Where events are sent.

use std::{fmt, str::FromStr};

use hyper::Uri;

/// `http://HOST[:PORT]/PATH` or `https://…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    host: String,
    port: u16,
    tls: bool,
}

/// Why a text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH")]
pub struct UrlError(String);

impl Url {
    /// Host name or address, without the brackets of IPv6.
    pub(super) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Host and port, as for `Host`.
    pub(super) fn authority(&self) -> &str {
        self.uri
            .authority()
            .map_or(self.host.as_str(), |authority| authority.as_str())
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) const fn tls(&self) -> bool {
        self.tls
    }

    /// Path and query.
    pub(super) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// Without the query, which may hold a secret: for logs and metrics.
    #[must_use]
    pub fn shown(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}:{}{}", self.host, self.port, self.uri.path())
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let wrong = || UrlError(text.to_owned());
        let uri: Uri = text.trim().parse().map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        let host = authority.host().to_owned();
        // Credentials would end up in logs; the signature is there to tell who sends.
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(wrong());
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self {
            uri,
            host,
            port,
            tls,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (text, host, port, path, shown) in [
            (
                "http://hooks:9000/a?token=x",
                "hooks",
                9000,
                "/a?token=x",
                "http://hooks:9000/a",
            ),
            (
                "https://example.org",
                "example.org",
                443,
                "/",
                "https://example.org:443/",
            ),
            ("http://[::1]:80/x", "::1", 80, "/x", "http://[::1]:80/x"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(
                (url.host(), url.port(), url.path(), url.shown().as_str()),
                (host, port, path, shown)
            );
        }
        for text in ["", "hooks", "ftp://x/y", "http://", "http://me:pw@x/"] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }
}
