//! systemd's notification protocol (`sd_notify(3)`): that the process is ready, that it lives, that it stops.
//!
//! Without `NOTIFY_SOCKET` it does nothing; it never fails the process that it speaks for, and speaks no D-Bus.

use std::{
    ffi::OsString,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

/// Who started this process and wants to hear of it, if anybody does.
#[derive(Debug, Default)]
pub struct ServiceManager {
    told: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// As the environment of this process says.
    #[must_use]
    pub fn of_process() -> Self {
        let get = |name: &str| std::env::var_os(name);
        Self::new(
            get("NOTIFY_SOCKET"),
            get("WATCHDOG_USEC"),
            get("WATCHDOG_PID"),
        )
    }

    fn new(
        socket: Option<OsString>,
        watchdog_us: Option<OsString>,
        watchdog_pid: Option<OsString>,
    ) -> Self {
        let number = |text: OsString| text.to_str()?.parse::<u64>().ok();
        let told = socket.and_then(|name| {
            let address = match name.as_bytes() {
                [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
                _ => SocketAddr::from_pathname(&name),
            };
            Some((UnixDatagram::unbound().ok()?, address.ok()?))
        });
        let ours = watchdog_pid
            .and_then(number)
            .is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = watchdog_us
            .and_then(number)
            .filter(|us| *us > 0 && ours && told.is_some())
            .map(Duration::from_micros);
        Self { told, watchdog }
    }

    /// It is up: its sockets are bound and its parts run.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says twice in each watchdog's time that the runtime still runs tasks; for ever.
    pub async fn keep_alive(&self) {
        let Some(watchdog) = self.watchdog else {
            return std::future::pending().await;
        };
        let mut beats = interval((watchdog / 2).max(Duration::from_millis(1)));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.told
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::debug!(%error, state, "the service manager was not told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[tokio::test]
    async fn it_is_told_on_paths_and_on_abstract_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("swarmtide-test-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        for (ear, socket) in [
            (
                UnixDatagram::bind(&path).unwrap(),
                path.clone().into_os_string(),
            ),
            (
                UnixDatagram::bind_addr(&abstract_name).unwrap(),
                OsString::from(format!("@{name}")),
            ),
        ] {
            let manager = ServiceManager::new(Some(socket), Some("20000".into()), None);
            manager.ready();
            assert_eq!(heard(&ear), "READY=1");
            tokio::select! {
                () = manager.keep_alive() => {}
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
            assert_eq!(heard(&ear), "WATCHDOG=1");
            assert_eq!(heard(&ear), "WATCHDOG=1");
        }
    }

    #[test]
    fn without_a_manager_or_with_one_of_somebody_else_nothing_happens() {
        let nobody = ServiceManager::new(None, Some("1000".into()), None);
        nobody.ready();
        assert!(nobody.told.is_none() && nobody.watchdog.is_none());
        let gone = ServiceManager::new(Some("/nowhere/at/all".into()), None, None);
        gone.stopping();
        let other = ServiceManager::new(
            Some("/nowhere".into()),
            Some("1000".into()),
            Some("1".into()),
        );
        assert!(other.watchdog.is_none());
        for bad in ["", "x", "0", "-1"] {
            let manager = ServiceManager::new(Some("/nowhere".into()), Some(bad.into()), None);
            assert!(manager.watchdog.is_none(), "{bad}");
        }
    }
}
