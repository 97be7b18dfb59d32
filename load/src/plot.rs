//! Two charts, one above the other, as an SVG: throughput, and latency.

use std::fmt::Write as _;

use crate::report::{Curve, Point, Report};

const WIDTH: f64 = 900.0;
const CHART_HEIGHT: f64 = 220.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const GAP: f64 = 60.0;
const TICKS: u32 = 5;

struct Series {
    name: &'static str,
    colour: &'static str,
    value: fn(&Point) -> f64,
}

const THROUGHPUT: [Series; 3] = [
    Series { name: "done", colour: "#1b7837", value: |point| point.done_per_s },
    Series { name: "refused", colour: "#b8860b", value: |point| point.refused_per_s },
    Series { name: "failed", colour: "#b2182b", value: |point| point.failed_per_s },
];
const LATENCY: [Series; 2] = [
    Series { name: "p50", colour: "#2166ac", value: |point| point.p50_ms },
    Series { name: "p99", colour: "#762a83", value: |point| point.p99_ms },
];

pub(crate) fn svg(report: &Report) -> String {
    let height = TOP + 2.0 * CHART_HEIGHT + 2.0 * GAP;
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{height}" fill="white"/>
<text x="{LEFT}" y="24" font-size="16">{}: {:.0} done/s, p99 {:.1} ms</text>"#,
        report.scenario, report.summary.all.done_per_s, report.summary.all.p99_ms
    );
    chart(&mut out, TOP, "requests/s", &report.curve, &THROUGHPUT);
    chart(&mut out, TOP + CHART_HEIGHT + GAP, "latency, ms", &report.curve, &LATENCY);
    out.push_str("</svg>\n");
    out
}

fn chart(out: &mut String, top: f64, title: &str, curve: &Curve, series: &[Series]) {
    let points = &curve.points;
    let (left, right, bottom) = (LEFT, WIDTH - RIGHT, top + CHART_HEIGHT);
    let min_x = points.first().map_or(0.0, |point| point.at);
    let max_x = points.last().map_or(1.0, |point| point.at).max(min_x + 1.0);
    let highest = points.iter().flat_map(|point| series.iter().map(|s| (s.value)(point))).fold(0.0, f64::max);
    let max_y = round_up(highest);
    let x = |at: f64| left + (at - min_x) / (max_x - min_x) * (right - left);
    let y = |value: f64| bottom - value / max_y * CHART_HEIGHT;

    let _ = writeln!(out, r#"<text x="{left}" y="{}">{title}</text>"#, top - 6.0);
    for tick in 0..=TICKS {
        let share = f64::from(tick) / f64::from(TICKS);
        let (value, at) = (max_y * share, min_x + (max_x - min_x) * share);
        let (line, column) = (y(value), x(at));
        let _ = writeln!(
            out,
            r##"<line x1="{left}" x2="{right}" y1="{line:.1}" y2="{line:.1}" stroke="#ddd"/>
<text x="{}" y="{:.1}" text-anchor="end">{}</text>
<text x="{column:.1}" y="{}" text-anchor="middle">{}</text>"##,
            left - 6.0,
            line + 4.0,
            label(value),
            bottom + 16.0,
            label(at)
        );
    }
    let _ = writeln!(
        out,
        r#"<text x="{}" y="{}" text-anchor="middle">{}</text>"#,
        (left + right) / 2.0,
        bottom + 32.0,
        curve.over
    );
    for (number, Series { name, colour, value }) in series.iter().enumerate() {
        let line: String =
            points.iter().map(|point| format!("{:.1},{:.1} ", x(point.at), y(value(point)))).collect();
        let _ = writeln!(
            out,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="2" points="{}"/>
<text x="{}" y="{}" fill="{colour}" text-anchor="end">{name}</text>"#,
            line.trim_end(),
            right - 70.0 * number as f64,
            top - 6.0
        );
    }
}

/// The next 1, 2 or 5 times a power of ten, so that the ticks are round.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|&step| step >= value).unwrap_or(value)
}

fn label(value: f64) -> String {
    if value >= 10.0 || value == value.trunc() { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::stats::{Outcome, Recorder};

    #[test]
    fn the_axis_ends_at_a_round_number() {
        for (value, expected) in [(0.0, 1.0), (0.3, 0.5), (1.0, 1.0), (7.0, 10.0), (1300.0, 2000.0)] {
            assert!((round_up(value) - expected).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn every_series_is_drawn_inside_the_picture() {
        let recorder = Recorder::new(Instant::now());
        recorder.note("reserve", Instant::now(), Outcome::Done);
        let svg = svg(&Report::new("hot", recorder.summary()));
        assert_eq!(svg.matches("<polyline").count(), THROUGHPUT.len() + LATENCY.len());
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
