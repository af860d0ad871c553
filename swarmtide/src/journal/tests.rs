use std::{fs, io::Write as _};

use scaler::EventKind;

use super::*;

fn event(unix_ms: u64, service: &str) -> Event {
    Event {
        unix_ms,
        service: Some(service.into()),
        kind: EventKind::Scaled { from: 1, to: 2 },
        words: "Scaled from 1 to 2 replicas.".to_owned(),
    }
}

fn all(journal: &Journal) -> Vec<u64> {
    let filter = Filter {
        limit: 1_000_000,
        ..Filter::default()
    };
    let lines = journal.find(&filter).unwrap();
    lines.into_iter().map(|line| line.seq).collect()
}

#[test]
fn events_are_found_again_by_what_they_are_about() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), 1 << 20).unwrap();
    for (at, service) in [(10, "web"), (20, "api"), (30, "web"), (40, "web")] {
        journal.tell(&event(at, service));
    }
    journal.tell(&Event {
        kind: EventKind::TelemetryBack,
        ..event(50, "web")
    });
    journal.close();
    let find = |filter: Filter| -> Vec<u64> {
        let lines = journal.find(&filter).unwrap();
        lines.into_iter().map(|line| line.event.unix_ms).collect()
    };
    let any = Filter {
        limit: 100,
        ..Filter::default()
    };
    assert_eq!(find(any.clone()), [50, 40, 30, 20, 10]);
    let web = |limit| Filter {
        service: Some("web".to_owned()),
        event: Some("scaled".to_owned()),
        limit,
        ..Filter::default()
    };
    assert_eq!(find(web(100)), [40, 30, 10]);
    assert_eq!(find(web(1)), [40]);
    let between = Filter {
        from_unix_ms: Some(20),
        to_unix_ms: Some(40),
        before_seq: Some(4),
        ..any
    };
    assert_eq!(find(between), [30, 20]);
    journal.tell(&event(60, "web"));
    assert_eq!(journal.stats().dropped, 1, "it is closed");
}

#[test]
fn a_torn_last_line_is_cut_off_and_counting_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), 1 << 20).unwrap();
    journal.tell(&event(10, "web"));
    journal.tell(&event(20, "web"));
    drop(journal);
    let path = folder.path().join("journal.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(br#"{"seq":3,"unix_ms":30,"ser"#).unwrap();
    let journal = Journal::open(folder.path(), 1 << 20).unwrap();
    journal.tell(&event(40, "web"));
    journal.close();
    assert_eq!(all(&journal), [3, 2, 1]);
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with("}\n") && text.lines().count() == 3, "{text}");
}

#[test]
fn it_never_takes_more_than_its_limit_and_keeps_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let limit = 8_000;
    for start in 0..3_u64 {
        let journal = Journal::open(folder.path(), limit).unwrap();
        for at in 0..60 {
            journal.tell(&event(start * 100 + at, "web"));
        }
        journal.close();
        let size: u64 = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size <= limit + 200, "{size}");
        assert_eq!(journal.stats().bytes, size);
        let seqs = all(&journal);
        assert_eq!(seqs[0], (start + 1) * 60);
        assert!(seqs.len() >= 30, "at least half of it is always there");
        assert!(seqs.windows(2).all(|pair| pair[0] == pair[1] + 1));
    }
}
