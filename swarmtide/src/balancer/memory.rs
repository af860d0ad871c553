//! What the balancer keeps over a restart, in a file that is replaced whole.
//!
//! It is a help, not a need: without it drains begin anew and a weight 0 is read off the table. So a file that cannot be read
//! is said and left behind, and one that cannot be written does not stop the balancer.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use lbsync::{Memory, Reconciler};

use crate::{clock::Clock, sidecar::chain};

/// Why the file is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryError {
    /// It could not be read.
    #[error("lbsync.state_file {} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// It is not what this program wrote.
    #[error("lbsync.state_file {} is damaged", .0.display())]
    Damaged(PathBuf, #[source] serde_json::Error),
    /// It could not be written.
    #[error("lbsync.state_file {} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
}

/// The file, and what it holds.
#[derive(Debug)]
pub(super) struct MemoryFile {
    path: Option<PathBuf>,
    epoch_unix_ms: u64,
    written: Option<Memory>,
    /// The last failure was said.
    said: bool,
}

impl MemoryFile {
    /// The file at `path`; without one nothing is kept.
    pub(super) fn new(path: Option<PathBuf>, clock: &Clock) -> Self {
        let since = u64::try_from(clock.now().as_millis()).unwrap_or(u64::MAX);
        Self {
            path,
            epoch_unix_ms: clock.unix_ms().saturating_sub(since),
            written: None,
            said: false,
        }
    }

    /// Unix time at the clock's epoch, milliseconds.
    pub(super) const fn epoch_unix_ms(&self) -> u64 {
        self.epoch_unix_ms
    }

    /// What was kept; `None` where nothing was, or nothing that is of use.
    pub(super) fn read(&mut self) -> Option<Memory> {
        let path = self.path.as_deref()?;
        match read(path) {
            Ok(memory) => {
                self.written.clone_from(&memory);
                memory
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the balancer begins without what was kept");
                None
            }
        }
    }

    /// Writes what the reconciler knows, where it differs from what was written.
    pub(super) fn keep(&mut self, reconciler: &Reconciler) {
        let Some(path) = &self.path else {
            return;
        };
        let memory = reconciler.memory(self.epoch_unix_ms);
        if self.written.as_ref() == Some(&memory) {
            return;
        }
        match replace(path, &memory) {
            Ok(()) => {
                self.written = Some(memory);
                self.said = false;
            }
            Err(source) if !self.said => {
                let error = MemoryError::Write(path.clone(), source);
                tracing::warn!(error = %chain(&error), "nothing is kept over a restart");
                self.said = true;
            }
            Err(_) => {}
        }
    }
}

fn read(path: &Path) -> Result<Option<Memory>, MemoryError> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| MemoryError::Damaged(path.to_owned(), error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(MemoryError::Read(path.to_owned(), error)),
    }
}

/// Replaces the file in one step. It is not forced to the disk: a machine that loses power loses its table as well.
fn replace(path: &Path, memory: &Memory) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, serde_json::to_vec(memory)?)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use lbsync::{Existing, Ownership, ReconcilerConfig};

    use super::*;

    #[test]
    fn what_is_kept_is_read_and_a_damaged_file_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/lbsync.json");
        let clock = Clock::start();
        let mut file = MemoryFile::new(Some(path.clone()), &clock);
        assert_eq!(file.read(), None);
        let ownership =
            Ownership::new(Vec::new(), Existing::Adopt).with_marks([lbsync::VirtualServiceKey {
                address: [10, 30, 0, 1].into(),
                port: 80,
                protocol: lbsync::Protocol::Tcp,
            }]);
        let reconciler = Reconciler::new(ReconcilerConfig::default(), ownership);
        file.keep(&reconciler);
        let kept = MemoryFile::new(Some(path.clone()), &clock).read().unwrap();
        assert_eq!(kept, reconciler.memory(file.epoch_unix_ms()));
        assert_eq!(kept.marks.len(), 1);
        fs::write(&path, "{\"marks\": [").unwrap();
        assert_eq!(MemoryFile::new(Some(path), &clock).read(), None);
    }
}
