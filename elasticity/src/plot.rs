//! Demand and replicas over time as an SVG image.
//!
//! Long runs are drawn in as many columns as the image has room for, each at the most of its seconds: a short shortage stays visible.

use std::error::Error;

use plotters::prelude::{
    AreaSeries, BLACK, ChartBuilder, Color as _, IntoDrawingArea as _, LineSeries, RGBColor,
    SVGBackend, WHITE,
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

/// One line: what it is called, and its value in each second.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its values, a second apart.
    pub values: Vec<f64>,
}

/// Draws lines over the area of what is needed, all in replicas.
///
/// # Errors
/// [`PlotError`].
pub fn svg(title: &str, demand: &[f64], lines: &[Line]) -> Result<String, PlotError> {
    let mut image = String::new();
    draw(&mut image, title, demand, lines).map_err(PlotError)?;
    Ok(image)
}

fn draw(
    image: &mut String,
    title: &str,
    demand: &[f64],
    lines: &[Line],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let all = lines.iter().flat_map(|line| &line.values).chain(demand);
    let most = all
        .copied()
        .filter(|value| value.is_finite())
        .fold(1.0, f64::max);
    let longest = lines
        .iter()
        .map(|line| line.values.len())
        .max()
        .unwrap_or(0);
    let minutes = longest.max(demand.len()).max(2) as f64 / 60.0;
    let root = SVGBackend::with_string(image, (WIDTH, HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..minutes, 0.0..most * 1.05)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("minutes")
        .y_desc("replicas")
        .draw()?;
    chart
        .draw_series(AreaSeries::new(columns(demand), 0.0, DEMAND.mix(0.6)))?
        .label("needed")
        .legend(|(x, y)| plotters::element::PathElement::new([(x, y), (x + 20, y)], DEMAND));
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        chart
            .draw_series(LineSeries::new(columns(&line.values), *colour))?
            .label(line.name.as_str())
            .legend(|(x, y)| plotters::element::PathElement::new([(x, y), (x + 20, y)], *colour));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}

/// Minutes and the most of each column.
fn columns(values: &[f64]) -> Vec<(f64, f64)> {
    let width = values.len().div_ceil(COLUMNS).max(1);
    let most = |chunk: &[f64]| chunk.iter().copied().fold(0.0, f64::max);
    values
        .chunks(width)
        .enumerate()
        .map(|(number, chunk)| ((number * width) as f64 / 60.0, most(chunk)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_shortage_stays_visible() {
        let mut values = vec![1.0; 100_000];
        values[54_321] = 40.0;
        let columns = columns(&values);
        assert!(columns.len() <= COLUMNS, "{}", columns.len());
        let (minute, most) = columns
            .into_iter()
            .max_by(|left, right| left.1.total_cmp(&right.1))
            .unwrap();
        assert_eq!(most, 40.0);
        assert!((minute - 54_321.0 / 60.0).abs() < 2.0, "{minute}");
    }

    #[test]
    fn names_are_in_the_image_and_cannot_break_it() {
        let line = |name: &str, values: Vec<f64>| Line {
            name: name.to_owned(),
            values,
        };
        let image = svg(
            "a < b & c",
            &[1.0, 2.0],
            &[line("swarmtide", vec![2.0, 2.0]), line("x", Vec::new())],
        )
        .unwrap();
        assert!(image.starts_with("<svg"), "{image}");
        assert!(image.trim_end().ends_with("</svg>"));
        assert!(image.contains("swarmtide") && image.contains("needed"));
        assert!(image.contains("a &lt; b &amp; c"), "{image}");
        assert!(svg("", &[], &[]).is_ok());
    }
}
