//! A persona's time zone and waking hours: when its days begin and end, and when in them it is up.
//!
//! Days are those of the zone, so they last 23 or 25 hours when clocks change. They follow each other without gap or
//! overlap, also where midnight does not exist or comes twice.

use std::{fmt, ops::Range, str::FromStr};

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A time zone by its IANA name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(Tz);

/// A name that is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{0}`: use an IANA name such as Europe/Berlin")]
pub struct NoSuchZone(String);

/// A moment of the day on the wall clock, written `HH:MM`; `24:00` is the day's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WallTime {
    minute: u16,
}

/// A text that is no time of the day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time of the day: write it as HH:MM, 00:00 to 24:00")]
pub struct BadWallTime(String);

/// When a persona is up. Hours that end before they begin go over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    pub zone: Zone,
    pub wakes: WallTime,
    pub sleeps: WallTime,
}

/// Hours in which nobody is ever up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must not be the same as `wakes`: 00:00 to 24:00 is all day")]
pub struct NeverUp;

/// A day in somebody's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    pub date: NaiveDate,
    /// Its first millisecond.
    pub begins_ms: i64,
    /// The first millisecond of the next day.
    pub ends_ms: i64,
}

const MINUTES_A_DAY: u16 = 24 * 60;

impl Zone {
    /// Universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// Every zone there is, in alphabetical order of names.
    pub fn all() -> impl Iterator<Item = Self> {
        chrono_tz::TZ_VARIANTS.iter().copied().map(Self)
    }

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The zone as calendars want it.
    pub const fn tz(self) -> Tz {
        self.0
    }

    /// A moment as the clock on the wall shows it, to the minute: `2026-11-21 09:05`.
    pub fn minute(self, at_ms: i64) -> String {
        self.wall(at_ms).format("%Y-%m-%d %H:%M").to_string()
    }

    /// What the clock on the wall shows.
    fn wall(self, at_ms: i64) -> NaiveDateTime {
        self.0.from_utc_datetime(&instant(at_ms).naive_utc()).naive_local()
    }

    /// The first moment at which the wall clock shows this or more. Where clocks are set forward over it: the
    /// moment at which they are.
    fn moment(self, wall: NaiveDateTime) -> i64 {
        if let Some(found) = self.0.from_local_datetime(&wall).earliest() {
            return found.timestamp_millis();
        }
        // Zones lie within a day of UTC, and around a gap the wall clock only grows.
        let around = wall.and_utc().timestamp_millis();
        let (mut before, mut after) = (around - 2 * DAY_MS, around + 2 * DAY_MS);
        while before + 1 < after {
            let middle = before + (after - before) / 2;
            if self.wall(middle) >= wall { after = middle } else { before = middle }
        }
        after
    }

    fn day_on(self, date: NaiveDate) -> Day {
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        let begins = |date: NaiveDate| self.moment(date.and_time(NaiveTime::MIN));
        Day { date, begins_ms: begins(date), ends_ms: begins(next) }
    }

    /// The day that a moment lies in.
    pub fn day(self, at_ms: i64) -> Day {
        let at_ms = at_ms.clamp(FIRST_MS, LAST_MS);
        let mut day = self.day_on(self.wall(at_ms).date());
        // A wall clock that is set back over midnight shows the old date again; the day has begun all the same.
        while at_ms >= day.ends_ms {
            day = self.day_on(day.date + Days::new(1));
        }
        day
    }

    /// The month that a moment lies in: its first millisecond, and that of the next one.
    pub fn month(self, at_ms: i64) -> Range<i64> {
        let date = self.day(at_ms).date;
        let first = date.with_day(1).unwrap_or(date);
        let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
        self.day_on(first).begins_ms..self.day_on(next).begins_ms
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The years 1 to 9999: what lies beyond counts as their edge.
const FIRST_MS: i64 = -62_135_596_800_000 + 2 * DAY_MS;
const LAST_MS: i64 = 253_402_300_799_999 - 2 * DAY_MS;

fn instant(at_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default()
}

impl WallTime {
    /// The day's first moment.
    pub const MIDNIGHT: Self = Self { minute: 0 };
    /// Five to midnight.
    pub const LATE: Self = Self { minute: MINUTES_A_DAY - 5 };
    /// The day's end.
    pub const END: Self = Self { minute: MINUTES_A_DAY };

    /// So many minutes after midnight; at most those of a day.
    pub fn from_minute(minute: u16) -> Result<Self, BadWallTime> {
        if minute <= MINUTES_A_DAY { Ok(Self { minute }) } else { Err(BadWallTime(format!("minute {minute}"))) }
    }

    /// Minutes after midnight.
    pub const fn minute(self) -> u16 {
        self.minute
    }

    /// When the clock on the wall shows this on a day.
    pub fn on(self, day: &Day, zone: Zone) -> i64 {
        let wall = day.date.and_time(NaiveTime::MIN) + TimeDelta::minutes(self.minute.into());
        zone.moment(wall).clamp(day.begins_ms, day.ends_ms)
    }
}

impl Hours {
    /// Up all day, by universal time: what a persona has that nobody gave hours to.
    pub const ALWAYS: Self = Self { zone: Zone::UTC, wakes: WallTime::MIDNIGHT, sleeps: WallTime::END };

    /// Refuses hours that hold nothing.
    pub fn check(&self) -> Result<(), NeverUp> {
        let same = self.wakes.minute % MINUTES_A_DAY == self.sleeps.minute % MINUTES_A_DAY;
        let whole = (self.wakes, self.sleeps) == (WallTime::MIDNIGHT, WallTime::END);
        if same && !whole { Err(NeverUp) } else { Ok(()) }
    }

    /// The day that a moment lies in.
    pub fn day(&self, at_ms: i64) -> Day {
        self.zone.day(at_ms)
    }

    /// The day after.
    pub fn day_after(&self, day: &Day) -> Day {
        self.zone.day(day.ends_ms)
    }

    /// The parts of a day in which the persona is up, in order, in milliseconds; empty ones left out.
    pub fn up(&self, day: &Day) -> Vec<Range<i64>> {
        let (wakes_ms, sleeps_ms) = (self.wakes.on(day, self.zone), self.sleeps.on(day, self.zone));
        let parts = if self.wakes < self.sleeps {
            [wakes_ms..sleeps_ms, 0..0]
        } else {
            [day.begins_ms..sleeps_ms, wakes_ms..day.ends_ms]
        };
        parts.into_iter().filter(|part| !part.is_empty()).collect()
    }

    /// Whether the persona is up at a moment.
    pub fn is_up(&self, at_ms: i64) -> bool {
        self.up(&self.day(at_ms)).iter().any(|part| part.contains(&at_ms))
    }
}

impl Default for Hours {
    fn default() -> Self {
        Self::ALWAYS
    }
}

impl FromStr for Zone {
    type Err = NoSuchZone;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.parse().map(Self).map_err(|_| NoSuchZone(name.chars().take(80).collect()))
    }
}

impl FromStr for WallTime {
    type Err = BadWallTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadWallTime(text.chars().take(20).collect());
        let two = |digits: &str| {
            (digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())
        };
        let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
        let (Some(Some(hour)), Some(Some(minute))): (Option<Option<u16>>, Option<Option<u16>>) =
            (two(hour), two(minute))
        else {
            return Err(bad());
        };
        if minute > 59 {
            return Err(bad());
        }
        Self::from_minute(hour * 60 + minute).map_err(|_| bad())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

impl TryFrom<String> for Zone {
    type Error = NoSuchZone;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

impl TryFrom<String> for WallTime {
    type Error = BadWallTime;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<WallTime> for String {
    fn from(time: WallTime) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests;
