//! How a simulated day went: waits, slots, fairness, what became of the messages.

use serde::Serialize;

use super::real;
use crate::{domain::Level, scheduler::waits::Waits};

/// A stretch of the day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    pub from_ms: i64,
    /// Slots in use, the mean.
    pub slots: f64,
    /// The longest wait that ended here, by band, from the least important; none: none did.
    pub longest_ms: [Option<i64>; 3],
    /// The mean energy of all personas at its end, and the lowest; none: they have no inner life.
    pub energy: Option<Level>,
    pub lowest_energy: Option<Level>,
}

/// The whole day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub ends: Ends,
    /// Waiting, in hand or backing off at the end.
    pub open: u64,
    /// By band, from the least important; bad personas are left out, here and in what is late.
    pub waits: [Waits; 3],
    /// Urgent messages begun more than 10 s after they came, or after the step that their persona had in hand then.
    pub urgent_late: u64,
    /// Messages that lay about past their `serve_by` until somebody looked.
    pub overstayed: u64,
    /// Times a persona was woken by the clock, not by a message or the end of its own step.
    pub looks_by_clock: u64,
    /// Personas that were paused: failed too often in a row, or fell too often.
    pub paused: u64,
    /// Of these: whose goals failed too often in a row.
    pub circuits: u64,
    /// Slices given to others between two steps.
    pub yields: u64,
    /// The mean energy over the day; none: they have no inner life.
    pub energy: Option<Level>,
    /// Jain's index of the time that personas used: 1 when all had the same.
    pub jain: f64,
    /// Time used over time there was.
    pub utilisation: f64,
    pub timeline: Vec<Sample>,
}

/// What became of the messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// That came in.
    pub messages: u64,
    /// That were begun at all.
    pub begun: u64,
    pub done: u64,
    /// Given up after the last retry.
    pub failed: u64,
    pub expired: u64,
    /// Too many waited for their persona, and they were the least important.
    pub dropped: u64,
    /// A newer message of the same talk was worked at for them.
    pub coalesced: u64,
}

impl Outcome {
    /// Urgent messages that were late, of all that were begun.
    pub fn urgent_late_share(&self) -> f64 {
        real(self.urgent_late) / real(self.waits[2].begun.max(1))
    }
}
