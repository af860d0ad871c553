//! Query strings and the `filters` parameter.

use std::collections::BTreeMap;

use serde_json::Value;

use super::EventFilter;
use crate::engine::EngineError;

/// A parsed query.
#[derive(Debug, Default)]
pub(super) struct Query {
    values: BTreeMap<String, String>,
    filters: BTreeMap<String, Vec<String>>,
}

impl Query {
    /// Parses a query; `filters` may be written as lists or, in the old way, as maps of name to true.
    pub(super) fn parse(query: &str) -> Result<Self, EngineError> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            parsed.values.insert(decode(key), decode(value));
        }
        if let Some(text) = parsed.values.get("filters").filter(|text| !text.is_empty()) {
            let document: Value = serde_json::from_str(text)
                .map_err(|error| EngineError::new(400, format!("invalid filter: {error}")))?;
            for (key, value) in document.as_object().into_iter().flatten() {
                parsed.filters.insert(key.clone(), strings(value));
            }
        }
        Ok(parsed)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "1"))
    }

    /// True where there is no such filter, or one of its values fits.
    pub(super) fn allows(&self, key: &str, fits: impl Fn(&str) -> bool) -> bool {
        self.filters
            .get(key)
            .is_none_or(|values| values.iter().any(|value| fits(value)))
    }

    pub(super) fn event_filter(&self) -> EventFilter {
        let list = |key: &str| self.filters.get(key).cloned().unwrap_or_default();
        EventFilter {
            types: list("type"),
            scopes: list("scope"),
            actions: list("event"),
        }
    }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Value::Object(map) => map.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Undoes percent-encoding; what is no valid escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_in_both_spellings() {
        for text in [
            "filters=%7B%22service%22%3A%5B%22web%22%5D%7D",
            r#"filters={"service":{"web":true}}"#,
        ] {
            let query = Query::parse(text).unwrap();
            assert!(query.allows("service", |value| value == "web"));
            assert!(!query.allows("service", |value| value == "db"));
            assert!(query.allows("node", |_| false));
        }
        assert_eq!(Query::parse("filters=%7B").unwrap_err().status, 400);
    }

    #[test]
    fn broken_escapes_stay() {
        assert_eq!(decode("a%2Gb%2"), "a%2Gb%2");
        assert_eq!(decode("a%20b+c"), "a b c");
    }
}
