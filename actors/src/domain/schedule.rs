//! A persona's calendar: what it starts again and again, and at which times.

use serde::{Deserialize, Serialize};

use super::{Cron, GoalId, Payload, PersonaId, Priority, Proof, ScheduleId};

/// How the keys of digests begin.
pub const DIGEST_KEY: &str = "digest:";

/// A line of a persona's calendar as the journal knows it. Times are those of its persona's zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub id: ScheduleId,
    pub persona: PersonaId,
    /// As people call it, 1 to 80 characters.
    pub name: String,
    pub cron: Cron,
    pub starts: Starts,
    /// Switched off, it starts nothing and misses nothing.
    pub on: bool,
    /// Rises with every change; an update names the version it read.
    pub version: i64,
    /// Due times up to here are dealt with, one way or the other.
    pub handled_ms: i64,
    /// The last time it started something.
    pub last: Option<Started>,
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// What a due time starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case", deny_unknown_fields)]
pub enum Starts {
    /// A message to the persona.
    Chat { text: String },
    Goal {
        title: String,
        payload: Payload,
        #[serde(default)]
        proof: Proof,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<Priority>,
        /// Nobody waits for it: its persona makes it when its mood permits, and else skips it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        optional: bool,
    },
}

impl Starts {
    /// Whether it is the persona's own choice.
    pub const fn is_optional(&self) -> bool {
        matches!(self, Self::Goal { optional: true, .. })
    }
}

/// A due time that started something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub due_ms: i64,
    pub goal: GoalId,
    /// Earlier due times that nobody was there for.
    pub missed: u32,
}

impl Schedule {
    /// What the goal of a due time is known by: there is one of it, whatever happens between looks.
    pub fn key(&self, due_ms: i64) -> String {
        format!("schedule:{}:{due_ms}", self.id)
    }
}
