//! How output may look: colour and progress where a person reads along, plain text where a pipe does.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
};

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A heading, or what the eye looks for first.
    Strong,
    /// What is there for completeness.
    Faint,
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warning => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

/// Whether colour is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    colour: bool,
}

impl Look {
    /// Without colour.
    #[cfg(test)]
    pub(super) const PLAIN: Self = Self { colour: false };

    /// For standard output.
    pub(super) fn of_stdout() -> Self {
        Self::of(io::stdout().is_terminal())
    }

    /// For standard error.
    pub(super) fn of_stderr() -> Self {
        Self::of(io::stderr().is_terminal())
    }

    /// Colour on a terminal that can show it, unless `NO_COLOR` says otherwise (no-color.org).
    fn of(terminal: bool) -> Self {
        let variable = |name| std::env::var_os(name).unwrap_or_default();
        Self {
            colour: terminal && variable("NO_COLOR").is_empty() && variable("TERM") != "dumb",
        }
    }

    /// Whether there is any.
    pub(super) const fn has_colour(self) -> bool {
        self.colour
    }

    /// A drawn screen, without its colours where none are wanted; movements of the cursor stay.
    pub(super) fn tone_down(self, screen: String) -> String {
        if self.colour {
            return screen;
        }
        let mut parts = screen.split("\x1b[");
        let mut plain = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part
                .bytes()
                .take_while(|byte| byte.is_ascii_digit() || *byte == b';');
            let digits = digits.count();
            match part.as_bytes().get(digits) {
                Some(b'm') => plain.push_str(&part[digits + 1..]),
                _ => plain = plain + "\x1b[" + part,
            }
        }
        plain
    }

    /// The text in that tone.
    pub(super) const fn paint<T>(self, tone: Tone, text: T) -> Painted<T> {
        Painted {
            tone: if self.colour { Some(tone) } else { None },
            text,
        }
    }
}

/// A text in a tone. Width and precision are the text's.
pub(super) struct Painted<T> {
    tone: Option<Tone>,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(tone) = self.tone else {
            return self.text.fmt(f);
        };
        f.write_str(tone.code())?;
        self.text.fmt(f)?;
        f.write_str("\x1b[0m")
    }
}

/// How far a long command is, on one line of standard error that is wiped at the end; nothing where nobody watches.
#[derive(Debug)]
pub(super) struct Progress {
    total: usize,
    done: usize,
    shown: bool,
}

impl Progress {
    /// For so many steps.
    pub(super) fn new(total: usize) -> Self {
        Self {
            total,
            done: 0,
            shown: io::stderr().is_terminal(),
        }
    }

    /// The next step begins.
    pub(super) fn step(&mut self, what: &str) {
        self.done += 1;
        if self.shown {
            let (done, total) = (self.done, self.total);
            // Nothing depends on it.
            write!(io::stderr(), "\r\x1b[K{done} of {total}: {what} …").ok();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown && self.done > 0 {
            write!(io::stderr(), "\r\x1b[K").ok();
        }
    }
}

/// Bytes as people read them: `1.5 MB`.
pub(super) fn bytes(count: f64) -> String {
    let mut scaled = count;
    for unit in ["B", "kB", "MB", "GB"] {
        if scaled < 999.5 {
            let digits = usize::from(unit != "B" && scaled < 9.95);
            return format!("{scaled:.digits$} {unit}");
        }
        scaled /= 1000.0;
    }
    format!("{scaled:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_plain_text_and_widths_hold_either_way() {
        let colour = Look { colour: true };
        assert_eq!(format!("{:>4}|", Look::PLAIN.paint(Tone::Bad, 7)), "   7|");
        assert_eq!(
            format!("{:<4}|", colour.paint(Tone::Bad, "x")),
            "\x1b[31mx   \x1b[0m|"
        );
        assert_eq!(Look::of(false), Look::PLAIN);
        let screen = "\x1b[H\x1b[1;31mred\x1b[0m \x1b[K".to_owned();
        assert_eq!(Look::PLAIN.tone_down(screen.clone()), "\x1b[Hred \x1b[K");
        assert_eq!(colour.tone_down(screen.clone()), screen);
    }

    #[test]
    fn bytes_are_short() {
        for (count, expected) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (1_500_000.0, "1.5 MB"),
            (52_428_800.0, "52 MB"),
            (3e12, "3.0 TB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }
}
