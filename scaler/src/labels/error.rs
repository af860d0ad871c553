//! What can be wrong with a label.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::ValueError;
use crate::policy::{PolicyError, ScheduleError};

/// Longest label or value repeated in an error, in characters.
const TEXT_MAX: usize = 64;

/// A label that cannot be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelError {
    /// The label's full name, `swarmtide.` included.
    pub label: String,
    /// Its value, or the one in effect from the defaults; empty when it has none.
    pub value: String,
    /// What is wrong.
    pub problem: Problem,
}

impl LabelError {
    /// Builds an error; name and value are cut to 64 characters each.
    #[must_use]
    pub fn new(label: &str, value: &str, problem: Problem) -> Self {
        Self {
            label: cut(label),
            value: cut(value),
            problem,
        }
    }

    /// Whether it says that no metric has marks.
    pub(super) fn is_no_marks(&self) -> bool {
        self.problem
            == Problem::Policy {
                error: PolicyError::NoMarks,
            }
    }
}

fn cut(text: &str) -> String {
    if text.chars().nth(TEXT_MAX).is_none() {
        return text.to_owned();
    }
    text.chars().take(TEXT_MAX).chain(['…']).collect()
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            label,
            value,
            problem,
        } = self;
        if value.is_empty() {
            write!(f, "{label}: {problem}")
        } else {
            write!(f, "{label}={value}: {problem}")
        }
    }
}

impl std::error::Error for LabelError {}

/// What is wrong with a label.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Problem {
    /// No label has this name.
    #[error("there is no such label{}", did_you_mean.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    UnknownLabel {
        /// The label whose name is nearest, if one is near.
        did_you_mean: Option<String>,
    },
    /// The value cannot be read.
    #[error("{error}")]
    Value {
        /// Why.
        error: ValueError,
    },
    /// The schedule cannot be read.
    #[error("{error}")]
    Schedule {
        /// Why.
        error: ScheduleError,
    },
    /// The values do not go together.
    #[error("{error}")]
    Policy {
        /// Why.
        error: PolicyError,
    },
    /// There are labels, but none that says whether the service opts in.
    #[error(
        "the service has other labels of this family but not this one; set it to true or false"
    )]
    EnableMissing,
    /// There is a low mark but no high mark.
    #[error("there is no high mark to go with it")]
    HighMissing,
    /// The low mark is off, the high mark is not.
    #[error(
        "a low mark cannot be off: write 0 for a metric that never lets the service shrink, or set the high mark to off"
    )]
    LowOff,
    /// One mark is a share of the limit, the other in cores.
    #[error("one CPU mark is a share of the limit, the other in cores; write both the same way")]
    UnitsDiffer,
}
