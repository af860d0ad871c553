//! The terminal: raw while the view is up, given back as it was; keys as they come.

use std::{
    io::{self, Read as _, Write},
    thread,
};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Leave.
    Quit,
    /// The next order.
    Sort,
    /// The other way round.
    Reverse,
    /// Look now.
    Refresh,
    /// Choose the service above or below, by so many.
    Move(i32),
}

/// A terminal in raw mode, on its alternate screen.
pub(super) struct Terminal {
    before: Termios,
}

impl Terminal {
    /// Takes the terminal over.
    pub(super) fn take(out: &mut dyn Write) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        let terminal = Self { before };
        // The alternate screen, without cursor and line breaks of the terminal's own.
        write!(out, "\x1b[?1049h\x1b[?25l\x1b[?7l")?;
        out.flush()?;
        Ok(terminal)
    }

    /// Columns and lines.
    pub(super) fn size() -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            _ => (80, 24),
        }
    }

    /// Shows lines from the top; what was there before is wiped.
    pub(super) fn show(out: &mut dyn Write, lines: &[String]) -> io::Result<()> {
        write!(out, "\x1b[H{}\x1b[K\x1b[J", lines.join("\x1b[K\r\n"))?;
        out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nothing more can be done where this fails.
        write!(io::stdout(), "\x1b[?7h\x1b[?25h\x1b[?1049l").ok();
        io::stdout().flush().ok();
        tcsetattr(io::stdin(), OptionalActions::Now, &self.before).ok();
    }
}

/// Keys, read by a thread that ends with the process.
pub(super) fn keys() -> mpsc::Receiver<Key> {
    let (sender, receiver) = mpsc::channel(16);
    thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok(count @ 1..) = io::stdin().read(&mut bytes) {
            for key in read(&bytes[..count]) {
                if sender.blocking_send(key).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}

/// The keys in what a terminal sent at once.
fn read(mut bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    while let [first, rest @ ..] = bytes {
        let (key, used) = match (first, rest) {
            (0x1b, [b'[' | b'O', b'A', ..]) => (Some(Key::Move(-1)), 3),
            (0x1b, [b'[' | b'O', b'B', ..]) => (Some(Key::Move(1)), 3),
            (0x1b, [b'[', b'5', b'~', ..]) => (Some(Key::Move(-10)), 4),
            (0x1b, [b'[', b'6', b'~', ..]) => (Some(Key::Move(10)), 4),
            (0x1b, [b'[' | b'O', _, ..]) => (None, 3),
            // Ctrl-C and Ctrl-D come as bytes in raw mode.
            (b'q' | b'Q' | 3 | 4, _) => (Some(Key::Quit), 1),
            (b's', _) => (Some(Key::Sort), 1),
            (b'r', _) => (Some(Key::Reverse), 1),
            (b' ', _) => (Some(Key::Refresh), 1),
            (b'k', _) => (Some(Key::Move(-1)), 1),
            (b'j', _) => (Some(Key::Move(1)), 1),
            _ => (None, 1),
        };
        keys.extend(key);
        bytes = bytes.get(used..).unwrap_or_default();
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_what_comes_together() {
        assert_eq!(
            read(b"s\x1b[A\x1bOBq"),
            [Key::Sort, Key::Move(-1), Key::Move(1), Key::Quit]
        );
        assert_eq!(
            read(b"\x1b[6~x\x1b[Cr "),
            [Key::Move(10), Key::Reverse, Key::Refresh]
        );
        assert_eq!(read(&[3]), [Key::Quit]);
        assert_eq!(read(b"\x1b["), []);
    }
}
