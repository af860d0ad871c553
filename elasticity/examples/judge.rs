//! Ours against Knative on the sets of [`elasticity::suite`], the shipped traces and shapes, or the recorded trace in pieces.
//!
//! `cargo run --release -p elasticity --example judge -- [--sets tuning,shipped,twitter] [--start 2,8,30] [--seconds 7200] [--quiet]`.
//! Sets: `tuning`, `held-out`, `shipped` (the recorded step trace and every [`Shape`]), `twitter` (pieces at several scales),
//! `twitter-held-out` (other pieces). A row holds where at most half as many requests break the objective as with Knative at no more
//! cost, or where fewer do at a lower cost.

#![expect(clippy::print_stdout, reason = "an example prints its table")]

use std::error::Error;

use elasticity::{
    Arrivals, PolicyName, Row, Setup, Trace,
    generate::Shape,
    product::{Product, default_labels},
    simulate,
    suite::{HELD_OUT, TUNING, cut},
};

/// Pieces of the recorded trace: where they begin, and by what they are multiplied.
const PIECES: [(usize, f64); 4] = [(0, 1.0), (60_000, 1.0), (130_000, 0.4), (200_000, 2.0)];
const OTHER_PIECES: [(usize, f64); 4] =
    [(30_000, 1.0), (95_000, 0.5), (165_000, 1.5), (235_000, 1.0)];

/// Where nobody breaks anything, cost alone decides.
const NOTHING_PERCENT: f64 = 0.01;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, otherwise: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1))
            .cloned()
            .unwrap_or_else(|| otherwise.to_owned())
    };
    let quiet = arguments.iter().any(|argument| argument == "--quiet");
    let seconds = option("--seconds", "7200").parse()?;
    let only = option("--only", "");
    let labels = option("--labels", "");
    let starts: Vec<f64> = option("--start", "2,8,30")
        .split(',')
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    for set in option("--sets", "tuning,shipped,twitter").split(',') {
        let mut tally = vec![Tally::default(); starts.len()];
        for (name, trace) in traces(set, seconds)? {
            if !name.contains(&only) {
                continue;
            }
            let arrivals = Arrivals::draw(&trace, 5);
            for (start, tally) in starts.iter().zip(&mut tally) {
                let setup = Setup::new(*start, 10.0, (2, 80), 5)?;
                let mut product = product(&setup, &labels)?;
                let ours = simulate("swarmtide", &setup, &trace, &arrivals, &mut product).0;
                let knative = run(PolicyName::Knative, &setup, &trace, &arrivals)?;
                let held = tally.count(&ours, &knative);
                if !quiet || !held {
                    println!("{}", line(&name, *start, &ours, &knative, held));
                }
            }
        }
        for (start, tally) in starts.iter().zip(&tally) {
            println!("{set} at {start} s: {}", tally.words());
        }
    }
    Ok(())
}

/// Sums over the rows of a set.
#[derive(Clone, Debug, Default)]
struct Tally {
    rows: u32,
    hold: u32,
    half: u32,
    bad_log: f64,
    bad_rows: u32,
    cost_log: f64,
}

impl Tally {
    /// Counts a row; whether it holds.
    fn count(&mut self, ours: &Row, knative: &Row) -> bool {
        let (bad, theirs) = (ours.slo_violations_percent, knative.slo_violations_percent);
        let half = bad <= (0.5 * theirs).max(NOTHING_PERCENT) && ours.cost <= knative.cost;
        let held = half || bad < theirs && ours.cost < knative.cost;
        self.rows += 1;
        self.hold += u32::from(held);
        self.half += u32::from(half);
        if bad > NOTHING_PERCENT || theirs > NOTHING_PERCENT {
            self.bad_rows += 1;
            self.bad_log += ((bad + NOTHING_PERCENT) / (theirs + NOTHING_PERCENT)).ln();
        }
        self.cost_log += (ours.cost / knative.cost).ln();
        held
    }

    fn words(&self) -> String {
        format!(
            "{} of {} hold, {} with at most half at no more cost; geometric means: bad/kna {:.3}, cost/kna {:.3}",
            self.hold,
            self.rows,
            self.half,
            (self.bad_log / f64::from(self.bad_rows.max(1))).exp(),
            (self.cost_log / f64::from(self.rows.max(1))).exp(),
        )
    }
}

fn line(name: &str, start: f64, ours: &Row, knative: &Row, held: bool) -> String {
    let (bad, theirs) = (ours.slo_violations_percent, knative.slo_violations_percent);
    format!(
        "{name:<18} {start:>3} {bad:>8.3} {theirs:>8.3} {:>6.2}  {:>6.3} {:>6.3} {:>6.3} {:>6.0}/h{}",
        bad / theirs.max(1e-9),
        ours.cost,
        knative.cost,
        ours.cost / knative.cost,
        ours.changes_per_hour,
        if held { "" } else { "  <-" }
    )
}

fn traces(set: &str, seconds: usize) -> Result<Vec<(String, Trace)>, Box<dyn Error>> {
    let pieces = |pieces: &[(usize, f64)]| -> Result<Vec<(String, Trace)>, Box<dyn Error>> {
        let whole = recorded("twitter-3d")?;
        pieces
            .iter()
            .map(|(from, factor)| {
                let name = format!("twitter+{from}x{factor}");
                Ok((name, cut(&whole, *from, seconds, *factor)?))
            })
            .collect()
    };
    Ok(match set {
        "tuning" | "held-out" => {
            let cases = if set == "tuning" { TUNING } else { HELD_OUT };
            let each = |case: &elasticity::suite::Case| Ok((case.name(), case.trace(seconds)?));
            cases
                .iter()
                .map(each)
                .collect::<Result<_, elasticity::TraceError>>()?
        }
        "twitter" => pieces(&PIECES)?,
        "twitter-held-out" => pieces(&OTHER_PIECES)?,
        "shipped" => {
            let mut all = vec![("step".to_owned(), recorded("step")?)];
            for shape in Shape::EVERY {
                all.push((shape.name().to_owned(), shape.trace(2 * seconds, 5)?));
            }
            all
        }
        "whole" => vec![("twitter-3d".to_owned(), recorded("twitter-3d")?)],
        _ => return Err(format!("there is no set {set:?}").into()),
    })
}

fn recorded(name: &str) -> Result<Trace, Box<dyn Error>> {
    let path = format!("{}/traces/{name}.txt.gz", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path)?;
    let text = std::io::read_to_string(flate2::read::MultiGzDecoder::new(bytes.as_slice()))?;
    Ok(Trace::parse(&text)?)
}

/// Ours with its defaults and what `--labels` says, as `window.down=60s,wait=300ms`.
fn product(setup: &Setup, labels: &str) -> Result<Product, Box<dyn Error>> {
    let mut all = default_labels(setup);
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once('=').ok_or("a label is name=value")?;
        all.insert(format!("swarmtide.{name}"), value.to_owned());
    }
    Ok(Product::with_labels(all)?)
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
