//! `why` and `state`: questions to, and switches of, a running sidecar over its API.

use std::{fs, io::Write, path::Path};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::look::{Look, Tone};
use crate::{
    cli::{At, Format, Remote, StateArgs, WhyArgs},
    client,
};

/// Prints the last decision about a service.
pub(super) fn why(args: &WhyArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(at) = args.at {
        return why_at(args, at, out);
    }
    let path = format!("/v1/services/{}", encode(&args.service));
    let service = get(&args.remote, &path)?;
    let look = Look::of_stdout();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&service)?)?,
        Format::Text => {
            let words = service["explanation"]
                .as_str()
                .unwrap_or("No decision has been made yet.");
            writeln!(out, "{}", look.paint(Tone::Strong, words))?;
            let change = service["last_change"].as_str();
            if let (Some(change), Some(at)) = (change, service["last_change_unix_ms"].as_i64())
                && change != words
                && let Ok(at) = jiff::Timestamp::from_millisecond(at)
            {
                let at = at.to_zoned(jiff::tz::TimeZone::system());
                writeln!(out, "Before that, at {}: {change}", at.strftime("%H:%M:%S"))?;
            }
            for error in service["lb_label_errors"].as_array().into_iter().flatten() {
                let error = error.as_str().unwrap_or_default();
                writeln!(
                    out,
                    "{} {error}",
                    look.paint(Tone::Warning, "Not balanced:")
                )?;
            }
        }
    }
    Ok(())
}

/// Prints the decision about a service that was in effect at a time.
fn why_at(args: &WhyArgs, at: At, out: &mut dyn Write) -> anyhow::Result<()> {
    let zone = jiff::tz::TimeZone::system();
    let moment = at.timestamp(&jiff::Zoned::now())?;
    let path = format!(
        "/v1/services/{}/decisions?at_unix_ms={}",
        encode(&args.service),
        moment.as_millisecond()
    );
    let records = get(&args.remote, &path)?;
    let Some(record) = records.get(0) else {
        bail!(
            "no decision is kept from {moment}; the history is bounded, see scaler.history_holds"
        );
    };
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(record)?)?,
        Format::Text => {
            let time = |key: &str| {
                let at = jiff::Timestamp::from_millisecond(record[key].as_i64()?).ok()?;
                Some(at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string())
            };
            let (first, last) = (time("first_unix_ms"), time("last_unix_ms"));
            if let (Some(first), Some(last)) = (first, last) {
                let span = if first == last {
                    first
                } else {
                    format!("{first} to {last}")
                };
                write!(out, "{span}: ")?;
            }
            writeln!(
                out,
                "{}",
                record["explanation"].as_str().unwrap_or_default()
            )?;
        }
    }
    Ok(())
}

/// Asks the sidecar for JSON.
fn get(remote: &Remote, path: &str) -> anyhow::Result<Value> {
    let token = token(remote.token_file.as_deref())?;
    block_on(client::get_with(&remote.url, path, token.as_deref())).and_then(answer)
}

/// Shows or sets the administrative state.
pub(super) fn state(args: &StateArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let service = args.service.as_ref().or(args.of.as_ref());
    let path = match service {
        None => "/v1/state".to_owned(),
        Some(service) => format!("/v1/services/{}/state", encode(service)),
    };
    let token = token(args.remote.token_file.as_deref())?;
    let url = &args.remote.url;
    let reply = match args.state {
        None => block_on(client::get_with(url, &path, token.as_deref())),
        Some(choice) => {
            let body = serde_json::json!({ "state": choice.word() }).to_string();
            block_on(client::put(url, &path, body, token.as_deref()))
        }
    };
    let state = reply.and_then(answer)?;
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&state)?)?;
        return Ok(());
    }
    let look = Look::of_stdout();
    let tone = |word: &str| match word {
        "enabled" => Tone::Good,
        _ => Tone::Warning,
    };
    let word = state["state"].as_str().unwrap_or("unknown");
    match service {
        None => writeln!(out, "all services: {}", look.paint(tone(word), word))?,
        Some(service) => {
            let effective = state["effective"].as_str().unwrap_or(word);
            let but = if effective == word {
                String::new()
            } else {
                format!(", but {effective} for all")
            };
            writeln!(out, "{service}: {}{but}", look.paint(tone(effective), word))?;
        }
    }
    Ok(())
}

/// The bearer token in a file, where one is named.
pub(super) fn token(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let Some(file) = file else {
        return Ok(None);
    };
    let text = fs::read_to_string(file)
        .with_context(|| format!("token file {} cannot be read", file.display()))?;
    Ok(Some(text.trim().to_owned()))
}

pub(super) fn answer((status, body): (u16, Vec<u8>)) -> anyhow::Result<Value> {
    let value: Value = serde_json::from_slice(&body)
        .context("the sidecar's answer is not JSON; is --url right?")?;
    if status == 200 {
        return Ok(value);
    }
    let detail = value["detail"].as_str().unwrap_or("no reason given");
    bail!("{detail} (HTTP {status})")
}

pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Percent-encodes a path segment (RFC 3986, section 2.1).
pub(super) fn encode(segment: &str) -> String {
    let mut text = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_one_segment() {
        assert_eq!(encode("web_1.x-y~z"), "web_1.x-y~z");
        assert_eq!(encode("a/b ü?"), "a%2Fb%20%C3%BC%3F");
    }

    #[test]
    fn problems_become_errors_with_their_detail() {
        let error = answer((404, br#"{"detail":"no service \"x\""}"#.to_vec())).unwrap_err();
        assert_eq!(error.to_string(), "no service \"x\" (HTTP 404)");
        assert!(answer((200, b"<html>".to_vec())).is_err());
    }
}
