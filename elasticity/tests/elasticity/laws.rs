//! What holds for every trace, service and policy.

use elasticity::{Arrivals, PolicyName, Row, Sample, Setup, Totals, Trace, simulate_with};
use proptest::prelude::*;

fn traces() -> impl Strategy<Value = Trace> {
    let stretch = (0_u32..400, 1_usize..90).prop_map(|(level, seconds)| vec![level; seconds]);
    prop::collection::vec(stretch, 1..8).prop_map(|parts| Trace::new(parts.concat()).unwrap())
}

fn setups() -> impl Strategy<Value = Setup> {
    (
        0.0..40.0_f64,
        1.0..50.0_f64,
        1_u32..5,
        0_u32..60,
        any::<u64>(),
    )
        .prop_map(|(start, rate, min, more, seed)| {
            Setup::new(start, rate, (min, min + more), seed).unwrap()
        })
}

fn policies() -> impl Strategy<Value = PolicyName> {
    prop::sample::select(PolicyName::EVERY)
}

fn run(policy: PolicyName, setup: &Setup, trace: &Trace) -> (Row, Totals, Vec<Sample>) {
    let arrivals = Arrivals::draw(trace, setup.seed());
    let mut autoscaler = policy.build(setup).unwrap();
    let mut samples = Vec::new();
    let (row, totals) = simulate_with(
        (policy.name(), setup),
        trace,
        &arrivals,
        &mut *autoscaler,
        &mut |sample| samples.push(sample),
    );
    (row, totals, samples)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_request_is_lost_or_made(policy in policies(), setup in setups(), trace in traces()) {
        let (row, totals, samples) = run(policy, &setup, &trace);
        let came: u64 = trace.seconds().iter().copied().map(u64::from).sum();
        prop_assert_eq!(totals.arrived, came as f64);
        let gone = totals.served + totals.dropped + totals.queued;
        prop_assert!((totals.arrived - gone).abs() < 1e-6 * totals.arrived.max(1.0));
        prop_assert!(totals.late + totals.dropped <= totals.arrived + 1e-6);
        let bad: f64 = samples.iter().map(|sample| sample.bad).sum();
        prop_assert!((bad - totals.late - totals.dropped).abs() < 1e-6 * bad.max(1.0));
        prop_assert!(row.slo_violations_percent >= row.dropped_percent);
    }

    #[test]
    fn replicas_never_leave_their_bounds(policy in policies(), setup in setups(), trace in traces()) {
        let (row, _, samples) = run(policy, &setup, &trace);
        prop_assert_eq!(samples.len(), trace.seconds().len());
        for sample in samples {
            prop_assert!((setup.min()..=setup.max()).contains(&sample.spec), "{:?}", sample);
            prop_assert!((1..=setup.max()).contains(&sample.serving), "{:?}", sample);
        }
        prop_assert!(row.tau_u_percent + row.tau_o_percent <= 100.0 + 1e-9);
        prop_assert!(row.theta_u_percent <= row.tau_u_percent);
    }

    #[test]
    fn the_same_input_gives_the_same_result(policy in policies(), setup in setups(), trace in traces()) {
        prop_assert_eq!(run(policy, &setup, &trace), run(policy, &setup, &trace));
    }

    #[test]
    fn the_start_time_matters_only_where_something_starts(setup in setups(), trace in traces()) {
        // With min = max no policy decides anything.
        let fixed = |start| Setup::new(start, setup.requests_per_replica(), (3, 3), setup.seed()).unwrap();
        let (slow, ..) = run(PolicyName::Knative, &fixed(30.0), &trace);
        let (fast, ..) = run(PolicyName::Knative, &fixed(1.0), &trace);
        prop_assert_eq!(slow, fast);
    }

    #[test]
    fn more_replicas_are_never_worse_for_users(setup in setups(), trace in traces(), replicas in 1_u32..30) {
        let bad = |replicas| {
            let setup = Setup::new(8.0, setup.requests_per_replica(), (replicas, replicas), setup.seed()).unwrap();
            run(PolicyName::Elb, &setup, &trace).0.slo_violations_percent
        };
        prop_assert!(bad(replicas + 1) <= bad(replicas) + 1e-9);
    }
}
