//! Everything that decisions depend on, written to a file as it happens: datagrams, views of the swarm, ticks, ends of writes.
//!
//! A recording begins with a start, so that it holds the whole past of what was decided. Frames are written in the order in which
//! they took effect: whoever changes what decisions depend on does so while it holds the recording, and replaying them in that
//! order gives the same decisions, byte for byte. `docs/recording.md` has the format.

mod frame;
mod reader;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    net::SocketAddr,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use scaler::{AdminState, Command, DecisionRecord, Outcome};
use swarm::View;

pub use frame::{Completed, Frame, Header};
pub use reader::{ReadError, Reader};

use crate::sidecar::Counted;

use frame::{Kind, SeenView};

/// What every recording begins with; the number is the version of the format.
const MAGIC: &[u8] = b"swarmtide recording 1\n";

/// A file that is being written.
#[derive(Debug)]
pub struct Recording {
    state: Mutex<State>,
    limit_bytes: u64,
}

#[derive(Debug)]
struct State {
    /// `None` once the limit was reached, the disk refused, or the recording was closed.
    writer: Option<GzEncoder<Counting>>,
    seen: SeenView,
}

/// Counts what reaches the file.
#[derive(Debug)]
struct Counting {
    file: BufWriter<File>,
    written: u64,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Recording {
    /// Begins a file; one that is there is not overwritten.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn create(path: &Path, limit_bytes: u64, header: &Header) -> io::Result<Self> {
        let mut file = Counting {
            file: BufWriter::new(File::create_new(path)?),
            written: 0,
        };
        file.write_all(MAGIC)?;
        let mut writer = GzEncoder::new(file, Compression::fast());
        frame::write(
            &mut writer,
            Kind::Header,
            Duration::ZERO,
            &serde_json::to_vec(header)?,
        )?;
        writer.flush()?;
        Ok(Self {
            state: Mutex::new(State {
                writer: Some(writer),
                seen: SeenView::default(),
            }),
            limit_bytes,
        })
    }

    /// Does something that decisions depend on, with its frames before and after, and nothing else between.
    pub fn in_order<T>(&self, work: impl FnOnce(&mut Frames<'_>) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut frames = Frames {
            state: &mut state,
            limit_bytes: self.limit_bytes,
        };
        work(&mut frames)
    }

    /// Ends the file, so that all of it can be read.
    pub fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        finish(&mut state);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.close();
    }
}

fn finish(state: &mut State) {
    let Some(writer) = state.writer.take() else {
        return;
    };
    let ended = writer.finish().and_then(|mut file| file.flush());
    if let Err(error) = ended {
        tracing::error!(%error, "the recording could not be ended");
    }
}

/// The recording while something is done in its order.
#[derive(Debug)]
pub struct Frames<'a> {
    state: &'a mut State,
    limit_bytes: u64,
}

impl Frames<'_> {
    /// A datagram, before it is taken in.
    pub fn datagram(&mut self, source: SocketAddr, datagram: &[u8], now: Duration) {
        let mut payload = format!("{source}\n").into_bytes();
        payload.extend_from_slice(datagram);
        self.write(Kind::Datagram, now, &payload);
    }

    /// A tick, before it decides, and what it will see of the swarm.
    pub fn tick(&mut self, view: Option<&View>, now: Duration, unix_ms: u64) {
        if self.state.writer.is_none() {
            return;
        }
        if let Some(change) = view.and_then(|view| self.state.seen.change(view)) {
            self.json(Kind::View, now, &change);
        }
        let tick = frame::Tick {
            unix_ms,
            view: view.is_some(),
        };
        self.json(Kind::Tick, now, &tick);
    }

    /// What a tick decided.
    pub fn decided<'a>(
        &mut self,
        records: impl Iterator<Item = &'a DecisionRecord>,
        now: Duration,
    ) {
        let records: Vec<_> = records.collect();
        if !records.is_empty() {
            self.json(Kind::Decided, now, &records);
        }
    }

    /// How a write ended, before the engine is told.
    pub fn completed(&mut self, command: &Command, outcome: &Outcome, now: Duration, unix_ms: u64) {
        let completed = Completed::new(command, outcome, unix_ms);
        self.json(Kind::Completed, now, &completed);
    }

    /// What people switched, before it holds.
    pub fn admin(&mut self, admin: &AdminState, now: Duration) {
        self.json(Kind::Admin, now, admin);
    }

    /// What a balancer counted, before it is taken in.
    pub fn connections(&mut self, balancer: usize, counted: &Counted, now: Duration) {
        self.json(Kind::Connections, now, &(balancer, counted));
    }

    /// That telemetry forgets what is gone.
    pub fn expire(&mut self, now: Duration) {
        self.write(Kind::Expire, now, &[]);
    }

    fn json(&mut self, kind: Kind, now: Duration, value: &impl serde::Serialize) {
        match serde_json::to_vec(value) {
            Ok(payload) => self.write(kind, now, &payload),
            Err(error) => tracing::error!(%error, ?kind, "a frame cannot be written"),
        }
    }

    fn write(&mut self, kind: Kind, now: Duration, payload: &[u8]) {
        let Some(writer) = &mut self.state.writer else {
            return;
        };
        let written = frame::write(writer, kind, now, payload);
        let full = writer.get_ref().written >= self.limit_bytes;
        match written {
            Ok(()) if !full => return,
            Ok(()) => tracing::warn!(
                limit_bytes = self.limit_bytes,
                "the recording has reached its limit and ends"
            ),
            Err(error) => tracing::error!(%error, "the recording cannot be written and ends"),
        }
        finish(self.state);
    }
}

#[cfg(test)]
mod tests;
