//! Demand over time: how many requests come in each second.

/// Most seconds in a trace: 116 days.
pub const SECONDS_MAX: usize = 10_000_000;

/// Most requests in a second.
pub const REQUESTS_MAX: u32 = 100_000_000;

/// Requests in each second; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    seconds: Vec<u32>,
}

/// Why a trace cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// It has no line with a number.
    #[error("holds no numbers: a trace has one whole number a line, the requests of that second")]
    Empty,
    /// A line is no whole number.
    #[error("line {line}: {text:?} is not a whole number of requests")]
    NotANumber {
        /// The line, from 1.
        line: usize,
        /// What it says, at most 40 characters of it.
        text: String,
    },
    /// A number is above [`REQUESTS_MAX`].
    #[error("line {line}: {text} is more than {REQUESTS_MAX} requests a second")]
    TooLarge {
        /// The line, from 1; 0 when the trace was not read from text.
        line: usize,
        /// The number.
        text: String,
    },
    /// There are more than [`SECONDS_MAX`] numbers.
    #[error("holds more than {SECONDS_MAX} seconds")]
    TooLong,
}

impl Trace {
    /// Takes the requests of each second.
    ///
    /// # Errors
    /// [`TraceError::Empty`], [`TraceError::TooLong`], [`TraceError::TooLarge`] with line 0.
    pub fn new(seconds: Vec<u32>) -> Result<Self, TraceError> {
        if seconds.is_empty() {
            return Err(TraceError::Empty);
        }
        if seconds.len() > SECONDS_MAX {
            return Err(TraceError::TooLong);
        }
        match seconds.iter().find(|requests| **requests > REQUESTS_MAX) {
            Some(requests) => Err(TraceError::TooLarge {
                line: 0,
                text: requests.to_string(),
            }),
            None => Ok(Self { seconds }),
        }
    }

    /// Reads one whole number a line; blank lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`TraceError`], with the line where there is one.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut seconds = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            seconds.push(number(line, index + 1)?);
            if seconds.len() > SECONDS_MAX {
                return Err(TraceError::TooLong);
            }
        }
        Self::new(seconds)
    }

    /// The requests of each second.
    #[must_use]
    pub fn seconds(&self) -> &[u32] {
        &self.seconds
    }

    /// Requests a second on average over the first `seconds`, or over all when there are fewer.
    #[must_use]
    pub fn mean_of_first(&self, seconds: usize) -> f64 {
        let first = &self.seconds[..seconds.clamp(1, self.seconds.len())];
        first.iter().copied().map(f64::from).sum::<f64>() / first.len() as f64
    }
}

fn number(text: &str, line: usize) -> Result<u32, TraceError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TraceError::NotANumber {
            line,
            text: text.chars().take(40).collect(),
        });
    }
    text.parse()
        .ok()
        .filter(|requests| *requests <= REQUESTS_MAX)
        .ok_or_else(|| TraceError::TooLarge {
            line,
            text: text.chars().take(40).collect(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_names_the_line_of_what_is_none() {
        let wrong = |line, text: &str| {
            Err(TraceError::NotANumber {
                line,
                text: text.to_owned(),
            })
        };
        for (text, expected) in [
            ("1\n2\n", Ok(vec![1, 2])),
            ("# origin\r\n 3 \r\n\r\n0", Ok(vec![3, 0])),
            ("", Err(TraceError::Empty)),
            ("\n# nothing\n", Err(TraceError::Empty)),
            ("1\n\n-2\n", wrong(3, "-2")),
            ("1.5", wrong(1, "1.5")),
            ("1\nsecond,requests", wrong(2, "second,requests")),
            (
                "100000001",
                Err(TraceError::TooLarge {
                    line: 1,
                    text: "100000001".to_owned(),
                }),
            ),
        ] {
            let read = Trace::parse(text).map(|trace| trace.seconds);
            assert_eq!(read, expected, "{text:?}");
        }
    }
}
