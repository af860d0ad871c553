//! Reads small files whole, into a buffer that is used again.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::{Errno, read},
};

/// Most bytes that are read of a file; the rest is left.
const LIMIT: usize = 4 << 20;
const CHUNK: usize = 16 << 10;

/// A buffer for one file at a time.
#[derive(Debug, Default)]
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    /// Reads a file.
    pub(super) fn read(&mut self, path: &Path) -> Result<&[u8], Errno> {
        self.read_at(CWD, path)
    }

    /// Reads a file in an open directory.
    pub(super) fn read_at(
        &mut self,
        directory: impl AsFd,
        path: impl rustix::path::Arg,
    ) -> Result<&[u8], Errno> {
        let file = openat(
            directory,
            path,
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut end = 0;
        loop {
            if self.0.len() < end + CHUNK {
                self.0.resize(end + CHUNK, 0);
            }
            let room = self.0.get_mut(end..).unwrap_or_default();
            match read(&file, room) {
                Ok(0) => break,
                Ok(count) => end += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            if end >= LIMIT {
                break;
            }
        }
        Ok(self.0.get(..end).unwrap_or_default())
    }
}

/// Opens a directory without the right to read it.
pub(super) fn directory(path: &Path) -> Result<OwnedFd, Errno> {
    openat(
        CWD,
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}
