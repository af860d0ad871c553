//! The commands in a document: lines of blocks, and spans in the text.

use std::{fs, path::Path};

use super::KNOWN;

/// A command as a document has it.
#[derive(Debug)]
pub(crate) struct Found {
    /// `docs/api.md:29`.
    pub(crate) place: String,
    pub(crate) text: String,
    /// In a block that a reader would copy, rather than in the text.
    pub(crate) in_block: bool,
}

/// Finds the commands of a file.
pub(crate) fn found(file: &Path) -> Vec<Found> {
    let text = fs::read_to_string(file).unwrap();
    let name = file
        .strip_prefix(super::root())
        .unwrap_or(file)
        .display()
        .to_string();
    let mut all = Vec::new();
    for block in blocks(&text) {
        if begins_with_a_command(&block[0].1) {
            for (line, command) in joined(&block) {
                let place = format!("{name}:{line}");
                all.push(Found {
                    place,
                    text: command,
                    in_block: true,
                });
            }
        }
    }
    for (number, line) in (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.starts_with("    "))
    {
        for span in line.split('`').skip(1).step_by(2) {
            let span = span.replace("\\|", "|");
            if ["swarmtide ", "cargo ", "curl "]
                .iter()
                .any(|start| span.starts_with(start))
                && !span.contains('…')
            {
                let place = format!("{name}:{number}");
                all.push(Found {
                    place,
                    text: span,
                    in_block: false,
                });
            }
        }
    }
    // The first line of a recording's format is no command.
    all.retain(|found| found.text != "swarmtide recording 1");
    all
}

type Line = (usize, String);

/// Indented or fenced blocks, without their indentation and empty lines.
fn blocks(text: &str) -> Vec<Vec<Line>> {
    let mut all: Vec<Vec<Line>> = Vec::new();
    let (mut fenced, mut open) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            (fenced, open) = (!fenced, false);
            continue;
        }
        let code = fenced || line.starts_with("    ");
        if !code || line.trim().is_empty() {
            open = open && line.trim().is_empty() && fenced;
            continue;
        }
        if !open {
            all.push(Vec::new());
        }
        open = true;
        all.last_mut()
            .unwrap()
            .push((number, line.trim().to_owned()));
    }
    all
}

/// Lines as a shell would see them: continued ones in one, comments and the text of here-documents left out.
fn joined(block: &[Line]) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::new();
    let (mut end_of_here, mut continued) = (None::<String>, false);
    for (number, line) in block {
        if let Some(end) = &end_of_here {
            if line == end {
                end_of_here = None;
            }
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let more = line.ends_with('\\');
        let part = line.trim_end_matches('\\').trim();
        match all.last_mut().filter(|_| continued) {
            Some((_, last)) => *last = format!("{last} {part}"),
            None => all.push((*number, part.to_owned())),
        }
        continued = more;
        if let Some((_, end)) = line.split_once("<<") {
            end_of_here = Some(end.trim_matches('\'').to_owned());
        }
    }
    all.retain(|(_, line)| !line.contains("<<"));
    all
}

fn begins_with_a_command(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.split_once('=').is_some_and(|(name, _)| {
            name.chars()
                .all(|letter| letter.is_ascii_uppercase() || letter == '_')
        })
    });
    words.next().is_some_and(|first| {
        KNOWN
            .iter()
            .any(|known| first == *known || known.ends_with('/') && first.starts_with(known))
    })
}
