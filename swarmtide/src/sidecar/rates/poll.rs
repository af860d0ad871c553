//! Asks the balancers what they counted.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::Counted;
use crate::{
    client,
    config::{Config, DataPlaneKind, SourceUrl},
    sidecar::Shared,
};

/// Time between two questions.
const INTERVAL: Duration = Duration::from_secs(2);

/// Who is asked.
enum Asked {
    /// This sidecar's own balancer.
    Own,
    /// One elsewhere.
    Elsewhere(SourceUrl),
}

/// Asks all balancers until told to stop.
pub(crate) async fn run(shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let own = has_own(&shared.config).then_some(Asked::Own);
    let urls = shared.config.scaler.balancers.iter().cloned();
    let asked = own.into_iter().chain(urls.map(Asked::Elsewhere));
    let mut each = JoinSet::new();
    for (number, asked) in asked.enumerate() {
        each.spawn(keep_asking(
            Arc::clone(&shared),
            number,
            asked,
            stop.clone(),
        ));
    }
    let mut stop = stop;
    _ = stop.wait_for(|stop| *stop).await;
    each.shutdown().await;
}

/// How many are asked.
pub(crate) fn balancers(config: &Config) -> usize {
    usize::from(has_own(config)) + config.scaler.balancers.len()
}

/// A table that is only kept in memory counts nothing.
fn has_own(config: &Config) -> bool {
    config.lbsync.enabled && config.lbsync.data_plane == DataPlaneKind::Ipvs
}

async fn keep_asking(
    shared: Arc<Shared>,
    number: usize,
    asked: Asked,
    mut stop: watch::Receiver<bool>,
) {
    let mut failing = false;
    loop {
        match ask(&shared, &asked).await {
            Ok(Some(counted)) => {
                failing = false;
                shared.note_connections(number, &counted);
            }
            Ok(None) => {}
            Err(error) => {
                shared.recorder.balancer_failed();
                if !std::mem::replace(&mut failing, true) {
                    let url = match &asked {
                        Asked::Own => "own",
                        Asked::Elsewhere(url) => url.as_str(),
                    };
                    tracing::warn!(balancer = url, error = %format!("{error:#}"), "connections are not known");
                }
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = sleep(INTERVAL) => {}
        }
    }
}

/// `None` where nobody wants to know.
async fn ask(shared: &Shared, asked: &Asked) -> anyhow::Result<Option<Counted>> {
    match asked {
        Asked::Own => {
            if !shared.wants_connections() {
                return Ok(None);
            }
            // What was read is told, and read anew for the next time.
            let counted = shared.balancer.counted();
            shared.balancer.wake();
            Ok(Some(counted))
        }
        Asked::Elsewhere(url) => {
            let token = shared.balancers_token.as_deref();
            let (status, body) = client::get_with(url.as_str(), "/v1/connections", token).await?;
            if status != 200 {
                bail!("{url} answers {status}");
            }
            Ok(Some(serde_json::from_slice(&body)?))
        }
    }
}
