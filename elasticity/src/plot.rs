//! Demand and replicas over time as an SVG image, of a simulation or of a replay.
//!
//! Long runs are drawn in as many columns as the image has room for, each at the most of what it holds: a short shortage stays visible.

use std::error::Error;

use plotters::prelude::{
    AreaSeries, BLACK, ChartBuilder, Color as _, DrawingArea, IntoDrawingArea as _, LineSeries,
    RGBColor, SVGBackend, WHITE,
};

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 480;
const COLUMNS: usize = 1100;
const DEMAND: RGBColor = RGBColor(176, 184, 196);

/// Colours that can be told apart with any eyesight (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];

/// An image could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the plot cannot be drawn")]
pub struct PlotError(#[source] Box<dyn Error + Send + Sync>);

/// A value over time: seconds and what holds from then until the next.
pub type Steps = Vec<(f64, f64)>;

/// One line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its values, by time.
    pub steps: Steps,
}

/// Lines over the area of what is needed, all in replicas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// What stands above it.
    pub title: String,
    /// When it ends, in seconds.
    pub seconds: f64,
    /// What is needed, by time.
    pub demand: Steps,
    /// What there is.
    pub lines: Vec<Line>,
}

/// Values a second apart as steps.
#[must_use]
pub fn each_second(values: &[f64]) -> Steps {
    let seconds = |second: usize| second as f64;
    values
        .iter()
        .enumerate()
        .map(|(second, value)| (seconds(second), *value))
        .collect()
}

/// Draws charts, one below the other.
///
/// # Errors
/// [`PlotError`].
pub fn svg(charts: &[Chart]) -> Result<String, PlotError> {
    let mut image = String::new();
    draw(&mut image, charts).map_err(|error| PlotError(error.to_string().into()))?;
    Ok(image)
}

fn draw(image: &mut String, charts: &[Chart]) -> Result<(), Box<dyn Error>> {
    let rows = charts.len().max(1);
    let height = HEIGHT.saturating_mul(u32::try_from(rows)?);
    let root = SVGBackend::with_string(image, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, chart) in root.split_evenly((rows, 1)).iter().zip(charts) {
        one(area, chart)?;
    }
    root.present()?;
    Ok(())
}

fn one(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    chart: &Chart,
) -> Result<(), Box<dyn Error>> {
    let lines = chart.lines.iter().map(|line| &line.steps);
    let all = lines.chain([&chart.demand]).flatten();
    let most = all
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite())
        .fold(1.0, f64::max);
    let seconds = chart.seconds.max(2.0);
    let mut plot = ChartBuilder::on(area)
        .caption(&chart.title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..seconds / 60.0, 0.0..most * 1.05)?;
    plot.configure_mesh()
        .light_line_style(WHITE)
        .x_desc("minutes")
        .y_desc("replicas")
        .draw()?;
    let demand = corners(&chart.demand, seconds);
    plot.draw_series(AreaSeries::new(demand, 0.0, DEMAND.mix(0.6)))?
        .label("needed")
        .legend(|(x, y)| plotters::element::PathElement::new([(x, y), (x + 20, y)], DEMAND));
    for (line, colour) in chart.lines.iter().zip(COLOURS.iter().cycle()) {
        plot.draw_series(LineSeries::new(corners(&line.steps, seconds), *colour))?
            .label(line.name.as_str())
            .legend(|(x, y)| plotters::element::PathElement::new([(x, y), (x + 20, y)], *colour));
    }
    plot.configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}

/// The corners of the line through steps, in minutes.
fn corners(steps: &[(f64, f64)], seconds: f64) -> Vec<(f64, f64)> {
    let columns = columns(steps, seconds);
    let ends = columns.iter().skip(1).map(|(at, _)| *at).chain([seconds]);
    columns
        .iter()
        .zip(ends)
        .flat_map(|((at, value), end)| [(at / 60.0, *value), (end / 60.0, *value)])
        .collect()
}

/// Steps in no more columns than there is room for, each at the most of what it holds.
fn columns(steps: &[(f64, f64)], seconds: f64) -> Steps {
    if steps.len() <= COLUMNS {
        return steps.to_vec();
    }
    let width = seconds / COLUMNS as f64;
    let mut left = steps.iter().peekable();
    let mut holds = 0.0;
    let column = |number: usize| {
        let mut most: f64 = holds;
        while let Some((_, value)) = left.next_if(|(at, _)| *at < width * (number + 1) as f64) {
            most = most.max(*value);
            holds = *value;
        }
        (width * number as f64, most)
    };
    (0..COLUMNS).map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_shortage_stays_visible() {
        let mut values = vec![1.0; 100_000];
        values[54_321] = 40.0;
        let columns = columns(&each_second(&values), 100_000.0);
        assert!(columns.len() <= COLUMNS, "{}", columns.len());
        let (second, most) = columns
            .iter()
            .copied()
            .max_by(|left, right| left.1.total_cmp(&right.1))
            .unwrap();
        assert_eq!(most, 40.0);
        assert!((second - 54_321.0).abs() < 100.0, "{second}");
        assert_eq!(columns.iter().filter(|(_, value)| *value > 1.0).count(), 1);
    }

    #[test]
    fn a_value_holds_until_the_next_and_the_last_to_the_end() {
        let corners = corners(&[(0.0, 2.0), (60.0, 5.0)], 180.0);
        assert_eq!(corners, [(0.0, 2.0), (1.0, 2.0), (1.0, 5.0), (3.0, 5.0)]);
    }

    #[test]
    fn names_are_in_the_image_and_cannot_break_it() {
        let chart = |title: &str, name: &str, values: &[f64]| Chart {
            title: title.to_owned(),
            seconds: 2.0,
            demand: each_second(&[1.0, 2.0]),
            lines: vec![Line {
                name: name.to_owned(),
                steps: each_second(values),
            }],
        };
        let charts = [
            chart("a < b & c", "swarmtide", &[2.0, 2.0]),
            chart("web", "x", &[]),
        ];
        let image = svg(&charts).unwrap();
        assert!(image.starts_with("<svg"), "{image}");
        assert!(image.trim_end().ends_with("</svg>"));
        for text in ["swarmtide", "needed", "web", "a &lt; b &amp; c"] {
            assert!(image.contains(text), "{text}: {image}");
        }
        assert!(svg(&[]).is_ok() && svg(&[Chart::default()]).is_ok());
    }
}
