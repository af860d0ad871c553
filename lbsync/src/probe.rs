//! How a destination is probed: plain data. Who is probed when is for [`crate::Reconciler`], the connecting for a shell.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

/// How the destinations of a virtual service are probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSpec {
    /// What is tried.
    pub kind: ProbeKind,
    /// Time from the beginning of one probe to that of the next; 100 ms to 1 h.
    pub interval: Duration,
    /// Longest wait for an answer; at most the interval.
    pub timeout: Duration,
    /// Successes in a row after which a destination comes in; 1 to 100.
    pub rise: u32,
    /// Failures in a row after which it goes to weight 0; 1 to 100.
    pub fall: u32,
}

/// What a probe tries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeKind {
    /// A TCP connection, closed as soon as it stands.
    Tcp,
    /// A request `GET` over HTTP/1.1, which a status of 200 to 399 answers well.
    Http {
        /// The path, from its slash on.
        path: String,
        /// The `Host` header; `None` for the destination's own address and port.
        host: Option<String>,
    },
}

/// A number that tells one probe from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub(crate) u64);

/// A probe to make now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// To be handed back with the outcome.
    pub id: ProbeId,
    /// Where to connect to.
    pub target: SocketAddr,
    /// What to try.
    pub kind: ProbeKind,
    /// Longest wait for an answer, from the beginning of the connection on.
    pub timeout: Duration,
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The connection stood.
    Connected,
    /// An HTTP status came.
    Status(u16),
    /// Neither; in a person's words: `connection refused`, `timed out`.
    Failed(String),
}

impl ProbeOutcome {
    /// Judges the outcome of a probe of that kind.
    ///
    /// # Errors
    ///
    /// Why the destination cannot serve, in words.
    pub(crate) fn judge(self, kind: &ProbeKind) -> Result<(), String> {
        match (self, kind) {
            (Self::Connected | Self::Status(_), ProbeKind::Tcp)
            | (Self::Status(200..=399), ProbeKind::Http { .. }) => Ok(()),
            (Self::Status(status), ProbeKind::Http { .. }) => Err(format!("HTTP status {status}")),
            (Self::Connected, ProbeKind::Http { .. }) => Err("no HTTP status".to_owned()),
            (Self::Failed(why), _) => Err(why),
        }
    }
}

impl fmt::Display for ProbeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("tcp"),
            Self::Http { path, .. } => write!(f, "http {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(outcome: ProbeOutcome, tcp: Result<(), &str>, http: Result<(), &str>) {
        let kind = ProbeKind::Http {
            path: "/".to_owned(),
            host: None,
        };
        let judged = |kind| outcome.clone().judge(kind);
        assert_eq!(judged(&ProbeKind::Tcp), tcp.map_err(str::to_owned));
        assert_eq!(judged(&kind), http.map_err(str::to_owned));
    }

    #[test]
    fn outcomes_are_judged_by_what_was_asked() {
        check(ProbeOutcome::Connected, Ok(()), Err("no HTTP status"));
        check(ProbeOutcome::Status(204), Ok(()), Ok(()));
        check(ProbeOutcome::Status(399), Ok(()), Ok(()));
        check(ProbeOutcome::Status(400), Ok(()), Err("HTTP status 400"));
        check(ProbeOutcome::Status(199), Ok(()), Err("HTTP status 199"));
        let refused = || ProbeOutcome::Failed("connection refused".to_owned());
        check(
            refused(),
            Err("connection refused"),
            Err("connection refused"),
        );
    }
}
