//! A simulated day as a picture: the longest waits by band above, on a scale of decades, then slots in use,
//! and below the energy of all personas.

use std::fmt::Write as _;

use actors::{
    domain::Level,
    simulation::{Outcome, Sample},
};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
/// Top and height of the two panels.
const WAITS: (f64, f64) = (40.0, 240.0);
const SLOTS: (f64, f64) = (330.0, 110.0);
const ENERGY: (f64, f64) = (490.0, 80.0);
/// Decades of the upper scale: from 10 ms to 10,000 s.
const DECADES: [(&str, i32); 7] =
    [("10 ms", 1), ("0.1 s", 2), ("1 s", 3), ("10 s", 4), ("100 s", 5), ("1,000 s", 6), ("10,000 s", 7)];
/// From the least important.
const BANDS: [(&str, &str); 3] = [("low", "#7a8b99"), ("middle", "#2f6db5"), ("urgent", "#c2410c")];

/// The picture.
pub(super) fn draw(outcome: &Outcome, cap: usize, hours: u32) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 610\" font-family=\"sans-serif\" \
         font-size=\"12\"><title>A simulated day</title><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    );
    let x = |at: f64| LEFT + (WIDTH - LEFT - RIGHT) * at;
    let count = outcome.timeline.len().max(1);
    let across = |at: usize| x(number(at) / number(count));
    scale(&mut svg, "longest wait", WAITS, DECADES.map(|(name, power)| (name.to_owned(), height(10_f64.powi(power)))));
    let slots = [0, cap / 2, cap].map(|slots| (slots.to_string(), number(slots) / number(cap)));
    scale(&mut svg, "slots in use", SLOTS, slots);
    for (band, (name, colour)) in BANDS.iter().enumerate() {
        let waits = outcome.timeline.iter().enumerate();
        let waits = waits.filter_map(|(at, sample)| Some((across(at), height(milliseconds(sample.longest_ms[band]?)))));
        line(&mut svg, colour, WAITS, waits);
        let left = WIDTH - RIGHT - 70.0 * number(BANDS.len() - band);
        put(&mut svg, format_args!("<text x=\"{left}\" y=\"24\" fill=\"{colour}\">■ {name}</text>"));
    }
    let used = outcome.timeline.iter().enumerate();
    line(&mut svg, "#15803d", SLOTS, used.map(|(at, sample)| (across(at), sample.slots / number(cap))));
    let levels = [("0 %".to_owned(), 0.0), ("50 %".to_owned(), 0.5), ("100 %".to_owned(), 1.0)];
    scale(&mut svg, "energy: the mean, and the most tired", ENERGY, levels);
    for (colour, of) in [("#7c3aed", mean as fn(&Sample) -> Option<Level>), ("#c4b5fd", lowest)] {
        let levels = outcome.timeline.iter().enumerate();
        let levels = levels.filter_map(|(at, sample)| Some((across(at), f64::from(of(sample)?.percent()) / 100.0)));
        line(&mut svg, colour, ENERGY, levels);
    }
    for quarter in 0..=4_u32 {
        let hour = f64::from(hours) * f64::from(quarter) / 4.0;
        let x = x(f64::from(quarter) / 4.0);
        put(&mut svg, format_args!("<text x=\"{x}\" y=\"594\" text-anchor=\"middle\" fill=\"#555\">{hour} h</text>"));
    }
    svg.push_str("</svg>\n");
    svg
}

fn scale<const N: usize>(svg: &mut String, title: &str, (top, tall): (f64, f64), marks: [(String, f64); N]) {
    put(svg, format_args!("<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{title}</text>", top - 14.0));
    for (name, at) in marks {
        let y = top + tall * (1.0 - at);
        let right = WIDTH - RIGHT;
        put(svg, format_args!("<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>"));
        let (x, y) = (LEFT - 6.0, y + 4.0);
        put(svg, format_args!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"#555\">{name}</text>"));
    }
}

fn line(svg: &mut String, colour: &str, (top, tall): (f64, f64), points: impl Iterator<Item = (f64, f64)>) {
    let mut path = String::new();
    for (x, at) in points {
        put(&mut path, format_args!("{x:.1},{:.1} ", top + tall * (1.0 - at)));
    }
    let path = path.trim_end();
    put(svg, format_args!("<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"));
}

fn mean(sample: &Sample) -> Option<Level> {
    sample.energy
}

fn lowest(sample: &Sample) -> Option<Level> {
    sample.lowest_energy
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(what);
}

/// Where a wait lies on the scale of decades, 0 to 1.
fn height(ms: f64) -> f64 {
    ((ms.max(10.0).log10() - 1.0) / 6.0).min(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "slots and stretches, far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a week, far below 2^52")]
fn milliseconds(ms: i64) -> f64 {
    ms as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_has_its_place_among_the_decades() {
        for (ms, at) in [(0.0, 0.0), (10.0, 0.0), (10_000.0, 0.5), (1e7, 1.0), (1e9, 1.0)] {
            assert!((height(ms) - at).abs() < 1e-9, "{ms} ms");
        }
    }
}
