//! What was measured, as a table: the figure, what it is compared with, the ratio, and what was aimed at.

use std::fmt;

/// The whole table, in the order in which lines were added.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<Line>,
}

/// One figure.
#[derive(Debug)]
pub struct Line {
    /// What was measured, under what conditions.
    pub what: String,
    /// The figure with its unit.
    pub figure: String,
    /// The figure over what bounds it, and what that is; none for a figure that stands alone.
    pub ratio: Option<(f64, &'static str)>,
    pub aim: Aim,
}

/// What the figure should be. Missing it is said, not punished.
#[derive(Debug, Clone, Copy)]
pub enum Aim {
    /// Reported only.
    None,
    /// `value` should be at least `aim`.
    AtLeast { aim: f64, value: f64 },
    /// `value` should be at most `aim`.
    AtMost { aim: f64, value: f64 },
}

impl Report {
    pub fn add(&mut self, line: Line) {
        eprintln!("  {}: {}", line.what, line.figure);
        self.lines.push(line);
    }
}

impl Aim {
    fn text(self) -> String {
        let (sign, aim, met) = match self {
            Self::None => return String::new(),
            Self::AtLeast { aim, value } => ("≥", aim, value >= aim),
            Self::AtMost { aim, value } => ("≤", aim, value <= aim),
        };
        format!("{sign} {aim} {}", if met { "met" } else { "MISSED" })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Line) -> usize| self.lines.iter().map(of).max().unwrap_or(0);
        let (what, figure) = (width(|line| line.what.chars().count()), width(|line| line.figure.chars().count()));
        for line in &self.lines {
            let ratio = line.ratio.map_or_else(String::new, |(ratio, of)| format!("{ratio:.2} of {of}"));
            writeln!(f, "{:what$}  {:>figure$}  {ratio:<44}  {}", line.what, line.figure, line.aim.text())?;
        }
        Ok(())
    }
}

/// The one in the middle: a round in which the machine was busy elsewhere does not move it.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
