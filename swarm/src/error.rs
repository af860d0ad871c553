//! What can go wrong between us and the engine, told apart by what the caller should do about it.

use std::{fmt, path::PathBuf, time::Duration};

use crate::{
    document::DocumentError,
    id::ServiceId,
    model::{Mode, UpdateState},
    parse::ParseError,
};

/// A cause whose type does not matter.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A certificate or key file cannot be read, or holds none.
    #[error("cannot load {what} from {}", path.display())]
    Certificate {
        /// What should be in the file.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: tokio_rustls::rustls::pki_types::pem::Error,
    },
    /// The certificates do not go together.
    #[error("the TLS certificates cannot be used")]
    Tls(#[source] tokio_rustls::rustls::Error),
    /// The endpoint's host is neither a name nor an address.
    #[error("{host:?} is not a name that a certificate can carry")]
    ServerName {
        /// The host.
        host: String,
    },
    /// The event stream's client cannot be made.
    #[error("cannot make the client for events")]
    Events(#[source] bollard::errors::Error),
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no connection; nothing was sent.
    #[error("{request}: cannot connect to the engine")]
    Connect {
        /// The method and path.
        request: String,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// One side does not trust the other. On a connection to an engine that wants client certificates, this is also how
    /// a certificate it does not accept shows.
    #[error(
        "{request}: no trust between us and the engine (TLS); do the certificates come from the engine's authority?"
    )]
    Tls {
        /// The method and path.
        request: String,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// No (complete) answer in time.
    #[error("{request}: no answer within {after:?}")]
    Timeout {
        /// The method and path.
        request: String,
        /// The limit.
        after: Duration,
    },
    /// The connection broke after the request was begun.
    #[error("{request}: the connection broke")]
    Transport {
        /// The method and path.
        request: String,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The answer is longer than the limit.
    #[error("{request}: the answer is longer than {limit_bytes} bytes")]
    TooLong {
        /// The method and path.
        request: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// The engine refused.
    #[error("{request}: HTTP {status}: {message}")]
    Status {
        /// The method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The engine's message.
        message: String,
    },
    /// The swarm has no leader at the moment.
    #[error("{request}: the swarm has no leader (HTTP {status}: {message})")]
    NoLeader {
        /// The method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The engine's message.
        message: String,
    },
    /// This engine is no manager: it cannot list the swarm.
    #[error("{request}: this engine is not a swarm manager ({message})")]
    NotManager {
        /// The method and path.
        request: String,
        /// The engine's message.
        message: String,
    },
    /// The answer is not JSON.
    #[error("{request}: the answer is not JSON")]
    Malformed {
        /// The method and path.
        request: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The answer is JSON and yet no list of everything.
    #[error("the engine's lists cannot be read")]
    Parse(#[from] ParseError),
}

/// The kinds of [`EngineError`], for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "each is named after the variant of EngineError that it counts"
)]
pub enum ErrorKind {
    Connect,
    Tls,
    Timeout,
    Transport,
    TooLong,
    Status,
    NoLeader,
    NotManager,
    Malformed,
    Parse,
}

impl ErrorKind {
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; 10] = [
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Transport,
        Self::TooLong,
        Self::Status,
        Self::NoLeader,
        Self::NotManager,
        Self::Malformed,
        Self::Parse,
    ];

    /// The value of a metric's label.
    #[must_use]
    pub fn as_label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::TooLong => "too_long",
            Self::Status => "status",
            Self::NoLeader => "no_leader",
            Self::NotManager => "not_manager",
            Self::Malformed => "malformed",
            Self::Parse => "parse",
        }
    }
}

impl EngineError {
    /// Its kind, for counters.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect { .. } => ErrorKind::Connect,
            Self::Tls { .. } => ErrorKind::Tls,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Transport { .. } => ErrorKind::Transport,
            Self::TooLong { .. } => ErrorKind::TooLong,
            Self::Status { .. } => ErrorKind::Status,
            Self::NoLeader { .. } => ErrorKind::NoLeader,
            Self::NotManager { .. } => ErrorKind::NotManager,
            Self::Malformed { .. } => ErrorKind::Malformed,
            Self::Parse(_) => ErrorKind::Parse,
        }
    }

    /// Makes the error of an answer that is not a success.
    pub(crate) fn from_status(request: &str, status: u16, message: String) -> Self {
        let request = request.to_owned();
        let lower = message.to_ascii_lowercase();
        let no_leader = [
            "does not have a leader",
            "lost leader",
            "deadlineexceeded",
            "context deadline exceeded",
        ];
        match status {
            503 if lower.contains("not a swarm manager") => Self::NotManager { request, message },
            500..=599 if no_leader.iter().any(|text| lower.contains(text)) => Self::NoLeader {
                request,
                status,
                message,
            },
            _ => Self::Status {
                request,
                status,
                message,
            },
        }
    }

    /// True if a request that changes something may have changed it although it failed.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Tls { .. } | Self::NotManager { .. } | Self::Parse(_) => {
                false
            }
            Self::Timeout { .. }
            | Self::Transport { .. }
            | Self::TooLong { .. }
            | Self::Malformed { .. } => true,
            // Only this one is said before anything is proposed; a leader that is lost later may have passed it on.
            Self::NoLeader { message, .. } => !message.contains("does not have a leader"),
            Self::Status { status, .. } => *status >= 500,
        }
    }
}

/// Why the number of replicas was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetReplicasError {
    /// There is no such service (any more).
    #[error("there is no service {service}")]
    NotFound {
        /// The service.
        service: ServiceId,
    },
    /// The service has no number of replicas.
    #[error("the service is {}, not replicated", mode.as_word())]
    NotReplicated {
        /// What it is.
        mode: Mode,
    },
    /// Someone else changed the number since the decision was made: decide again.
    #[error("the service has {found} replicas, and the decision was made for {expected}")]
    Changed {
        /// What the decision was made for.
        expected: u32,
        /// What the service has.
        found: u32,
    },
    /// A rollout goes on, or has failed and waits: a change would restart or resume it.
    #[error("the service's rollout is in state \"{state}\"")]
    Rollout {
        /// The rollout's state.
        state: UpdateState,
    },
    /// The service changed between reading and writing: decide again. Nothing was written.
    #[error("the service changed between reading and writing (version index {version_index})")]
    Conflict {
        /// The index that was read.
        version_index: u64,
    },
    /// The engine's description of the service cannot be read. Nothing was written.
    #[error("the service cannot be read")]
    Document(#[from] DocumentError),
    /// The engine refused the specification. Nothing was written.
    #[error("the engine refuses the change")]
    Refused(#[source] EngineError),
    /// The engine could not be asked. Nothing was written.
    #[error("the engine is not available")]
    Unavailable(#[source] EngineError),
    /// The request was sent, and nobody knows what came of it. Look again before deciding again.
    #[error("the outcome is not known")]
    OutcomeUnknown(#[source] EngineError),
}

impl SetReplicasError {
    /// The value of a metric's label.
    #[must_use]
    pub fn as_label(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::NotReplicated { .. } => "not_replicated",
            Self::Changed { .. } => "changed",
            Self::Rollout { .. } => "rollout",
            Self::Conflict { .. } => "conflict",
            Self::Document(_) => "document",
            Self::Refused(_) => "refused",
            Self::Unavailable(_) => "unavailable",
            Self::OutcomeUnknown(_) => "outcome_unknown",
        }
    }
}

/// An error and its causes on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
