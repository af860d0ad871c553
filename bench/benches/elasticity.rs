//! How elastic ours is against Knative, the best of the peers, on every trace and start time; and what arbitration spares.
//!
//! Both get the same arrivals in one run. Ours holds where no more requests break the objective than with Knative *and* it costs less,
//! or where at most half as many do and it costs no more. Shapes are made from seeds that nothing was tuned with.
//!
//! `cargo bench -p bench --bench elasticity [-- --check]`; with `--check` the exit code says whether it holds everywhere, whether the
//! three-service flash crowd is arbitrated as it should be, and whether all policies together play four hours in time.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark talks, and ends on what it did not expect"
)]

use std::{
    io::Read as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use elasticity::{
    Arrivals, PolicyName, Row, Setup, Trace,
    generate::Shape,
    shared::{FLASH_CROWD_ROOM, flash_crowd},
    simulate, simulate_shared,
};

const TWITTER: &[u8] = include_bytes!("../../elasticity/traces/twitter-3d.txt.gz");
const STEP: &[u8] = include_bytes!("../../elasticity/traces/step.txt.gz");
const STARTS: [f64; 3] = [2.0, 8.0, 30.0];
const SECONDS: usize = 14_400;
const SEEDS: [u64; 2] = [101, 202];

const GOAL_RATIO: f64 = 0.5;
const GOAL_FIRST_COME: f64 = 15.0;
const GOAL_ARBITRATED: f64 = 1.0;
const GOAL_FOUR_HOURS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let mut missed = Vec::new();
    println!("trace                start  SLO-bad %  Knative's  ratio   cost  Knative's  ratio");
    for (name, trace) in traces() {
        for start in STARTS {
            let (ours, knative) = both(&trace, start);
            let held = holds(&ours, &knative);
            println!(
                "{}{}",
                line(&name, start, &ours, &knative),
                if held { "" } else { "  <-" }
            );
            if !held {
                missed.push(format!("{name} at {start} s"));
            }
        }
    }
    missed.extend(crowd());
    missed.extend(four_hours());
    for what in &missed {
        println!("missed: {what}");
    }
    ExitCode::from(u8::from(bench::checks() && !missed.is_empty()))
}

fn traces() -> Vec<(String, Trace)> {
    let mut traces = vec![
        ("twitter-3d".to_owned(), unpacked(TWITTER)),
        ("step".to_owned(), unpacked(STEP)),
    ];
    if bench::is_trial() {
        return traces;
    }
    for shape in Shape::EVERY {
        for seed in SEEDS {
            let name = format!("{shape}/{seed}");
            traces.push((name, shape.trace(SECONDS, seed).unwrap()));
        }
    }
    traces
}

fn unpacked(zipped: &[u8]) -> Trace {
    let mut text = String::new();
    flate2::read::GzDecoder::new(zipped)
        .read_to_string(&mut text)
        .unwrap();
    Trace::parse(&text).unwrap()
}

fn both(trace: &Trace, start: f64) -> (Row, Row) {
    let setup = Setup::new(start, 10.0, (2, 80), 1).unwrap();
    let arrivals = Arrivals::draw(trace, setup.seed());
    let row = |policy: PolicyName| {
        let mut autoscaler = policy.build(&setup).unwrap();
        simulate(policy.name(), &setup, trace, &arrivals, &mut *autoscaler).0
    };
    (row(PolicyName::Swarmtide), row(PolicyName::Knative))
}

/// Where nobody breaks anything, cost alone decides.
fn holds(ours: &Row, knative: &Row) -> bool {
    let (bad, theirs) = (ours.slo_violations_percent, knative.slo_violations_percent);
    let half = bad <= GOAL_RATIO * theirs && ours.cost <= knative.cost;
    let fewer = bad < theirs.max(0.01) && ours.cost < knative.cost;
    half || fewer
}

fn line(name: &str, start: f64, ours: &Row, knative: &Row) -> String {
    format!(
        "{name:<20} {start:>5} {:>10.3} {:>10.3} {:>6.2} {:>6.3} {:>10.3} {:>6.3}",
        ours.slo_violations_percent,
        knative.slo_violations_percent,
        ours.slo_violations_percent / knative.slo_violations_percent.max(1e-9),
        ours.cost,
        knative.cost,
        ours.cost / knative.cost,
    )
}

fn crowd() -> Option<String> {
    let bad = |arbitrated: bool| {
        let tenants = flash_crowd(arbitrated, 1);
        let rows = simulate_shared(&tenants, FLASH_CROWD_ROOM, arbitrated).unwrap();
        let how = if arbitrated {
            "arbitrated"
        } else {
            "first come"
        };
        for (row, _) in &rows {
            println!(
                "{how:<11} {:<9} {:>7.3} % SLO-bad",
                row.policy, row.slo_violations_percent
            );
        }
        rows[0].0.slo_violations_percent
    };
    println!();
    let (first_come, arbitrated) = (bad(false), bad(true));
    (first_come <= GOAL_FIRST_COME || arbitrated >= GOAL_ARBITRATED).then(|| {
        format!("the flash crowd: {first_come:.2} % of the critical service's by first come, {arbitrated:.2} % arbitrated")
    })
}

fn four_hours() -> Option<String> {
    let trace = Shape::FlashCrowd.trace(SECONDS, 1).unwrap();
    let setup = Setup::new(8.0, 10.0, (2, 80), 1).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    let began = Instant::now();
    let arrivals = Arrivals::draw(&trace, 1);
    for policy in PolicyName::ALL {
        let mut autoscaler = policy.build(&setup).unwrap();
        let _row = simulate(policy.name(), &setup, &trace, &arrivals, &mut *autoscaler);
    }
    let took = began.elapsed();
    println!(
        "\nall policies over four hours: {:.0} ms",
        took.as_secs_f64() * 1000.0
    );
    (took > GOAL_FOUR_HOURS).then(|| format!("four hours took {took:?}"))
}
