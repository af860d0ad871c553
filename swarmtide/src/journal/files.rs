//! The two files of the journal.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use scaler::Event;

use super::Line;

/// Where the files are.
#[derive(Clone, Debug)]
pub(super) struct Names {
    current: PathBuf,
    previous: PathBuf,
}

impl Names {
    /// What the files hold, the newer first; empty for one that is not there.
    pub(super) fn read(&self) -> io::Result<[String; 2]> {
        Ok([read(&self.current)?, read(&self.previous)?])
    }
}

/// The files, for the one who writes.
#[derive(Debug)]
pub(super) struct Files {
    names: Names,
    current: File,
    current_bytes: u64,
    previous_bytes: u64,
    limit_bytes: u64,
    next_seq: u64,
}

impl Files {
    pub(super) fn open(folder: &Path, limit_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let names = Names {
            current: folder.join("journal.jsonl"),
            previous: folder.join("journal.1.jsonl"),
        };
        let mut current = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&names.current)?;
        let current_bytes = cut_torn_line(&mut current)?;
        let last = names.read()?.iter().find_map(|text| last_seq(text));
        let previous_bytes = fs::metadata(&names.previous).map_or(0, |data| data.len());
        Ok(Self {
            names,
            current,
            current_bytes,
            previous_bytes,
            limit_bytes,
            next_seq: last.unwrap_or(0) + 1,
        })
    }

    pub(super) const fn names(&self) -> &Names {
        &self.names
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.current_bytes + self.previous_bytes
    }

    /// Writes events and syncs them to disk.
    pub(super) fn append(&mut self, events: Vec<Event>) -> io::Result<()> {
        let mut text = Vec::new();
        for event in events {
            let line = Line {
                seq: self.next_seq,
                event,
            };
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
            self.next_seq += 1;
            if self.current_bytes + text.len() as u64 >= self.limit_bytes / 2 {
                self.write(&std::mem::take(&mut text))?;
                self.rotate()?;
            }
        }
        self.write(&text)?;
        self.current.sync_data()
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let written = self.current.write_all(text);
        if written.is_ok() {
            self.current_bytes += text.len() as u64;
        } else {
            // Half a line would make the next one unreadable too.
            self.current_bytes = cut_torn_line(&mut self.current)?;
        }
        written
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.current.sync_data()?;
        fs::rename(&self.names.current, &self.names.previous)?;
        self.previous_bytes = self.current_bytes;
        self.current = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&self.names.current)?;
        self.current_bytes = 0;
        Ok(())
    }
}

/// Ends the file after its last whole line, and returns its length.
fn cut_torn_line(file: &mut File) -> io::Result<u64> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut text)?;
    let whole = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    if whole < text.len() {
        file.set_len(whole as u64)?;
    }
    Ok(whole as u64)
}

fn last_seq(text: &str) -> Option<u64> {
    let mut lines = text.lines().rev();
    lines.find_map(|line| serde_json::from_str::<Line>(line).ok().map(|line| line.seq))
}

fn read(path: &Path) -> io::Result<String> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}
