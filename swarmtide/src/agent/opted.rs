//! Which services opted in to scaling, so that the others are polled less often.
//!
//! Labels of services are known to managers only. A manager's agent asks its own engine, another one the sidecars that it was
//! told of; while nobody knows, every task counts as opted in.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::Value;
use swarm::Client;
use tokio::sync::watch;

use super::{Shared, shared::Container};
use crate::{
    client,
    http::{self, TokenError},
    sidecar::chain,
};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(10);

/// Whether a label's value is yes.
pub(super) fn is_true(value: &str) -> bool {
    value.trim().eq_ignore_ascii_case("true")
}

/// The sidecars that are asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Sidecars {
    pub(super) urls: Vec<String>,
    /// Where the token is that they want; read at each request, so that it may change.
    pub(super) token_file: Option<PathBuf>,
}

/// Why a sidecar did not tell.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("{url} cannot be asked which services opted in")]
    Unreachable { url: String, source: anyhow::Error },
    #[error(
        "{url} refuses to say which services opted in: {status}; it wants agent.sidecar_token_file"
    )]
    Refused { url: String, status: u16 },
    #[error("{url} answers {status}, not with a list of services")]
    Answer { url: String, status: u16 },
}

/// The same as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Token,
    Unreachable,
    Refused,
    Answer,
}

impl Reason {
    pub(super) const ALL: [Self; 4] = [Self::Token, Self::Unreachable, Self::Refused, Self::Answer];

    pub(super) const fn labels(self) -> &'static str {
        match self {
            Self::Token => "{reason=\"token\"}",
            Self::Unreachable => "{reason=\"unreachable\"}",
            Self::Refused => "{reason=\"refused\"}",
            Self::Answer => "{reason=\"answer\"}",
        }
    }
}

impl AskError {
    const fn reason(&self) -> Reason {
        match self {
            Self::Token(_) => Reason::Token,
            Self::Unreachable { .. } => Reason::Unreachable,
            Self::Refused { .. } => Reason::Refused,
            Self::Answer { .. } => Reason::Answer,
        }
    }
}

/// Asks until told to stop.
pub(super) async fn keep(
    client: Client,
    sidecars: Sidecars,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let mut failing = Vec::new();
    loop {
        let found = match of_engine(&client).await {
            Some(found) => Some(found),
            None => sidecars.ask(&shared, &mut failing).await,
        };
        // What was known stays known while nobody answers.
        if let Some(found) = found {
            let found = Arc::new(found);
            let before = shared.opted.swap(Some(Arc::clone(&found)));
            if before.as_ref() != Some(&found) {
                shared.look();
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// From the engine, where it is a manager's.
async fn of_engine(client: &Client) -> Option<BTreeSet<String>> {
    let services = client.service_labels().await.ok()?;
    let opted = services.into_iter().filter(|(_, service)| {
        let label = service.labels.get("swarmtide.enable");
        label.is_some_and(|value| is_true(value))
    });
    let keys = opted.flat_map(|(id, service)| [id.to_string(), service.name]);
    Some(keys.collect())
}

impl Sidecars {
    /// From the first sidecar that answers. What keeps the others from it is counted each time, and told when it is new:
    /// `failing` has what was told.
    async fn ask(&self, shared: &Shared, failing: &mut Vec<String>) -> Option<BTreeSet<String>> {
        let mut found = None;
        let mut errors = Vec::new();
        for url in &self.urls {
            match self.ask_one(url).await {
                Ok(services) => {
                    found = Some(services);
                    break;
                }
                Err(error) => {
                    let reasons = Reason::ALL.iter().zip(&shared.counters.sidecar_errors);
                    for (_, count) in reasons.filter(|(reason, _)| **reason == error.reason()) {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    errors.push(chain(&error));
                }
            }
        }
        for error in errors.iter().filter(|error| !failing.contains(error)) {
            tracing::warn!(%error, "a sidecar does not say which services opted in");
        }
        *failing = errors;
        found
    }

    async fn ask_one(&self, url: &str) -> Result<BTreeSet<String>, AskError> {
        let file = self.token_file.as_deref();
        let token = file
            .map(|file| http::token("agent.sidecar_token_file", file))
            .transpose()?;
        let url = || url.to_owned();
        let answer = client::get_with(&url(), "/v1/services", token.as_deref()).await;
        let (status, body) =
            answer.map_err(|source| AskError::Unreachable { url: url(), source })?;
        match status {
            200 => listed(&body).ok_or_else(|| AskError::Answer { url: url(), status }),
            401 | 403 => Err(AskError::Refused { url: url(), status }),
            _ => Err(AskError::Answer { url: url(), status }),
        }
    }
}

/// IDs and names in a sidecar's list of services.
fn listed(body: &[u8]) -> Option<BTreeSet<String>> {
    let services: Vec<Value> = serde_json::from_slice(body).ok()?;
    let keys = services
        .iter()
        .flat_map(|service| ["id", "name"].map(|key| service.get(key).and_then(Value::as_str)));
    Some(keys.flatten().map(str::to_owned).collect())
}

/// Whether a container is to be polled as one of a service that opted in. Its own label decides; else its service's; a task of
/// which nobody knows may be one.
pub(super) fn may_be_scaled(container: &Container, opted: Option<&BTreeSet<String>>) -> bool {
    match (container.opted, &container.service, opted) {
        (Some(opted), _, _) => opted,
        (None, None, _) => false,
        (None, Some(_), None) => true,
        (None, Some(service), Some(opted)) => service.iter().any(|key| opted.contains(key)),
    }
}

#[cfg(test)]
mod tests {
    use simulation::{Load, ServiceConfig, Simulation, SimulationConfig, WorldConfig};

    use super::*;
    use crate::{
        config::{Config, Listen},
        sidecar::{Bound, DockerEnvironment, Sidecar},
    };

    #[test]
    fn a_container_is_polled_often_when_it_may_be_scaled() {
        let known: BTreeSet<String> = ["id1".to_owned(), "web".to_owned()].into();
        let service = |id: &str, name: &str| Some([id.to_owned(), name.to_owned()]);
        for (label, service, opted, expected) in [
            (None, service("id1", "web"), Some(&known), true),
            (None, service("id2", "db"), Some(&known), false),
            (None, service("id2", "db"), None, true),
            (None, None, None, false),
            (Some(true), None, Some(&known), true),
            (Some(false), service("id1", "web"), Some(&known), false),
        ] {
            let container = Container {
                name: "any".to_owned(),
                service,
                opted: label,
            };
            assert_eq!(may_be_scaled(&container, opted), expected, "{container:?}");
        }
    }

    #[test]
    fn a_sidecars_list_names_services_by_id_and_name() {
        let body =
            br#"[{"name": "web", "id": "x1", "state": "enabled"}, {"name": "api", "id": "x2"}]"#;
        let expected = ["api", "web", "x1", "x2"].map(str::to_owned).into();
        assert_eq!(listed(body), Some(expected));
        assert_eq!(listed(b"<html>"), None);
    }

    fn count(shared: &Shared, reason: Reason) -> u64 {
        let text = shared.metrics();
        let name = format!("swarmtide_agent_sidecar_errors_total{}", reason.labels());
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap().trim().parse().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sidecar_that_wants_a_token_gets_what_the_file_has_at_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let [wanted, given] = ["wanted", "given"].map(|name| folder.path().join(name));
        std::fs::write(&wanted, "a-token-for-readers\n").unwrap();
        let mut config = Config::default();
        config.http.listen = Listen(([127, 0, 0, 1], 0).into());
        config.http.read_token_file = Some(wanted.clone());
        config.collector.listen = vec![Listen(([127, 0, 0, 1], 0).into())];
        config.engine.host = Some(format!("unix://{}/docker.sock", folder.path().display()));
        config.state.directory = folder.path().join("state");
        let service = ServiceConfig::replicated("web", 1, Some(0.5), Load::idle())
            .label("swarmtide.enable", "true");
        let world = WorldConfig::new(1, 1).service(service);
        let simulation = SimulationConfig::new(folder.path(), None, world);
        let simulation = Simulation::start(simulation).await.unwrap();
        let bound = Bound::bind(&config).await.unwrap();
        let sidecar = Sidecar::start(config, &DockerEnvironment::default(), bound).unwrap();
        let url = format!("http://{}", sidecar.http_address());

        let shared = Shared::new(true);
        let mut failing = Vec::new();
        let mut asked = Sidecars {
            urls: vec![url.clone()],
            token_file: None,
        };
        assert_eq!(asked.ask(&shared, &mut failing).await, None);
        assert_eq!(count(&shared, Reason::Refused), 1);
        assert!(
            failing[0].contains("agent.sidecar_token_file"),
            "{failing:?}"
        );

        asked.token_file = Some(given.clone());
        for (text, reason, words) in [
            (None, Reason::Token, "cannot be read"),
            (Some("short"), Reason::Token, "fewer than 16"),
            (Some("not-what-it-wants-at-all"), Reason::Refused, "refuses"),
        ] {
            if let Some(text) = text {
                std::fs::write(&given, text).unwrap();
            }
            let before = count(&shared, reason);
            assert_eq!(asked.ask(&shared, &mut failing).await, None);
            assert_eq!(count(&shared, reason), before + 1, "{text:?}");
            assert!(failing[0].contains(words), "{failing:?}");
        }

        std::fs::copy(&wanted, &given).unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let found = asked.ask(&shared, &mut failing).await;
            if found.is_some_and(|found| found.contains("web")) {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "{failing:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(failing, Vec::<String>::new());

        sidecar.stop().await;
        simulation.shutdown().await;
        assert_eq!(asked.ask(&shared, &mut failing).await, None);
        assert_eq!(count(&shared, Reason::Unreachable), 1);
    }
}
