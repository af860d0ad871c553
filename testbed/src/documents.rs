//! The commands in the project's documents, as a reader would copy them: tests run them and do not repeat them.
//!
//! A block whose first line, but for comments, begins with a command of `KNOWN` is a block of commands. A span in the text is a
//! command when it begins with one and has more words, but for those that only name what is spoken of (`NAMES`).

mod words;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

pub use words::{Part, parts};

/// Commands that blocks of commands begin with. One that ends with `/` stands for all in that folder.
const KNOWN: &[&str] = &[
    "swarmtide",
    "curl",
    "cargo",
    "docker",
    "promtool",
    "modprobe",
    "ip",
    "sysctl",
    "systemctl",
    "journalctl",
    "apt-get",
    "openssl",
    "install",
    "mkdir",
    "export",
    "cat",
    "./check",
    "testbed/",
    "packaging/",
];

/// What the text speaks of without telling anybody to type it.
const NAMES: &[&str] = &[
    "docker run",
    "docker kill",
    "docker kill -s HUP",
    "docker logs",
    "docker stats",
    "docker stack config",
    "docker stack deploy",
    "docker service ps",
    "docker service scale",
    "docker service rollback",
    "docker { }",
    "docker swarm update --task-history-limit",
    // The first line of a recording's format.
    "swarmtide recording 1",
];

/// A command as a document has it.
#[derive(Clone, Debug)]
pub struct Documented {
    /// `docs/api.md:29`.
    pub place: String,
    /// `docs/api.md`.
    pub document: String,
    /// The heading above it, without its marks.
    pub section: String,
    /// As a shell takes it: with its continued lines, and the text of a here-document.
    pub text: String,
    /// In a block that a reader would copy, rather than in the text.
    pub in_block: bool,
}

impl Documented {
    /// The programs that it calls. Those in a here-document are none.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        parts(self.text.split("<<").next().unwrap_or_default())
    }
}

/// A shell that runs a line as a reader's would: in that folder, and without what cargo tells a test of itself, which would make
/// another cargo build all anew.
#[must_use]
pub fn shell(line: &str, folder: &Path) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-o", "pipefail", "-c", line])
        .current_dir(folder);
    for (name, _) in env::vars_os() {
        let of_this_test = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        let text = name.to_string_lossy();
        if of_this_test.iter().any(|start| text.starts_with(start)) {
            bash.env_remove(&name);
        }
    }
    bash
}

/// The project's folder.
#[must_use]
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// A word in capitals, which stands for what the reader puts there.
#[must_use]
pub fn is_place(word: &str) -> bool {
    let letter = |letter: char| letter.is_ascii_uppercase() || letter == '_';
    word.len() > 1 && word.chars().all(letter)
}

/// The command with what a reader would put in for the words in capitals, where a test can know that.
#[must_use]
pub fn filled(text: &str) -> String {
    [
        ("http://LEADER:", "http://127.0.0.1:"),
        ("http://NODE:", "http://127.0.0.1:"),
        ("SERVICE", "web"),
        ("NODE", "guest"),
        ("MANAGER", "127.0.0.1"),
        ("SHELL", "bash"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (place, what)| {
        text.replace(place, what)
    })
}

/// All commands of all documents, in the documents' order.
///
/// # Panics
///
/// When a document cannot be read.
#[must_use]
pub fn all() -> Vec<Documented> {
    let mut names: Vec<String> = ["README.md", "dashboards/README.md", "hsflowd/README.md"]
        .map(str::to_owned)
        .into();
    let docs = fs::read_dir(root().join("docs")).expect("docs/ can be read");
    let docs = docs.map(|entry| entry.expect("docs/ can be read").file_name());
    names.extend(
        docs.filter_map(|name| Some(format!("docs/{}", name.to_str()?)))
            .filter(|name| name.ends_with(".md")),
    );
    names.sort();
    names.iter().flat_map(|name| of(name)).collect()
}

/// The commands in the blocks of one section.
///
/// # Panics
///
/// When there are none.
#[must_use]
pub fn section(document: &str, heading: &str) -> Vec<Documented> {
    let mut commands = of(document);
    commands.retain(|command| command.in_block && command.section == heading);
    assert!(
        !commands.is_empty(),
        "{document} has no commands under {heading:?}"
    );
    commands
}

fn of(document: &str) -> Vec<Documented> {
    let text = fs::read_to_string(root().join(document))
        .unwrap_or_else(|error| panic!("{document}: {error}"));
    let mut all = Vec::new();
    let mut add = |line: &Line, text: String, in_block| {
        all.push(Documented {
            place: format!("{document}:{}", line.number),
            document: document.to_owned(),
            section: line.section.clone(),
            text,
            in_block,
        });
    };
    for block in blocks(&text) {
        let first = block.iter().find(|line| !line.text.starts_with('#'));
        if first.is_some_and(|line| begins_with_a_command(&line.text)) {
            for line in joined(&block) {
                add(&line, line.text.clone(), true);
            }
        }
    }
    for line in lines(&text).filter(|line| !line.text.starts_with("    ")) {
        for span in line.text.split('`').skip(1).step_by(2) {
            let span = span.replace("\\|", "|");
            let command = span.split_once(' ').is_some_and(|(program, _)| {
                KNOWN.contains(&program) && !span.contains('…') && !NAMES.contains(&span.as_str())
            });
            if command {
                add(&line, span, false);
            }
        }
    }
    all
}

/// A line of a document.
#[derive(Clone, Debug)]
struct Line {
    number: usize,
    section: String,
    text: String,
}

fn lines(text: &str) -> impl Iterator<Item = Line> {
    let mut section = String::new();
    (1..).zip(text.lines()).map(move |(number, line)| {
        if line.starts_with('#') {
            line.trim_start_matches('#').trim().clone_into(&mut section);
        }
        Line {
            number,
            section: section.clone(),
            text: line.to_owned(),
        }
    })
}

/// Indented or fenced blocks, without their indentation and empty lines.
fn blocks(text: &str) -> Vec<Vec<Line>> {
    let mut all: Vec<Vec<Line>> = Vec::new();
    let (mut fenced, mut open) = (false, false);
    for mut line in lines(text) {
        if line.text.trim_start().starts_with("```") {
            (fenced, open) = (!fenced, false);
            continue;
        }
        let code = fenced || line.text.starts_with("    ");
        if !code || line.text.trim().is_empty() {
            open = open && line.text.trim().is_empty() && fenced;
            continue;
        }
        line.text = line.text.trim().to_owned();
        match all.last_mut().filter(|_| open) {
            Some(block) => block.push(line),
            None => all.push(vec![line]),
        }
        open = true;
    }
    all
}

/// Lines as a shell would see them: continued ones in one, here-documents with their text; comments are left out.
fn joined(block: &[Line]) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::new();
    let (mut end_of_here, mut continued) = (None::<String>, false);
    for line in block {
        if let (Some(end), Some(last)) = (&end_of_here, all.last_mut()) {
            last.text.push('\n');
            last.text.push_str(&line.text);
            if line.text == *end {
                end_of_here = None;
            }
            continue;
        }
        if line.text.starts_with('#') {
            continue;
        }
        let more = line.text.ends_with('\\');
        let part = line.text.trim_end_matches('\\').trim();
        match all.last_mut().filter(|_| continued) {
            Some(last) => last.text = format!("{} {part}", last.text),
            None => all.push(Line {
                text: part.to_owned(),
                ..line.clone()
            }),
        }
        continued = more;
        if let Some((_, end)) = line.text.split_once("<<") {
            end_of_here = Some(end.trim_matches('\'').to_owned());
        }
    }
    all
}

fn begins_with_a_command(line: &str) -> bool {
    let first = parts(line).into_iter().next();
    first
        .and_then(|part| part.words.into_iter().next())
        .is_some_and(|first| {
            let is =
                |known: &str| first == *known || known.ends_with('/') && first.starts_with(known);
            KNOWN.iter().any(|known| is(known))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_becomes_what_a_shell_runs() {
        let text = "# T\n\n## How\n\nFirst:\n\n    # why\n    swarmtide why \\\n        web\n    cat > f <<X\n    a = 1\n    X\n    ip link\n\nand\n\n    a = 2\n";
        let blocks = blocks(text);
        assert_eq!(blocks.len(), 2);
        let lines = joined(&blocks[0]);
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            ["swarmtide why web", "cat > f <<X\na = 1\nX", "ip link"]
        );
        assert_eq!((lines[0].number, lines[0].section.as_str()), (8, "How"));
        assert!(!begins_with_a_command(&blocks[1][0].text));
    }

    #[test]
    fn sections_have_their_own_commands() {
        let commands = section("docs/install.md", "docker run");
        assert!(
            commands
                .iter()
                .all(|command| command.text.starts_with("docker run")),
            "{commands:#?}"
        );
        assert!(all().len() > 100);
    }
}
