//! What lands in an inbox. A message that starts work names its goal.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{GoalId, MessageId, PersonaId, TraceId, words::words};

words! {
    /// Where a message stands. Every message is in exactly one of these, for good accounting:
    /// nothing vanishes.
    MessageState("message state") {
        Waiting = "waiting",
        Running = "running",
        Done = "done",
        Unconfirmed = "unconfirmed",
        Failed = "failed",
        Cancelled = "cancelled",
        Expired = "expired",
        Dropped = "dropped",
        Coalesced = "coalesced",
        DeadLettered = "dead_lettered",
    }
}

words! {
    /// How a message came to be.
    MessageKind("message kind") {
        /// Someone wrote to the persona.
        Chat = "chat",
        /// A goal was given; the text is its title.
        Goal = "goal",
    }
}

/// Importance in thousandths, 0 to 1,000. Integers, because receipts carry no fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Priority(u16);

/// A priority above 1,000.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("priority {0} is more than 1000 thousandths")]
pub struct BadPriority(u16);

impl Priority {
    /// What a message has without any reason for more.
    pub const BASE: Self = Self(500);

    /// The value in thousandths.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// Above 0.8: must start within ten seconds.
    pub const fn is_urgent(self) -> bool {
        self.0 > 800
    }
}

impl TryFrom<u16> for Priority {
    type Error = BadPriority;

    fn try_from(thousandths: u16) -> Result<Self, Self::Error> {
        if thousandths <= 1000 { Ok(Self(thousandths)) } else { Err(BadPriority(thousandths)) }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// A message as the journal knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub persona: PersonaId,
    pub kind: MessageKind,
    /// Who sent it: a user's or persona's name, or `system`.
    pub sender: String,
    pub text: String,
    pub goal: GoalId,
    pub priority: Priority,
    pub state: MessageState,
    pub received_ms: i64,
    /// By when it is started, or expires with a receipt.
    pub serve_by_ms: i64,
    pub trace: TraceId,
    /// The caller's own key for what belongs together (also its idempotency key).
    pub correlation: Option<String>,
    pub project: Option<String>,
}
