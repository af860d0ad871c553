//! Decodes everything in any bytes, and encodes what was decoded: nothing panics, and encoding loses nothing.
//!
//! The laws are those of the ordinary tests, `sflow/tests/shared/walk.rs`; what this finds goes into `corpus/decode`, which
//! `sflow/tests/corpus.rs` replays.
#![no_main]

#[path = "../../sflow/tests/shared/walk.rs"]
mod walk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| walk::check_laws(bytes));
