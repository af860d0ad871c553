//! The picture: a pure function of what was seen and of the size of the terminal.

use std::fmt::Write as _;

use super::rows::Row;
use crate::{
    cli::Order,
    commands::look::{Look, Tone, bytes},
};

/// What is on the screen.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) url: &'a str,
    /// What the sidecar says of its node, and the state for all services.
    pub(super) leadership: &'a str,
    pub(super) state: &'a str,
    pub(super) rows: &'a [Row],
    pub(super) order: Order,
    pub(super) reverse: bool,
    /// The row that the lower part tells about.
    pub(super) chosen: usize,
    /// Why there is nothing newer.
    pub(super) error: Option<&'a str>,
    pub(super) now_unix_ms: u64,
}

/// Width of all columns before the words.
const COLUMNS: usize = 69;

/// Draws the frame for a terminal of so many columns and lines; no line is longer, and there are no more.
pub(super) fn paint(frame: &Frame<'_>, (width, height): (usize, usize), look: Look) -> Vec<String> {
    let mut lines = vec![heading(frame, width, look), String::new()];
    let below = below(frame, width, look);
    let room = height.saturating_sub(lines.len() + below.len() + 2).max(1);
    let names = frame.rows.iter().map(|row| row.name.chars().count());
    let name_width = names.max().unwrap_or(0).clamp(7, 24);
    let heads = format!(
        "{:<name_width$} {:>8} {:>8} {:>15} {:>9} {:>8} {:>7}  last decision",
        "service", "replicas", "bounds", "CPU of limit", "traffic", "memory", "reports"
    );
    lines.push(look.paint(Tone::Faint, cut(&heads, width)).to_string());
    let first = frame.chosen.saturating_sub(room - 1);
    for (index, row) in frame.rows.iter().enumerate().skip(first).take(room) {
        lines.push(service(
            row,
            index == frame.chosen,
            (name_width, width),
            look,
        ));
    }
    if frame.rows.is_empty() && frame.error.is_none() {
        lines.push(cut(
            "no service has opted in yet: swarmtide.enable=true",
            width,
        ));
    }
    lines.push(String::new());
    lines.extend(below);
    lines.truncate(height);
    lines
}

fn heading(frame: &Frame<'_>, width: usize, look: Look) -> String {
    let count = frame.rows.len();
    let (reporting, expected) = frame.rows.iter().fold((0, 0), |(a, b), row| {
        let (reporting, expected) = row.coverage();
        (a + reporting, b + expected)
    });
    let text = format!(
        "swarmtide top  {}  {}, scaling {}, {count} services, {reporting} of {expected} containers report",
        frame.url, frame.leadership, frame.state
    );
    let tone = match (frame.error, frame.state) {
        (Some(_), _) => Tone::Bad,
        (None, "enabled") => Tone::Strong,
        _ => Tone::Warning,
    };
    look.paint(tone, cut(&text, width)).to_string()
}

/// The chosen service in words, and the keys.
fn below(frame: &Frame<'_>, width: usize, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(row) = frame.rows.get(frame.chosen) {
        let words = row
            .explanation
            .as_deref()
            .unwrap_or("No decision has been made yet.");
        for line in wrap(&format!("{}: {words}", row.name), width)
            .into_iter()
            .take(3)
        {
            lines.push(line);
        }
        if let (Some(change), Some(at)) = (&row.last_change, row.last_change_unix_ms) {
            let ago = frame.now_unix_ms.saturating_sub(at) / 1000;
            let text = format!("{}: {change}", ago_words(ago));
            for line in wrap(&text, width).into_iter().take(2) {
                lines.push(look.paint(Tone::Faint, line).to_string());
            }
        }
    }
    if let Some(error) = frame.error {
        lines.push(look.paint(Tone::Bad, cut(error, width)).to_string());
    }
    let order = frame.order.word();
    let reversed = if frame.reverse { ", reversed" } else { "" };
    let keys =
        format!("q quit   s sort ({order}{reversed})   r reverse   arrows choose   space refresh");
    lines.push(look.paint(Tone::Faint, cut(&keys, width)).to_string());
    lines
}

fn ago_words(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s ago"),
        120..=7199 => format!("{} min ago", seconds / 60),
        _ => format!("{} h ago", seconds / 3600),
    }
}

fn service(row: &Row, chosen: bool, (name_width, width): (usize, usize), look: Look) -> String {
    let name = cut(&row.name, name_width);
    let replicas = match row.serving == row.replicas {
        true => row.replicas.to_string(),
        false => format!("{}/{}", row.serving, row.replicas),
    };
    let bound =
        |bound: Option<u32>| bound.map_or_else(|| "?".to_owned(), |bound| bound.to_string());
    let bounds = format!("{}..{}", bound(row.min), bound(row.max));
    let (reporting, expected) = row.coverage();
    let size = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), bytes);
    let words = match row.state.as_str() {
        "enabled" => decision(row),
        state => format!("{state}; {}", decision(row)),
    };
    let left = width.saturating_sub(COLUMNS + name_width - 7);
    let mut line = String::new();
    let mark = if chosen { Tone::Strong } else { Tone::Faint };
    let named = format!("{name:<name_width$}");
    let named = match chosen {
        true => look.paint(mark, named).to_string(),
        false => named,
    };
    // Writing to a String cannot fail.
    _ = write!(
        line,
        "{named} {:>8} {bounds:>8} {} {:>9} {:>8} {} ",
        look.paint(
            if row.serving == row.replicas {
                Tone::Good
            } else {
                Tone::Warning
            },
            replicas
        ),
        cpu(row, look),
        size(row.traffic()),
        size(row.memory()),
        look.paint(
            if reporting == expected {
                Tone::Good
            } else {
                Tone::Warning
            },
            format!("{:>7}", format!("{reporting}/{expected}"))
        ),
    );
    let words = cut(&words, left);
    _ = write!(line, " {}", look.paint(tone_of(row), words));
    match look.has_colour() {
        true => line,
        false => cut(&line, width),
    }
}

/// The reason to hold in a word or two, or that it is being scaled.
fn decision(row: &Row) -> String {
    match (&row.hold, &row.explanation) {
        (Some(hold), _) => format!("held: {}", hold.replace('_', " ")),
        (None, Some(explanation)) => explanation.clone(),
        (None, None) => "not decided yet".to_owned(),
    }
}

fn tone_of(row: &Row) -> Tone {
    match row.hold.as_deref() {
        None => Tone::Strong,
        Some(
            "within_band" | "at_minimum" | "cooldown" | "settling" | "stabilising"
            | "would_overshoot",
        ) => Tone::Faint,
        Some(_) => Tone::Warning,
    }
}

/// Eight cells of a bar and the number.
fn cpu(row: &Row, look: Look) -> String {
    let Some(share) = row.cpu() else {
        return format!("{:>15}", "no telemetry");
    };
    let tone = match share {
        share if share > 0.9 => Tone::Bad,
        share if share > 0.7 => Tone::Warning,
        _ => Tone::Good,
    };
    let filled = (1..=8)
        .filter(|cell| share * 8.0 > f64::from(*cell) - 0.5)
        .count();
    let bar = format!("{:<8}", "━".repeat(filled));
    format!("{} {:>4.0} %", look.paint(tone, bar), share * 100.0)
}

/// The first `width` characters.
fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) if width == 0 => String::new(),
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
    }
}

/// Lines of at most `width` characters, broken between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let used = lines.last().map_or(0, |line| line.chars().count());
        if used > 0 && used + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&cut(word, width));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{super::rows::tests::row, *};

    fn frame(rows: &[Row]) -> Frame<'_> {
        Frame {
            url: "http://127.0.0.1:8008",
            leadership: "leader",
            state: "enabled",
            rows,
            order: Order::Name,
            reverse: false,
            chosen: 0,
            error: None,
            now_unix_ms: 0,
        }
    }

    #[test]
    fn it_fits_any_terminal() {
        let rows: Vec<Row> = (0..50)
            .map(|n| row(&format!("service-{n}"), n, Some(f64::from(n) / 40.0)))
            .collect();
        for size in [(1, 1), (20, 5), (80, 24), (200, 60)] {
            for chosen in [0, 25, 49] {
                let lines = paint(
                    &Frame {
                        chosen,
                        ..frame(&rows)
                    },
                    size,
                    Look::PLAIN,
                );
                assert!(lines.len() <= size.1, "{size:?}: {}", lines.len());
                for line in &lines {
                    assert!(line.chars().count() <= size.0, "{size:?}: {line:?}");
                }
                if size.1 >= 24 {
                    let name = format!("service-{chosen} ");
                    assert!(
                        lines.iter().any(|line| line.contains(&name)),
                        "{size:?}: {name} is out of sight"
                    );
                }
            }
        }
    }

    #[test]
    fn it_says_what_matters() {
        let rows = [row("web", 3, Some(0.5)), row("api", 2, None)];
        let text = paint(&frame(&rows), (120, 24), Look::PLAIN).join("\n");
        for words in [
            "leader, scaling enabled, 2 services, 5 of 5 containers report",
            "web            3     1..9 ━━━━       50 %    1.5 MB    50 MB     3/3  held: within band",
            "no telemetry",
            "web: Held at 3 replicas: all is well with web.",
            "q quit",
        ] {
            assert!(text.contains(words), "{words:?} is not in\n{text}");
        }
        let error = Frame {
            error: Some("no sidecar answers"),
            ..frame(&[])
        };
        assert!(
            paint(&error, (80, 24), Look::PLAIN)
                .join("\n")
                .contains("no sidecar answers")
        );
    }
}
