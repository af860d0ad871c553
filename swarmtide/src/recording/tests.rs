use std::fs;

use super::*;

fn header() -> Header {
    Header {
        program: "0.1.0".to_owned(),
        unix_ms: 5,
        config: String::new(),
        environment: std::collections::BTreeMap::new(),
    }
}

fn frames(path: &Path) -> (Vec<(Duration, Frame)>, bool) {
    let (found, mut reader) = Reader::open(path).unwrap();
    assert_eq!(found, header());
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.push(frame);
    }
    (frames, reader.is_torn())
}

fn datagram(recording: &Recording, number: u8) {
    let source = ([10, 0, 0, number], 6343).into();
    recording.in_order(|frames| {
        frames.datagram(
            source,
            &[number, b'\n', 0],
            Duration::from_secs(number.into()),
        );
    });
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let recording = Recording::create(&path, 1 << 20, &header()).unwrap();
    datagram(&recording, 1);
    recording.in_order(|frames| frames.expire(Duration::from_secs(2)));
    drop(recording);
    let bytes = vec![1, b'\n', 0];
    let source = ([10, 0, 0, 1], 6343).into();
    let expected = vec![
        (Duration::from_secs(1), Frame::Datagram { source, bytes }),
        (Duration::from_secs(2), Frame::Expire),
    ];
    assert_eq!(frames(&path), (expected, false));
    assert!(
        Recording::create(&path, 1 << 20, &header()).is_err(),
        "it is not overwritten"
    );
}

#[test]
fn a_file_that_breaks_off_is_read_to_there_and_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let recording = Recording::create(&path, 1 << 20, &header()).unwrap();
    (1..200).for_each(|number| datagram(&recording, number));
    drop(recording);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - whole.len() / 3]).unwrap();
    let (read, torn) = frames(&path);
    assert!(
        torn && !read.is_empty() && read.len() < 199,
        "{}",
        read.len()
    );
    fs::write(&path, "something else altogether").unwrap();
    assert!(matches!(Reader::open(&path), Err(ReadError::Magic)));
}

#[test]
fn it_ends_at_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let recording = Recording::create(&path, 2_000, &header()).unwrap();
    let mut noise = 1_u32;
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..100)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                noise.to_be_bytes()[0]
            })
            .collect();
        let source = ([10, 0, 0, 1], 1).into();
        recording.in_order(|frames| frames.datagram(source, &bytes, Duration::ZERO));
    }
    drop(recording);
    assert!(fs::metadata(&path).unwrap().len() < 100_000);
    let (read, torn) = frames(&path);
    assert!(!torn && !read.is_empty() && read.len() < 2_000);
}
