//! `doctor`: checks what a balancer needs, says why it matters, and changes kernel settings only when told to.

use std::{collections::BTreeSet, io::Write, net::IpAddr};

use serde_json::{Value, json};

use super::{
    ask::{answer, block_on, token},
    lb::Outcome,
};
use crate::{
    cli::{DoctorArgs, Format},
    client,
    config::{self, Vips},
    doctor::{
        Facts, Finding, Forward, Setting, Severity,
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
    let sources = config::Sources::of_process(args.config.clone())?;
    let config = config::load(&sources)?;
    let netns = config.lbsync.netns.as_deref();
    let told = tell(args);
    let look = || -> anyhow::Result<Facts> {
        gather::gather(wanted(args, &told, netns, config.lbsync.vips)).map_err(could_not_tell)
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
    match args.format {
        Format::Json => {
            let change = |(setting, done): &(Setting, std::io::Result<()>)| {
                let error = done.as_ref().err().map(ToString::to_string);
                json!({"name": setting.name, "value": setting.value, "error": error})
            };
            let document = json!({
                "findings": findings,
                "changed": changes.iter().map(change).collect::<Vec<_>>(),
            });
            writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
        }
        Format::Text => {
            text(&findings, out)?;
            for (setting, done) in &changes {
                let Setting { name, value } = setting;
                match done {
                    Ok(()) => writeln!(out, "changed: {name} = {value}, until the next boot")?,
                    Err(error) => writeln!(out, "not changed: {name} = {value}: {error}")?,
                }
            }
        }
    }
    let errors = |finding: &&Finding| finding.severity == Severity::Error;
    match findings.iter().filter(errors).count() {
        0 => Ok(()),
        count => Err(Broken(count).into()),
    }
}

fn could_not_tell(error: anyhow::Error) -> anyhow::Error {
    Outcome::CouldNotTell(error).into()
}

fn text(findings: &[Finding], out: &mut dyn Write) -> std::io::Result<()> {
    for finding in findings {
        let word = match finding.severity {
            Severity::Good => "good   ",
            Severity::Notice => "notice ",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR  ",
        };
        writeln!(out, "{word} {}: {}", finding.id, finding.found)?;
        if finding.severity > Severity::Good {
            writeln!(out, "        why: {}", finding.why)?;
            if !finding.fix.is_empty() {
                writeln!(out, "        fix: {}", finding.fix)?;
            }
        }
    }
    Ok(())
}

/// What the running balancer has in use, where it answers.
fn tell(args: &DoctorArgs) -> Result<Value, String> {
    let ask = || -> anyhow::Result<Value> {
        let token = token(args.remote.token_file.as_deref())?;
        let table = client::get_with(&args.remote.url, "/v1/balancer", token.as_deref());
        block_on(table).and_then(answer)
    };
    ask().map_err(|error| format!("{error:#}"))
}

fn wanted(
    args: &DoctorArgs,
    told: &Result<Value, String>,
    netns: Option<&str>,
    vips_are: Vips,
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
        role: args.role,
        netns: netns.map(str::to_owned),
        vips: vips.into_iter().collect(),
        forward: forward.into_iter().collect(),
        manages_vips: vips_are == Vips::Manage,
        not_asked: told.as_ref().err().filter(|_| !said).cloned(),
    }
}
