//! Settings of an existing `hsflowd.conf` that this agent understands: `collector`, `polling`, `sampling` with its rates by speed, `agent`,
//! `agent.cidr`.
//!
//! hsflowd's modules and what else its file may hold are passed over: they say how hsflowd gets its data. Pure.

use std::{collections::BTreeMap, net::IpAddr};

/// What such a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Host (name or address) and port of each collector.
    pub collectors: Vec<(String, u16)>,
    /// `polling`, seconds; 0 is off.
    pub polling: Option<u32>,
    /// `sampling`, one packet in so many; 0 is off.
    pub sampling: Option<u32>,
    /// `sampling.10G` and the like: the same for interfaces of that speed, bits a second.
    pub sampling_by_speed: BTreeMap<u64, u32>,
    /// `sampling.bps_ratio`: bits a second for each one of a rate; 0 is off.
    pub sampling_bps_ratio: Option<u64>,
    /// `agent`: name of the interface whose address is used.
    pub agent: Option<String>,
    /// `agent.cidr`: a network that the address lies in, and the length of its prefix.
    pub agent_cidr: Option<(IpAddr, u8)>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}: key `{key}`: {message}")]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// The key at fault.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
}

/// A word, `=`, `{` or `}`, and its line.
type Token<'a> = (usize, &'a str);

/// Reads a file.
///
/// # Errors
/// The first thing at fault in one of the settings that matter here.
pub fn parse(text: &str) -> Result<Settings, ParseError> {
    let tokens = tokens(text);
    let mut settings = Settings::default();
    // Names of the sections that are open.
    let mut open: Vec<&str> = Vec::new();
    let mut collector: Option<Collector> = None;
    let mut rest = tokens.as_slice();
    loop {
        rest = match rest {
            [] => break,
            [(_, name), (_, "{"), after @ ..] => {
                if *name == "collector" {
                    collector = Some(Collector::default());
                }
                open.push(name);
                after
            }
            [(line, "}"), after @ ..] => {
                if open.pop() == Some("collector")
                    && let Some(found) = collector.take()
                {
                    settings.collectors.push(found.finish(*line)?);
                }
                after
            }
            [(line, key), (_, "="), (_, value), after @ ..] if !is_sign(value) => {
                match (open.last().copied(), collector.as_mut()) {
                    (Some("collector"), Some(collector)) => collector.set(*line, key, value)?,
                    (Some("sflow") | None, _) => set(&mut settings, *line, key, value)?,
                    _ => {}
                }
                after
            }
            [(line, key), (_, "="), ..] => return Err(error(*line, key, "has no value")),
            [_, after @ ..] => after,
        };
    }
    Ok(settings)
}

#[derive(Debug, Default)]
struct Collector {
    host: Option<String>,
    port: Option<u16>,
}

impl Collector {
    fn set(&mut self, line: usize, key: &str, value: &str) -> Result<(), ParseError> {
        match key {
            "ip" => self.host = Some(value.to_owned()),
            "udpport" => {
                let port = value.parse().ok().filter(|port| *port > 0);
                let wrong = || error(line, "collector.udpport", &format!("{value:?} is no port"));
                self.port = Some(port.ok_or_else(wrong)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self, line: usize) -> Result<(String, u16), ParseError> {
        let host = self
            .host
            .ok_or_else(|| error(line, "collector.ip", "is missing"))?;
        Ok((host, self.port.unwrap_or(sflow::DEFAULT_PORT)))
    }
}

fn set(settings: &mut Settings, line: usize, key: &str, value: &str) -> Result<(), ParseError> {
    let number = || {
        value
            .parse::<u32>()
            .map_err(|_| error(line, key, &format!("{value:?} is no whole number")))
    };
    match key.to_ascii_lowercase().as_str() {
        "polling" => settings.polling = Some(number()?),
        "sampling" => settings.sampling = Some(number()?),
        "agent" => settings.agent = Some(value.to_owned()),
        "agent.cidr" => {
            let wrong = || error(line, key, &format!("{value:?} is no network"));
            settings.agent_cidr = Some(cidr(value).ok_or_else(wrong)?);
        }
        "sampling.bps_ratio" => {
            settings.sampling_bps_ratio = Some(u64::from(number()?));
        }
        key => {
            // A word behind the dot is an application, and those are not sampled here.
            if let Some(speed) = key.strip_prefix("sampling.").and_then(speed) {
                settings.sampling_by_speed.insert(speed, number()?);
            }
        }
    }
    Ok(())
}

/// `100M`, `10G`: bits a second.
fn speed(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.parse().ok().filter(|prefix| *prefix <= longest)?;
    Some((address, prefix))
}

fn error(line: usize, key: &str, message: &str) -> ParseError {
    ParseError {
        line,
        key: key.to_owned(),
        message: message.to_owned(),
    }
}

fn is_sign(token: &str) -> bool {
    matches!(token, "{" | "}" | "=")
}

/// Words and signs; `#` begins a comment, quotes are taken off.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = line.split('#').next().unwrap_or_default().trim_start();
        while let Some(first) = rest.chars().next() {
            let (token, after) = if is_sign(rest.get(..1).unwrap_or_default()) {
                rest.split_at(1)
            } else if first == '"' {
                let inner = rest.get(1..).unwrap_or_default();
                inner.split_once('"').unwrap_or((inner, ""))
            } else {
                let end = rest
                    .find(|c: char| c.is_whitespace() || "{}=".contains(c))
                    .unwrap_or(rest.len());
                rest.split_at(end)
            };
            tokens.push((index + 1, token));
            rest = after.trim_start();
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write() {
        let text = "# comment\nsflow {\n  sampling = 400\n  polling=2\n  agent = eth0\n  agent.cidr = 10.0.0.0/8\n  collector { ip = 10.0.0.5 udpport = 6344 }\n  collector { ip = \"collector.example\" }\n  docker { }\n  pcap { speed=1G- }\n  sampling.http = 1\n  sampling.10G = 2000\n  sampling.100M=50\n  sampling.bps_ratio = 0\n}\n";
        let expected = Settings {
            collectors: vec![
                ("10.0.0.5".to_owned(), 6344),
                ("collector.example".to_owned(), 6343),
            ],
            polling: Some(2),
            sampling: Some(400),
            sampling_by_speed: [(10_000_000_000, 2_000), (100_000_000, 50)].into(),
            sampling_bps_ratio: Some(0),
            agent: Some("eth0".to_owned()),
            agent_cidr: Some(("10.0.0.0".parse().unwrap(), 8)),
        };
        assert_eq!(parse(text), Ok(expected));
        assert_eq!(parse(""), Ok(Settings::default()));
    }

    #[test]
    fn errors_name_line_and_key() {
        for (text, expected) in [
            (
                "sflow {\n polling = often\n}",
                "2: key `polling`: \"often\" is no whole number",
            ),
            (
                "sflow {\n sampling.10G = some\n}",
                "2: key `sampling.10G`: \"some\" is no whole number",
            ),
            (
                "sflow {\n\n collector { udpport = 1 }\n}",
                "3: key `collector.ip`: is missing",
            ),
            (
                "sflow { collector { ip = x\n udpport = 99999 } }",
                "2: key `collector.udpport`: \"99999\" is no port",
            ),
            (
                "agent.cidr = 10.0.0.0/33",
                "1: key `agent.cidr`: \"10.0.0.0/33\" is no network",
            ),
            ("sflow {\n agent =\n}", "2: key `agent`: has no value"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z.={}\"# \n0-9é]{0,80}") {
            parse(&text).ok();
        }
    }
}
