//! The one write: set the number of replicas of a service.

use serde_json::Value;

use super::Client;
use crate::{
    document::ServiceDocument,
    error::{EngineError, SetReplicasError},
    id::ServiceId,
    model::Mode,
    transport::Answer,
};

/// A change of the number of replicas, and the number that it was decided for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetReplicas {
    /// Which service.
    pub service: ServiceId,
    /// The number that the decision was made for.
    pub from: u32,
    /// The number to set.
    pub to: u32,
}

/// A change that the engine took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The version index of the service that was replaced.
    pub replaced_index: u64,
    /// What the engine warns about, in its own words.
    pub warnings: Vec<String>,
}

impl Client {
    /// Reads the service, checks that the decision still holds, and writes the same specification with one number changed,
    /// on the condition that nobody else changed it meanwhile. Tries once: after a failure, look and decide again.
    ///
    /// # Errors
    ///
    /// Each variant of [`SetReplicasError`] says whether something was written. All but `OutcomeUnknown` mean: no.
    pub async fn set_replicas(&self, change: &SetReplicas) -> Result<Applied, SetReplicasError> {
        let document = self.read_service(&change.service).await?;
        check(&document, change)?;
        let spec = document.with_replicas(change.to)?;
        self.post_service(&change.service, document.version_index(), spec)
            .await
    }

    /// Reads one service.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Unavailable`, `Document`.
    pub async fn read_service(
        &self,
        service: &ServiceId,
    ) -> Result<ServiceDocument, SetReplicasError> {
        let answer = self
            .get(&format!("/services/{}", segment(service)))
            .await
            .map_err(|error| match error {
                EngineError::Status { status: 404, .. } => SetReplicasError::NotFound {
                    service: service.clone(),
                },
                error => SetReplicasError::Unavailable(error),
            })?;
        Ok(ServiceDocument::parse(&answer.body)?)
    }

    async fn post_service(
        &self,
        service: &ServiceId,
        version_index: u64,
        spec: String,
    ) -> Result<Applied, SetReplicasError> {
        let path = format!(
            "/services/{}/update?version={version_index}",
            segment(service)
        );
        // No X-Registry-Auth: without it the engine keeps the credentials that it has for the service.
        let result = self.transport.post(&path, spec).await;
        match self.counted(result) {
            Ok(answer) => Ok(Applied {
                replaced_index: version_index,
                warnings: warnings(&answer),
            }),
            Err(error) => Err(judge(error, service, version_index)),
        }
    }
}

fn check(document: &ServiceDocument, change: &SetReplicas) -> Result<(), SetReplicasError> {
    let Mode::Replicated { replicas } = document.mode() else {
        return Err(SetReplicasError::NotReplicated {
            mode: document.mode(),
        });
    };
    if replicas != change.from {
        return Err(SetReplicasError::Changed {
            expected: change.from,
            found: replicas,
        });
    }
    if document.update().blocks_scaling() {
        return Err(SetReplicasError::Rollout {
            state: document.update().clone(),
        });
    }
    Ok(())
}

/// What a failed write means. The engine says "out of sequence" with status 500.
fn judge(error: EngineError, service: &ServiceId, version_index: u64) -> SetReplicasError {
    if let EngineError::Status {
        status, message, ..
    } = &error
    {
        match status {
            404 => {
                return SetReplicasError::NotFound {
                    service: service.clone(),
                };
            }
            409 => return SetReplicasError::Conflict { version_index },
            _ if message.contains("update out of sequence") => {
                return SetReplicasError::Conflict { version_index };
            }
            400..=499 => return SetReplicasError::Refused(error),
            _ => {}
        }
    }
    if error.may_have_happened() {
        SetReplicasError::OutcomeUnknown(error)
    } else {
        SetReplicasError::Unavailable(error)
    }
}

fn warnings(answer: &Answer) -> Vec<String> {
    let reply: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let list = reply.get("Warnings").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The identifier as one segment of a path: whatever could end the segment is encoded.
fn segment(service: &ServiceId) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::new();
    for byte in service.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            encoded.push(char::from(byte));
        } else if write!(encoded, "%{byte:02X}").is_err() {
            break;
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
