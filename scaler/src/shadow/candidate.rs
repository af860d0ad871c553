//! What a candidate would have different: labels over those that services have.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::labels::{PREFIX, SHADOW_PREFIX, relevant};

/// Labels by name without the prefix `swarmtide.`; an empty value takes the service's own label away.
type Overlay = BTreeMap<String, String>;

/// A policy to be tried beside the live one.
///
/// As a file: `name`, a table `labels` that is laid over the labels of every service, and tables `services.NAME` for single ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Candidate {
    name: String,
    labels: Overlay,
    services: BTreeMap<String, Overlay>,
    #[serde(skip)]
    from_labels: bool,
}

/// Why a candidate cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CandidateError {
    /// Its name cannot be part of a label's.
    #[error("a candidate's name has 1 to 40 letters, digits, dots, dashes and underscores: {0:?}")]
    Name(String),
}

impl Candidate {
    /// A candidate with this overlay for all services.
    #[must_use]
    pub fn new(name: &str, labels: Overlay) -> Self {
        Self {
            name: name.to_owned(),
            labels,
            ..Self::default()
        }
    }

    /// The same under a name, unless it has one of its own.
    ///
    /// # Errors
    /// [`CandidateError::Name`].
    pub fn named(mut self, name: &str) -> Result<Self, CandidateError> {
        if self.name.is_empty() {
            name.clone_into(&mut self.name);
        }
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if self.name.is_empty() || self.name.len() > 40 || !self.name.bytes().all(good) {
            return Err(CandidateError::Name(self.name));
        }
        Ok(self)
    }

    /// A candidate that only concerns services whose labels name it.
    pub(super) fn of_labels(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            from_labels: true,
            ..Self::default()
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn is_configured(&self) -> bool {
        !self.from_labels
    }

    fn label(&self) -> String {
        format!("{SHADOW_PREFIX}{}", self.name)
    }

    /// Whether it has something to say about a service. One that has not opted in is nobody's business.
    pub(super) fn concerns(&self, _name: &str, labels: &BTreeMap<String, String>) -> bool {
        let named = !self.from_labels || labels.contains_key(&self.label());
        named && relevant(labels).next().is_some()
    }

    /// A service's labels as it would have them: its own, then what is said for all, for this one, and by the service itself.
    pub(super) fn apply(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let mut merged: BTreeMap<String, String> = relevant(labels)
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .collect();
        let own = labels.get(&self.label()).map(|text| read(text));
        let overlays = [Some(&self.labels), self.services.get(name), own.as_ref()];
        for (label, value) in overlays.into_iter().flatten().flatten() {
            let label = format!("{PREFIX}{}", label.strip_prefix(PREFIX).unwrap_or(label));
            if value.trim().is_empty() {
                merged.remove(&label);
            } else {
                merged.insert(label, value.clone());
            }
        }
        merged
    }
}

/// `cpu.high=60%; step=2`. What has no `=` becomes a label without a value that can be used, and is reported as such.
fn read(text: &str) -> Overlay {
    text.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| match part.split_once('=') {
            Some((label, value)) => (label.trim().to_owned(), value.trim().to_owned()),
            None => (part.to_owned(), "?".to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Overlay {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_closer_overlay_wins_and_an_empty_value_takes_away() {
        let mut candidate = Candidate::new(
            "calm",
            map(&[("cpu.high", "60%"), ("step", "2"), ("max", "20")]),
        );
        candidate.services = BTreeMap::from([("web".to_owned(), map(&[("step", "3")]))]);
        let own = map(&[
            ("swarmtide.enable", "true"),
            ("swarmtide.cpu.low", "30%"),
            ("swarmtide.shadow.calm", "max=40; cpu.low="),
            ("other", "x"),
        ]);
        assert_eq!(
            candidate.apply("web", &own),
            map(&[
                ("swarmtide.cpu.high", "60%"),
                ("swarmtide.enable", "true"),
                ("swarmtide.max", "40"),
                ("swarmtide.step", "3"),
            ])
        );
    }

    #[test]
    fn names_fit_into_labels() {
        let named = |name| Candidate::default().named(name);
        assert_eq!(named("calm-2").unwrap().name(), "calm-2");
        for name in ["", "a b", "ü", &"x".repeat(41)] {
            assert!(named(name).is_err(), "{name}");
        }
    }
}
