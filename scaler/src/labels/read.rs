//! Values of the configuration file in the syntax of labels: a string, or a number where the syntax has bare numbers.

use std::{fmt, time::Duration};

use serde::{Deserializer, de};

use super::value::{self, ValueError};

/// A value's text, whatever TOML type it was written in.
struct Text<T> {
    parse: fn(&str) -> Result<T, ValueError>,
}

impl<T> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(|error| E::custom(format_args!("{text:?} {error}")))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&format!("{number:?}"))
    }
}

/// A duration.
pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Text {
        parse: value::duration,
    })
}
