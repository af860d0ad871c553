//! What went wrong, and while doing what.

use std::fmt;
use std::io;

use crate::codec::DecodeError;

/// A request failed.
///
/// Reads like `cannot add service tcp 10.30.0.1:80: file exists (errno 17)`.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    attempted: String,
    fault: Fault,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The kernel has no family of that name.
    #[error("this kernel has no IPVS; `modprobe ip_vs` loads it")]
    NoIpvs,
    /// `CAP_NET_ADMIN` is missing.
    #[error("not permitted; it takes CAP_NET_ADMIN, or root")]
    NotPermitted,
    /// The kernel refused.
    #[error("{}", Refusal(*errno, message.as_deref()))]
    Refused {
        /// Error number, positive.
        errno: i32,
        /// What the kernel says about it, in words.
        message: Option<Box<str>>,
    },
    /// The table changed during a listing, again and again.
    #[error("the table changed during every one of {attempts} attempts")]
    Changing {
        /// How often it was tried.
        attempts: u32,
    },
    /// No answer in time. The request may have been carried out.
    #[error("no answer in time")]
    NoAnswer,
    /// An answer could not be read.
    #[error("the kernel's answer cannot be read")]
    Decode(#[source] DecodeError),
    /// An answer is not one to the question.
    #[error("the kernel's answer is not what was asked for")]
    Unexpected,
    /// The socket failed.
    #[error("the socket failed")]
    Socket(#[source] io::Error),
    /// A network namespace could not be entered.
    #[error("cannot enter the network namespace {namespace}")]
    Namespace {
        /// Its path.
        namespace: Box<str>,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Fault {
    pub(crate) fn refused(errno: i32, message: Option<Box<str>>) -> Self {
        match errno {
            libc::EPERM => Self::NotPermitted,
            _ => Self::Refused { errno, message },
        }
    }

    pub(crate) fn errno(&self) -> i32 {
        match self {
            Self::NoIpvs => libc::ENOENT,
            Self::NotPermitted => libc::EPERM,
            Self::Refused { errno, .. } => *errno,
            Self::Changing { .. } => libc::EINTR,
            Self::NoAnswer => libc::ETIMEDOUT,
            Self::Decode(_) | Self::Unexpected => libc::EBADMSG,
            Self::Socket(source) | Self::Namespace { source, .. } => {
                source.raw_os_error().unwrap_or(libc::EIO)
            }
        }
    }

    pub(crate) fn during(self, attempted: impl fmt::Display) -> Error {
        Error::new(attempted, self)
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl Error {
    pub(crate) fn new(attempted: impl fmt::Display, fault: Fault) -> Self {
        let attempted = attempted.to_string();
        Self(Box::new(Inner { attempted, fault }))
    }

    /// Returns what was attempted: `add service tcp 10.30.0.1:80`.
    #[must_use]
    pub fn attempted(&self) -> &str {
        &self.0.attempted
    }

    /// Returns why it failed.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.0.fault
    }

    /// Returns an error number for the fault: the kernel's own where it gave one, the one that fits best otherwise.
    #[must_use]
    pub fn errno(&self) -> i32 {
        self.fault().errno()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.attempted(), self.fault())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(self.fault())
    }
}

/// Writes `File exists (errno 17)`, and the kernel's words behind it.
struct Refusal<'a>(i32, Option<&'a str>);

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(errno, message) = self;
        let text = io::Error::from_raw_os_error(*errno).to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        write!(f, "{text} (errno {errno})")?;
        match message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_was_attempted_and_what_the_kernel_said() {
        let refused = |errno, message: Option<&str>| {
            Fault::refused(errno, message.map(Into::into)).during("add service x")
        };
        assert_eq!(
            refused(libc::EEXIST, None).to_string(),
            "cannot add service x: File exists (errno 17)"
        );
        assert_eq!(
            refused(libc::EINVAL, Some("bad netmask")).to_string(),
            "cannot add service x: Invalid argument (errno 22): bad netmask"
        );
        let error = refused(libc::EPERM, None);
        assert_eq!(error.errno(), libc::EPERM);
        assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
        let error = Fault::NoIpvs.during("open");
        assert_eq!(error.errno(), libc::ENOENT);
        assert!(error.to_string().contains("modprobe ip_vs"), "{error}");
    }
}
