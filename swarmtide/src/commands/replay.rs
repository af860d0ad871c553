//! `replay`: a recording again, with other policies beside the one that was live.

use std::{fs, io::Write};

use anyhow::{Context as _, bail};
use elasticity::plot::svg;

use super::look::{Look, Progress, Tone};
use crate::{
    candidate_file,
    cli::{Format, ReplayArgs},
    replay::{self, Replayed, Track},
};

/// Replays, and prints what each policy would have come to.
pub(super) fn replay(args: &ReplayArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let candidates = args.policy.iter().map(|path| candidate_file::read(path));
    let candidates = candidates.collect::<Result<Vec<_>, _>>()?;
    let mut progress = Progress::new(1);
    progress.step(&format!("playing {}", args.file.display()));
    let replayed =
        replay::replay(&args.file, candidates).with_context(|| args.file.display().to_string())?;
    drop(progress);
    if let Some(path) = &args.svg {
        fs::write(path, svg(&replayed.charts())?)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&replayed)?)?,
        Format::Text => text(&replayed, out)?,
    }
    if replayed.different > 0 {
        bail!(
            "{} of {} decisions came out differently; were they made by this version?",
            replayed.different,
            replayed.decisions
        );
    }
    Ok(())
}

fn text(replayed: &Replayed, out: &mut dyn Write) -> anyhow::Result<()> {
    let Replayed {
        seconds,
        ticks,
        decisions,
        different,
        ..
    } = replayed;
    let same = decisions.saturating_sub(*different);
    let look = Look::of_stdout();
    let tone = if *different == 0 {
        Tone::Good
    } else {
        Tone::Bad
    };
    let verdict = format!("{same} of {decisions} decisions are those that were made");
    writeln!(
        out,
        "{seconds:.1} s, {ticks} ticks; {}",
        look.paint(tone, verdict)
    )?;
    if replayed.torn {
        writeln!(out, "The recording breaks off in the middle of a frame.")?;
    }
    for difference in &replayed.differences {
        writeln!(out, "{difference}")?;
    }
    for (service, tracks) in &replayed.services {
        writeln!(
            out,
            "\n{service}\n{:<20} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>10}",
            "policy", "thetaU %", "thetaO %", "tauU %", "tauO %", "upsilon %", "cost", "changes/h"
        )?;
        for Track {
            policy, measures, ..
        } in tracks
        {
            writeln!(
                out,
                "{policy:<20} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>9.2} {:>7.3} {:>10.1}",
                measures.theta_u_percent,
                measures.theta_o_percent,
                measures.tau_u_percent,
                measures.tau_o_percent,
                measures.instability_percent,
                measures.cost,
                measures.changes_per_hour
            )?;
        }
    }
    Ok(())
}
