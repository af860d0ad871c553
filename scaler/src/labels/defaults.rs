//! Values for labels that a service does not have.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de};

use super::{LABELS, LabelError, given::Given, resolve::Reader};
use crate::policy::Policy;

/// Labels that have no default: a service opts in by itself, and bounds by the clock go with its own bounds.
const NO_DEFAULT: [&str; 2] = ["enable", "schedule"];

/// Values for labels that a service does not have, as a table of the configuration file.
///
/// Keys are the labels' names with `_` for `.`, values in the labels' syntax. Marks and targets are what a service goes by: default
/// targets are for services that name neither, and where there is a target, default marks do not apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    given: Given,
}

impl Defaults {
    /// Defaults by labels' names without their prefix.
    ///
    /// # Errors
    /// What is wrong with the values, under the labels' names; a name without a default is passed over.
    pub fn new<'a>(
        values: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<LabelError>> {
        let values: BTreeMap<&str, &str> = values.into_iter().collect();
        let texts = Self::labels()
            .filter_map(|label| Some((label, (*values.get(label)?).to_owned())))
            .collect();
        Self::read(&texts)
    }

    /// The labels that can have a default.
    pub fn labels() -> impl Iterator<Item = &'static str> {
        LABELS
            .iter()
            .map(|label| label.name)
            .filter(|name| !NO_DEFAULT.contains(name))
    }

    /// The key of a label's default.
    #[must_use]
    pub fn key(label: &str) -> String {
        label.replace('.', "_")
    }

    pub(super) const fn given(&self) -> &Given {
        &self.given
    }

    fn read(texts: &BTreeMap<&'static str, String>) -> Result<Self, Vec<LabelError>> {
        let known = texts.iter().map(|(name, text)| (*name, text.as_str()));
        let mut reader = Reader::of_known(known.collect());
        let given = Given::read_defaults(&mut reader);
        match reader.errors() {
            [] => Ok(Self { given }),
            errors => Err(errors.to_vec()),
        }
    }

    /// Whether a service that sets nothing but `swarmtide.enable=true` gets a policy.
    ///
    /// Defaults without any high mark pass: then each service has to bring its own.
    ///
    /// # Errors
    /// What does not go together, under the labels' names.
    pub fn check(&self) -> Result<(), Vec<LabelError>> {
        let enable = BTreeMap::from([("swarmtide.enable".to_owned(), "true".to_owned())]);
        match Policy::from_labels(self, &enable) {
            Ok(_) => Ok(()),
            Err(errors) if errors.iter().all(LabelError::is_no_marks) => Ok(()),
            Err(errors) => Err(errors),
        }
    }
}

impl<'de> Deserialize<'de> for Defaults {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table)
    }
}

/// Reads the table: each key and each value by itself, so that an error points at it.
struct Table;

impl<'de> de::Visitor<'de> for Table {
    type Value = Defaults;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of values for labels")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Defaults, A::Error> {
        let mut texts = BTreeMap::new();
        while let Some(label) = map.next_key_seed(Key)? {
            let text = map.next_value_seed(Text(label))?;
            texts.insert(label, text);
        }
        Defaults::read(&texts).map_err(|errors| {
            let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
            de::Error::custom(words.join("; "))
        })
    }
}

/// The label that a key is for.
struct Key;

impl<'de> de::DeserializeSeed<'de> for Key {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl de::Visitor<'_> for Key {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label's name with _ for .")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<&'static str, E> {
        if let Some(label) = Defaults::labels().find(|label| Defaults::key(label) == key) {
            return Ok(label);
        }
        let keys: Vec<String> = Defaults::labels().map(Defaults::key).collect();
        let near = super::nearest::nearest(key, keys.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
        Err(E::custom(format_args!("unknown field `{key}`{near}")))
    }
}

/// The text of a label's default, whatever type it was written in.
struct Text(&'static str);

impl<'de> de::DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl de::Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        let alone = BTreeMap::from([(self.0, text.to_owned())]);
        match Defaults::read(&alone) {
            Ok(_) => Ok(text.to_owned()),
            Err(errors) => {
                let problem = errors.first().map(|error| error.problem.to_string());
                let problem = problem.unwrap_or_default();
                Err(E::custom(format_args!("{text:?} {problem}")))
            }
        }
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<String, E> {
        let text = value.to_string();
        let alone = BTreeMap::from([(self.0, text.clone())]);
        if Defaults::read(&alone).is_err() {
            return Err(E::invalid_type(de::Unexpected::Bool(value), &self));
        }
        Ok(text)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
        self.visit_str(&format!("{number:?}"))
    }
}
