//! Counts requests and their failures.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{EngineError, ErrorKind};

/// Requests to the engine since the client was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientStats {
    /// Requests begun, event streams left out.
    pub requests: u64,
    errors: [u64; ErrorKind::ALL.len()],
}

impl ClientStats {
    /// How many failed, by kind; all kinds, those that never occurred included.
    pub fn errors(&self) -> impl Iterator<Item = (ErrorKind, u64)> {
        ErrorKind::ALL.into_iter().zip(self.errors)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    errors: [AtomicU64; ErrorKind::ALL.len()],
}

impl Counters {
    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note<T>(&self, result: Result<T, EngineError>) -> Result<T, EngineError> {
        if let Err(error) = &result
            && let Some(counter) = self.errors.get(error.kind() as usize)
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    pub(super) fn read(&self) -> ClientStats {
        ClientStats {
            requests: self.requests.load(Ordering::Relaxed),
            errors: std::array::from_fn(|index| self.errors[index].load(Ordering::Relaxed)),
        }
    }
}
