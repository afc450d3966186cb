//! How much, how long, how often: what an operator may tune.

use std::{num::NonZeroUsize, time::Duration};

use super::{InnerLife, NodeName, QuotaRules, RoomRules, WallTime};

/// Pauses after the first, second and third failed attempt, unless an operator says otherwise. Simulated days live by these
/// constants, and a test of the configuration holds its defaults against them.
pub const RETRY_AFTER: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(900)];
/// Goals failed in a row that pause a persona.
pub const CIRCUIT_AFTER: u32 = 3;
/// Restarts within [`RESTART_WINDOW`] before a persona is paused.
pub const RESTARTS: u32 = 3;
/// How long a restart counts.
pub const RESTART_WINDOW: Duration = Duration::from_secs(300);
/// Messages of one persona that may wait.
pub const MOST_WAITING: u32 = 10_000;

/// The pause before the next attempt when so many have failed; none: that was the last.
pub fn pause_before_retry(pauses: &[Duration], failed: u32) -> Option<Duration> {
    let at = usize::try_from(failed.checked_sub(1)?).ok()?;
    pauses.get(at).copied()
}

/// Whether so many goals that failed in a row pause their persona.
pub const fn opens_circuit(failed_in_a_row: u32, after: u32) -> bool {
    failed_in_a_row > 0 && failed_in_a_row >= after
}

/// Everything that can be tuned; `greenroom`'s configuration fills it.
#[derive(Debug, Clone)]
pub struct Limits {
    pub node: NodeName,
    /// Never more slices than this at once.
    pub active_personas: NonZeroUsize,
    /// Pauses after the first, second, … failed attempt; then the goal fails.
    pub retry_after: Vec<Duration>,
    /// Goals failed in a row that pause a persona.
    pub circuit_after: u32,
    /// An awake persona without anything to do leaves memory after this.
    pub passivate_after: Duration,
    /// Restarts allowed within `restart_window` before the persona is paused.
    pub restarts: u32,
    pub restart_window: Duration,
    /// How long a step may take when it does not say so itself.
    pub step: Duration,
    /// Hosts on which irreversible effects are allowed by standing rule.
    pub standing_hosts: Vec<String>,
    /// An approval that nobody gave or used by then has expired.
    pub approve_within: Duration,
    /// Pace of browser acts: acts per second per persona, site and action.
    pub pace: Pace,
    /// By when a message is served when nobody says otherwise.
    pub serve_within: Duration,
    /// How much waits, and how often a persona is told.
    pub inbox: InboxLimits,
    /// How personas tire and recover.
    pub inner_life: InnerLife,
    /// Who may speak in rooms, and how often.
    pub rooms: RoomRules,
    /// What personas are to do and may do in a day.
    pub quotas: QuotaRules,
    pub calendar: CalendarLimits,
    pub load: LoadLimits,
}

/// When the machine is hot, and when it is cool again. Between the two nothing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadLimits {
    pub adapt: bool,
    pub sample_every: Duration,
    /// Tasks that run or want to, per core, in thousandths.
    pub hot_run_queue: u32,
    pub cool_run_queue: u32,
    /// Memory in use, in thousandths of all.
    pub hot_memory: u32,
    pub cool_memory: u32,
    /// Answers 429 of models between two samples.
    pub hot_refusals: u32,
    /// Hot for as long as this is worth an alert.
    pub alert_after: Duration,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            adapt: true,
            sample_every: Duration::from_secs(10),
            hot_run_queue: 2_000,
            cool_run_queue: 1_000,
            hot_memory: 900,
            cool_memory: 800,
            hot_refusals: 5,
            alert_after: Duration::from_secs(300),
        }
    }
}

/// What calendars may hold, and when days are summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarLimits {
    /// The shortest pause between two due times of a schedule.
    pub shortest: Duration,
    /// When in a persona's day its digest is due.
    pub digest_at: WallTime,
}

impl Default for CalendarLimits {
    fn default() -> Self {
        Self { shortest: Duration::from_secs(60), digest_at: WallTime::LATE }
    }
}

/// What inboxes hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxLimits {
    /// Messages of one persona that may wait; beyond this the least important is dropped with a receipt.
    pub most_waiting: u32,
    /// A standing wait tells at most once in this time; what happens meanwhile is told together.
    pub tell_again_after: Duration,
}

impl Default for InboxLimits {
    fn default() -> Self {
        Self { most_waiting: MOST_WAITING, tell_again_after: Duration::from_secs(10) }
    }
}

/// Acts per second, in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    pub default_per_1000_s: u32,
    /// Sites with their own pace: host, acts per thousand seconds.
    pub sites: Vec<(String, u32)>,
}

impl Pace {
    /// Acts in a thousand seconds on this site.
    pub fn of(&self, site: &str) -> u32 {
        let own = self.sites.iter().find(|(host, _)| host == site);
        own.map_or(self.default_per_1000_s, |(_, pace)| *pace)
    }
}
