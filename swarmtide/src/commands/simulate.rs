//! `simulate`: a trace of requests against this scaler's policy and others', in the simulator of the `elasticity` crate.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use anyhow::Context as _;
use elasticity::{
    Arrivals, PolicyName, Row, Sample, Setup, Trace,
    plot::{Chart, Line, each_second, svg},
    simulate_with,
};
use flate2::read::MultiGzDecoder;

use super::look::Progress;
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
    let (mut demand, mut lines) = (Vec::new(), Vec::new());
    let mut progress = Progress::new(policies.len());
    for policy in policies {
        progress.step(policy.name());
        let mut autoscaler = policy.build(&setup).context(policy.name())?;
        let mut values = Vec::new();
        demand.clear();
        let mut look = |sample: Sample| {
            if args.svg.is_some() {
                demand.push(sample.demand);
                values.push(f64::from(sample.serving));
            }
        };
        let of = (policy.name(), &setup);
        rows.push(simulate_with(of, &trace, &arrivals, &mut *autoscaler, &mut look).0);
        lines.push(Line {
            name: policy.name().to_owned(),
            steps: each_second(&values),
        });
    }
    drop(progress);
    if let Some(file) = &args.svg {
        let title = format!("Replicas that served: {}", args.trace.display());
        let chart = Chart {
            title,
            seconds: demand.len() as f64,
            demand: each_second(&demand),
            lines,
        };
        let image = svg(&[chart])?;
        fs::write(file, image).with_context(|| file.display().to_string())?;
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
