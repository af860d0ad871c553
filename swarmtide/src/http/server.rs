//! The HTTP/1.1 server: a bounded number of connections, and no patience for those who do not ask.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};

/// Most connections at once; further ones are closed as they come.
const CONNECTIONS_MAX: usize = 512;

/// A request's head has to be there so soon, on a kept-alive connection as well.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// What was sent has to be taken so soon, or the connection ends: a listener to a stream may stop reading without a word.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after an accept that failed, as when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections there are, and were too many.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicUsize,
    refused: AtomicU64,
}

impl Connections {
    /// Open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Refused so far.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Takes a place, unless all are taken.
    fn enter(&self) -> bool {
        if self.open.fetch_add(1, Ordering::Relaxed) < CONNECTIONS_MAX {
            return true;
        }
        self.leave();
        self.refused.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves until told to stop, then lets requests under way finish.
///
/// # Errors
/// None at present: an accept that fails is tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: Arc<Connections>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let service = TowerToHyperService::new(router);
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "accept failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Err(error) = SockRef::from(&stream).set_tcp_user_timeout(Some(SEND_TIMEOUT)) {
            tracing::debug!(%error, "TCP_USER_TIMEOUT");
        }
        if connections.enter() {
            let watched = graceful.watch(connection(stream, service.clone()));
            let connections = Arc::clone(&connections);
            tokio::spawn(async move {
                if let Err(error) = watched.await {
                    tracing::debug!(%error, "an HTTP connection ended badly");
                }
                connections.leave();
            });
        }
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

type Service = TowerToHyperService<Router>;

fn connection(
    stream: TcpStream,
    service: Service,
) -> http1::Connection<TokioIo<TcpStream>, Service> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
}
