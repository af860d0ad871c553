//! Addresses of the collectors, looked up again from time to time where they are names.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::Shared;
use crate::config::Target;

/// Time between two look-ups of names.
const AGAIN: Duration = Duration::from_secs(60);
/// The same while a name has no address.
const SOON: Duration = Duration::from_secs(5);

/// Looks all of them up. A name without an address is left out and said.
pub(super) async fn resolve(targets: &[Target]) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for target in targets {
        match tokio::net::lookup_host((target.host.as_str(), target.port)).await {
            Ok(mut addresses) => found.extend(addresses.next()),
            Err(error) => {
                tracing::warn!(collector = %target, %error, "the collector has no address")
            }
        }
    }
    found
}

/// Keeps the addresses until told to stop.
pub(super) async fn keep(
    targets: Vec<Target>,
    first: Vec<SocketAddr>,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let mut found = first;
    loop {
        let complete = found.len() == targets.len();
        shared.collectors.store(Some(Arc::new(found)));
        let wait = if complete { AGAIN } else { SOON };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(wait) => {}
        }
        found = resolve(&targets).await;
    }
}
