//! Where the engine listens, from the settings that Docker users know.
//!
//! Reads neither the environment nor any file: the values of `DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` are
//! passed in, and certificates are loaded when the client is made.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// The socket that is used where nothing else is said.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// Where the engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// TCP without encryption.
    Tcp {
        /// Host name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// TLS, with a certificate on both sides.
    Tls {
        /// Host name or address, without brackets; the engine's certificate must name it.
        host: String,
        /// Port.
        port: u16,
        /// The files.
        certificates: Certificates,
    },
}

/// The three files of a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// `ca.pem`: who may vouch for the engine. No other authority is trusted.
    pub ca: PathBuf,
    /// `cert.pem`: our certificate.
    pub certificate: PathBuf,
    /// `key.pem`: its key.
    pub key: PathBuf,
}

impl Certificates {
    /// The files under the names that Docker gives them.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            ca: directory.join("ca.pem"),
            certificate: directory.join("cert.pem"),
            key: directory.join("key.pem"),
        }
    }
}

/// Why the settings name no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// A scheme that is not supported.
    #[error("DOCKER_HOST {host:?}: {scheme}:// is not supported; use unix://, tcp:// or https://")]
    Scheme {
        /// The value.
        host: String,
        /// Its scheme.
        scheme: String,
    },
    /// Not a host and a port.
    #[error("DOCKER_HOST {host:?} is not of the form tcp://HOST:PORT")]
    Address {
        /// The value.
        host: String,
    },
    /// TLS is wanted, and nobody said where the certificates are.
    #[error(
        "DOCKER_TLS_VERIFY is set, so DOCKER_CERT_PATH must name a directory with ca.pem, cert.pem and key.pem"
    )]
    NoCertificates,
}

impl Endpoint {
    /// Reads `DOCKER_HOST`, `DOCKER_TLS_VERIFY` (on if not empty, even "0") and `DOCKER_CERT_PATH`, as the docker command
    /// does. Without a host: the default unix socket. Without a port: 2375, or 2376 with TLS. `https://` means TLS too.
    /// TLS always verifies. A unix socket never uses TLS.
    ///
    /// # Errors
    ///
    /// When the host has no form that is supported, or TLS is wanted and the certificate directory is not given.
    pub fn parse(
        docker_host: Option<&str>,
        docker_cert_path: Option<&Path>,
        docker_tls_verify: Option<&str>,
    ) -> Result<Self, EndpointError> {
        let host = docker_host.map_or("", str::trim);
        if host.is_empty() {
            return Ok(Self::Unix(DEFAULT_SOCKET.into()));
        }
        let (scheme, rest) = host.split_once("://").unwrap_or(("tcp", host));
        let tls = scheme == "https" || docker_tls_verify.is_some_and(|value| !value.is_empty());
        match scheme {
            "unix" if rest.is_empty() => Ok(Self::Unix(DEFAULT_SOCKET.into())),
            "unix" => Ok(Self::Unix(rest.into())),
            "tcp" | "http" | "https" => {
                let default_port = if tls { 2376 } else { 2375 };
                let (name, port) = host_and_port(rest.trim_end_matches('/'), default_port)
                    .ok_or_else(|| EndpointError::Address {
                        host: host.to_owned(),
                    })?;
                if !tls {
                    return Ok(Self::Tcp { host: name, port });
                }
                let directory = docker_cert_path.filter(|path| !path.as_os_str().is_empty());
                let directory = directory.ok_or(EndpointError::NoCertificates)?;
                Ok(Self::Tls {
                    host: name,
                    port,
                    certificates: Certificates::in_directory(directory),
                })
            }
            other => Err(EndpointError::Scheme {
                host: host.to_owned(),
                scheme: other.to_owned(),
            }),
        }
    }

    /// What stands before the path of a request: `http://HOST:PORT`. Docker does not look at it; a proxy may.
    pub(crate) fn base(&self) -> String {
        match self {
            Self::Unix(_) => "http://docker".to_owned(),
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => {
                format!("http://{}", authority(host, *port))
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } => write!(f, "tcp://{}", authority(host, *port)),
            Self::Tls { host, port, .. } => write!(f, "tcp://{} (TLS)", authority(host, *port)),
        }
    }
}

fn authority(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Splits `host`, `host:port`, `[v6]` and `[v6]:port`; `None` for anything else.
fn host_and_port(text: &str, default_port: u16) -> Option<(String, u16)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (
            host,
            if after.is_empty() {
                None
            } else {
                Some(after.strip_prefix(':')?)
            },
        )
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let port = port.map_or(Some(default_port), |port| {
        port.parse().ok().filter(|port| *port > 0)
    })?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
    (!host.is_empty() && host.chars().all(plain)).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, verify: Option<&str>, expected: Result<&str, EndpointError>) {
        let found = Endpoint::parse(Some(host), Some(Path::new("/certs")), verify);
        assert_eq!(
            found.map(|endpoint| endpoint.to_string()),
            expected.map(str::to_owned),
            "{host:?} {verify:?}"
        );
    }

    #[test]
    fn hosts_as_docker_users_write_them() {
        let address = |host: &str| {
            Err(EndpointError::Address {
                host: host.to_owned(),
            })
        };
        check("", None, Ok("unix:///var/run/docker.sock"));
        check("unix://", None, Ok("unix:///var/run/docker.sock"));
        check(
            "unix:///run/user/1000/docker.sock",
            Some("1"),
            Ok("unix:///run/user/1000/docker.sock"),
        );
        check("tcp://10.0.0.1:2375", None, Ok("tcp://10.0.0.1:2375"));
        check("tcp://10.0.0.1", None, Ok("tcp://10.0.0.1:2375"));
        check("tcp://10.0.0.1/", Some(""), Ok("tcp://10.0.0.1:2375"));
        check("10.0.0.1:4243", None, Ok("tcp://10.0.0.1:4243"));
        check("tcp://m1", Some("1"), Ok("tcp://m1:2376 (TLS)"));
        check("tcp://m1:2376", Some("0"), Ok("tcp://m1:2376 (TLS)"));
        check("https://m1", None, Ok("tcp://m1:2376 (TLS)"));
        check("tcp://[fd00::1]:2375", None, Ok("tcp://[fd00::1]:2375"));
        check("tcp://[fd00::1]", None, Ok("tcp://[fd00::1]:2375"));
        for bad in [
            "tcp://",
            "tcp://:2375",
            "tcp://h:0",
            "tcp://h:x",
            "tcp://h:1/x",
            "tcp://[::1",
            "tcp://[x]:1",
            "a b",
        ] {
            check(bad, None, address(bad));
        }
        let scheme = |host: &str, scheme: &str| {
            Err(EndpointError::Scheme {
                host: host.to_owned(),
                scheme: scheme.to_owned(),
            })
        };
        check("ssh://m1", None, scheme("ssh://m1", "ssh"));
        check(
            "npipe:////./pipe/docker",
            None,
            scheme("npipe:////./pipe/docker", "npipe"),
        );
    }

    #[test]
    fn nothing_set_means_the_default_socket() {
        assert_eq!(
            Endpoint::parse(None, None, None),
            Ok(Endpoint::Unix("/var/run/docker.sock".into()))
        );
    }

    #[test]
    fn tls_needs_to_know_where_the_certificates_are() {
        let found = Endpoint::parse(Some("tcp://m1:2376"), None, Some("1"));
        assert_eq!(found, Err(EndpointError::NoCertificates));
        let found = Endpoint::parse(Some("tcp://m1:2376"), Some(Path::new("")), Some("1"));
        assert_eq!(found, Err(EndpointError::NoCertificates));
    }
}
