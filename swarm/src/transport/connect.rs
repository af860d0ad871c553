//! Opens one connection: unix socket, TCP, or TLS.

use std::{
    future::Future,
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::tls;
use crate::{endpoint::Endpoint, error::ClientError};

/// Opens connections to one endpoint, whatever the request's own address says.
#[derive(Debug, Clone)]
pub(super) struct Connector(Arc<Target>);

enum Target {
    Unix(PathBuf),
    Tcp {
        host: String,
        port: u16,
    },
    Tls {
        host: String,
        port: u16,
        name: ServerName<'static>,
        connector: TlsConnector,
    },
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "Unix({})", path.display()),
            Self::Tcp { host, port } => write!(f, "Tcp({host}, {port})"),
            Self::Tls { host, port, .. } => write!(f, "Tls({host}, {port})"),
        }
    }
}

impl Connector {
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, ClientError> {
        Ok(Self(Arc::new(match endpoint {
            Endpoint::Unix(path) => Target::Unix(path.clone()),
            Endpoint::Tcp { host, port } => Target::Tcp {
                host: host.clone(),
                port: *port,
            },
            Endpoint::Tls {
                host,
                port,
                certificates,
            } => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| ClientError::ServerName { host: host.clone() })?;
                let connector = TlsConnector::from(Arc::new(tls::configure(certificates)?));
                Target::Tls {
                    host: host.clone(),
                    port: *port,
                    name,
                    connector,
                }
            }
        })))
    }
}

impl Target {
    async fn open(&self) -> io::Result<Wire> {
        Ok(Wire(match self {
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Self::Tcp { host, port } => Box::new(connect_tcp(host, *port).await?),
            Self::Tls {
                host,
                port,
                name,
                connector,
            } => {
                let stream = connect_tcp(host, *port).await?;
                Box::new(connector.connect(name.clone(), stream).await?)
            }
        }))
    }
}

async fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let target = Arc::clone(&self.0);
        Box::pin(async move {
            // A connection that is opened for nobody (its request gave up) must end by itself.
            const LIMIT: Duration = Duration::from_secs(30);
            let wire = tokio::time::timeout(LIMIT, target.open())
                .await
                .map_err(io::Error::other)??;
            Ok(TokioIo::new(wire))
        })
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection of any kind.
pub(super) struct Wire(Box<dyn Stream>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
