//! Container names: the pattern swarm gives its tasks, and glob matching. Does not know which services exist.

/// The parts of a swarm task's container name, `SERVICE.SLOT.TASK`.
///
/// SLOT is a number for replicated services and the 25-character node ID for global ones; TASK is the 25-character task ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskName<'a> {
    /// The service's name; may itself contain dots.
    pub service: &'a [u8],
    /// The slot number or node ID.
    pub slot: &'a [u8],
    /// The task ID.
    pub task: &'a [u8],
}

impl<'a> TaskName<'a> {
    /// Splits a container name; `None` when it is not a swarm task's.
    #[must_use]
    pub fn parse(name: &'a [u8]) -> Option<Self> {
        let (rest, task) = split_last_dot(name)?;
        let (service, slot) = split_last_dot(rest)?;
        let slot_is_number = !slot.is_empty() && slot.iter().all(u8::is_ascii_digit);
        let parts = !service.is_empty() && is_id(task) && (slot_is_number || is_id(slot));
        parts.then_some(Self {
            service,
            slot,
            task,
        })
    }
}

fn split_last_dot(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    Some((name.get(..dot)?, name.get(dot + 1..)?))
}

fn is_id(text: &[u8]) -> bool {
    text.len() == 25
        && text
            .iter()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// A pattern over container names: `*` stands for any run of bytes, `?` for one byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Box<[u8]>);

impl NamePattern {
    /// Takes a pattern as a person writes it, for example `web.*`.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.as_bytes().into())
    }

    /// Whether the whole of `name` matches. Takes at most pattern × name steps.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        let (mut pattern, mut rest) = (&*self.0, name);
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            match (pattern.split_first(), rest.split_first()) {
                (Some((b'*', after)), _) => {
                    retry = Some((after, rest));
                    pattern = after;
                }
                (Some((want, after)), Some((have, tail))) if *want == b'?' || want == have => {
                    (pattern, rest) = (after, tail);
                }
                (None, None) => return true,
                _ => {
                    let Some((after, [_, tail @ ..])) = retry else {
                        return false;
                    };
                    retry = Some((after, tail));
                    (pattern, rest) = (after, tail);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str) -> Option<&str> {
        TaskName::parse(name.as_bytes()).map(|task| std::str::from_utf8(task.service).unwrap())
    }

    #[test]
    fn reads_replicated_and_global_task_names() {
        assert_eq!(
            service("apache.1.lg2b8snu6x8wix7qvs0b2rv9n"),
            Some("apache")
        );
        assert_eq!(
            service("my.web.12.lg2b8snu6x8wix7qvs0b2rv9n"),
            Some("my.web")
        );
        assert_eq!(
            service("gweb.xjbh1m8lctgbvgb7u4rtqkzk0.lg2b8snu6x8wix7qvs0b2rv9n"),
            Some("gweb")
        );
    }

    #[test]
    fn leaves_other_names_alone() {
        for name in [
            "web1",
            "",
            ".",
            "a.b.c",
            "apache.x.lg2b8snu6x8wix7qvs0b2rv9n",
            ".1.lg2b8snu6x8wix7qvs0b2rv9n",
        ] {
            assert_eq!(service(name), None, "{name}");
        }
        assert_eq!(service("apache.1.LG2b8snu6x8wix7qvs0b2rv9n"), None);
    }

    #[test]
    fn globs() {
        let check = |pattern: &str, name: &str, expected| {
            assert_eq!(
                NamePattern::new(pattern).matches(name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        };
        check("*", "", true);
        check("web.*", "web.1.abc", true);
        check("web.*", "web1", false);
        check("*web*", "my-web-2", true);
        check("web?", "web1", true);
        check("web?", "web", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-b-b-d", false);
        check("", "", true);
        check("", "x", false);
        check("**a", "bbba", true);
    }
}
