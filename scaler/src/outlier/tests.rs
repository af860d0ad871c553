use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn replica(number: usize, cpu_cores: f64, bytes: f64, steal: f64) -> Replica {
    Replica {
        id: ReplicaId(number as u128),
        cpu_cores: Some(cpu_cores),
        bytes: Some(bytes),
        steal: Some(steal),
    }
}

/// Runs for so many seconds, a tick every two, and returns who came to stand out and who ceased to.
fn run(
    watch: &mut Watch,
    replicas: &[Replica],
    seconds: std::ops::Range<u64>,
) -> (Vec<Outlier>, Vec<Outlier>) {
    let (mut found, mut over) = (Vec::new(), Vec::new());
    for second in seconds.step_by(2) {
        let changes = watch.advance(
            replicas,
            None,
            &Settings::default(),
            TickTime {
                now: Duration::from_secs(second),
                unix_ms: second * 1000,
            },
        );
        found.extend(changes.found);
        over.extend(changes.over);
    }
    (found, over)
}

fn alike(count: usize) -> Vec<Replica> {
    (0..count)
        .map(|number| {
            let wobble = 1.0 + 0.1 * (number % 3) as f64;
            replica(number, 0.4 * wobble, 200_000.0 * wobble, 0.01)
        })
        .collect()
}

/// Who stands out, in what, when one of `count` is as given and the others alike.
fn check(count: usize, odd: Replica, expected: Option<OutlierKind>) {
    let mut replicas = alike(count);
    replicas[1] = odd;
    let mut watch = Watch::default();
    let (found, over) = run(&mut watch, &replicas, 0..200);
    let found: Vec<_> = found
        .iter()
        .map(|outlier| (outlier.replica, outlier.kind))
        .collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|kind| (replicas[1].id, kind))
        .collect();
    assert_eq!(found, expected, "{odd:?}");
    assert_eq!(over, []);
}

#[test]
fn who_stands_out_and_who_does_not() {
    let like = || alike(5)[1];
    check(5, like(), None);
    check(
        5,
        replica(1, 1.0, 200_000.0, 0.01),
        Some(OutlierKind::CpuPerByte),
    );
    check(
        3,
        replica(1, 1.0, 200_000.0, 0.01),
        Some(OutlierKind::CpuPerByte),
    );
    check(2, replica(1, 4.0, 200_000.0, 0.01), None);
    // Twice the load is twice the traffic: nothing odd about it.
    check(5, replica(1, 0.8, 400_000.0, 0.01), None);
    // More for a byte, and too little to matter.
    check(5, replica(1, 0.04, 20_000.0, 0.01), None);
    check(5, replica(1, 0.01, 0.0, 0.01), Some(OutlierKind::Idle));
    check(5, replica(1, 0.4, 200_000.0, 0.3), Some(OutlierKind::Steal));
    check(5, replica(1, 0.4, 200_000.0, 0.04), None);
    let unknown = Replica {
        cpu_cores: None,
        bytes: None,
        steal: None,
        ..like()
    };
    check(5, unknown, None);
    check(5, replica(1, f64::NAN, f64::INFINITY, -1.0), None);
}

#[test]
fn a_third_at_most_and_otherwise_nobody() {
    let mut replicas = alike(6);
    for replica in &mut replicas[..3] {
        replica.cpu_cores = Some(2.0);
    }
    let mut watch = Watch::default();
    assert_eq!(
        run(&mut watch, &replicas, 0..300).0,
        [],
        "half are no outliers"
    );
    let mut replicas = alike(6);
    for replica in &mut replicas[..2] {
        replica.bytes = Some(0.0);
    }
    let mut watch = Watch::default();
    assert_eq!(run(&mut watch, &replicas, 0..300).0.len(), 2);
}

#[test]
fn it_takes_time_to_stand_out_and_time_to_be_one_of_them_again() {
    let (calm, mut burst) = (alike(4), alike(4));
    burst[2].cpu_cores = Some(1.6);
    let mut watch = Watch::default();
    assert_eq!(run(&mut watch, &burst, 0..60).0, [], "all are young");
    assert_eq!(run(&mut watch, &calm, 60..160).0, []);
    assert_eq!(run(&mut watch, &burst, 160..180).0, [], "a burst");
    assert_eq!(run(&mut watch, &calm, 180..300).0, []);
    let (found, _) = run(&mut watch, &burst, 300..400);
    assert_eq!(found.len(), 1);
    assert_eq!(watch.outliers().count(), 1);
    let (_, over) = run(&mut watch, &calm, 400..440);
    assert_eq!(over, [], "not yet");
    let (found, over) = run(&mut watch, &calm, 440..560);
    assert_eq!((found.len(), over.len()), (0, 1));
    assert_eq!(watch.outliers().count(), 0);
}

#[test]
fn one_that_is_gone_is_over_and_siblings_keep_their_past() {
    let mut replicas = alike(5);
    replicas[3].bytes = Some(0.0);
    let mut watch = Watch::default();
    assert_eq!(run(&mut watch, &replicas, 0..200).0.len(), 1);
    replicas.remove(0);
    replicas.reverse();
    let (found, over) = run(&mut watch, &replicas, 200..204);
    assert_eq!((found.len(), over.len()), (0, 0));
    replicas.retain(|replica| replica.bytes != Some(0.0));
    let (_, over) = run(&mut watch, &replicas, 204..208);
    assert_eq!(over.len(), 1);
    assert_eq!(watch.outliers().count(), 0);
}

fn outlier(number: u8) -> Outlier {
    Outlier {
        replica: ReplicaId(u128::from(number)),
        kind: OutlierKind::Idle,
        value: 0.0,
        median: 1.0,
        since_unix_ms: u64::from(number),
        quarantined: false,
    }
}

const TERMS: Terms = Terms {
    allowed: true,
    kept: true,
    replicas: 4,
    serving: 4,
    min: 2,
    max: 10,
};

#[test]
fn one_at_a_time_and_longer_each_time() {
    let outliers = [outlier(7), outlier(3)];
    let mut quarantine = Quarantine::default();
    let mut at = Duration::ZERO;
    for minutes in [10, 20, 40, 80, 120, 120] {
        let mut advance = |at| quarantine.advance(outliers.iter(), |_| true, TERMS, at);
        assert_eq!(advance(at), None);
        assert_eq!(advance(at + 60 * SECOND * minutes - SECOND), None);
        let released = advance(at + 60 * SECOND * minutes);
        assert_eq!(released, Some(ReplicaId(3)), "it stood out first");
        at += 60 * SECOND * minutes + SECOND;
    }
}

#[test]
fn the_others_are_never_too_few_and_one_more_is_asked_for_once() {
    let outliers = [outlier(3)];
    let mut quarantine = Quarantine::default();
    let few = Terms {
        replicas: 2,
        serving: 2,
        ..TERMS
    };
    quarantine.advance(outliers.iter(), |_| true, few, SECOND);
    assert_eq!(quarantine.isolated(), None, "one is fewer than the minimum");
    assert_eq!(quarantine.replacement(), Some((3, ReplicaId(3))));
    let more = Terms {
        replicas: 3,
        serving: 2,
        ..TERMS
    };
    quarantine.advance(outliers.iter(), |_| true, more, 2 * SECOND);
    assert_eq!(
        (quarantine.isolated(), quarantine.replacement()),
        (None, None)
    );
    let come = Terms { serving: 3, ..more };
    quarantine.advance(outliers.iter(), |_| true, come, 9 * SECOND);
    assert_eq!(quarantine.isolated(), Some(ReplicaId(3)));
    quarantine.advance(outliers.iter(), |_| true, few, 20 * SECOND);
    assert_eq!(
        (quarantine.isolated(), quarantine.replacement()),
        (None, None),
        "it was replaced once; what happens then is the policy's business"
    );
    let full = Terms { max: 4, ..TERMS };
    let mut quarantine = Quarantine::default();
    quarantine.advance(outliers.iter(), |_| true, full, SECOND);
    assert_eq!(quarantine.isolated(), Some(ReplicaId(3)));
    assert_eq!(
        quarantine.replacement(),
        None,
        "there is no room for another"
    );
    let forbidden = Terms {
        allowed: false,
        kept: false,
        ..TERMS
    };
    quarantine.advance(outliers.iter(), |_| true, forbidden, 2 * SECOND);
    assert_eq!(quarantine.isolated(), None);
    quarantine.advance(outliers.iter(), |_| true, TERMS, 3 * SECOND);
    quarantine.advance(outliers.iter(), |_| false, TERMS, 4 * SECOND);
    assert_eq!(quarantine.isolated(), None, "it is gone");
}

#[test]
fn ids_are_shown_as_docker_shows_them_and_survive_json() {
    let id = ReplicaId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    assert_eq!(id.to_string(), "0123456789ab");
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, "\"0123456789abcdef0123456789abcdef\"");
    assert_eq!(serde_json::from_str::<ReplicaId>(&json).unwrap(), id);
    assert!(serde_json::from_str::<ReplicaId>("\"x\"").is_err());
}

proptest! {
    /// Whatever is seen, at most a third stand out, and the same is seen the same.
    #[test]
    fn at_most_a_third(
        values in proptest::collection::vec(
            proptest::collection::vec((any::<f64>(), any::<f64>(), any::<f64>()), 0..9),
            1..60,
        ),
    ) {
        let (mut watch, mut again) = (Watch::default(), Watch::default());
        for (number, replicas) in (0..).zip(&values) {
            let replicas: Vec<Replica> = replicas
                .iter()
                .enumerate()
                .map(|(id, (cpu, bytes, steal))| replica(id, *cpu, *bytes, *steal))
                .collect();
            let time = TickTime { now: SECOND * 10 * number, unix_ms: 0 };
            let settings = Settings::default();
            let changes = watch.advance(&replicas, None, &settings, time);
            prop_assert_eq!(&changes, &again.advance(&replicas, None, &settings, time));
            prop_assert_eq!(&watch, &again);
            if !changes.found.is_empty() {
                prop_assert!(watch.outliers().count() <= replicas.len() / SHARE);
            }
        }
    }

    /// Siblings that differ by noise alone are all alike.
    #[test]
    fn noise_makes_nobody_stand_out(
        seed in proptest::collection::vec(0.75..1.25_f64, 400),
        count in 3..10_usize,
    ) {
        let mut watch = Watch::default();
        for second in 0..120_u32 {
            let noise = |number: usize, salt: usize| seed[(number * 31 + salt + second as usize * 7) % seed.len()];
            let replicas: Vec<Replica> = (0..count)
                .map(|number| replica(number, 0.5 * noise(number, 0), 1e6 * noise(number, 13), 0.02 * noise(number, 5)))
                .collect();
            let changes = watch.advance(&replicas, None, &Settings::default(), TickTime { now: SECOND * second, unix_ms: 0 });
            prop_assert_eq!(changes, Changes::default());
        }
    }
}
