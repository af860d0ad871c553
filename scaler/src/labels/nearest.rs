//! The name that was probably meant.

/// Longest name for which one is looked for, in bytes.
const NAME_MAX: usize = 64;

/// The candidate nearest to `name`, if it is near enough to be a slip: at most two edits, and at most a third of the name.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    if name.len() > NAME_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    candidates
        .map(|candidate| (strsim::osa_distance(&name, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= 2 && edits * 3 <= candidate.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let names = [
            "enable",
            "min",
            "max",
            "cpu.high",
            "cpu.low",
            "cooldown",
            "cooldown.up",
        ];
        for (given, expected) in [
            ("enabel", Some("enable")),
            ("enabled", Some("enable")),
            ("cpu_high", Some("cpu.high")),
            ("CPU.High", Some("cpu.high")),
            ("cpu.hihg", Some("cpu.high")),
            ("cooldown-up", Some("cooldown.up")),
            ("mim", Some("min")),
            ("colour", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, names.into_iter()), expected, "{given}");
        }
    }
}
