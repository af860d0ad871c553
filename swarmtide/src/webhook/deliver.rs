//! One attempt to deliver one event.

use std::{path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, StatusCode, body::Bytes, header};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use super::Url;

/// Most of an answer that is read: only its status counts.
const ANSWER_MAX: usize = 64 << 10;

/// Why `https` cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates of authorities cannot be read.
    #[error("webhooks.ca_file {0} cannot be read: {1}")]
    Authorities(String, String),
    /// There are none in the file.
    #[error("webhooks.ca_file {0} has no certificate")]
    NoAuthority(String),
    /// The URL's host is no name that a certificate can have.
    #[error("{0:?} is no host name for TLS")]
    Name(String),
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeliveryError {
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    #[error("the connection broke: {0}")]
    Exchange(hyper::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("the receiver answered {0}")]
    Status(StatusCode),
    #[error("the request cannot be made: {0}")]
    Request(hyper::http::Error),
}

impl DeliveryError {
    /// Whether another attempt would end the same: the receiver does not want it.
    pub(super) fn is_final(&self) -> bool {
        let Self::Status(status) = self else {
            return matches!(self, Self::Request(_));
        };
        let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        status.is_client_error() && !later.contains(status)
    }
}

/// Speaks to one URL.
pub(super) struct Client {
    url: Url,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(url: &Url, timeout: Duration, ca_file: &Path) -> Result<Self, TlsError> {
        let tls = if url.tls() {
            Some((connector(ca_file)?, server_name(url)?))
        } else {
            None
        };
        Ok(Self {
            url: url.clone(),
            tls,
            timeout,
        })
    }

    /// Posts a body; a connection of its own for each, since events are rare.
    pub(super) async fn post(
        &self,
        body: String,
        signature: Option<String>,
    ) -> Result<(), DeliveryError> {
        timeout(self.timeout, self.exchange(body, signature))
            .await
            .map_err(|_| DeliveryError::Timeout)?
    }

    async fn exchange(&self, body: String, signature: Option<String>) -> Result<(), DeliveryError> {
        let stream = TcpStream::connect((self.url.host(), self.url.port()))
            .await
            .map_err(DeliveryError::Connect)?;
        match &self.tls {
            None => self.send(stream, body, signature).await,
            Some((connector, name)) => {
                let stream = connector
                    .connect(name.clone(), stream)
                    .await
                    .map_err(DeliveryError::Connect)?;
                self.send(stream, body, signature).await
            }
        }
    }

    async fn send<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        body: String,
        signature: Option<String>,
    ) -> Result<(), DeliveryError> {
        let mut request = Request::post(self.url.path())
            .header(header::HOST, self.url.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("swarmtide/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(signature) = signature {
            request = request.header("X-Swarmtide-Signature", signature);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(DeliveryError::Request)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(DeliveryError::Exchange)?;
        let exchange = async {
            let answer = sender
                .send_request(request)
                .await
                .map_err(DeliveryError::Exchange)?;
            let status = answer.status();
            // Read, so that the receiver sees its answer taken; what it says does not matter.
            drop(Limited::new(answer.into_body(), ANSWER_MAX).collect().await);
            Ok(status)
        };
        tokio::pin!(connection);
        tokio::pin!(exchange);
        let status = tokio::select! {
            status = &mut exchange => status?,
            ended = &mut connection => {
                ended.map_err(DeliveryError::Exchange)?;
                exchange.await?
            }
        };
        if status.is_success() {
            Ok(())
        } else {
            Err(DeliveryError::Status(status))
        }
    }
}

fn connector(ca_file: &Path) -> Result<TlsConnector, TlsError> {
    let name = ca_file.display().to_string();
    let unreadable =
        |error: &dyn std::fmt::Display| TlsError::Authorities(name.clone(), error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).map_err(|error| unreadable(&error))? {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        // Bundles hold certificates that the library does not take; the others still serve.
        if let Err(error) = roots.add(certificate) {
            tracing::debug!(%error, "a certificate of {name} is not used");
        }
    }
    if roots.is_empty() {
        return Err(TlsError::NoAuthority(name));
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn server_name(url: &Url) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(url.host().to_owned()).map_err(|_| TlsError::Name(url.host().to_owned()))
}
