//! Server-sent events out of a stream of bytes (HTML standard, section 9.2.6), pure and bounded.
//!
//! `retry` fields are not used: when to come back is decided here.

/// Longest event or line that is taken, bytes.
const LONGEST: usize = 64 << 20;

/// What the stream said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// An event.
    Event {
        /// Its kind; `message` where none was given.
        kind: String,
        /// The last id that was given, for this event or an earlier one.
        id: String,
        /// Its data, lines joined by line feeds.
        data: String,
    },
    /// A comment: the other side lives.
    Comment(String),
}

/// The event or line is longer than what is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {LONGEST} bytes")]
pub(super) struct TooLong;

/// Reads events from bytes that come in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// A carriage return was the last byte: a line feed after it belongs to it.
    after_return: bool,
    begun: bool,
    kind: String,
    id: String,
    data: String,
    has_data: bool,
}

impl Parser {
    /// Takes in the next bytes and hands each finished item to `take`.
    ///
    /// # Errors
    /// [`TooLong`]; nothing more can be read then.
    pub(super) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(Item)) -> Result<(), TooLong> {
        for &byte in bytes {
            if byte == b'\n' && std::mem::take(&mut self.after_return) {
                continue;
            }
            self.after_return = byte == b'\r';
            if byte != b'\n' && byte != b'\r' {
                if self.line.len() + self.data.len() >= LONGEST {
                    return Err(TooLong);
                }
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let text = String::from_utf8_lossy(&line);
            let text = match std::mem::replace(&mut self.begun, true) {
                true => &*text,
                false => text.trim_start_matches('\u{feff}'),
            };
            if let Some(item) = self.line(text) {
                take(item);
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> Option<Item> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => return Some(Item::Comment(value.to_owned())),
            "event" => value.clone_into(&mut self.kind),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Item> {
        let kind = std::mem::take(&mut self.kind);
        let data = std::mem::take(&mut self.data);
        std::mem::take(&mut self.has_data).then(|| Item::Event {
            kind: if kind.is_empty() {
                "message".to_owned()
            } else {
                kind
            },
            id: self.id.clone(),
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items(pieces: &[&[u8]]) -> Vec<Item> {
        let mut parser = Parser::default();
        let mut items = Vec::new();
        for piece in pieces {
            parser.feed(piece, |item| items.push(item)).unwrap();
        }
        items
    }

    fn event(kind: &str, id: &str, data: &str) -> Item {
        Item::Event {
            kind: kind.to_owned(),
            id: id.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn events_comments_and_what_is_unknown() {
        let text = "\u{feff}: hello\n\nevent: backends\nid: 7\ndata: {\"a\":\ndata:1}\nretry: 5\nnew\n\ndata\n\nevent: x\n\n";
        assert_eq!(
            items(&[text.as_bytes()]),
            [
                Item::Comment("hello".to_owned()),
                event("backends", "7", "{\"a\":\n1}"),
                event("message", "7", "")
            ]
        );
    }

    #[test]
    fn lines_end_in_any_of_three_ways() {
        for end in ["\n", "\r", "\r\n"] {
            let text = ["event: e", "data: d", "", ""].join(end);
            assert_eq!(items(&[text.as_bytes()]), [event("e", "", "d")], "{end:?}");
        }
    }

    proptest! {
        #[test]
        fn where_the_pieces_are_cut_does_not_matter(
            lines in proptest::collection::vec("(data: ?|id: |event: |:|)[a-zü]{0,4}", 0..12),
            crlf: bool,
            cut in 0_usize..60,
        ) {
            let text = lines.join(if crlf { "\r\n" } else { "\n" });
            let bytes = text.as_bytes();
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(items(&[bytes]), items(&[head, tail]));
        }

        #[test]
        fn no_bytes_panic_it(bytes: Vec<u8>) {
            items(&[&bytes]);
        }
    }
}
