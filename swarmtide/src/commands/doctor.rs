//! `doctor`: checks what a swarm or a balancer needs, says why it matters, and changes kernel settings only when told to.

use std::{
    collections::BTreeSet,
    io::{IsTerminal as _, Write},
    net::IpAddr,
};

use serde_json::{Value, json};

use super::{
    ask::{answer, block_on, token},
    lb::{self, Outcome},
};
use crate::{
    cli::{DoctorArgs, Format, Role},
    client,
    config::{self, Config, DataPlaneKind, DockerEnvironment, Vips},
    doctor::{
        Facts, Finding, Forward, Host, Setting, Severity,
        fleet::{self, ask::Asked},
        gather::{self, Wanted},
        judge,
    },
};

/// Something is in a state in which it cannot work: exit code 1.
#[derive(Debug, thiserror::Error)]
#[error("{0} checks say that it cannot work so")]
struct Broken(usize);

/// Checks, prints, and with `--fix` sets what is wrong of the kernel's settings.
pub(super) fn doctor(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let file = match args.role {
        Some(Role::Balancer) => lb::file(args.config.as_deref()),
        _ => args.config.clone(),
    };
    let sources = config::Sources::of_process(file)?;
    let config = config::load(&sources)?;
    let checked = match subject(args, &config) {
        Subject::Swarm => Checked {
            findings: swarm(args, &config, &sources.docker())?,
            changes: Vec::new(),
        },
        Subject::Host(host) => self::host(args, &config, host)?,
    };
    if args.json || args.format == Format::Json {
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&checked.document())?
        )?;
    } else {
        checked.text(Paint::for_stdout(), out)?;
    }
    match checked.count(Severity::Error) {
        0 => Ok(()),
        count => Err(Broken(count).into()),
    }
}

/// What is looked at.
enum Subject {
    Swarm,
    Host(Host),
}

/// As the arguments say, else what the configuration is for.
fn subject(args: &DoctorArgs, config: &Config) -> Subject {
    let about_balancer = args.fix
        || !args.vips.is_empty()
        || !args.forward.is_empty()
        || config.lbsync.data_plane == DataPlaneKind::Ipvs;
    match args.role {
        Some(Role::Swarm) => Subject::Swarm,
        Some(Role::Balancer) => Subject::Host(Host::Balancer),
        Some(Role::Node) => Subject::Host(Host::Node),
        None if about_balancer => Subject::Host(Host::Balancer),
        None => Subject::Swarm,
    }
}

fn swarm(
    args: &DoctorArgs,
    config: &Config,
    docker: &DockerEnvironment,
) -> anyhow::Result<Vec<Finding>> {
    let token = token(args.remote.token_file.as_deref())?;
    let asked = Asked {
        config,
        docker,
        url: &url(args, config),
        token: token.as_deref(),
    };
    let facts = block_on(fleet::ask::gather(&asked)).map_err(could_not_tell)?;
    Ok(fleet::judge(&facts))
}

fn host(args: &DoctorArgs, config: &Config, host: Host) -> anyhow::Result<Checked> {
    let netns = config.lbsync.netns.as_deref();
    let told = tell(args, config);
    let look = || -> anyhow::Result<Facts> {
        let wanted = wanted(args, host, &told, &config.lbsync);
        gather::gather(wanted).map_err(could_not_tell)
    };
    let mut findings = judge(&look()?);
    let settings: Vec<Setting> = findings
        .iter()
        // A notice may well be as somebody wants it.
        .filter(|finding| finding.severity >= Severity::Warning)
        .filter_map(|finding| finding.setting.clone())
        .collect();
    let mut changes = Vec::new();
    if args.fix && !settings.is_empty() {
        changes = gather::set(netns, &settings).map_err(could_not_tell)?;
        findings = judge(&look()?);
    }
    Ok(Checked { findings, changes })
}

/// Where the sidecar or the balancer is: as told, else where the configuration says that it listens.
fn url(args: &DoctorArgs, config: &Config) -> String {
    let told = args.remote.url.clone();
    told.unwrap_or_else(|| config.http.listen.url())
}

fn could_not_tell(error: anyhow::Error) -> anyhow::Error {
    Outcome::CouldNotTell(error).into()
}

/// What was found, and what was changed about it.
struct Checked {
    findings: Vec<Finding>,
    changes: Vec<(Setting, std::io::Result<()>)>,
}

impl Checked {
    fn count(&self, severity: Severity) -> usize {
        let findings = self.findings.iter();
        findings
            .filter(|finding| finding.severity == severity)
            .count()
    }

    fn document(&self) -> Value {
        let change = |(setting, done): &(Setting, std::io::Result<()>)| {
            let error = done.as_ref().err().map(ToString::to_string);
            json!({"name": setting.name, "value": setting.value, "error": error})
        };
        json!({
            "findings": self.findings,
            "changed": self.changes.iter().map(change).collect::<Vec<_>>(),
        })
    }

    fn text(&self, paint: Paint, out: &mut dyn Write) -> std::io::Result<()> {
        for finding in &self.findings {
            let (word, colour) = match finding.severity {
                Severity::Good => ("good   ", "32"),
                Severity::Notice => ("notice ", "34"),
                Severity::Warning => ("WARNING", "33"),
                Severity::Error => ("ERROR  ", "1;31"),
            };
            let subject = finding.subject.as_deref().map(|name| format!(" {name}"));
            writeln!(
                out,
                "{} {}{}: {}",
                paint.word(word, colour),
                finding.id,
                subject.unwrap_or_default(),
                finding.found
            )?;
            if finding.severity > Severity::Good {
                writeln!(out, "        why: {}", finding.why)?;
                if !finding.fix.is_empty() {
                    writeln!(out, "        fix: {}", finding.fix)?;
                }
            }
        }
        for (Setting { name, value }, done) in &self.changes {
            match done {
                Ok(()) => writeln!(out, "changed: {name} = {value}, until the next boot")?,
                Err(error) => writeln!(out, "not changed: {name} = {value}: {error}")?,
            }
        }
        let count = |severity, word: &str| match self.count(severity) {
            1 => format!("1 {word}"),
            count => format!("{count} {word}s"),
        };
        writeln!(
            out,
            "{}, {}, {}, {} good",
            count(Severity::Error, "error"),
            count(Severity::Warning, "warning"),
            count(Severity::Notice, "notice"),
            self.count(Severity::Good)
        )
    }
}

/// Whether words are coloured.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    /// Where a person looks, and has not said no (<https://no-color.org>).
    fn for_stdout() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_none_or(|term| term == "dumb");
        Self(std::io::stdout().is_terminal() && set("NO_COLOR").is_none() && !dumb)
    }

    fn word(self, word: &str, colour: &str) -> String {
        if self.0 {
            format!("\u{1b}[{colour}m{word}\u{1b}[0m")
        } else {
            word.to_owned()
        }
    }
}

/// What the running balancer has in use, where it answers.
fn tell(args: &DoctorArgs, config: &Config) -> Result<Value, String> {
    let ask = || -> anyhow::Result<Value> {
        let token = token(args.remote.token_file.as_deref())?;
        let url = url(args, config);
        let table = client::get_with(&url, "/v1/balancer", token.as_deref());
        block_on(table).and_then(answer)
    };
    ask().map_err(|error| format!("{error:#}"))
}

fn wanted(
    args: &DoctorArgs,
    host: Host,
    told: &Result<Value, String>,
    lbsync: &config::Lbsync,
) -> Wanted {
    let mut vips: BTreeSet<IpAddr> = args.vips.iter().copied().collect();
    let mut forward: BTreeSet<Forward> = args.forward.iter().copied().collect();
    let services = told
        .as_ref()
        .ok()
        .and_then(|table| table["virtual_services"].as_array());
    for service in services.into_iter().flatten() {
        vips.extend(
            service["address"]
                .as_str()
                .and_then(|address| address.parse::<IpAddr>().ok()),
        );
        for destination in service["destinations"].as_array().into_iter().flatten() {
            forward.extend(match destination["forward"].as_str() {
                Some("masq") => Some(Forward::Masq),
                Some("droute") => Some(Forward::Droute),
                Some("tunnel") => Some(Forward::Tunnel),
                _ => None,
            });
        }
    }
    let said = !args.vips.is_empty() && !args.forward.is_empty();
    Wanted {
        role: host,
        netns: lbsync.netns.clone(),
        vips: vips.into_iter().collect(),
        forward: forward.into_iter().collect(),
        manages_vips: lbsync.vips == Vips::Manage,
        not_asked: told.as_ref().err().filter(|_| !said).cloned(),
    }
}
