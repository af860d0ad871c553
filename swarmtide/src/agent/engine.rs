//! Names of the containers, from the node's own engine: a list, again at every event and from time to time.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use agent::ContainerId;
use futures_util::StreamExt as _;
use swarm::{Client, LocalContainer};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use super::{
    Shared,
    shared::{Container, Named},
};

/// Time between two lists when nothing happens.
const RELIST: Duration = Duration::from_secs(10);
/// Events that come within this of each other make one list.
const GATHER: Duration = Duration::from_millis(50);
/// First and longest wait after a failure.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(10)];

/// Lists until told to stop.
pub(super) async fn keep(client: Client, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let wake = Arc::new(Notify::new());
    let events = listen(client.clone(), Arc::clone(&wake));
    let lists = list_for_ever(client, shared, wake);
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = events => {}
        () = lists => {}
    }
}

async fn list_for_ever(client: Client, shared: Arc<Shared>, wake: Arc<Notify>) {
    let mut back_off = BACK_OFF[0];
    let mut has_name = false;
    loop {
        match client.containers().await {
            Ok(list) => {
                back_off = BACK_OFF[0];
                let named = Arc::new(named(list));
                let before = shared.named.swap(Some(Arc::clone(&named)));
                if before.as_ref() != Some(&named) {
                    shared.look();
                }
                if !has_name && let Ok(name) = client.host_name().await {
                    has_name = true;
                    shared.host_name.store(Some(Arc::new(name)));
                }
                // An event that comes during the list is not lost: the permit stays.
                if timeout(RELIST, wake.notified()).await.is_ok() {
                    sleep(GATHER).await;
                }
            }
            Err(error) => {
                shared
                    .counters
                    .engine_errors
                    .fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    error = crate::sidecar::chain(&error),
                    "the engine does not list its containers"
                );
                sleep(back_off).await;
                back_off = (back_off * 2).min(BACK_OFF[1]);
            }
        }
    }
}

async fn listen(client: Client, wake: Arc<Notify>) {
    loop {
        let mut stream = pin!(client.container_events());
        while let Some(Ok(())) = stream.next().await {
            wake.notify_one();
        }
        // What was missed while there was no stream shows in a list.
        wake.notify_one();
        sleep(BACK_OFF[0]).await;
    }
}

fn named(list: Vec<LocalContainer>) -> Named {
    let entry = |container: LocalContainer| {
        let id = ContainerId::parse(container.id.as_str())?;
        let label = |name: &str| container.labels.get(name).cloned();
        let service = label("com.docker.swarm.service.id").map(|id| {
            let name = label("com.docker.swarm.service.name").unwrap_or_default();
            [id, name]
        });
        let opted = label("swarmtide.enable").map(|value| super::opted::is_true(&value));
        let entry = Container {
            name: container.name,
            service,
            opted,
        };
        Some((id, entry))
    };
    list.into_iter().filter_map(entry).collect()
}
