//! Collects what is wrong with the fields of one request, so that all of it is said at once.

use std::ops::RangeInclusive;

use crate::web::errors::{FieldError, Problem};

/// The complaints so far.
#[derive(Debug, Default)]
pub struct Checks(Vec<FieldError>);

impl Checks {
    /// Complains about a field unless `holds`.
    pub fn check(&mut self, field: &str, holds: bool, reason: impl Into<String>) {
        if !holds {
            self.0.push(FieldError::new(field, reason));
        }
    }

    /// A text for people: not only white space, so many characters, no control characters but line ends and tabs.
    pub fn text(&mut self, field: &str, text: &str, length: RangeInclusive<usize>) {
        let (least, most) = (*length.start(), *length.end());
        if least > 0 && text.trim().is_empty() {
            return self.0.push(FieldError::new(field, "must not be empty"));
        }
        let count = text.chars().count();
        self.check(field, length.contains(&count), format!("must have {least} to {most} characters, it has {count}"));
        let control = text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        self.check(field, !control, "must not hold control characters");
    }

    /// A text of one line.
    pub fn line(&mut self, field: &str, text: &str, length: RangeInclusive<usize>) {
        self.text(field, text, length);
        self.check(field, !text.contains(['\n', '\r', '\t']), "must be one line");
    }

    /// A list of short texts.
    pub fn lines(&mut self, field: &str, lines: &[String], most: usize, longest: usize) {
        self.check(field, lines.len() <= most, format!("must hold at most {most} entries, it holds {}", lines.len()));
        for (index, line) in lines.iter().take(most).enumerate() {
            self.text(&format!("{field}[{index}]"), line, 1..=longest);
        }
    }

    /// Parses a field, and complains with the parser's own words.
    pub fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.push(FieldError::new(field, error.to_string()));
                None
            }
        }
    }

    /// No complaints, or all of them.
    pub fn done(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}
