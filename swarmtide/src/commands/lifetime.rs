//! What `run`, `lbsync` and `agent` have in common: the signals that end them, and an end in time.

use std::{io, pin::pin, time::Duration};

use anyhow::bail;
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::service_manager::ServiceManager;

/// Longest that stopping may take. The parts have shorter deadlines of their own; this one is for what nobody thought of.
const STOP: Duration = Duration::from_secs(20);

/// A signal that comes so soon after the first is the first once more: `timeout` and some supervisors send it to a program and then to
/// its group.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Longest wait for threads that still work when everything else has ended.
const THREADS: Duration = Duration::from_secs(1);

/// SIGTERM and SIGINT, and who started us.
pub(super) struct Lifetime {
    terminate: Signal,
    interrupt: Signal,
    manager: ServiceManager,
}

impl Lifetime {
    /// Takes the signals over; before anything else, so that none is missed.
    pub(super) fn begin() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            manager: ServiceManager::of_process(),
        })
    }

    /// Says that all is up, and waits for a signal.
    pub(super) async fn until_signal(&mut self) {
        self.manager.ready();
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = self.manager.keep_alive() => {}
        }
    }

    /// Stops within the deadline; a second signal ends the wait.
    pub(super) async fn stop(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        self.manager.stopping();
        tokio::select! {
            () = stop => Ok(()),
            () = tokio::time::sleep(STOP) => bail!("not everything had stopped within {} s", STOP.as_secs()),
            () = self.second_signal() => bail!("a second signal came before everything had stopped"),
        }
    }

    async fn second_signal(&mut self) {
        let mut at_once = pin!(tokio::time::sleep(AT_ONCE));
        loop {
            let soon = !at_once.is_elapsed();
            tokio::select! {
                () = &mut at_once, if soon => {}
                _ = self.terminate.recv() => if !soon { return },
                _ = self.interrupt.recv() => if !soon { return },
            }
        }
    }
}

/// Runs to the end, and does not wait for ever for threads that hang.
pub(super) fn block_on(
    runtime: Runtime,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(THREADS);
    ended
}
