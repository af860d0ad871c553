//! Events on disk, one JSON object a line, bounded in size: what happened a week ago can be found without any other system.
//!
//! Two files: the current one, and the one before it, which the current one replaces when it has grown to half of the limit. A
//! thread of its own writes; whoever has something to write never waits for the disk: a full queue drops, and counts.

mod files;

use std::{
    io,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use scaler::Event;
use serde::{Deserialize, Serialize};

use files::Files;

/// Events that wait for the disk at most.
const QUEUE: usize = 10_000;

/// Events written at a time before they are synced to disk.
const BATCH: usize = 1_000;

/// Why the journal cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Its folder or files cannot be opened.
    #[error("journal {0} cannot be opened")]
    Open(String, #[source] io::Error),
    /// Its thread cannot be started.
    #[error("the journal's thread cannot be started")]
    Thread(#[source] io::Error),
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Counts the lines from 1, over restarts.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Which lines are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this service only.
    pub service: Option<String>,
    /// Of this kind only.
    pub event: Option<String>,
    /// Not before this time, in Unix milliseconds.
    pub from_unix_ms: Option<u64>,
    /// Not after this time.
    pub to_unix_ms: Option<u64>,
    /// Before this line.
    pub before_seq: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl Filter {
    fn admits(&self, line: &Line) -> bool {
        let Event {
            unix_ms,
            service,
            kind,
            ..
        } = &line.event;
        let service = service.as_ref().map(scaler::ServiceName::as_str);
        self.service
            .as_deref()
            .is_none_or(|wanted| service == Some(wanted))
            && self
                .event
                .as_deref()
                .is_none_or(|wanted| kind.name() == wanted)
            && self.from_unix_ms.is_none_or(|from| *unix_ms >= from)
            && self.to_unix_ms.is_none_or(|to| *unix_ms <= to)
            && self.before_seq.is_none_or(|before| line.seq < before)
    }
}

/// Counts since the start.
#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
    errors: AtomicU64,
    bytes: AtomicU64,
}

/// What the journal counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalStats {
    /// Lines written.
    pub written: u64,
    /// Events dropped because the queue was full.
    pub dropped: u64,
    /// Events lost because the disk refused.
    pub errors: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// The journal: takes events, and finds them again.
#[derive(Debug)]
pub struct Journal {
    sender: Mutex<Option<SyncSender<Event>>>,
    counts: Arc<Counts>,
    writer: Mutex<Option<JoinHandle<()>>>,
    files: files::Names,
}

impl Journal {
    /// Opens the journal in `folder`, made when it is missing, and cuts off a last line that a crash tore.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(folder: &Path, limit_bytes: u64) -> Result<Self, JournalError> {
        let files = Files::open(folder, limit_bytes)
            .map_err(|error| JournalError::Open(folder.display().to_string(), error))?;
        let names = files.names().clone();
        let counts = Arc::new(Counts::default());
        counts.bytes.store(files.bytes(), Ordering::Relaxed);
        let (sender, receiver) = sync_channel(QUEUE);
        let for_writer = Arc::clone(&counts);
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(files, &receiver, &for_writer))
            .map_err(JournalError::Thread)?;
        Ok(Self {
            sender: Mutex::new(Some(sender)),
            counts,
            writer: Mutex::new(Some(writer)),
            files: names,
        })
    }

    /// Takes an event; never waits.
    pub fn tell(&self, event: &Event) {
        let sender = self.sender.lock().ok().and_then(|sender| sender.clone());
        let sent = sender.is_some_and(|sender| sender.try_send(event.clone()).is_ok());
        if !sent {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The lines that are asked for, the newest first. It reads the disk: not for a task that others wait for.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn find(&self, filter: &Filter) -> io::Result<Vec<Line>> {
        let mut found = Vec::new();
        for text in self.files.read()? {
            for line in text.lines().rev() {
                if found.len() >= filter.limit {
                    return Ok(found);
                }
                // What a later version wrote, or a disk damaged, is passed over.
                let Ok(line) = serde_json::from_str::<Line>(line) else {
                    continue;
                };
                if filter.admits(&line) {
                    found.push(line);
                }
            }
        }
        Ok(found)
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> JournalStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        JournalStats {
            written: read(&self.counts.written),
            dropped: read(&self.counts.dropped),
            errors: read(&self.counts.errors),
            bytes: read(&self.counts.bytes),
        }
    }

    /// Writes what is still waiting, and ends the thread. Events told afterwards are dropped.
    pub fn close(&self) {
        if let Ok(mut sender) = self.sender.lock() {
            sender.take();
        }
        let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the journal's thread broke");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

/// Writes until nobody can tell anything any more.
fn write(mut files: Files, receiver: &Receiver<Event>, counts: &Counts) {
    let mut failing = false;
    while let Ok(first) = receiver.recv() {
        let more = receiver.try_iter().take(BATCH - 1);
        let batch: Vec<Event> = std::iter::once(first).chain(more).collect();
        let count = batch.len() as u64;
        match files.append(batch) {
            Ok(()) => {
                failing = false;
                counts.written.fetch_add(count, Ordering::Relaxed);
            }
            Err(error) => {
                counts.errors.fetch_add(count, Ordering::Relaxed);
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(%error, "the journal cannot be written");
                }
            }
        }
        counts.bytes.store(files.bytes(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
