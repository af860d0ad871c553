//! Delivery over https: to whom the authority vouches for, and to nobody else.

use std::io::Write as _;

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::NamedTempFile;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
    server::TlsStream,
};

use super::*;

/// An authority and the file that names it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(issuer.pem().as_bytes()).unwrap();
        Self { issuer, file }
    }

    /// What a server of that name shows.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            );
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}

/// Takes TLS connections; one whose client turns away is nobody's.
struct Secure {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// A receiver at `localhost` whose certificate is for `name`.
async fn receiver(authority: &Authority, name: &str) -> (Url, Got) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = tcp.local_addr().unwrap().port();
    let acceptor = authority.acceptor(name);
    let (router, got) = taking(&[]);
    tokio::spawn(async move { axum::serve(Secure { tcp, acceptor }, router).await.unwrap() });
    let url = format!("https://localhost:{port}/hook?key=1");
    (url.parse().unwrap(), got)
}

/// One event to a receiver, trusting an authority, with one attempt.
async fn deliver(url: Url, authority: &Authority) -> WebhookStats {
    let rig = start(WebhookOptions {
        attempts: 1,
        ca_file: authority.file.path().to_owned(),
        ..options(vec![url])
    });
    rig.hooks.tell(&event(2));
    rig.done().await
}

#[tokio::test]
async fn an_event_is_delivered_over_https_signed_as_over_http() {
    let authority = Authority::new();
    let (url, got) = receiver(&authority, "localhost").await;
    let stats = deliver(url, &authority).await;
    assert_eq!((stats.delivered, stats.given_up), (1, 0), "{stats:?}");
    let (signature, body) = got.lock().unwrap().remove(0);
    assert_eq!(serde_json::from_str::<Event>(&body).unwrap(), event(2));
    assert!(signature.starts_with("t="), "{signature}");
}

#[tokio::test]
async fn nothing_is_told_to_whom_the_authority_does_not_vouch_for() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (url, got) = receiver(&stranger, "localhost").await;
    let stats = deliver(url, &authority).await;
    assert_eq!((stats.delivered, stats.given_up), (0, 1), "{stats:?}");
    assert!(got.lock().unwrap().is_empty());

    let (url, got) = receiver(&authority, "elsewhere.example").await;
    let stats = deliver(url, &authority).await;
    assert_eq!(
        (stats.delivered, stats.given_up),
        (0, 1),
        "another's certificate"
    );
    assert!(got.lock().unwrap().is_empty());
}
