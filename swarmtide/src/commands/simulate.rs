//! `simulate`: a trace of requests against this scaler's policy and others', in the simulator of the `elasticity` crate.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use anyhow::Context as _;
use elasticity::{Arrivals, PolicyName, Row, Setup, Trace, simulate as play};
use flate2::read::MultiGzDecoder;

use crate::cli::{Format, SimulateArgs};

/// Largest trace that is read, in bytes once unpacked.
const BYTES_MAX: u64 = 256 << 20;

/// What a gzip file begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Plays the trace against each policy and prints a row for each.
pub(super) fn simulate(args: &SimulateArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let policies = PolicyName::list(&args.policies).context("--policies")?;
    let setup = Setup::new(
        args.start_seconds,
        args.requests_per_replica,
        (args.min, args.max),
        args.seed,
    )?;
    let text = read(&args.trace).with_context(|| args.trace.display().to_string())?;
    let trace = Trace::parse(&text).with_context(|| args.trace.display().to_string())?;
    let arrivals = Arrivals::draw(&trace, args.seed);
    let mut rows: Vec<Row> = Vec::with_capacity(policies.len());
    for policy in policies {
        let mut autoscaler = policy.build(&setup).context(policy.name())?;
        rows.push(play(policy.name(), &setup, &trace, &arrivals, &mut *autoscaler).0);
    }
    match args.format {
        Format::Text => write!(out, "{}", elasticity::table::text(&rows))?,
        Format::Json => writeln!(out, "{}", serde_json::to_string(&rows)?)?,
    }
    Ok(())
}

/// A trace's text, unpacked where it is gzipped; `-` is standard input.
fn read(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().take(BYTES_MAX).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    }
    if bytes.starts_with(&GZIP_MAGIC) {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(bytes.as_slice())
            .take(BYTES_MAX)
            .read_to_end(&mut unpacked)
            .context("unpacking")?;
        bytes = unpacked;
    }
    anyhow::ensure!(
        (bytes.len() as u64) < BYTES_MAX,
        "is larger than {BYTES_MAX} bytes"
    );
    String::from_utf8(bytes).context("is neither text nor gzip")
}
