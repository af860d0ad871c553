//! One service as the engine sent it, and the same with another number of replicas.
//!
//! The specification stays text. Reading it into types and writing it again loses what the types do not know (a newer
//! engine's fields, for one), and even a generic JSON tree may change the last digit of a number. So this finds the bytes
//! of the one number, and puts other digits in their place.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    model::{Mode, UpdateState},
    parse,
};

/// The answer to `GET /services/{id}`.
#[derive(Debug, Clone)]
pub struct ServiceDocument {
    version_index: u64,
    mode: Mode,
    update: UpdateState,
    spec: Box<str>,
    /// Where in `spec` the digits of `Mode.Replicated.Replicas` are; empty for other modes.
    replicas_at: std::ops::Range<usize>,
}

/// Why a service cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The answer is not the JSON of a service.
    #[error("the engine's answer does not describe a service")]
    Malformed(#[from] serde_json::Error),
    /// It has no number of replicas to change.
    #[error("the service's specification has no number of replicas")]
    NoReplicas,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Outer<'a> {
    version: Version,
    #[serde(borrow)]
    spec: &'a RawValue,
    #[serde(default)]
    update_status: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Spec<'a> {
    #[serde(borrow)]
    mode: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReplicatedMode<'a> {
    #[serde(borrow)]
    replicated: Replicated<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Replicated<'a> {
    #[serde(borrow)]
    replicas: &'a RawValue,
}

impl ServiceDocument {
    /// Reads the answer to `GET /services/{id}`.
    ///
    /// # Errors
    ///
    /// When it is not JSON, when `Version.Index` or `Spec.Mode` is missing, or when either is there twice.
    pub fn parse(body: &[u8]) -> Result<Self, DocumentError> {
        let outer: Outer<'_> = serde_json::from_slice(body)?;
        let spec = outer.spec.get();
        let mode_text = serde_json::from_str::<Spec<'_>>(spec)?.mode.get();
        let mode = parse::mode(Some(&serde_json::from_str(mode_text)?));
        let replicas_at = match mode {
            Mode::Replicated { .. } => {
                let replicas = serde_json::from_str::<ReplicatedMode<'_>>(mode_text)?
                    .replicated
                    .replicas
                    .get();
                range_of(replicas, spec).ok_or(DocumentError::NoReplicas)?
            }
            _ => 0..0,
        };
        let update =
            parse::update_state(&serde_json::json!({ "UpdateStatus": outer.update_status }));
        Ok(Self {
            version_index: outer.version.index,
            mode,
            update,
            spec: spec.into(),
            replicas_at,
        })
    }

    /// `Version.Index`: what an update must name, so that the engine can refuse it if something else came first.
    #[must_use]
    pub fn version_index(&self) -> u64 {
        self.version_index
    }

    /// How many tasks there should be.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The state of the last rollout.
    #[must_use]
    pub fn update(&self) -> &UpdateState {
        &self.update
    }

    /// The specification as the engine sent it, byte for byte.
    #[must_use]
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// The specification with `replicas` in place of its number of replicas and every other byte as it was.
    ///
    /// # Errors
    ///
    /// When the service is not replicated.
    pub fn with_replicas(&self, replicas: u32) -> Result<String, DocumentError> {
        if self.replicas_at.is_empty() {
            return Err(DocumentError::NoReplicas);
        }
        let mut spec = String::from(&*self.spec);
        spec.replace_range(self.replicas_at.clone(), &replicas.to_string());
        Ok(spec)
    }
}

/// Where in `whole` its own slice `part` lies; `None` if it is not a slice of it.
fn range_of(part: &str, whole: &str) -> Option<std::ops::Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (whole.get(start..end)? == part).then_some(start..end)
}

#[cfg(test)]
mod tests;
