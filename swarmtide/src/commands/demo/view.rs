//! The live view: redrawn in place on a terminal, a line per service and second elsewhere.

use std::io::{self, Write};

use super::{
    super::look::Look,
    frame::{Frame, ServiceFrame, Watcher},
};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Services that a screen has room for.
const SHOWN: usize = 12;
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";

/// Draws one second.
pub(super) fn draw(
    out: &mut dyn Write,
    frame: &Frame,
    watcher: &Watcher,
    terminal: bool,
) -> io::Result<()> {
    if !terminal {
        return print(out, frame);
    }
    let mut screen = Vec::new();
    paint(&mut screen, frame, watcher)?;
    // Without the cursor and without line breaks of the terminal's own; each line and the rest of the screen are wiped behind us.
    let screen = String::from_utf8_lossy(&screen).replace('\n', "\x1b[K\r\n");
    let screen = Look::of_stdout().tone_down(screen);
    write!(out, "\x1b[?25l\x1b[?7l\x1b[H{screen}\x1b[J")
}

/// Gives the terminal back as it was.
pub(super) fn close(out: &mut dyn Write) -> io::Result<()> {
    write!(out, "\x1b[?7h\x1b[?25h")
}

/// A whole screen.
fn paint(out: &mut Vec<u8>, frame: &Frame, watcher: &Watcher) -> io::Result<()> {
    let Frame {
        url,
        agents,
        datagrams,
        decode_errors,
        ..
    } = frame;
    let (minutes, seconds) = (frame.seconds / 60, frame.seconds % 60);
    let heads = ["service", "replicas", "CPU of limit", "load, last 30 s"];
    let [service, replicas, cpu, load] = heads;
    let what = "a simulated swarm, real datagrams, the real sidecar";
    writeln!(
        out,
        "{BOLD}swarmtide demo{RESET}  {minutes:02}:{seconds:02}   {DIM}{what}{RESET}"
    )?;
    writeln!(
        out,
        "{DIM}{agents} agents · {datagrams} datagrams · {decode_errors} decode errors{RESET}\n"
    )?;
    writeln!(out, "{DIM}{service:<9}{replicas:<21}{cpu:<19}{load}{RESET}")?;
    for service in frame.services.iter().take(SHOWN) {
        paint_service(out, service, &watcher.load(&service.name))?;
    }
    if frame.services.len() > SHOWN {
        writeln!(out, "{DIM}and {} more{RESET}", frame.services.len() - SHOWN)?;
    }
    if frame.services.is_empty() {
        writeln!(out, "waiting for the first look at the swarm …")?;
    }
    if !frame.talkers.is_empty() {
        let talkers = frame.talkers.join(" · ");
        writeln!(out, "\n{DIM}who talks to whom: {talkers}{RESET}")?;
    }
    writeln!(out, "\n{BOLD}the page:{RESET} {url}/")?;
    writeln!(
        out,
        "{DIM}look on:{RESET}  {url}/v1/services   {url}/metrics"
    )?;
    writeln!(out, "{DIM}ask:{RESET}      swarmtide why web --url {url}")?;
    writeln!(
        out,
        "{DIM}switch:{RESET}   swarmtide state dry-run --url {url}"
    )?;
    writeln!(out, "{DIM}end:{RESET}      Ctrl-C")
}

fn paint_service(out: &mut Vec<u8>, service: &ServiceFrame, load: &[f64]) -> io::Result<()> {
    let ServiceFrame {
        name,
        replicas,
        serving,
        min,
        max,
        ..
    } = service;
    let filled = "■".repeat(*serving as usize);
    let coming = "◧".repeat(replicas.saturating_sub(*serving) as usize);
    let free = "·".repeat(max.saturating_sub((*replicas).max(*serving)) as usize);
    let bounds = format!("{min}..{max}");
    let cpu = service.cpu_of_limit.map_or_else(
        || format!("{DIM}{:<18}{RESET}", "no telemetry yet"),
        |share| {
            format!(
                "{}{:>4.0} %{RESET} {:<11}",
                colour(share),
                share * 100.0,
                bar(share, 10)
            )
        },
    );
    writeln!(
        out,
        "{BOLD}{name:<9}{RESET}{GREEN}{filled}{RESET}{YELLOW}{coming}{RESET}{DIM}{free}{RESET} {replicas:>2} {DIM}{bounds:<8}{RESET} {cpu}  {}",
        spark(load)
    )?;
    let words = match (&service.last_change, service.last_change_seconds) {
        (Some(words), Some(ago)) => format!("{ago} s ago: {words}"),
        _ => service.hold.map_or_else(String::new, |hold| {
            format!("held: {}", hold.replace('_', " "))
        }),
    };
    writeln!(out, "{DIM}         {words}{RESET}")?;
    for words in &service.outliers {
        writeln!(out, "{YELLOW}         {words}{RESET}")?;
    }
    Ok(())
}

/// A line per service.
fn print(out: &mut dyn Write, frame: &Frame) -> io::Result<()> {
    if frame.seconds == 0 {
        let url = &frame.url;
        writeln!(
            out,
            "swarmtide demo: the page is at {url}/ ({url}/v1/services, {url}/metrics)"
        )?;
    }
    for service in &frame.services {
        let ServiceFrame {
            name,
            replicas,
            serving,
            min,
            max,
            offered_cores,
            ..
        } = service;
        let cpu = service.cpu_of_limit.map_or_else(
            || "   ?".to_owned(),
            |share| format!("{:>3.0}%", share * 100.0),
        );
        let hold = service.hold.unwrap_or("scaling");
        writeln!(
            out,
            "{:>4}s {name:<8} replicas {replicas} ({min}..{max}) serving {serving} load {offered_cores:.2} cores, cpu {cpu} of limit, {hold}",
            frame.seconds
        )?;
        for words in &service.outliers {
            writeln!(out, "{:>4}s {name:<8} {words}", frame.seconds)?;
        }
    }
    Ok(())
}

fn colour(share: f64) -> &'static str {
    match share {
        share if share > 0.9 => RED,
        share if share > 0.7 => YELLOW,
        _ => GREEN,
    }
}

/// A share from 0 to 1 as a bar of so many cells.
fn bar(share: f64, cells: usize) -> String {
    (0..cells)
        .map(|cell| {
            if share * to_float(cells) > to_float(cell) {
                '━'
            } else {
                ' '
            }
        })
        .collect()
}

/// Values as a line of small bars, the largest of them at full height.
fn spark(values: &[f64]) -> String {
    let top = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    values
        .iter()
        .map(|value| {
            let place = (0..BARS.len())
                .rev()
                .find(|step| value / top * to_float(BARS.len()) > to_float(*step));
            BARS[place.unwrap_or(0)]
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of cells on a screen")]
const fn to_float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_follow_the_values() {
        assert_eq!(spark(&[0.0, 1.0, 2.0, 4.0]), "▁▂▄█");
        assert_eq!(spark(&[]), "");
        assert_eq!(bar(0.5, 4), "━━  ");
        assert_eq!(bar(7.0, 4), "━━━━");
    }
}
