//! `pause`: no change of a service in one direction for a while.

use std::io::Write;

use super::ask::{answer, block_on, encode, token};
use crate::{cli::PauseArgs, client};

/// Sets or ends a pause, and prints those that there are.
pub(super) fn pause(args: &PauseArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let path = format!("/v1/services/{}/pause", encode(&args.service));
    let token = token(args.remote.token_file.as_deref())?;
    let url = &args.remote.url;
    let now = jiff::Zoned::now();
    let until = match (&args.lasting, args.until) {
        (Some(lasting), _) => Some(now.timestamp().checked_add(lasting.get())?),
        (None, Some(at)) => Some(at.timestamp(&now)?),
        (None, None) => None,
    };
    let direction = args.direction.word();
    let reply = match until {
        Some(until) => {
            let body = serde_json::json!({ "direction": direction, "until": until }).to_string();
            block_on(client::put(url, &path, body, token.as_deref()))
        }
        None => {
            let path = format!("{path}?direction={direction}");
            block_on(client::delete(url, &path, token.as_deref()))
        }
    };
    let pauses = reply.and_then(answer)?;
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&pauses)?)?;
        return Ok(());
    }
    let service = &args.service;
    let mut any = false;
    for (key, what) in [("up_until", "adding"), ("down_until", "taking away")] {
        if let Some(until) = pauses[key].as_str() {
            writeln!(out, "{service}: {what} replicas is paused until {until}")?;
            any = true;
        }
    }
    if !any {
        writeln!(out, "{service}: nothing is paused")?;
    }
    Ok(())
}
