//! Reads labels by their table, and makes the policy of a service that has opted in.

use std::collections::BTreeMap;

use super::{
    Defaults, ERRORS_MAX, LABELS, LabelError, PREFIX, Problem,
    given::Given,
    nearest, relevant,
    value::{self, ValueError},
};
use crate::policy::{Policy, PolicyError};

/// See [`Policy::from_labels`].
pub(super) fn policy(
    defaults: &Defaults,
    labels: &BTreeMap<String, String>,
) -> Result<Option<Policy>, Vec<LabelError>> {
    let mut reader = Reader::new(labels);
    match reader.read("enable", value::boolean) {
        Some(false) => return Ok(None),
        None if reader.known.is_empty() && reader.errors.is_empty() => return Ok(None),
        None if reader.errors.is_empty() => reader.fail("enable", "", Problem::EnableMissing),
        None | Some(true) => {}
    }
    let given = Given::read(&mut reader, defaults.given());
    if reader.errors.is_empty()
        && let Some(policy) = given.over(defaults.given(), &mut reader)
    {
        return Ok(Some(policy));
    }
    Err(reader.errors)
}

/// The labels of one service, and what was found wrong with them.
pub(super) struct Reader<'a> {
    known: BTreeMap<&'static str, &'a str>,
    errors: Vec<LabelError>,
}

impl<'a> Reader<'a> {
    fn new(labels: &'a BTreeMap<String, String>) -> Self {
        let mut reader = Self {
            known: BTreeMap::new(),
            errors: Vec::new(),
        };
        for (label, value) in relevant(labels) {
            let name = label.strip_prefix(PREFIX);
            if let Some(known) = LABELS.iter().find(|known| Some(known.name) == name) {
                reader.known.insert(known.name, value);
            } else {
                let name = label.get(PREFIX.len()..).unwrap_or_default();
                let did_you_mean = nearest::nearest(name, LABELS.iter().map(|known| known.name))
                    .map(|name| format!("{PREFIX}{name}"));
                reader.push(LabelError::new(
                    label,
                    value,
                    Problem::UnknownLabel { did_you_mean },
                ));
            }
        }
        reader
    }

    /// A reader of values whose names are known.
    pub(super) const fn of_known(known: BTreeMap<&'static str, &'a str>) -> Self {
        Self {
            known,
            errors: Vec::new(),
        }
    }

    /// What was found wrong.
    pub(super) fn errors(&self) -> &[LabelError] {
        &self.errors
    }

    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        parse: fn(&str) -> Result<T, ValueError>,
    ) -> Option<T> {
        let value = self.known.get(name)?;
        match parse(value) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.push(LabelError::new(
                    &format!("{PREFIX}{name}"),
                    value,
                    Problem::Value { error },
                ));
                None
            }
        }
    }

    /// As [`Self::read`], of a value that the policy may still refuse.
    pub(super) fn read_checked<T, U>(
        &mut self,
        name: &'static str,
        parse: fn(&str) -> Result<T, ValueError>,
        check: impl FnOnce(&T) -> Result<U, PolicyError>,
    ) -> Option<T> {
        let value = self.read(name, parse)?;
        self.check(name, "", check(&value))?;
        Some(value)
    }

    /// The text of a label, as written.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.known.get(name).copied()
    }

    /// Reports a label under its value, or under `otherwise` when the service does not have it.
    pub(super) fn fail(&mut self, name: &str, otherwise: &str, problem: Problem) {
        let value = self.known.get(name).copied().unwrap_or(otherwise);
        self.push(LabelError::new(&format!("{PREFIX}{name}"), value, problem));
    }

    fn push(&mut self, error: LabelError) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error);
        }
    }

    pub(super) fn check<T>(
        &mut self,
        name: &str,
        otherwise: &str,
        result: Result<T, PolicyError>,
    ) -> Option<T> {
        result
            .map_err(|error| self.fail(name, otherwise, Problem::Policy { error }))
            .ok()
    }
}
