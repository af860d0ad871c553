//! Which services opted in to scaling, so that the others are polled less often.
//!
//! Labels of services are known to managers only. A manager's agent asks its own engine, another one the sidecars that it was
//! told of; while nobody knows, every task counts as opted in.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::Value;
use swarm::Client;
use tokio::sync::watch;

use super::{Shared, shared::Container};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(10);

/// Whether a label's value is yes.
pub(super) fn is_true(value: &str) -> bool {
    value.trim().eq_ignore_ascii_case("true")
}

/// Asks until told to stop.
pub(super) async fn keep(
    client: Client,
    sidecars: Vec<String>,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let found = match of_engine(&client).await {
            Some(found) => Some(found),
            None => of_sidecars(&sidecars, &shared).await,
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

/// From the first sidecar that answers.
async fn of_sidecars(sidecars: &[String], shared: &Shared) -> Option<BTreeSet<String>> {
    for url in sidecars {
        match crate::client::get(url, "/v1/services").await {
            Ok((200, body)) => return listed(&body),
            Ok((status, _)) => {
                tracing::debug!(url, status, "the sidecar does not list its services")
            }
            Err(error) => {
                shared
                    .counters
                    .engine_errors
                    .fetch_add(1, Ordering::Relaxed);
                tracing::debug!(url, %error, "the sidecar does not answer");
            }
        }
    }
    None
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
    use super::*;

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
}
