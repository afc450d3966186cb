//! How much, how long, how often: what an operator may tune.

use std::{num::NonZeroUsize, time::Duration};

use super::{InnerLife, NodeName, QuotaRules, RoomRules};

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
        Self { most_waiting: 10_000, tell_again_after: Duration::from_secs(10) }
    }
}

/// Acts per second, in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    pub default_per_1000_s: u32,
    /// Sites with their own pace: host, acts per thousand seconds.
    pub sites: Vec<(String, u32)>,
}
