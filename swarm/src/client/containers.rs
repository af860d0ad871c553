//! What an agent asks its node's own engine: the containers here, and on a manager the labels of services. Never a change.

use std::collections::BTreeMap;

use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::{Stream, StreamExt};
use serde::Deserialize;

use super::{Client, from_bollard};
use crate::{
    error::EngineError,
    id::{ContainerId, ServiceId},
    transport::Answer,
};

/// A running or paused container of one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalContainer {
    /// Its ID.
    pub id: ContainerId,
    /// Its name, without the slash that the engine puts before it.
    pub name: String,
    /// Its labels; those of its service are not among them.
    pub labels: BTreeMap<String, String>,
}

impl LocalContainer {
    /// The service that it is a task of.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.labels
            .get("com.docker.swarm.service.id")
            .map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawContainer {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawInfo {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct RawService {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Spec")]
    spec: RawSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawSpec {
    #[serde(default)]
    name: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

/// What a service is called and labelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLabels {
    /// Its name.
    pub name: String,
    /// Its own labels.
    pub labels: BTreeMap<String, String>,
}

impl Client {
    /// Lists the containers of this engine that run or are paused. Works on every node.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn containers(&self) -> Result<Vec<LocalContainer>, EngineError> {
        let answer = self.get("/containers/json").await?;
        let raw: Vec<RawContainer> = self.read("GET /containers/json", &answer)?;
        let containers = raw.into_iter().map(|raw| LocalContainer {
            id: raw.id.as_str().into(),
            name: own_name(raw.names.as_deref().unwrap_or_default()),
            labels: raw.labels.unwrap_or_default(),
        });
        Ok(containers.collect())
    }

    /// Lists services by their labels, without tasks; an engine that is no manager refuses.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn service_labels(&self) -> Result<BTreeMap<ServiceId, ServiceLabels>, EngineError> {
        let answer = self.get("/services").await?;
        let raw: Vec<RawService> = self.read("GET /services", &answer)?;
        let services = raw.into_iter().map(|raw| {
            let labels = ServiceLabels {
                name: raw.spec.name,
                labels: raw.spec.labels.unwrap_or_default(),
            };
            (raw.id.as_str().into(), labels)
        });
        Ok(services.collect())
    }

    /// Asks for the name of the engine's host.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn host_name(&self) -> Result<String, EngineError> {
        let answer = self.get("/info").await?;
        let raw: RawInfo = self.read("GET /info", &answer)?;
        Ok(raw.name)
    }

    /// Changes of this engine's containers as they are announced: only good for looking sooner. The stream ends when the
    /// connection does.
    pub fn container_events(&self) -> impl Stream<Item = Result<(), EngineError>> + Send + 'static {
        let filters = std::collections::HashMap::from([
            ("type", vec!["container"]),
            (
                "event",
                vec!["start", "die", "rename", "pause", "unpause", "destroy"],
            ),
        ]);
        let options = EventsOptionsBuilder::new().filters(&filters).build();
        let limit = self.transport.timeout();
        self.docker
            .events(Some(options))
            .map(move |event| match event {
                Ok(_) | Err(bollard::errors::Error::JsonDataError { .. }) => Ok(()),
                Err(error) => Err(from_bollard("GET /events", limit, error)),
            })
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        request: &str,
        answer: &Answer,
    ) -> Result<T, EngineError> {
        let read = serde_json::from_slice(&answer.body).map_err(|source| EngineError::Malformed {
            request: request.to_owned(),
            source,
        });
        self.counters.note(read)
    }
}

/// The name of the container itself: links add names with a second slash.
fn own_name(names: &[String]) -> String {
    let mut bare = names.iter().map(|name| name.trim_start_matches('/'));
    bare.clone()
        .find(|name| !name.contains('/'))
        .or_else(|| bare.next())
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_do_not_rename_a_container() {
        for (names, expected) in [
            (vec!["/web"], "web"),
            (vec!["/other/alias", "/web"], "web"),
            (vec![], ""),
        ] {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            assert_eq!(own_name(&names), expected);
        }
    }
}
