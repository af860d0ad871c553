//! Who may write: anybody on a loopback listener, else who holds the bearer token. Who may read: anybody, unless there is a token.

use std::{fs, net::SocketAddr, path::Path};

use axum::http::{HeaderMap, Request, header};

use super::{page, problem::Problem};

/// What a write must show.
#[derive(Clone)]
pub enum WriteAccess {
    /// The listener is on loopback and no token is set.
    Loopback,
    /// The bearer token.
    Token(String),
    /// The listener can be reached from outside and no token is set: nothing may be written.
    Closed,
}

impl std::fmt::Debug for WriteAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Loopback => "Loopback",
            Self::Token(_) => "Token(…)",
            Self::Closed => "Closed",
        })
    }
}

/// Why the token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It could not be read.
    #[error("{0} {1} cannot be read")]
    Read(&'static str, String, #[source] std::io::Error),
    /// It is too short to be a secret.
    #[error("{0} {1} holds fewer than 16 characters")]
    Short(&'static str, String),
}

impl WriteAccess {
    /// Decides by the address that was really bound and the token file.
    ///
    /// # Errors
    /// A token file that is named and cannot be used is an error, never an open door.
    pub fn decide(bound: SocketAddr, token_file: Option<&Path>) -> Result<Self, TokenError> {
        let Some(path) = token_file else {
            let loopback = bound.ip().to_canonical().is_loopback();
            return Ok(if loopback {
                Self::Loopback
            } else {
                Self::Closed
            });
        };
        Ok(Self::Token(token("http.token_file", path)?))
    }

    /// Lets a write pass or says why not.
    ///
    /// # Errors
    /// 401 without or with a wrong token, 403 where no write is possible.
    pub fn permit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::Loopback => same_site(headers),
            Self::Closed => Err(Problem::forbidden(
                "the listener is not on loopback and http.token_file is not set, so nothing can be written",
            )),
            Self::Token(token) => {
                let given = given(headers)?;
                if equal(given.as_bytes(), token.as_bytes()) {
                    Ok(())
                } else {
                    Err(wrong())
                }
            }
        }
    }
}

/// What a read must show.
#[derive(Clone, Default)]
pub struct ReadAccess {
    /// Tokens of which one is needed; none leaves reads open.
    tokens: Vec<String>,
}

impl std::fmt::Debug for ReadAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.tokens.is_empty() {
            true => "Open",
            false => "Token(…)",
        })
    }
}

impl ReadAccess {
    /// Decides by the token file; who may write may read.
    ///
    /// # Errors
    /// A token file that is named and cannot be used is an error, never an open door.
    pub fn decide(token_file: Option<&Path>, writers: &WriteAccess) -> Result<Self, TokenError> {
        let Some(path) = token_file else {
            return Ok(Self::default());
        };
        let mut tokens = vec![token("http.read_token_file", path)?];
        if let WriteAccess::Token(token) = writers {
            tokens.push(token.clone());
        }
        Ok(Self { tokens })
    }

    /// Decides where nothing can be written at all.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub fn for_readers(token_file: Option<&Path>) -> Result<Self, TokenError> {
        Self::decide(token_file, &WriteAccess::Closed)
    }

    /// Lets a read pass or says why not. Whether the process lives and is of use may be asked by anybody, and the page's files,
    /// which hold no data, may be had by anybody.
    ///
    /// # Errors
    /// 401 without or with a wrong token.
    pub fn permit<T>(&self, request: &Request<T>) -> Result<(), Problem> {
        let path = request.uri().path();
        let page =
            path.starts_with(page::PREFIX) || path == "/" && page::wants_page(request.headers());
        let open = page || ["/live", "/ready"].contains(&path);
        if open || self.tokens.is_empty() {
            return Ok(());
        }
        let given = given(request.headers())?;
        let fits = |token: &String| equal(given.as_bytes(), token.as_bytes());
        // Each is compared, so that the time does not tell which was near.
        if self.tokens.iter().filter(|token| fits(token)).count() > 0 {
            Ok(())
        } else {
            Err(wrong())
        }
    }
}

/// Reads a token from a file; `key` is the configuration's name for it.
///
/// # Errors
/// What cannot be read, or is too short to be a secret.
pub(crate) fn token(key: &'static str, path: &Path) -> Result<String, TokenError> {
    let name = || path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| TokenError::Read(key, name(), error))?;
    let token = text.trim();
    if token.len() < 16 {
        return Err(TokenError::Short(key, name()));
    }
    Ok(token.to_owned())
}

fn given(headers: &HeaderMap) -> Result<&str, Problem> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(bearer)
        .map(str::trim)
        .ok_or_else(|| Problem::unauthorized("this call needs `Authorization: Bearer TOKEN`"))
}

fn wrong() -> Problem {
    Problem::unauthorized("the bearer token is wrong")
}

/// The token of `Bearer TOKEN`; the scheme is written in any case (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}

/// On loopback, a browser that was led here by a foreign page must not write.
fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(host) = text(header::HOST) {
        let name = host.rsplit_once(':').map_or(
            host,
            |(name, port)| if port.contains(']') { host } else { name },
        );
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let local = name.eq_ignore_ascii_case("localhost")
            || name
                .parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if !local {
            return Err(Problem::forbidden(format!(
                "host {host:?} is not loopback; set http.token_file to write under another name"
            )));
        }
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) if origin.rsplit("//").next() != Some(host) => Err(
            Problem::forbidden(format!("origin {origin:?} may not write here")),
        ),
        _ => Ok(()),
    }
}

/// Compares in time that does not depend on where the difference is.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .fold(0, |difference, (x, y)| difference | (x ^ y))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn loopback_writes_freely_but_not_for_foreign_pages() {
        let access = WriteAccess::decide(([127, 0, 0, 1], 1).into(), None).unwrap();
        assert!(
            access
                .permit(&headers(&[("host", "127.0.0.1:8008")]))
                .is_ok()
        );
        assert!(access.permit(&headers(&[("host", "[::1]:8008")])).is_ok());
        assert!(access.permit(&headers(&[("host", "localhost")])).is_ok());
        assert!(
            access
                .permit(&headers(&[("host", "evil.example:8008")]))
                .is_err()
        );
        assert!(
            access
                .permit(&headers(&[
                    ("host", "localhost:1"),
                    ("origin", "http://evil.example")
                ]))
                .is_err()
        );
        assert!(
            access
                .permit(&headers(&[
                    ("host", "localhost:1"),
                    ("origin", "http://localhost:1")
                ]))
                .is_ok()
        );
    }

    #[test]
    fn outside_needs_the_token() {
        let outside = ([0, 0, 0, 0], 1).into();
        assert_eq!(
            WriteAccess::decide(outside, None)
                .unwrap()
                .permit(&headers(&[]))
                .unwrap_err()
                .status,
            403
        );
        let access = WriteAccess::Token("0123456789abcdef".to_owned());
        assert_eq!(access.permit(&headers(&[])).unwrap_err().status, 401);
        assert_eq!(
            access
                .permit(&headers(&[("authorization", "Bearer 0123456789abcdeg")]))
                .unwrap_err()
                .status,
            401
        );
        assert!(
            access
                .permit(&headers(&[("authorization", "Bearer 0123456789abcdef")]))
                .is_ok()
        );
    }

    #[test]
    fn reads_are_open_unless_there_is_a_token_and_writers_may_read() {
        let request = |path: &str, token: Option<&str>| {
            let mut request = Request::builder().uri(path);
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            request.body(()).unwrap()
        };
        let open = ReadAccess::decide(None, &WriteAccess::Closed).unwrap();
        assert!(open.permit(&request("/v1/backends", None)).is_ok());
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "read-token-0123456\n").unwrap();
        let writers = WriteAccess::Token("write-token-012345".to_owned());
        let access = ReadAccess::decide(Some(file.path()), &writers).unwrap();
        let status = |path: &str, token: Option<&str>| {
            let answer = access.permit(&request(path, token));
            answer.map_or_else(|problem| problem.status, |()| 200)
        };
        assert_eq!(status("/v1/backends", None), 401);
        assert_eq!(status("/metrics", None), 401);
        assert_eq!(status("/v1/backends", Some("read-token-0123457")), 401);
        assert_eq!(status("/v1/backends", Some("read-token-0123456")), 200);
        assert_eq!(status("/v1/backends", Some("write-token-012345")), 200);
        assert_eq!((status("/live", None), status("/ready", None)), (200, 200));
    }

    #[test]
    fn a_token_file_that_cannot_be_used_is_an_error() {
        let bound = ([127, 0, 0, 1], 1).into();
        assert!(WriteAccess::decide(bound, Some(Path::new("/nonexistent"))).is_err());
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(WriteAccess::decide(bound, Some(file.path())).is_err());
    }
}
