//! The table of labels as users meet it: the scaler's and the balancer's, in one.

/// Every label as Markdown, for the documentation and `swarmtide labels`.
#[must_use]
pub fn reference() -> String {
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
    let mut text = String::from("| label | value | default | meaning |\n|---|---|---|---|\n");
    for (prefix, name, syntax, default, meaning) in scaler.chain(lbsync) {
        let syntax = syntax.replace('|', "\\|");
        text.push_str(&format!(
            "| `{prefix}{name}` | {syntax} | {default} | {meaning} |\n"
        ));
    }
    text
}
