//! What lands in an inbox. A message that starts work names its goal.

use serde::{Deserialize, Serialize};

use super::{GoalId, MessageId, PersonaId, Priority, TraceId, words::words};

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
        /// Something was said in a room the persona is in.
        Room = "room",
        /// Something happened that the persona waits for.
        Result = "result",
    }
}

/// So many falls over one message are no accident: it becomes a dead letter.
pub const FATAL_FALLS: u32 = 2;

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
    /// The sender gave no priority: it was worked out from the text ([`super::Score`]).
    pub scored: bool,
    /// How often it brought down its run or its persona.
    pub falls: u32,
    /// The key of its burst: of those that wait at the same time the newest is worked at.
    pub coalescing: Option<String>,
    /// Nobody waits for it: mood may hold it back until it expires.
    pub optional: bool,
    /// By when its persona should begin it, so that waiting ages it; what can wait longer than this is late, not lost.
    pub deadline_ms: i64,
    pub state: MessageState,
    pub received_ms: i64,
    /// By when it is started, or expires with a receipt.
    pub serve_by_ms: i64,
    pub trace: TraceId,
    /// The caller's own key for what belongs together (also its idempotency key).
    pub correlation: Option<String>,
    pub project: Option<String>,
}

impl Message {
    /// What goes first in an inbox: 0 urgent, 1 owed, 2 optional.
    pub const fn lane(&self) -> u8 {
        match self.optional {
            _ if self.priority.is_urgent() => 0,
            false => 1,
            true => 2,
        }
    }

    /// Whether mood may hold it back.
    pub const fn is_held_by_mood(&self) -> bool {
        self.lane() == 2
    }

    /// By when its persona should begin it, as important as it is now.
    pub fn deadline_at(&self, now_ms: i64) -> i64 {
        let sooner_ms = self.priority.patience_ms() - self.priority_at(now_ms).patience_ms();
        self.deadline_ms.saturating_sub(sooner_ms)
    }

    /// How important it is now: a scored message counts more while it is fresh.
    pub fn priority_at(&self, now_ms: i64) -> Priority {
        let age_ms = now_ms.saturating_sub(self.received_ms);
        if self.scored { self.priority.at_age(age_ms) } else { self.priority }
    }
}
