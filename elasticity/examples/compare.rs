//! Every policy on every trace and start time, each row with its ratio to Knative's.
//!
//! `cargo run --release -p elasticity --example compare -- [--start 2,8,30] [--policies all] [--traces FILE|SHAPE,...] [--seed 5]`.
//! Traces are the recorded ones in `elasticity/traces` and every shape that [`Shape`] knows; files may be gzipped.

#![expect(clippy::print_stdout, reason = "an example prints its table")]

use std::{error::Error, fs, path::Path};

use elasticity::{Arrivals, PolicyName, Row, Setup, Trace, generate::Shape, simulate};

const RECORDED: [&str; 2] = ["twitter-3d.txt.gz", "step.txt.gz"];
const SECONDS: usize = 14_400;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, otherwise: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1))
            .cloned()
            .unwrap_or_else(|| otherwise.to_owned())
    };
    let shapes: Vec<&str> = RECORDED
        .into_iter()
        .chain(Shape::EVERY.iter().map(|shape| shape.name()))
        .collect();
    let seed = option("--seed", "5").parse()?;
    let policies = PolicyName::list(&option("--policies", "all"))?;
    println!("{}", head());
    for name in option("--traces", &shapes.join(",")).split(',') {
        let trace = trace(name, seed)?;
        let arrivals = Arrivals::draw(&trace, seed);
        for start in option("--start", "2,8,30").split(',') {
            let setup = Setup::new(start.parse()?, 10.0, (2, 80), seed)?;
            let knative = run(PolicyName::Knative, &setup, &trace, &arrivals)?;
            for policy in &policies {
                let row = run(*policy, &setup, &trace, &arrivals)?;
                println!("{}", line(name, start, &row, &knative));
            }
        }
    }
    Ok(())
}

fn trace(name: &str, seed: u64) -> Result<Trace, Box<dyn Error>> {
    if let Ok(shape) = name.parse::<Shape>() {
        return Ok(shape.trace(SECONDS, seed)?);
    }
    let mut path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("traces")
        .join(name);
    if !path.exists() {
        path = name.into();
    }
    let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = if bytes.starts_with(&[0x1f, 0x8b]) {
        std::io::read_to_string(flate2::read::MultiGzDecoder::new(bytes.as_slice()))?
    } else {
        String::from_utf8(bytes)?
    };
    Ok(Trace::parse(&text)?)
}

fn run(
    policy: PolicyName,
    setup: &Setup,
    trace: &Trace,
    arrivals: &Arrivals,
) -> Result<Row, Box<dyn Error>> {
    let mut autoscaler = policy.build(setup)?;
    Ok(simulate(policy.name(), setup, trace, arrivals, &mut *autoscaler).0)
}

fn head() -> String {
    format!(
        "{:<18} {:>5} {:<10} {:>8} {:>7} {:>7} {:>7} {:>9} {:>6} {:>9} {:>9} {:>10}",
        "trace",
        "start",
        "policy",
        "θU %",
        "θO %",
        "τU %",
        "υ %",
        "SLO-bad %",
        "cost",
        "changes/h",
        "bad/kna",
        "cost/kna"
    )
}

fn line(trace: &str, start: &str, row: &Row, knative: &Row) -> String {
    format!(
        "{trace:<18} {start:>5} {:<10} {:>8.3} {:>7.1} {:>7.2} {:>7.1} {:>9.3} {:>6.3} {:>9.1} {:>9} {:>10.3}",
        row.policy,
        row.theta_u_percent,
        row.theta_o_percent,
        row.tau_u_percent,
        row.instability_percent,
        row.slo_violations_percent,
        row.cost,
        row.changes_per_hour,
        ratio(row.slo_violations_percent, knative.slo_violations_percent),
        row.cost / knative.cost,
    )
}

/// Nothing over nothing is no number.
fn ratio(ours: f64, theirs: f64) -> String {
    if theirs > 0.0 {
        format!("{:.2}", ours / theirs)
    } else {
        "-".to_owned()
    }
}
