//! TLS settings from the three files that Docker users have.

use std::{path::Path, sync::Arc};

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

use crate::{endpoint::Certificates, error::ClientError};

/// Trusts the authority of `ca.pem` and no other; shows `cert.pem`.
pub(super) fn configure(files: &Certificates) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    for authority in load_certificates("the authority's certificate", &files.ca)? {
        roots.add(authority).map_err(ClientError::Tls)?;
    }
    let own = load_certificates("our certificate", &files.certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|source| ClientError::Certificate {
            what: "our key",
            path: files.key.clone(),
            source,
        })?;
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_client_auth_cert(own, key)
        .map_err(ClientError::Tls)
}

fn load_certificates(
    what: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let failed = |source| ClientError::Certificate {
        what,
        path: path.to_owned(),
        source,
    };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(failed)?
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    if found.is_empty() {
        return Err(failed(pem::Error::NoItemsFound));
    }
    Ok(found)
}
