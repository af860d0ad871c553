//! `lb audit`: the kernel's table compared with what it should be.
//!
//! The running balancer says what should be, the kernel what is. The two are not of one moment, so what is found is looked for
//! again a little later, and only what is found twice counts.

use std::{io::Write, thread, time::Duration};

use anyhow::{Context as _, bail};
use lbsync::{Audit, Existing, Finding, Ownership, Prefix};
use serde_json::{Value, json};

use super::{Outcome, Told, ask, ingress, open, url};
use crate::{
    cli::{AuditArgs, Format},
    commands::look::{Look, Tone},
};

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(1500);

/// Most looks; each must confirm what the one before found.
const LOOKS: usize = 2;

/// Compares, prints, and says by its error what the exit code is.
pub(super) fn audit(args: &AuditArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let own = own(args);
    if !args.swarm_ingress {
        return print(args, own, None, out);
    }
    let swarms = ingress::audit(args);
    print(args, own, Some(swarms), out)
}

/// The audit of our own table.
fn own(args: &AuditArgs) -> anyhow::Result<Audit> {
    let url = url(&args.remote, args.config.as_deref())?;
    let mut found = look(&url, args)?;
    for _ in 1..LOOKS {
        if found.is_clean() {
            break;
        }
        thread::sleep(PAUSE);
        let again = look(&url, args)?;
        let both = |finding: &Finding| found.findings.contains(finding);
        found = Audit {
            findings: again.findings.iter().filter(|f| both(f)).cloned().collect(),
            ..again
        };
    }
    Ok(found)
}

fn look(url: &str, args: &AuditArgs) -> anyhow::Result<Audit> {
    let told: Told = serde_json::from_value(ask(url, &args.remote)?)
        .context("what the balancer tells cannot be read; is it of another version?")?;
    if !told.enabled {
        bail!("the balancer at {url} keeps no table (lbsync.enabled)");
    }
    if told.data_plane != "ipvs" {
        let plane = &told.data_plane;
        bail!("the table of {url} is in {plane:?}, not in the kernel (lbsync.data_plane)");
    }
    if told.source.state == "waiting" {
        bail!("the balancer has no backend set yet, so nobody knows what should be");
    }
    let ranges: Result<Vec<Prefix>, _> = told
        .place
        .ranges
        .iter()
        .map(|range| range.parse())
        .collect();
    let ranges = ranges.context("what the balancer tells cannot be read")?;
    let ownership = Ownership::new(ranges, Existing::Adopt).with_marks(told.expected.marks);
    let listing = open(told.place.netns.as_deref())?
        .try_list()
        .context("the kernel's table cannot be read")?;
    Ok(lbsync::audit(&told.expected.expected, &listing, &ownership))
}

fn print(
    args: &AuditArgs,
    own: anyhow::Result<Audit>,
    swarms: Option<anyhow::Result<ingress::Report>>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match args.format {
        Format::Json => {
            let document = document(&own, swarms.as_ref());
            writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
        }
        Format::Text => text(&own, swarms.as_ref(), out)?,
    }
    verdict(own, swarms)
}

/// Drift wins over doubt. A node without a balancer of ours is judged by swarm's tables alone, where those were asked for.
fn verdict(
    own: anyhow::Result<Audit>,
    swarms: Option<anyhow::Result<ingress::Report>>,
) -> anyhow::Result<()> {
    let both_asked = swarms.is_some();
    let swarms = swarms.unwrap_or_else(|| Ok(ingress::Report::default()));
    let found = own.as_ref().map_or(0, |own| own.findings.len())
        + swarms.as_ref().map_or(0, |swarms| swarms.findings.len());
    if found > 0 {
        return Err(Outcome::Drift(found).into());
    }
    match (own, swarms) {
        (_, Err(error)) => Err(Outcome::CouldNotTell(error).into()),
        (Err(error), _) if !both_asked => Err(Outcome::CouldNotTell(error).into()),
        _ => Ok(()),
    }
}

fn document(
    own: &anyhow::Result<Audit>,
    swarms: Option<&anyhow::Result<ingress::Report>>,
) -> Value {
    let with_words = |finding: &Finding| {
        let mut value = json!(finding);
        value["words"] = finding.to_string().into();
        value
    };
    let mut document = match own {
        Ok(audit) => json!({
            "verdict": if audit.is_clean() { "clean" } else { "drift" },
            "findings": audit.findings.iter().map(with_words).collect::<Vec<_>>(),
            "foreign": audit.foreign,
            "virtual_services": audit.services,
            "destinations": audit.destinations,
        }),
        Err(error) => json!({
            "verdict": "unknown",
            "reason": format!("{error:#}"),
            "findings": [],
        }),
    };
    match swarms {
        None => {}
        Some(Ok(report)) => document["swarm_ingress"] = report.document(),
        Some(Err(error)) => {
            document["swarm_ingress"] = json!({
                "verdict": "unknown",
                "reason": format!("{error:#}"),
                "findings": [],
            });
        }
    }
    document
}

fn text(
    own: &anyhow::Result<Audit>,
    swarms: Option<&anyhow::Result<ingress::Report>>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    match own {
        Ok(audit) => {
            let look = Look::of_stdout();
            writeln!(
                out,
                "{} virtual services and {} destinations should be there; {} findings; {} entries of others",
                audit.services,
                audit.destinations,
                audit.findings.len(),
                audit.foreign.len()
            )?;
            for finding in &audit.findings {
                writeln!(out, "  {}", look.paint(Tone::Bad, finding))?;
            }
        }
        Err(error) => writeln!(out, "our own table: cannot be told: {error:#}")?,
    }
    match swarms {
        None => Ok(()),
        Some(Ok(report)) => report.text(out),
        Some(Err(error)) => writeln!(out, "swarm's own tables: cannot be told: {error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::exit_code;

    fn code(outcome: anyhow::Result<()>) -> u8 {
        outcome.map_or_else(|error| exit_code(&error), |()| 0)
    }

    fn away<T>() -> anyhow::Result<T> {
        bail!("nobody answers")
    }

    fn drift() -> Audit {
        let expected = lbsync::ExpectedService {
            key: lbsync::VirtualServiceKey {
                address: [10, 30, 0, 1].into(),
                port: 80,
                protocol: lbsync::Protocol::Tcp,
            },
            config: lbsync::VirtualServiceConfig::default(),
            service: Some("web".to_owned()),
            destinations: Vec::new(),
        };
        let ownership = Ownership::new(Vec::new(), Existing::Adopt);
        lbsync::audit(&[expected], &lbsync::Listing::default(), &ownership)
    }

    #[test]
    fn exit_codes() {
        assert_eq!(code(verdict(Ok(Audit::default()), None)), 0);
        assert_eq!(code(verdict(Ok(drift()), None)), 1);
        assert_eq!(code(verdict(away(), None)), 2);
        let clean = || Some(Ok(ingress::Report::default()));
        assert_eq!(code(verdict(away(), clean())), 0);
        assert_eq!(code(verdict(Ok(drift()), clean())), 1);
        assert_eq!(code(verdict(Ok(drift()), Some(away()))), 1);
        assert_eq!(code(verdict(Ok(Audit::default()), Some(away()))), 2);
    }

    #[test]
    fn the_document_says_what_was_found_in_words_too() {
        let document = document(&Ok(drift()), None);
        assert_eq!(document["verdict"], "drift");
        assert_eq!(document["findings"][0]["fault"], "missing");
        let words = document["findings"][0]["words"].as_str().unwrap();
        assert!(
            words.contains("10.30.0.1:80 (service web) is missing"),
            "{words}"
        );
        assert_eq!(super::document(&away(), None)["verdict"], "unknown");
    }
}
