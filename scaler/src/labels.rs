//! Service labels to a policy: `swarmtide.*` under `deploy.labels`, with defaults from the configuration file.
//!
//! Everything that cannot be used is reported by label name, value and reason, and the service is then held; nothing is guessed.
//! Labels under `swarmtide.lb.` are the load balancer's, those under `swarmtide.shadow.` name candidates: both are passed over.

mod defaults;
mod error;
mod given;
mod nearest;
pub(crate) mod read;
mod resolve;
mod table;
mod targets;
mod value;

use std::collections::BTreeMap;

use crate::policy::Policy;

pub use defaults::Defaults;
pub use error::{LabelError, Problem};
pub use table::{LABELS, Label};
pub use value::{Mark, ValueError};

/// What all labels begin with.
pub const PREFIX: &str = "swarmtide.";

/// The family of labels that the load balancer owns.
pub const LOAD_BALANCER_PREFIX: &str = "swarmtide.lb.";

/// The family of labels that name candidates to be tried beside the live policy: see [`crate::shadow`].
pub const SHADOW_PREFIX: &str = "swarmtide.shadow.";

/// Most errors reported for one service.
pub const ERRORS_MAX: usize = 16;

impl Policy {
    /// The policy that a service's labels ask for; `None` when it has not opted in, that is: has none of these labels, or
    /// `swarmtide.enable` is false (then nothing else is looked at).
    ///
    /// A label that is absent has its value from `defaults`; a service that names a target has only the marks that it names as well.
    /// A low mark that neither names is half the high mark: then a single
    /// replica fewer never pushes the rest above the high mark.
    ///
    /// # Errors
    /// Everything wrong with the labels, at most [`ERRORS_MAX`]: unknown labels, values that cannot be read, values that do not go
    /// together, and labels on a service that says neither `swarmtide.enable=true` nor `=false`.
    pub fn from_labels(
        defaults: &Defaults,
        labels: &BTreeMap<String, String>,
    ) -> Result<Option<Self>, Vec<LabelError>> {
        resolve::policy(defaults, labels)
    }
}

/// The labels that [`Policy::from_labels`] looks at; a policy depends on no others.
pub fn relevant(labels: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    labels
        .iter()
        .map(|(label, value)| (label.as_str(), value.as_str()))
        .filter(|(label, _)| {
            has_prefix(label, PREFIX)
                && !has_prefix(label, LOAD_BALANCER_PREFIX)
                && !has_prefix(label, SHADOW_PREFIX)
        })
}

/// A length of time in the syntax of labels, of whatever length, days included; `None` when it cannot be read.
pub(crate) fn span(text: &str) -> Option<std::time::Duration> {
    if let Some(days) = text.strip_suffix('d') {
        let days: u64 = days.parse().ok()?;
        return Some(std::time::Duration::from_secs(days.checked_mul(24 * 3600)?));
    }
    value::duration(text).ok()
}

/// Whether a label belongs to a family; in whatever case, so that `Swarmtide.enable` is reported, not overlooked.
fn has_prefix(label: &str, prefix: &str) -> bool {
    label
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
pub(crate) mod tests;
