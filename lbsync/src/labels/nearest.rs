//! The name that was probably meant.

/// Longest name for which one is looked for, bytes.
const NAME_MAX: usize = 64;

/// Returns the candidate that at most two edits, and fewer than half of its letters, separate from `name`.
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
        .filter(|(edits, candidate)| *edits <= 2 && edits * 2 < candidate.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_nothing_else() {
        let names = ["vip", "port", "protocol", "target", "scheduler", "forward"];
        for (given, expected) in [
            ("vipp", Some("vip")),
            ("prot", Some("port")),
            ("Port", Some("port")),
            ("protcol", Some("protocol")),
            ("sheduler", Some("scheduler")),
            ("foward", Some("forward")),
            ("weight", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, names.into_iter()), expected, "{given}");
        }
    }

    #[test]
    fn distance() {
        assert_eq!(strsim::osa_distance("kitten", "sitting"), 3);
        assert_eq!(strsim::osa_distance("", "ab"), 2);
        assert_eq!(strsim::osa_distance("ab", "ba"), 1);
        assert_eq!(strsim::osa_distance("same", "same"), 0);
    }
}
