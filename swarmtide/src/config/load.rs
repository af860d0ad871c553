//! Reads the file, lays the environment over it, and checks what no single value can know.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use swarm::{Endpoint, EndpointError};

use super::{Config, KEYS, Key, Kind, check::check, environment_name, locate};

/// Where the configuration comes from.
#[derive(Debug, Default)]
pub struct Sources {
    /// The file; `None` takes the defaults.
    pub file: Option<PathBuf>,
    /// The process's environment.
    pub environment: BTreeMap<String, String>,
}

impl Sources {
    /// The file and the environment of this process.
    ///
    /// # Errors
    /// A variable of ours or Docker's that is not UTF-8; others are none of our business.
    pub fn of_process(file: Option<PathBuf>) -> Result<Self, ConfigError> {
        let mut environment = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().map(str::to_owned) else {
                continue;
            };
            if !name.starts_with("SWARMTIDE_") && !name.starts_with("DOCKER_") {
                continue;
            }
            let Ok(value) = value.into_string() else {
                let message = "is not UTF-8".to_owned();
                return Err(ConfigError::Environment { name, message });
            };
            environment.insert(name, value);
        }
        Ok(Self { file, environment })
    }

    /// What the environment says about the engine, as the docker command reads it.
    #[must_use]
    pub fn docker(&self) -> DockerEnvironment {
        let get = |name: &str| self.environment.get(name).filter(|value| !value.is_empty());
        DockerEnvironment {
            host: get("DOCKER_HOST").cloned(),
            cert_path: get("DOCKER_CERT_PATH").map(PathBuf::from),
            tls_verify: get("DOCKER_TLS_VERIFY").cloned(),
        }
    }
}

/// What the user's environment says about the engine (`DOCKER_HOST` and its family).
#[derive(Debug, Clone, Default)]
pub struct DockerEnvironment {
    /// `DOCKER_HOST`
    pub host: Option<String>,
    /// `DOCKER_CERT_PATH`
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY`
    pub tls_verify: Option<String>,
}

impl DockerEnvironment {
    /// The engine's address: the configuration's where it has one, else the environment's, else the standard socket.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn endpoint(&self, engine: &super::Engine) -> Result<Endpoint, EndpointError> {
        let host = engine.host.as_deref().or(self.host.as_deref());
        let cert_path = engine.cert_path.as_deref().or(self.cert_path.as_deref());
        let verify = match engine.tls_verify {
            Some(true) => Some("1"),
            Some(false) => None,
            None => self.tls_verify.as_deref(),
        };
        Endpoint::parse(host, cert_path, verify)
    }
}

/// What is wrong with the configuration, naming the place at fault.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of the file is wrong.
    #[error("{}:{line}:{column}: {}{message}", path.display(), KeyPrefix(key))]
    File {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// Dotted key; empty when the line has none.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// A variable of the environment is wrong.
    #[error("environment variable {name}: {message}")]
    Environment {
        /// The variable.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// Two values do not fit each other.
    #[error("{place}: key `{key}`: {message}")]
    Check {
        /// File and line, or the environment, or the defaults.
        place: String,
        /// Dotted key.
        key: &'static str,
        /// What is wrong.
        message: String,
    },
}

struct KeyPrefix<'a>(&'a str);

impl fmt::Display for KeyPrefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "key `{}`: ", self.0)
    }
}

/// Reads, merges and checks.
///
/// # Errors
/// The first thing at fault, with file, line and key, or the variable's name.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let text = match &sources.file {
        None => String::new(),
        Some(path) => fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?,
    };
    let path = sources
        .file
        .as_deref()
        .unwrap_or_else(|| Path::new("(defaults)"));
    parse(path, &text, sources)
}

/// As [`load`], from a file's text: that of a recording.
///
/// # Errors
/// As [`load`].
pub fn load_text(
    text: &str,
    environment: &BTreeMap<String, String>,
) -> Result<Config, ConfigError> {
    let sources = Sources {
        file: None,
        environment: environment.clone(),
    };
    parse(Path::new("(recording)"), text, &sources)
}

fn parse(path: &Path, text: &str, sources: &Sources) -> Result<Config, ConfigError> {
    let at_fault = |error: &toml::de::Error| file_error(path, text, error);
    toml::from_str::<Config>(text).map_err(|error| at_fault(&error))?;
    let mut table: toml::Table = toml::from_str(text).map_err(|error| at_fault(&error))?;
    let overridden = overlay(&mut table, &sources.environment)?;
    let config: Config = table
        .try_into()
        .map_err(|error: toml::de::Error| file_error(path, text, &error))?;
    let docker = sources.docker();
    check(&config, &docker).map_err(|fault| {
        let set = |key: &&&'static str| {
            overridden.contains(&environment_name(key)) || locate::line_of(text, key).is_some()
        };
        let first = fault.keys.first().copied().unwrap_or_default();
        let key = fault.keys.iter().find(set).copied().unwrap_or(first);
        ConfigError::Check {
            place: place_of(key, path, text, &overridden),
            key,
            message: fault.message,
        }
    })?;
    Ok(config)
}

fn place_of(key: &str, path: &Path, text: &str, overridden: &[String]) -> String {
    let variable = environment_name(key);
    if overridden.contains(&variable) {
        return format!("environment variable {variable}");
    }
    match locate::line_of(text, key) {
        Some(line) => format!("{}:{line}", path.display()),
        None => format!("{} (default)", path.display()),
    }
}

fn file_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let offset = error.span().map_or(0, |span| span.start);
    let place = locate::place(text, offset);
    ConfigError::File {
        path: path.to_owned(),
        line: place.line,
        column: place.column,
        key: place.key,
        message: error.message().trim().replace('\n', "; "),
    }
}

/// Lays `SWARMTIDE_…` variables over the file's table and returns their names.
fn overlay(
    table: &mut toml::Table,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<String>, ConfigError> {
    let mut seen = Vec::new();
    for (name, value) in environment {
        if !name.starts_with("SWARMTIDE_") || NOT_KEYS.contains(&name.as_str()) {
            continue;
        }
        let wrong = |message: String| ConfigError::Environment {
            name: name.clone(),
            message,
        };
        let Some(key) = KEYS.iter().find(|key| environment_name(key.path) == *name) else {
            return Err(wrong(
                "is not a key of the configuration; `swarmtide check-config --list` lists them"
                    .to_owned(),
            ));
        };
        let fragment = fragment(key, value);
        toml::from_str::<Config>(&fragment)
            .map_err(|error| wrong(error.message().trim().replace('\n', "; ")))?;
        let parsed: toml::Table =
            toml::from_str(&fragment).map_err(|error| wrong(error.message().to_owned()))?;
        merge(table, parsed);
        seen.push(name.clone());
    }
    Ok(seen)
}

/// Variables of the command line that are not keys of the file.
const NOT_KEYS: [&str; 3] = ["SWARMTIDE_CONFIG", "SWARMTIDE_URL", "SWARMTIDE_TOKEN_FILE"];

fn fragment(key: &Key, value: &str) -> String {
    let (section, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
    let literal = match key.kind {
        Kind::Text => toml::Value::String(value.to_owned()).to_string(),
        Kind::Number | Kind::Flag => value.trim().to_owned(),
        Kind::List => {
            let items = value
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            toml::Value::Array(
                items
                    .map(|item| toml::Value::String(item.to_owned()))
                    .collect(),
            )
            .to_string()
        }
    };
    format!("[{section}]\n{name} = {literal}\n")
}

fn merge(into: &mut toml::Table, from: toml::Table) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[expect(
        clippy::unwrap_in_result,
        reason = "what the test prepares does not fail"
    )]
    fn run(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let path = file.path().to_owned();
        let environment = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        load(&Sources {
            file: Some(path.clone()),
            environment,
        })
        .map_err(|error| {
            error
                .to_string()
                .replace(&path.display().to_string(), "FILE")
        })
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = run("", &[]).unwrap();
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:8008");
        assert_eq!(config.collector.listen[0].to_string(), "[::]:6343");
    }

    #[test]
    fn errors_name_file_line_and_key() {
        let cases = [
            (
                "[http]\nlisten = \"nonsense\"\n",
                "FILE:2:10: key `http.listen`: \"nonsense\" is not ADDRESS:PORT",
            ),
            (
                "\n[engine]\ninterval = \"soon\"\n",
                "FILE:3:12: key `engine.interval`: \"soon\" is not a length of time",
            ),
            (
                "[scaler]\nintervall = \"2s\"\n",
                "FILE:2:1: key `scaler.intervall`: unknown field `intervall`",
            ),
            (
                "[collector]\nsockets = 0\n",
                "FILE:2: key `collector.sockets`: 0 is outside 1 to 64",
            ),
            ("[collector\n", "FILE:1:"),
            (
                "[scaler.defaults]\nmin = 5\nmax = 2\n",
                "FILE:2: key `scaler.defaults.min`: min 5 is above max 2",
            ),
            (
                "[scaler.defaults]\nmax = 9\ncpu_target = \"95%\"\n",
                "FILE:3:14: key `scaler.defaults.cpu_target`: \"95%\" a target must be at most 90 %",
            ),
            (
                "[scaler.defaults]\ncpu_traget = \"60%\"\n",
                "FILE:2:1: key `scaler.defaults.cpu_traget`: unknown field `cpu_traget`, did you mean `cpu_target`?",
            ),
            (
                "[scaler.defaults]\nreassert = \"yes\"\n",
                "FILE:2:12: key `scaler.defaults.reassert`: \"yes\" must be true or false",
            ),
            (
                "[scaler.defaults]\ncpu_high = \"60%\"\ncpu_low = \"65%\"\n",
                "FILE:3: key `scaler.defaults.cpu_low`: the low mark must be below the high mark",
            ),
            (
                "[engine]\ninterval = \"1h\"\n",
                "FILE:2: key `engine.interval`: ",
            ),
            (
                "[engine]\nhost = \"ftp://x\"\n",
                "FILE:2: key `engine.host`: \"ftp://x\": ftp:// is not supported",
            ),
            (
                "[log]\nlevel = \"verbose\"\n",
                "FILE:2: key `log.level`: \"verbose\" is no level",
            ),
            (
                "[collector]\nreceive_buffer = \"0\"\n",
                "FILE:2: key `collector.receive_buffer`: 0 is outside",
            ),
            (
                "[collector]\nlisten = [\"0.0.0.0:1\", \"0.0.0.0:1\"]\n",
                "FILE:2: key `collector.listen`: 0.0.0.0:1 is there twice",
            ),
            (
                "[state]\ndirectory = \"\"\n",
                "FILE:2: key `state.directory`: must not be empty",
            ),
            (
                "[log]\nformat = \"xml\"\n",
                "FILE:2:10: key `log.format`: unknown variant `xml`",
            ),
        ];
        check_errors(&cases);
    }

    #[track_caller]
    fn check_errors(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let message = run(text, &[]).unwrap_err();
            assert!(message.starts_with(expected), "{text:?}: {message}");
        }
    }

    #[test]
    fn errors_of_the_balancer_name_file_line_and_key() {
        check_errors(&[
            (
                "[lbsync]\nvips = \"manage\"\n",
                "FILE:2: key `lbsync.vips`: lbsync.vips = \"manage\" needs lbsync.interface",
            ),
            (
                "[lbsync]\nvips = \"manage\"\ninterface = \"eth0\"\n",
                "FILE:2: key `lbsync.vips`: lbsync.vips = \"manage\" needs lbsync.data_plane",
            ),
            (
                "[lbsync]\ndata_plane = \"xdp\"\n",
                "FILE:2:14: key `lbsync.data_plane`: unknown variant `xdp`",
            ),
            (
                "[lbsync]\nsources = [\"10.0.0.1:8008\"]\n",
                "FILE:2:12: key `lbsync.sources`: \"10.0.0.1:8008\" is not http://HOST:PORT",
            ),
            (
                "[lbsync]\nsources = [\"http://a:1\", \"http://a:1/\"]\n",
                "FILE:2: key `lbsync.sources`: http://a:1 is there twice",
            ),
        ]);
    }

    #[test]
    fn the_environment_wins_and_its_errors_name_the_variable() {
        let environment = [
            ("SWARMTIDE_HTTP_LISTEN", "[::1]:9"),
            ("SWARMTIDE_COLLECTOR_SOCKETS", "3"),
        ];
        let config = run("[http]\nlisten = \"127.0.0.1:1\"\n", &environment).unwrap();
        assert_eq!(
            (
                config.http.listen.to_string().as_str(),
                config.collector.sockets
            ),
            ("[::1]:9", 3)
        );

        let config = run(
            "",
            &[("SWARMTIDE_COLLECTOR_LISTEN", "127.0.0.1:1, [::1]:2")],
        )
        .unwrap();
        assert_eq!(config.collector.listen.len(), 2);

        for (name, value) in [
            ("SWARMTIDE_HTTP_LISTEN", "x"),
            ("SWARMTIDE_NO_SUCH", "1"),
            ("SWARMTIDE_LBSYNC_ENABLED", "maybe"),
        ] {
            let message = run("", &[(name, value)]).unwrap_err();
            assert!(message.contains(name), "{message}");
        }
        let message = run("", &[("SWARMTIDE_COLLECTOR_SOCKETS", "99")]).unwrap_err();
        assert!(
            message.starts_with(
                "environment variable SWARMTIDE_COLLECTOR_SOCKETS: key `collector.sockets`"
            ),
            "{message}"
        );
    }

    #[test]
    fn every_key_can_be_set_by_environment_and_every_field_is_a_key() {
        let table = toml::Table::try_from(Config::default()).unwrap();
        let mut paths = Vec::new();
        leaves("", &table, &mut paths);
        for path in &paths {
            assert!(
                KEYS.iter().any(|key| key.path == path),
                "{path} is missing from KEYS"
            );
        }
        for key in KEYS {
            toml::from_str::<Config>(&fragment(key, key.example))
                .unwrap_or_else(|error| panic!("{}: {error}", key.path));
        }
    }

    fn leaves(prefix: &str, table: &toml::Table, into: &mut Vec<String>) {
        for (name, value) in table {
            let path = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}.{name}")
            };
            match value {
                toml::Value::Table(inner) => leaves(&path, inner, into),
                _ => into.push(path),
            }
        }
    }
}
