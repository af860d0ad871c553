//! Gathers what [`super::judge`] goes by: the engine's lists, and what sidecars answer. Never a change.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, bail};
use collector::AllowList;
use serde::de::DeserializeOwned;
use serde_json::Value;
use swarm::{Client, EngineError, NodeId, RawSwarm, Role, View};
use tokio::{task::JoinSet, time::timeout};

use super::{Answer, ContainerSpec, FleetFacts, ManagerFact, Seen, SidecarFacts, Trouble};
use crate::{
    client,
    config::{Config, DockerEnvironment},
    sidecar,
};

/// Longest wait for one of the other managers' sidecars.
const PATIENCE: Duration = Duration::from_secs(2);

/// Most managers that are asked; a swarm with more is ill advised.
const MANAGERS_MAX: usize = 16;

/// Whom to ask.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The configuration: the engine's address, defaults of labels, whom telemetry is taken from.
    pub config: &'a Config,
    /// What the environment says about the engine.
    pub docker: &'a DockerEnvironment,
    /// The sidecar.
    pub url: &'a str,
    /// What it wants to see.
    pub token: Option<&'a str>,
}

/// Looks at the swarm and at the sidecars.
///
/// # Errors
/// When the engine's address or certificates cannot be used at all.
pub async fn gather(asked: &Asked<'_>) -> anyhow::Result<FleetFacts> {
    let client = sidecar::client(asked.config, asked.docker)?;
    let (swarm, sidecar) = tokio::join!(look(&client), ask(asked));
    let managers = match &swarm {
        Ok(seen) => others(&seen.view, asked.url).await,
        Err(_) => Vec::new(),
    };
    let allowed = &asked.config.collector.allow;
    Ok(FleetFacts {
        endpoint: client.endpoint().to_string(),
        swarm,
        url: asked.url.to_owned(),
        sidecar: sidecar.map_err(|error| format!("{error:#}")),
        managers,
        allow: AllowList::new(allowed.iter().map(|cidr| cidr.0).collect()),
        defaults: asked.config.scaler.defaults.clone(),
    })
}

async fn look(client: &Client) -> Result<Seen, Trouble> {
    let raw = client
        .snapshot_raw()
        .await
        .map_err(|error| trouble(&error))?;
    let view = raw
        .view(0, Duration::ZERO)
        .map_err(|error| Trouble::Other(error.to_string()))?;
    Ok(Seen {
        view,
        engines: engines(&raw),
        containers: containers(&raw),
    })
}

fn trouble(error: &EngineError) -> Trouble {
    let text = sidecar::chain(error);
    match error {
        EngineError::Connect { .. } if text.contains("ermission denied") => {
            Trouble::Forbidden(text)
        }
        EngineError::Connect { .. } => Trouble::Absent(text),
        EngineError::NotManager { .. } => Trouble::NotManager(text),
        EngineError::NoLeader { .. } => Trouble::NoLeader(text),
        _ => Trouble::Other(text),
    }
}

pub(super) fn engines(raw: &RawSwarm) -> BTreeMap<NodeId, String> {
    let version = |node: &Value| {
        let version = node.pointer("/Description/Engine/EngineVersion")?;
        Some((node["ID"].as_str()?.into(), version.as_str()?.to_owned()))
    };
    let nodes = raw.nodes.as_array().into_iter().flatten();
    nodes.filter_map(version).collect()
}

pub(super) fn containers(raw: &RawSwarm) -> BTreeMap<String, ContainerSpec> {
    let services = raw.services.as_array().into_iter().flatten();
    let spec = |service: &Value| {
        let name = service.pointer("/Spec/Name")?.as_str()?.to_owned();
        let container = service.pointer("/Spec/TaskTemplate/ContainerSpec")?;
        let labels: BTreeSet<String> = container["Labels"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(label, _)| label.clone())
            .filter(|label| label.starts_with(scaler::labels::PREFIX))
            .collect();
        let is_agent = is_agent(container);
        Some((name, ContainerSpec { labels, is_agent }))
    };
    services.filter_map(spec).collect()
}

/// hsflowd's image, or ours with the word `agent`.
fn is_agent(container: &Value) -> bool {
    let image = container["Image"].as_str().unwrap_or_default();
    let words = ["Command", "Args"].map(|key| container[key].as_array());
    let mut words = words
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(Value::as_str);
    let hsflowd =
        image.contains("host-sflow") || words.clone().any(|word| word.ends_with("hsflowd"));
    hsflowd || (image.contains("swarmtide") && words.any(|word| word == "agent"))
}

async fn ask(asked: &Asked<'_>) -> anyhow::Result<SidecarFacts> {
    let (status, body) = client::get(asked.url, "/ready").await?;
    let not_ready = (status != 200).then(|| reasons(&body));
    let state: Value = read(asked, "/v1/state").await?;
    Ok(SidecarFacts {
        not_ready,
        state: state["state"].as_str().unwrap_or_default().to_owned(),
        agents: read(asked, "/v1/agents").await?,
        services: read(asked, "/v1/services").await?,
    })
}

async fn read<T: DeserializeOwned>(asked: &Asked<'_>, path: &str) -> anyhow::Result<T> {
    let (status, body) = client::get_with(asked.url, path, asked.token).await?;
    if status != 200 {
        bail!("{}{path}: HTTP {status}: {}", asked.url, reasons(&body));
    }
    serde_json::from_slice(&body).with_context(|| {
        format!(
            "{}{path} is not as this version has it; are both of one version?",
            asked.url
        )
    })
}

/// The detail of a problem document, or what else was said.
fn reasons(body: &[u8]) -> String {
    let document: Option<Value> = serde_json::from_slice(body).ok();
    let detail = document
        .as_ref()
        .and_then(|document| document["detail"].as_str());
    detail.map_or_else(
        || {
            String::from_utf8_lossy(body)
                .trim()
                .chars()
                .take(200)
                .collect()
        },
        str::to_owned,
    )
}

/// The sidecars of the other managers, on the port of the one that was asked.
async fn others(view: &View, url: &str) -> Vec<ManagerFact> {
    let port = url.trim_end_matches('/').rsplit(':').next();
    let port = port.and_then(|port| port.parse::<u16>().ok()).unwrap_or(80);
    let mut asked = JoinSet::new();
    let managers = view
        .nodes
        .values()
        .filter(|node| node.role == Role::Manager && node.id != view.engine.node_id);
    for node in managers.take(MANAGERS_MAX) {
        let Some(address) = node.address else {
            continue;
        };
        let mut fact = ManagerFact {
            node: node.hostname.clone(),
            url: format!("http://{}", std::net::SocketAddr::from((address, port))),
            leads: node.leader,
            answer: Answer::Silent(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        asked.spawn(async move {
            if let Ok(answer) = timeout(PATIENCE, client::get(&fact.url, "/ready")).await {
                fact.answer = match answer {
                    Ok((200, _)) => Answer::Ready,
                    Ok((_, body)) => Answer::NotReady(reasons(&body)),
                    // The first line says where, which stands beside it already.
                    Err(error) => Answer::Silent(error.root_cause().to_string()),
                };
            }
            fact
        });
    }
    let mut found = asked.join_all().await;
    found.sort_by(|one, other| one.node.cmp(&other.node));
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn agents_are_known_by_their_images_and_words() {
        for (spec, expected) in [
            (json!({"Image": "sflow/host-sflow:latest"}), true),
            (
                json!({"Image": "x/y", "Command": ["/usr/sbin/hsflowd", "-d"]}),
                true,
            ),
            (json!({"Image": "swarmtide:0.1.0", "Args": ["agent"]}), true),
            (json!({"Image": "swarmtide:0.1.0", "Args": ["run"]}), false),
            (
                json!({"Image": "company/agent:1", "Args": ["agent"]}),
                false,
            ),
            (json!({}), false),
        ] {
            assert_eq!(is_agent(&spec), expected, "{spec}");
        }
    }
}
