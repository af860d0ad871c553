//! Finds the line, column and key at an offset of a TOML text, for error messages.

/// A place in a TOML file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
    /// Dotted key that the place belongs to; empty when there is none.
    pub(crate) key: String,
}

/// Finds the place of byte `offset` in `text`.
pub(crate) fn place(text: &str, offset: usize) -> Place {
    let mut section = String::new();
    let mut key = String::new();
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let end = start + line.len();
        if let Some(header) = header(line) {
            header.clone_into(&mut section);
            key.clear();
        } else if let Some(name) = name(line) {
            name.clone_into(&mut key);
        }
        if offset < end || end == text.len() {
            let before = text
                .get(start..offset.clamp(start, end))
                .unwrap_or_default();
            return Place {
                line: index + 1,
                column: before.chars().count() + 1,
                key: join(&section, &key),
            };
        }
        start = end;
    }
    Place {
        line: 1,
        column: 1,
        key,
    }
}

/// Finds the line (from 1) on which dotted `wanted` is set.
pub(crate) fn line_of(text: &str, wanted: &str) -> Option<usize> {
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(header) = header(line) {
            header.clone_into(&mut section);
        } else if name(line).is_some_and(|name| join(&section, name) == wanted) {
            return Some(index + 1);
        }
    }
    None
}

fn header(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let inner = line.strip_prefix('[')?;
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    Some(inner.split(']').next().unwrap_or_default().trim())
}

fn name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if line.starts_with('#') {
        return None;
    }
    let name = line.split_once('=')?.0.trim();
    (!name.is_empty() && !name.contains(['"', '[', ' '])).then_some(name)
}

fn join(section: &str, key: &str) -> String {
    match (section.is_empty(), key.is_empty()) {
        (true, _) => key.to_owned(),
        (false, true) => section.to_owned(),
        (false, false) => format!("{section}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_line_column_and_key() {
        let text = "# top\n[http]\nlisten = \"nonsense\"\n";
        let offset = text.find("\"nonsense").unwrap();
        let expected = Place {
            line: 3,
            column: 10,
            key: "http.listen".to_owned(),
        };
        assert_eq!(place(text, offset), expected);
        assert_eq!(line_of(text, "http.listen"), Some(3));
        assert_eq!(line_of(text, "http.other"), None);
    }

    #[test]
    fn offsets_beyond_the_end_are_harmless() {
        assert_eq!(place("", 9).line, 1);
        assert_eq!(place("a = 1", 900).key, "a");
        assert_eq!(place("[ü]\nß = 1\n", 5).line, 2);
    }
}
