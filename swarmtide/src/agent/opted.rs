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

use super::Shared;

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
            Ok((200, body)) => {
                let services: Vec<Value> = serde_json::from_slice(&body).ok()?;
                let names = services.iter().flat_map(|service| {
                    ["id", "name"].map(|key| service.get(key).and_then(Value::as_str))
                });
                return Some(names.flatten().map(str::to_owned).collect());
            }
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
