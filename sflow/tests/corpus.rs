//! Replays the corpus of the fuzz target (`fuzz/corpus/decode`), so that what fuzzing once found stays mended.
#![allow(
    clippy::unwrap_used,
    reason = "in a test, what is not there is a failure"
)]

#[path = "shared/walk.rs"]
mod walk;

use std::path::Path;

#[test]
fn the_corpus_keeps_the_laws() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/decode");
    let mut count = 0;
    for entry in std::fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        walk::check_laws(&std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 20, "{count} files in {}", corpus.display());
}
