//! Reads a recording, frame by frame.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
    time::Duration,
};

use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;

use super::{
    MAGIC,
    frame::{Frame, Header, Kind, PAYLOAD_MAX, SeenView, Tick},
};

/// Why a recording cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("the recording cannot be read")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("this is no recording of swarmtide, or of a later version")]
    Magic,
    /// A frame's payload is not what its kind says.
    #[error("frame {number} at {seconds:.3} s is damaged: {what}")]
    Damaged {
        /// Its number, from 0.
        number: u64,
        /// Its time.
        seconds: f64,
        /// What is wrong with it.
        what: String,
    },
}

/// A recording that is being read.
pub struct Reader {
    decoder: GzDecoder<BufReader<File>>,
    seen: SeenView,
    number: u64,
    torn: bool,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens a recording and reads what it begins with.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open(path: &Path) -> Result<(Header, Self), ReadError> {
        let mut file = BufReader::new(File::open(path)?);
        let mut magic = vec![0; MAGIC.len()];
        match file.read_exact(&mut magic) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ReadError::Magic);
            }
            other => other?,
        }
        if magic != MAGIC {
            return Err(ReadError::Magic);
        }
        let mut reader = Self {
            decoder: GzDecoder::new(file),
            seen: SeenView::default(),
            number: 0,
            torn: false,
        };
        match reader.raw()? {
            Some((Kind::Header, at, payload)) => {
                let header = reader.json(at, &payload)?;
                Ok((header, reader))
            }
            Some(_) | None => Err(ReadError::Magic),
        }
    }

    /// The next frame and its time; `None` at the end, be it torn.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next_frame(&mut self) -> Result<Option<(Duration, Frame)>, ReadError> {
        let Some((kind, at, payload)) = self.raw()? else {
            return Ok(None);
        };
        let frame = match kind {
            Kind::Header => return Err(self.damaged(at, "a second header")),
            Kind::Datagram => self.datagram(at, payload)?,
            Kind::View => {
                let change = self.json(at, &payload)?;
                let view = self.seen.apply(change);
                Frame::View(Box::new(
                    view.ok_or_else(|| self.damaged(at, "no engine is named"))?,
                ))
            }
            Kind::Tick => {
                let Tick { unix_ms, view } = self.json(at, &payload)?;
                Frame::Tick { unix_ms, view }
            }
            Kind::Decided => Frame::Decided(self.json(at, &payload)?),
            Kind::Completed => Frame::Completed(self.json(at, &payload)?),
            Kind::Admin => Frame::Admin(self.json(at, &payload)?),
            Kind::Expire => Frame::Expire,
            Kind::Connections => {
                let (balancer, counted) = self.json(at, &payload)?;
                Frame::Connections { balancer, counted }
            }
        };
        Ok(Some((at, frame)))
    }

    /// Whether the recording broke off in the middle of a frame, as after a crash.
    #[must_use]
    pub const fn is_torn(&self) -> bool {
        self.torn
    }

    fn raw(&mut self) -> Result<Option<(Kind, Duration, Vec<u8>)>, ReadError> {
        let mut head = [0; 13];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let [kind, time @ .., l0, l1, l2, l3] = head;
        let at = Duration::from_nanos(u64::from_le_bytes(time));
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let kind = Kind::of(kind).ok_or_else(|| self.damaged(at, "its kind is not known"))?;
        if length > PAYLOAD_MAX {
            return Err(self.damaged(at, "it is too long"));
        }
        let mut payload = Vec::new();
        // Grows with what is really there, not with what a damaged length says.
        let read = (&mut self.decoder)
            .take(u64::from(length))
            .read_to_end(&mut payload);
        match read {
            Ok(read) if read as u64 == u64::from(length) => {}
            Ok(_) => {
                self.torn = true;
                return Ok(None);
            }
            Err(error) if is_torn(&error) => {
                self.torn = true;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        self.number += 1;
        Ok(Some((kind, at, payload)))
    }

    /// Fills the buffer; false at the end.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, ReadError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self
                .decoder
                .read(buffer.get_mut(filled..).unwrap_or_default())
            {
                Ok(0) => {
                    self.torn |= filled > 0;
                    return Ok(false);
                }
                Ok(read) => filled += read,
                Err(error) if is_torn(&error) => {
                    self.torn = true;
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn datagram(&self, at: Duration, payload: Vec<u8>) -> Result<Frame, ReadError> {
        let end = payload.iter().position(|byte| *byte == b'\n');
        let (source, bytes) = payload.split_at(end.unwrap_or(0));
        let source = std::str::from_utf8(source)
            .ok()
            .and_then(|source| source.parse().ok())
            .ok_or_else(|| self.damaged(at, "a datagram has no source"))?;
        let bytes = bytes.get(1..).unwrap_or_default().to_vec();
        Ok(Frame::Datagram { source, bytes })
    }

    fn json<T: DeserializeOwned>(&self, at: Duration, payload: &[u8]) -> Result<T, ReadError> {
        serde_json::from_slice(payload).map_err(|error| self.damaged(at, &error.to_string()))
    }

    fn damaged(&self, at: Duration, what: &str) -> ReadError {
        ReadError::Damaged {
            number: self.number,
            seconds: at.as_secs_f64(),
            what: what.to_owned(),
        }
    }
}

fn is_torn(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}
