use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn set(cluster: &str, index: u64, listed_unix_ms: u64) -> BackendSet {
    BackendSet {
        cluster: cluster.to_owned(),
        generation: Generation {
            index,
            listed_unix_ms,
        },
        completeness: Completeness::Complete,
        services: Vec::new(),
        quarantined: [].into(),
    }
}

fn sources(count: usize) -> Sources {
    let names = (0..count).map(|number| format!("http://m{number}"));
    Sources::new(names, SourcesConfig::default())
}

fn chosen(sources: &mut Sources, now: Duration) -> Option<u64> {
    let set = sources.choose(now).set()?;
    Some(set.generation.index)
}

fn verdicts(sources: &Sources) -> Vec<Verdict> {
    let status = sources.status(Duration::ZERO);
    status.iter().map(|source| source.verdict).collect()
}

#[test]
fn the_newest_wins_whatever_the_order_in_which_they_come() {
    let mut sources = sources(3);
    assert_eq!(sources.choose(Duration::ZERO), Choice::Away);
    sources.receive(0, set("a", 7, 0), SECOND);
    sources.receive(1, set("a", 9, 0), SECOND);
    assert_eq!(chosen(&mut sources, SECOND), Some(9));
    sources.receive(2, set("a", 8, 0), 2 * SECOND);
    assert_eq!(chosen(&mut sources, 2 * SECOND), Some(9));
    assert_eq!(
        verdicts(&sources),
        [Verdict::Behind, Verdict::Chosen, Verdict::Behind]
    );
}

#[test]
fn of_equal_ones_the_later_list_wins_and_else_the_one_before() {
    let mut sources = sources(2);
    sources.receive(0, set("a", 7, 100), SECOND);
    sources.receive(1, set("a", 7, 100), SECOND);
    sources.choose(SECOND);
    let first = verdicts(&sources);
    for at in 2..5 {
        sources.choose(at * SECOND);
        assert_eq!(verdicts(&sources), first, "it does not go to and fro");
    }
    let other = usize::from(first[0] == Verdict::Chosen);
    sources.receive(other, set("a", 7, 200), 5 * SECOND);
    sources.choose(5 * SECOND);
    assert_ne!(verdicts(&sources), first);
}

#[test]
fn a_partial_set_never_replaces_a_complete_one() {
    let mut sources = sources(2);
    sources.receive(0, set("a", 7, 0), SECOND);
    let mut partial = set("a", 99, 0);
    partial.completeness = Completeness::Partial {
        reason: "a node is unknown".to_owned(),
    };
    sources.receive(1, partial.clone(), SECOND);
    assert_eq!(chosen(&mut sources, SECOND), Some(7));
    sources.receive(0, partial, 2 * SECOND);
    assert_eq!(
        sources.choose(2 * SECOND),
        Choice::Doubtful("a node is unknown")
    );
    let set = sources.choose(2 * SECOND).to_set().unwrap();
    assert_ne!(set.completeness, Completeness::Complete);
}

#[test]
fn silence_is_away_and_a_sign_of_life_is_enough() {
    let mut sources = sources(1);
    sources.receive(0, set("a", 7, 0), SECOND);
    sources.alive(0, 9 * SECOND);
    sources.failed(0, "connection reset");
    assert_eq!(chosen(&mut sources, 19 * SECOND), Some(7));
    assert_eq!(sources.choose(20 * SECOND), Choice::Away);
    let status = &sources.status(20 * SECOND)[0];
    assert_eq!(status.verdict, Verdict::Silent);
    assert_eq!(
        (status.heard_ms_ago, status.error.as_deref()),
        (Some(11_000), Some("connection reset"))
    );
}

#[test]
fn an_older_set_is_taken_only_after_nothing_newer_was_heard_for_long() {
    let mut sources = sources(2);
    sources.receive(0, set("a", 9, 0), SECOND);
    assert_eq!(chosen(&mut sources, SECOND), Some(9));
    // The source restarted, and has to count anew.
    let mut old_for_as_long = |at: u32| {
        sources.receive(0, set("a", 8, 0), at * SECOND);
        chosen(&mut sources, at * SECOND)
    };
    assert_eq!((old_for_as_long(2), old_for_as_long(11)), (None, None));
    assert_eq!(old_for_as_long(12), Some(8));
    assert_eq!(old_for_as_long(13), Some(8));
}

#[test]
fn another_swarm_is_believed_when_all_sources_are_of_it() {
    let mut sources = sources(2);
    sources.receive(0, set("a", 9, 0), SECOND);
    sources.receive(1, set("b", 99, 0), SECOND);
    // The first choice has nothing to go by but generations.
    let first = chosen(&mut sources, SECOND);
    assert_eq!(first, Some(99));
    assert_eq!(verdicts(&sources), [Verdict::Standby, Verdict::Chosen]);
    sources.receive(0, set("a", 100, 0), 2 * SECOND);
    assert_eq!(chosen(&mut sources, 2 * SECOND), Some(99));
    assert_eq!(verdicts(&sources)[0], Verdict::OtherSwarm);
    sources.receive(0, set("b", 98, 0), 3 * SECOND);
    sources.receive(0, set("c", 1, 0), 4 * SECOND);
    sources.receive(1, set("c", 2, 0), 4 * SECOND);
    assert_eq!(chosen(&mut sources, 4 * SECOND), Some(2));
}

#[test]
fn who_is_in_quarantine_is_told_by_any_source_that_speaks_of_the_same_swarm() {
    let mut sources = sources(3);
    let quarantine = |task: &str, set: BackendSet| BackendSet {
        quarantined: [task.to_owned()].into(),
        ..set
    };
    sources.receive(0, set("a", 9, 0), SECOND);
    sources.receive(1, quarantine("t1", set("a", 8, 0)), SECOND);
    sources.receive(2, quarantine("t2", set("b", 3, 0)), SECOND);
    assert_eq!(chosen(&mut sources, SECOND), Some(9));
    let told = |sources: &Sources, at| Vec::from_iter(sources.quarantined(at));
    assert_eq!(told(&sources, SECOND), ["t1"], "not of another swarm");
    assert_eq!(told(&sources, 20 * SECOND), [""; 0], "it fell silent");
}
