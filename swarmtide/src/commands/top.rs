//! `top`: the services of a swarm in a terminal, from the API of a sidecar that may be elsewhere.

mod rows;
mod screen;
mod terminal;

use std::{
    io::{IsTerminal as _, Write},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep_until},
};

use super::{
    ask::{answer, block_on, token},
    look::Look,
};
use crate::{
    cli::{Format, Order, TopArgs},
    client,
};
use rows::Row;
use screen::Frame;
use terminal::{Key, Terminal};

/// Shows services until somebody leaves, or once.
pub(super) fn top(args: &TopArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let token = token(args.remote.token_file.as_deref())?;
    let asked = Asked {
        url: &args.remote.url,
        token: token.as_deref(),
    };
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    match args.format {
        Format::Json => {
            let seen = block_on(asked.look())?;
            writeln!(out, "{}", serde_json::to_string_pretty(&seen.document())?)?;
            Ok(())
        }
        Format::Text if args.once || !terminal => {
            let mut seen = block_on(asked.look())?;
            rows::sort(&mut seen.rows, args.sort, false);
            once(&seen, out)?;
            Ok(())
        }
        Format::Text => block_on(watch(args, &asked, out)),
    }
}

/// Whom to ask.
struct Asked<'a> {
    url: &'a str,
    token: Option<&'a str>,
}

/// What was seen.
#[derive(Debug, Default)]
struct Seen {
    leadership: String,
    state: String,
    services: Value,
    rows: Vec<Row>,
}

impl Seen {
    fn document(&self) -> Value {
        json!({"leadership": self.leadership, "state": self.state, "services": self.services})
    }
}

impl Asked<'_> {
    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        answer(client::get_with(self.url, path, self.token).await?)
    }

    async fn look(&self) -> anyhow::Result<Seen> {
        let services = self.get("/v1/services").await?;
        let state = self.get("/v1/state").await?;
        let index = self.get("/").await?;
        let word = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
        Ok(Seen {
            leadership: word(&index["leadership"]).replace('-', " "),
            state: word(&state["state"]),
            rows: serde_json::from_value(services.clone())?,
            services,
        })
    }
}

/// A line for each service, without limits of a screen.
fn once(seen: &Seen, out: &mut dyn Write) -> std::io::Result<()> {
    let Seen {
        leadership, state, ..
    } = seen;
    writeln!(
        out,
        "{leadership}, scaling {state}, {} services",
        seen.rows.len()
    )?;
    let names = seen.rows.iter().map(|row| row.name.chars().count());
    let width = names.max().unwrap_or(0).max(7);
    writeln!(
        out,
        "{:<width$} {:>8} {:>7} {:>8} {:>6} {:>9} {:>8} {:>7}  last decision",
        "service", "replicas", "serving", "bounds", "CPU", "traffic", "memory", "reports"
    )?;
    for row in &seen.rows {
        let bound =
            |bound: Option<u32>| bound.map_or_else(|| "?".to_owned(), |bound| bound.to_string());
        let size = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), super::look::bytes);
        let cpu = row
            .cpu()
            .map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let (reporting, expected) = row.coverage();
        writeln!(
            out,
            "{:<width$} {:>8} {:>7} {:>8} {cpu:>6} {:>9} {:>8} {:>7}  {}",
            row.name,
            row.replicas,
            row.serving,
            format!("{}..{}", bound(row.min), bound(row.max)),
            size(row.traffic()),
            size(row.memory()),
            format!("{reporting}/{expected}"),
            row.explanation
                .as_deref()
                .unwrap_or("No decision has been made yet.")
        )?;
    }
    Ok(())
}

/// The view: what a person chose, and what was seen last.
struct View<'a> {
    asked: &'a Asked<'a>,
    seen: Seen,
    error: Option<String>,
    order: Order,
    reverse: bool,
    /// The chosen service keeps its mark when the order changes.
    chosen: Option<String>,
}

impl View<'_> {
    async fn look(&mut self) {
        match self.asked.look().await {
            Ok(seen) => (self.seen, self.error) = (seen, None),
            Err(error) => self.error = Some(format!("{error:#}")),
        }
    }

    fn place(&self) -> usize {
        let rows = &self.seen.rows;
        let chosen = self.chosen.as_deref();
        rows.iter()
            .position(|row| Some(row.name.as_str()) == chosen)
            .unwrap_or(0)
    }

    fn draw(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        rows::sort(&mut self.seen.rows, self.order, self.reverse);
        let frame = Frame {
            url: self.asked.url,
            leadership: &self.seen.leadership,
            state: &self.seen.state,
            rows: &self.seen.rows,
            order: self.order,
            reverse: self.reverse,
            chosen: self.place(),
            error: self.error.as_deref(),
            now_unix_ms: u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0),
        };
        let lines = screen::paint(&frame, Terminal::size(), Look::of_stdout());
        Terminal::show(out, &lines)
    }

    /// Takes a key; says whether to go on.
    fn take(&mut self, key: Key) -> bool {
        match key {
            Key::Quit => return false,
            Key::Sort => self.order = self.order.next(),
            Key::Reverse => self.reverse = !self.reverse,
            Key::Refresh => {}
            Key::Move(by) => {
                let last = self.seen.rows.len().saturating_sub(1);
                let by_count = usize::try_from(by.unsigned_abs()).unwrap_or(0);
                let place = match by < 0 {
                    true => self.place().saturating_sub(by_count),
                    false => (self.place() + by_count).min(last),
                };
                self.chosen = self.seen.rows.get(place).map(|row| row.name.clone());
            }
        }
        true
    }
}

async fn watch(args: &TopArgs, asked: &Asked<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut view = View {
        asked,
        seen: asked.look().await?,
        error: None,
        order: args.sort,
        reverse: false,
        chosen: None,
    };
    let interval = args.interval.get().max(Duration::from_millis(200));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut resized = signal(SignalKind::window_change())?;
    let _terminal = Terminal::take(out)?;
    let mut keys = terminal::keys();
    let mut next = Instant::now() + interval;
    loop {
        view.draw(out)?;
        tokio::select! {
            key = keys.recv() => match key {
                None => return Ok(()),
                Some(Key::Refresh) => view.look().await,
                Some(key) => if !view.take(key) { return Ok(()) },
            },
            _ = terminate.recv() => return Ok(()),
            _ = resized.recv() => {}
            () = sleep_until(next) => {
                view.look().await;
                next = Instant::now() + interval;
            }
        }
    }
}
