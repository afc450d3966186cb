//! `[calendar]` and `[load]`: when things come due, and when the machine has had enough.

use std::time::Duration;

use actors::domain::{CalendarLimits, LoadLimits, WallTime};
use serde::{Deserialize, Serialize};

use super::check::Findings;

/// `[calendar]`: schedules and digests.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarConfig {
    /// The shortest pause between two due times of a schedule.
    #[serde(with = "humantime_serde")]
    pub shortest: Duration,
    /// When in a persona's day its digest is due, in its own time zone.
    pub digest_at: WallTime,
}

/// `[load]`: when fewer personas work than may.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadConfig {
    pub adapt: bool,
    #[serde(with = "humantime_serde")]
    pub sample_every: Duration,
    /// Tasks that run or want to, per core.
    pub hot_run_queue: f64,
    pub cool_run_queue: f64,
    /// Share of the memory that is in use.
    pub hot_memory: f64,
    pub cool_memory: f64,
    /// Answers 429 of models between two samples.
    pub hot_refusals: u32,
    #[serde(with = "humantime_serde")]
    pub alert_after: Duration,
}

impl From<&CalendarConfig> for CalendarLimits {
    fn from(config: &CalendarConfig) -> Self {
        Self { shortest: config.shortest, digest_at: config.digest_at }
    }
}

impl From<&LoadConfig> for LoadLimits {
    fn from(config: &LoadConfig) -> Self {
        Self {
            adapt: config.adapt,
            sample_every: config.sample_every,
            hot_run_queue: thousandths(config.hot_run_queue),
            cool_run_queue: thousandths(config.cool_run_queue),
            hot_memory: thousandths(config.hot_memory),
            cool_memory: thousandths(config.cool_memory),
            hot_refusals: config.hot_refusals,
            alert_after: config.alert_after,
        }
    }
}

/// Checked to lie between 0 and 1,000, so nothing is cut off.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked when loaded")]
fn thousandths(value: f64) -> u32 {
    (value * 1000.0).round() as u32
}

pub(super) fn check(found: &mut Findings) {
    let calendar = &found.config.calendar;
    found.seconds("calendar.shortest", calendar.shortest, 60, 24 * 60 * 60);
    let load = &found.config.load;
    found.seconds("load.sample_every", load.sample_every, 5, 30);
    found.seconds("load.alert_after", load.alert_after, 30, 24 * 60 * 60);
    found.count("load.hot_refusals", load.hot_refusals as usize, 1, 100_000);
    found.demand(
        (0.1..=1000.0).contains(&load.hot_run_queue),
        "load.hot_run_queue",
        "is out of range: must be 0.1 to 1000 tasks per core",
    );
    found.demand(
        (0.0..load.hot_run_queue).contains(&load.cool_run_queue),
        "load.cool_run_queue",
        "must lie below `load.hot_run_queue`, or the cap would swing",
    );
    found.demand((0.1..=1.0).contains(&load.hot_memory), "load.hot_memory", "is out of range: must be 0.1 to 1");
    found.demand(
        (0.0..load.hot_memory).contains(&load.cool_memory),
        "load.cool_memory",
        "must lie below `load.hot_memory`, or the cap would swing",
    );
}
