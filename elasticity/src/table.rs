//! Results as a table for people.

use std::fmt::Write as _;

use crate::score::Row;

const HEAD: [&str; 10] = [
    "policy",
    "θU %",
    "θO %",
    "τU %",
    "τO %",
    "υ %",
    "SLO-bad %",
    "dropped %",
    "cost",
    "changes/h",
];

/// An aligned table, one line a policy.
#[must_use]
pub fn text(rows: &[Row]) -> String {
    let cells: Vec<[String; 10]> = rows.iter().map(cells).collect();
    let mut widths = HEAD.map(|head| head.chars().count());
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    line(&mut out, &HEAD.map(str::to_owned), &widths);
    for row in &cells {
        line(&mut out, row, &widths);
    }
    out
}

fn cells(row: &Row) -> [String; 10] {
    [
        row.policy.clone(),
        format!("{:.3}", row.theta_u_percent),
        format!("{:.1}", row.theta_o_percent),
        format!("{:.2}", row.tau_u_percent),
        format!("{:.1}", row.tau_o_percent),
        format!("{:.1}", row.instability_percent),
        format!("{:.3}", row.slo_violations_percent),
        format!("{:.3}", row.dropped_percent),
        format!("{:.3}", row.cost),
        format!("{:.1}", row.changes_per_hour),
    ]
}

fn line(out: &mut String, cells: &[String; 10], widths: &[usize; 10]) {
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        // Writing to a string cannot fail.
        let _written = if index == 0 {
            write!(out, "{cell:<width$}")
        } else {
            write!(out, "  {cell:>width$}")
        };
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let row = |policy: &str, theta: f64| Row {
            policy: policy.to_owned(),
            theta_u_percent: theta,
            theta_o_percent: 1.0,
            tau_u_percent: 2.0,
            tau_o_percent: 3.0,
            instability_percent: 4.0,
            slo_violations_percent: 5.0,
            dropped_percent: 6.0,
            cost: 7.0,
            changes_per_hour: 8.0,
        };
        let table = text(&[row("knative", 0.0), row("x", 1234.5678)]);
        let lengths: Vec<usize> = table.lines().map(|line| line.chars().count()).collect();
        assert_eq!(lengths.len(), 3);
        assert!(
            lengths.iter().all(|length| *length == lengths[0]),
            "{table}"
        );
        assert!(table.contains("1234.568"), "{table}");
    }
}
