//! Labels by name: which are known, which are missing, and what is wrong with their values.

use std::collections::BTreeMap;

use super::nearest::nearest;
use super::{ERRORS_MAX, LABELS, Label, LabelError, LabelProblem, PREFIX, TEXT_MAX};

/// The labels of the family, and what is wrong with them so far.
pub(super) struct Reader<'a> {
    values: BTreeMap<&'static str, &'a str>,
    errors: Vec<LabelError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(labels: &'a BTreeMap<String, String>) -> Self {
        let mut reader = Self {
            values: BTreeMap::new(),
            errors: Vec::new(),
        };
        for (label, value) in labels {
            let Some(name) = family_name(label) else {
                continue;
            };
            let exact = label.starts_with(PREFIX);
            match LABELS.iter().find(|known| exact && known.name == name) {
                Some(known) => drop(reader.values.insert(known.name, value.trim())),
                None => {
                    let did_you_mean = nearest(name, LABELS.iter().map(|known| known.name));
                    let problem = LabelProblem::Unknown {
                        did_you_mean: did_you_mean.and_then(find).map(|label| label.name),
                    };
                    reader.errors.push(LabelError {
                        label: cut(label),
                        value: cut(value),
                        problem,
                    });
                }
            }
        }
        reader
    }

    /// True where no label of the family was found.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.errors.is_empty()
    }

    /// Everything wrong so far, as much of it as is reported.
    pub(super) fn errors(mut self) -> Vec<LabelError> {
        self.errors.truncate(ERRORS_MAX);
        self.errors
    }

    /// Reports labels that have no effect because of another.
    pub(super) fn check_needs(&mut self) {
        let present: Vec<_> = self.values.keys().copied().collect();
        for name in present {
            let Some(needs) = find(name).and_then(|label| label.needs) else {
                continue;
            };
            let given = self.values.get(needs.label).copied();
            let value = given.or_else(|| find(needs.label).map(|other| other.default));
            let satisfied = match needs.one_of {
                [] => given.is_some(),
                values => values
                    .iter()
                    .any(|one| value.is_some_and(|value| one.eq_ignore_ascii_case(value))),
            };
            // Such a value asks for nothing.
            let idle = ["none", "false", "0", "0s"];
            let idle = self
                .values
                .get(name)
                .is_some_and(|value| idle.contains(value));
            if !satisfied && !idle {
                let label = needs.label;
                let needed = match needs.one_of {
                    [] => format!("{PREFIX}{label}"),
                    values => format!("{PREFIX}{label}={}", values.join(" or ")),
                };
                self.error(name, LabelProblem::NoEffect { needed });
            }
        }
    }

    pub(super) fn error(&mut self, name: &str, problem: LabelProblem) {
        let value = self
            .values
            .get(name)
            .map(|value| cut(value))
            .unwrap_or_default();
        self.errors.push(LabelError {
            label: format!("{PREFIX}{name}"),
            value,
            problem,
        });
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.values.get(name)?;
        let read = read(value);
        if read.is_none() {
            self.error(
                name,
                LabelProblem::Value {
                    expected: syntax(name),
                    did_you_mean: None,
                },
            );
        }
        read
    }

    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        if !self.values.contains_key(name) {
            self.error(name, LabelProblem::Missing);
        }
        self.optional(name, read)
    }

    pub(super) fn named<T: Clone>(
        &mut self,
        name: &'static str,
        all: &[T],
        text: impl Fn(&T) -> &str,
    ) -> Option<T> {
        let value = *self.values.get(name)?;
        let found = all
            .iter()
            .find(|one| text(one).eq_ignore_ascii_case(value))
            .cloned();
        if found.is_none() {
            let did_you_mean = nearest(value, all.iter().map(&text)).map(str::to_owned);
            self.error(
                name,
                LabelProblem::Value {
                    expected: syntax(name),
                    did_you_mean,
                },
            );
        }
        found
    }
}

/// The name after the prefix, in whatever case the prefix is written.
fn family_name(label: &str) -> Option<&str> {
    let (start, name) = label.split_at_checked(PREFIX.len())?;
    start.eq_ignore_ascii_case(PREFIX).then_some(name)
}

fn find(name: &str) -> Option<&'static Label> {
    LABELS.iter().find(|label| label.name == name)
}

fn syntax(name: &str) -> &'static str {
    find(name).map_or("", |label| label.syntax)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
