//! The table of labels as users meet it: the scaler's and the balancer's, in one.

/// A label: prefix, name, values, default, meaning.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

fn rows() -> impl Iterator<Item = Row> {
    let scaler = scaler::LABELS.iter().map(|label| {
        (
            scaler::labels::PREFIX,
            label.name,
            label.syntax,
            label.default,
            label.meaning,
        )
    });
    let lbsync = lbsync::LABELS.iter().map(|label| {
        (
            lbsync::PREFIX,
            label.name,
            label.syntax,
            label.default,
            label.meaning,
        )
    });
    scaler.chain(lbsync)
}

/// Every label as a value that can be serialised, for `swarmtide labels --json`.
#[must_use]
pub fn document() -> serde_json::Value {
    rows()
        .map(|(prefix, name, syntax, default, meaning)| {
            serde_json::json!({"label": format!("{prefix}{name}"), "value": syntax, "default": default, "meaning": meaning})
        })
        .collect()
}

/// Every label as Markdown, for the documentation and `swarmtide labels`.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from("| label | value | default | meaning |\n|---|---|---|---|\n");
    for (prefix, name, syntax, default, meaning) in rows() {
        let syntax = syntax.replace('|', "\\|");
        text.push_str(&format!(
            "| `{prefix}{name}` | {syntax} | {default} | {meaning} |\n"
        ));
    }
    text
}
