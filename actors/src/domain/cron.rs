//! Cron expressions in a persona's hours: when they are due next, and what was missed.
//!
//! Five fields (minute, hour, day of month, month, day of week), a sixth for seconds in front, a seventh for years
//! behind; names, `L`, `W`, `#` and `@daily` as croner knows them. Due times are whole seconds.
//!
//! When clocks change, a fixed time of the day comes exactly once: where it does not exist, at the moment at which
//! clocks are set forward; where it comes twice, the first time. `*` and steps in the hours follow real time instead:
//! `0 * * * *` is due every real hour, 23 or 25 times on such days.
//!
//! A cadence is written `every 45m` (`cron/every.rs`). It alone knows waking hours; an expression is due at its times.

mod every;

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use croner::parser::{CronParser, Seconds, Year};
use serde::{Deserialize, Serialize};

use self::every::Every;
use super::Hours;

/// Characters of an expression.
const LONGEST: usize = 100;
/// Due times looked at for the shortest pause between two.
const LOOKED_AT: usize = 128;
/// Missed times that are counted one by one.
const MOST_COUNTED: u32 = 1_000;

/// When something is due, again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    text: String,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Expression(Box<croner::Cron>),
    Every(Every),
}

/// An expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCron {
    #[error("must hold 1 to {LONGEST} characters")]
    Length,
    #[error(
        "`{text}` is no cron expression: {reason}; write minute, hour, day, month and weekday, such as `0 9 * * 1-5`, or a cadence, such as `every 45m`"
    )]
    Syntax { text: String, reason: String },
    #[error("`{0}` never comes: there is no such day")]
    Never(String),
    #[error("`{text}` comes every {} s at its busiest; the shortest pause allowed is {} s", gap.as_secs(), floor.as_secs())]
    TooOften { text: String, gap: Duration, floor: Duration },
}

/// The due times between two moments: the latest, and how many others came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub at_ms: i64,
    /// Earlier ones that nobody was there for.
    pub missed: u32,
    /// They were more than are counted.
    pub more: bool,
}

impl Cron {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// In words: `At 09:00, Monday through Friday`.
    pub fn described(&self) -> String {
        match &self.form {
            Form::Expression(cron) => cron.describe().trim_end_matches('.').to_owned(),
            Form::Every(every) => every.to_string(),
        }
    }

    /// Refuses what never comes after `now_ms`, or comes more often than once in `floor`.
    pub fn check(&self, hours: &Hours, now_ms: i64, floor: Duration) -> Result<(), BadCron> {
        let mut before = self.next_after(now_ms, hours).ok_or_else(|| BadCron::Never(self.text.clone()))?;
        let mut shortest = i64::MAX;
        if let Form::Every(every) = &self.form {
            // The last of a day and the first of the next may lie closer together.
            (shortest, before) = (every.step_ms(), i64::MAX);
        }
        for _ in 0..LOOKED_AT {
            let Some(next) = self.next_after(before, hours).filter(|next| *next > before) else { break };
            shortest = shortest.min(next - before);
            before = next;
        }
        let gap = Duration::from_millis(u64::try_from(shortest).unwrap_or(0));
        if gap < floor { Err(BadCron::TooOften { text: self.text.clone(), gap, floor }) } else { Ok(()) }
    }

    /// The first due time after a moment; none: it does not come again.
    pub fn next_after(&self, at_ms: i64, hours: &Hours) -> Option<i64> {
        match &self.form {
            Form::Every(every) => every.next_after(at_ms, hours),
            Form::Expression(cron) => {
                let from = whole_second(at_ms)?.with_timezone(&hours.zone.tz());
                Some(cron.find_next_occurrence(&from, false).ok()?.timestamp_millis())
            }
        }
    }

    /// The due times after one moment and up to another; none: there was none.
    pub fn between(&self, after_ms: i64, until_ms: i64, hours: &Hours) -> Option<Due> {
        let first = self.next_after(after_ms, hours).filter(|first| *first <= until_ms)?;
        let mut due = Due { at_ms: first, missed: 0, more: false };
        while let Some(next) = self.next_after(due.at_ms, hours).filter(|next| *next <= until_ms) {
            if due.missed == MOST_COUNTED {
                due.more = true;
                due.at_ms = self.latest(until_ms, hours).unwrap_or(next).max(next);
                break;
            }
            due.at_ms = next;
            due.missed += 1;
        }
        Some(due)
    }

    fn latest(&self, until_ms: i64, hours: &Hours) -> Option<i64> {
        match &self.form {
            Form::Every(every) => every.latest(until_ms, hours),
            Form::Expression(cron) => {
                let until = whole_second(until_ms)?.with_timezone(&hours.zone.tz());
                Some(cron.find_previous_occurrence(&until, true).ok()?.timestamp_millis())
            }
        }
    }
}

fn whole_second(at_ms: i64) -> Option<DateTime<Utc>> {
    let at = DateTime::from_timestamp_millis(at_ms)?;
    at.checked_sub_signed(TimeDelta::nanoseconds(at.nanosecond().into()))
}

impl FromStr for Cron {
    type Err = BadCron;

    fn from_str(text: &str) -> Result<Self, BadCron> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST {
            return Err(BadCron::Length);
        }
        if let Some(every) = Every::read(text) {
            let syntax = |reason: &str| BadCron::Syntax { text: text.to_owned(), reason: reason.to_owned() };
            return Ok(Self { text: text.to_owned(), form: Form::Every(every.map_err(syntax)?) });
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Optional).build();
        let wrong = |reason: croner::errors::CronError| BadCron::Syntax {
            text: text.to_owned(),
            reason: reason.to_string().trim_end_matches('.').to_owned(),
        };
        let parsed = parser.parse(text).map_err(wrong)?;
        Ok(Self { text: text.to_owned(), form: Form::Expression(Box::new(parsed)) })
    }
}

impl TryFrom<String> for Cron {
    type Error = BadCron;

    fn try_from(text: String) -> Result<Self, BadCron> {
        text.parse()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.text
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests;
