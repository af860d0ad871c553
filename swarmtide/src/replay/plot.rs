//! A replay as a picture: one chart a service, with the demand and each policy's replicas over time.

use std::fmt::Write as _;

use super::{Replayed, Track};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;
const MARGIN: f64 = 44.0;

/// Colours that can be told apart in print and by most colour-blind people.
const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#000000",
];

/// The picture as SVG.
#[must_use]
pub fn svg(replayed: &Replayed) -> String {
    let charts = replayed.services.len();
    let height = (HEIGHT + MARGIN) * f64::from(u32::try_from(charts.max(1)).unwrap_or(1));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut top = 0.0;
    for (service, tracks) in &replayed.services {
        chart(&mut text, service, tracks, replayed.seconds, top);
        top += HEIGHT + MARGIN;
    }
    text.push_str("</svg>\n");
    text
}

fn chart(text: &mut String, service: &str, tracks: &[Track], seconds: f64, top: f64) {
    let points = tracks.iter().flat_map(|track| &track.points);
    let highest = points
        .map(|point| point.demand.max(point.replicas))
        .max()
        .unwrap_or(1)
        .max(1);
    let plot_height = HEIGHT - MARGIN;
    let x = |at: f64| MARGIN + at / seconds.max(1.0) * (WIDTH - 2.0 * MARGIN);
    let y = |replicas: u32| {
        top + MARGIN + plot_height * (1.0 - f64::from(replicas) / f64::from(highest))
    };
    // Writing to a String cannot fail.
    _ = writeln!(
        text,
        "<text x=\"{MARGIN}\" y=\"{:.0}\" font-weight=\"bold\">{}</text>",
        top + 16.0,
        escaped(service)
    );
    for (mark, anchor) in [(0, y(0)), (highest, y(highest))] {
        _ = writeln!(
            text,
            "<text x=\"{:.0}\" y=\"{anchor:.0}\" text-anchor=\"end\">{mark}</text><line x1=\"{MARGIN}\" x2=\"{:.0}\" y1=\"{anchor:.1}\" y2=\"{anchor:.1}\" stroke=\"#ccc\"/>",
            MARGIN - 6.0,
            WIDTH - MARGIN
        );
    }
    _ = writeln!(
        text,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{seconds:.0} s</text>",
        WIDTH - MARGIN,
        top + HEIGHT + 14.0
    );
    let mut legend = MARGIN + 160.0;
    let demand = tracks.first().map(|track| {
        let steps = track
            .points
            .iter()
            .map(|point| (point.seconds, point.demand));
        ("demand", "#999", "4 3", path(steps, x, y))
    });
    let policies = tracks
        .iter()
        .zip(COLOURS.iter().cycle())
        .map(|(track, colour)| {
            let steps = track
                .points
                .iter()
                .map(|point| (point.seconds, point.replicas));
            (track.policy.as_str(), *colour, "none", path(steps, x, y))
        });
    for (name, colour, dash, path) in demand.into_iter().chain(policies) {
        _ = writeln!(
            text,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" stroke-dasharray=\"{dash}\"/><text x=\"{legend:.0}\" y=\"{:.0}\" fill=\"{colour}\">{}</text>",
            top + 16.0,
            escaped(name)
        );
        legend += 110.0;
    }
}

/// Steps: each value holds until the next.
fn path(
    steps: impl Iterator<Item = (f64, u32)>,
    x: impl Fn(f64) -> f64,
    y: impl Fn(u32) -> f64,
) -> String {
    let mut path = String::new();
    for (at, value) in steps {
        if path.is_empty() {
            _ = write!(path, "M{:.1} {:.1}", x(at), y(value));
        } else {
            _ = write!(path, "H{:.1}V{:.1}", x(at), y(value));
        }
    }
    path
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
