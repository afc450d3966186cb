//! A cadence: due every so many minutes while its persona is up. Pure.
//!
//! Each part of a day in which the persona is up counts from its own beginning: who wakes at nine with `every 45m` is
//! due at 9:00, 9:45, 10:30, and never asleep. Days are those of its zone, so hours over midnight count anew from there.

use std::{fmt, ops::Range};

use crate::domain::Hours;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Days looked at: on some a change of clocks may leave nobody up.
const DAYS: usize = 8;

/// How much lies between two due times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Every {
    step_ms: i64,
}

impl Every {
    /// What begins with `every`; none: it is no such thing. The inner error: why it cannot be used.
    pub(super) fn read(text: &str) -> Option<Result<Self, &'static str>> {
        let word = text.get(..5).filter(|word| word.eq_ignore_ascii_case("every"))?;
        let step = minutes(&text[word.len()..]).map(|minutes| minutes.saturating_mul(MINUTE_MS));
        Some(match step {
            Some(step_ms) if (MINUTE_MS..=DAY_MS).contains(&step_ms) => Ok(Self { step_ms }),
            Some(_) => Err("it must be one minute to 24 hours"),
            None => Err("write it as `every 45m`, `every 2h` or `every 1h 30m`"),
        })
    }

    pub(super) const fn step_ms(self) -> i64 {
        self.step_ms
    }

    pub(super) fn next_after(self, at_ms: i64, hours: &Hours) -> Option<i64> {
        let mut day = hours.day(at_ms);
        for _ in 0..DAYS {
            let found = hours.up(&day).into_iter().find_map(|part| self.first_after(at_ms, &part));
            if found.is_some() {
                return found;
            }
            day = hours.day_after(&day);
        }
        None
    }

    /// The last due time up to a moment.
    pub(super) fn latest(self, until_ms: i64, hours: &Hours) -> Option<i64> {
        let mut day = hours.day(until_ms);
        for _ in 0..DAYS {
            let begun = |part: &Range<i64>| part.start <= until_ms;
            if let Some(part) = hours.up(&day).into_iter().rfind(begun) {
                let within_ms = until_ms.min(part.end - 1) - part.start;
                return Some(part.start + within_ms / self.step_ms * self.step_ms);
            }
            day = hours.day(day.begins_ms.saturating_sub(1));
        }
        None
    }

    fn first_after(self, at_ms: i64, part: &Range<i64>) -> Option<i64> {
        let steps = if at_ms < part.start { 0 } else { (at_ms - part.start) / self.step_ms + 1 };
        let due_ms = part.start.saturating_add(steps.saturating_mul(self.step_ms));
        part.contains(&due_ms).then_some(due_ms)
    }
}

/// In words.
impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.step_ms / MINUTE_MS;
        match (minutes / 60, minutes % 60) {
            (0, minutes) => write!(f, "Every {minutes} min while it is up"),
            (hours, 0) => write!(f, "Every {hours} h while it is up"),
            (hours, minutes) => write!(f, "Every {hours} h {minutes} min while it is up"),
        }
    }
}

/// Such as ` 1h 30m`, ` 45 min`, `2 hours`.
fn minutes(text: &str) -> Option<i64> {
    let mut whole = 0_i64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].trim_start();
        let ends = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
        let minutes = match unit[..ends].to_ascii_lowercase().as_str() {
            "m" | "min" | "minute" | "minutes" => 1,
            "h" | "hour" | "hours" => 60,
            _ => return None,
        };
        whole = whole.saturating_add(number.saturating_mul(minutes));
        rest = unit[ends..].trim_start();
    }
    Some(whole)
}
