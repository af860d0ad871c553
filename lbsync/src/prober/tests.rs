use super::*;
use crate::key::Protocol;
use crate::probe::ProbeKind;

const SECOND: Duration = Duration::from_secs(1);

fn place(last: u8) -> Place {
    let service = VirtualServiceKey {
        address: [10, 30, 0, 1].into(),
        port: 80,
        protocol: Protocol::Tcp,
    };
    let destination = DestinationKey {
        address: [10, 0, 0, last].into(),
        port: 8080,
    };
    (service, destination)
}

fn spec() -> ProbeSpec {
    ProbeSpec {
        kind: ProbeKind::Tcp,
        interval: 2 * SECOND,
        timeout: SECOND,
        rise: 2,
        fall: 3,
    }
}

fn prober(places: &[(u8, Health)]) -> Prober {
    let mut prober = Prober::default();
    prober.begin_round();
    for (last, health) in places {
        prober.want(place(*last), &spec(), || health.clone(), Duration::ZERO);
    }
    prober.end_round();
    prober
}

fn failed() -> ProbeOutcome {
    ProbeOutcome::Failed("connection refused".to_owned())
}

/// Makes probes as they fall due, all with the same outcome, and returns when the health changed.
fn run(prober: &mut Prober, outcome: &ProbeOutcome, until: Duration) -> Option<Duration> {
    while let Some(now) = prober.next_due().filter(|due| *due <= until) {
        let (probes, mut changed) = prober.poll(usize::MAX, now);
        for probe in probes {
            changed |= prober.finished(probe.id, outcome.clone(), now);
        }
        if changed {
            return Some(now);
        }
    }
    None
}

fn health(prober: &Prober, last: u8) -> Health {
    let (service, destination) = place(last);
    prober.health(&service, &destination).unwrap().clone()
}

#[test]
fn a_destination_falls_after_three_failures_and_rises_after_two_successes() {
    let mut prober = prober(&[(1, Health::Up)]);
    let down = run(&mut prober, &failed(), 60 * SECOND).unwrap();
    assert!(
        down <= 6 * SECOND,
        "{down:?}: within fall times the interval"
    );
    let expected = Health::Down {
        since: down,
        successes: 0,
        why: "connection refused".to_owned(),
    };
    assert_eq!(health(&prober, 1), expected);
    let up = run(&mut prober, &ProbeOutcome::Connected, 60 * SECOND).unwrap();
    assert_eq!((health(&prober, 1), up), (Health::Up, down + 4 * SECOND));
}

#[test]
fn a_success_forgives_what_failed_before() {
    let mut prober = prober(&[(1, Health::Up)]);
    for outcome in [
        failed(),
        failed(),
        ProbeOutcome::Connected,
        failed(),
        failed(),
    ] {
        let now = prober.next_due().unwrap();
        let probe = prober.poll(1, now).0.remove(0);
        assert!(!prober.finished(probe.id, outcome, now));
    }
    assert_eq!(health(&prober, 1), Health::Up);
}

#[test]
fn those_that_join_are_tried_at_once_and_the_rest_spread_out() {
    let new = prober(&[(1, Health::Joining { successes: 0 })]);
    assert_eq!(new.next_due(), Some(Duration::ZERO));
    let many: Vec<_> = (0..100).map(|last| (last, Health::Up)).collect();
    let mut old = prober(&many);
    let at_once = old.poll(usize::MAX, Duration::ZERO).0.len();
    let half_way = old.poll(usize::MAX, SECOND).0.len();
    assert!(at_once < 5, "{at_once}");
    assert!((30..70).contains(&half_way), "{half_way}");
    assert_eq!(prober(&many).next_due(), prober(&many).next_due());
}

#[test]
fn an_outcome_that_never_comes_is_a_failure_and_one_too_late_is_none() {
    let mut prober = prober(&[(1, Health::Up)]);
    let mut ids = Vec::new();
    while health(&prober, 1) == Health::Up {
        let now = prober.next_due().unwrap();
        ids.extend(prober.poll(1, now).0.iter().map(|probe| probe.id));
    }
    assert_eq!((prober.stats().probes_lost, ids.len()), (3, 4));
    for id in &ids[..3] {
        assert!(!prober.finished(*id, ProbeOutcome::Connected, 60 * SECOND));
    }
    assert!(matches!(
        health(&prober, 1),
        Health::Down { successes: 0, .. }
    ));
}

#[test]
fn probes_under_way_are_bounded() {
    let many: Vec<_> = (0..10)
        .map(|last| (last, Health::Joining { successes: 0 }))
        .collect();
    let mut prober = prober(&many);
    let first = prober.poll(4, Duration::ZERO).0;
    assert_eq!(
        (first.len(), prober.poll(4, Duration::ZERO).0.len()),
        (4, 0)
    );
    prober.finished(first[0].id, ProbeOutcome::Connected, Duration::ZERO);
    assert_eq!(prober.poll(4, Duration::ZERO).0.len(), 1);
    assert_eq!(prober.stats().probes_postponed, 3);
}

#[test]
fn what_is_not_wanted_is_probed_no_more() {
    let mut prober = prober(&[(1, Health::Up), (2, Health::Up)]);
    let id = prober.poll(9, 2 * SECOND).0[0].id;
    prober.begin_round();
    prober.end_round();
    assert_eq!(prober.next_due(), None);
    assert!(!prober.finished(id, failed(), 3 * SECOND));
}
