//! Prometheus' text format, for series that are written straight from a state.

use std::fmt::Write as _;

use super::Described;

pub(super) fn head(text: &mut String, metric: &Described) {
    // Writing to a String cannot fail.
    _ = writeln!(
        text,
        "# HELP {} {}\n# TYPE {} {}",
        metric.name, metric.help, metric.name, metric.kind
    );
}

/// One line of the text format.
pub(super) fn line(text: &mut String, name: &str, labels: &[(&str, &str)], value: f64) {
    text.push_str(name);
    for (index, (label, content)) in labels.iter().enumerate() {
        text.push(if index == 0 { '{' } else { ',' });
        text.push_str(label);
        text.push_str("=\"");
        escape(text, content);
        text.push('"');
    }
    if !labels.is_empty() {
        text.push('}');
    }
    _ = writeln!(text, " {value}");
}

/// A label's value, escaped as the text format asks for.
pub(super) fn escape(text: &mut String, content: &str) {
    for character in content.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut text = String::new();
        line(
            &mut text,
            "m",
            &[("service", "a\"b\\c\nd"), ("reason", "x")],
            0.5,
        );
        assert_eq!(text, "m{service=\"a\\\"b\\\\c\\nd\",reason=\"x\"} 0.5\n");
        text.clear();
        line(&mut text, "m", &[], 2.0);
        assert_eq!(text, "m 2\n");
    }
}
