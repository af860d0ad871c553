//! Our own probes of destinations, made on a thread inside the network namespace that the data plane is in.
//!
//! Which destination is probed when, and what an outcome means, is the reconciler's; here are the connections. The thread starts
//! with the first probe, and is in the namespace as a whole, so that every socket is.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use http_body_util::Empty;
use hyper::{Request, body::Bytes, header};
use hyper_util::rt::TokioIo;
use lbsync::{Probe, ProbeKind, ProbeOutcome};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Desk, kernel::Namespace};

/// How often the thread looks whether the namespace is still the one of its name, and whether anybody wants probes.
const LOOK: Duration = Duration::from_secs(1);

/// The thread, once it is needed.
#[derive(Debug)]
pub(super) struct Probes {
    namespace: Namespace,
    probes: Option<mpsc::UnboundedSender<Probe>>,
}

impl Probes {
    /// Probes from inside that namespace.
    pub(super) fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            probes: None,
        }
    }

    /// Begins a probe; its outcome comes into the inbox. The reconciler bounds how many are under way.
    pub(super) fn begin(&mut self, probe: Probe, desk: &Arc<Desk>) {
        if self.probes.is_none() {
            self.probes = start(&self.namespace, desk);
        }
        let id = probe.id;
        let failed = match &self.probes {
            None => Some("no thread for probes can be started"),
            Some(probes) => probes
                .send(probe)
                .err()
                .map(|_| "the thread for probes ended"),
        };
        if let Some(why) = failed {
            self.probes = None;
            desk.inbox.probed(id, ProbeOutcome::Failed(why.to_owned()));
        }
    }
}

fn start(namespace: &Namespace, desk: &Arc<Desk>) -> Option<mpsc::UnboundedSender<Probe>> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (namespace, desk) = (namespace.clone(), Arc::downgrade(desk));
    let work = move || {
        while serve_inside(&namespace, &mut receiver, &desk) == End::NamespaceReplaced {
            tracing::info!(?namespace, "probes move to the new network namespace");
        }
    };
    let spawned = thread::Builder::new().name("probes".to_owned()).spawn(work);
    spawned.ok().map(|_| sender)
}

/// Why probing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nobody wants probes any more, or none can be made.
    Over,
    /// The namespace is no longer the one of its name.
    NamespaceReplaced,
}

fn serve_inside(
    namespace: &Namespace,
    probes: &mut mpsc::UnboundedReceiver<Probe>,
    desk: &Weak<Desk>,
) -> End {
    let opened = match namespace.open() {
        Ok(opened) => opened,
        Err(error) => {
            tracing::warn!(%error, "destinations cannot be probed");
            thread::sleep(LOOK);
            return End::Over;
        }
    };
    let Some(netns) = opened else {
        return serve(probes, desk, || true);
    };
    match netns.run(|| serve(probes, desk, || netns.is_current())) {
        Ok(end) => end,
        Err(error) => {
            tracing::warn!(%error, "destinations cannot be probed");
            End::Over
        }
    }
}

fn serve(
    probes: &mut mpsc::UnboundedReceiver<Probe>,
    desk: &Weak<Desk>,
    is_current: impl Fn() -> bool,
) -> End {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::warn!(%error, "destinations cannot be probed");
            return End::Over;
        }
    };
    runtime.block_on(async {
        let mut under_way = JoinSet::new();
        loop {
            let probe = tokio::select! {
                probe = probes.recv() => probe,
                Some(_) = under_way.join_next() => continue,
                () = sleep(LOOK) => {
                    if !is_current() {
                        return End::NamespaceReplaced;
                    }
                    continue;
                }
            };
            let Some(probe) = probe else {
                return End::Over;
            };
            let desk = Weak::clone(desk);
            under_way.spawn(async move {
                let outcome = outcome(&probe).await;
                if let Some(desk) = desk.upgrade() {
                    desk.inbox.probed(probe.id, outcome);
                }
            });
        }
    })
}

/// Makes one probe.
async fn outcome(probe: &Probe) -> ProbeOutcome {
    let work = async {
        let stream = TcpStream::connect(probe.target).await?;
        match &probe.kind {
            ProbeKind::Tcp => Ok(ProbeOutcome::Connected),
            ProbeKind::Http { path, host } => {
                status(stream, probe.target, path, host.as_deref()).await
            }
        }
    };
    match timeout(probe.timeout, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => ProbeOutcome::Failed(words(&error)),
        Err(_) => ProbeOutcome::Failed("timed out".to_owned()),
    }
}

async fn status(
    stream: TcpStream,
    target: SocketAddr,
    path: &str,
    host: Option<&str>,
) -> io::Result<ProbeOutcome> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(io::Error::other)?;
    let target = target.to_string();
    let request = Request::get(path)
        .header(header::HOST, host.unwrap_or(&target))
        .header(header::USER_AGENT, "swarmtide-probe")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    Ok(ProbeOutcome::Status(answer.status().as_u16()))
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        _ => error.to_string(),
    }
}
