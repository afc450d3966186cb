//! One attempt at a goal.

use serde::{Deserialize, Serialize};

use super::{GoalId, PersonaId, RunId, TraceId, words::words};

words! {
    /// Where a run stands. A crash leaves it `running`; the next start carries the same run on.
    RunState("run state") {
        Running = "running",
        /// Waits in the database without a slice.
        Parked = "parked",
        Done = "done",
        Unconfirmed = "unconfirmed",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl RunState {
    /// Nothing more will happen in this run.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Running | Self::Parked)
    }
}

/// A run as the journal knows it. Its receipts lie on its persona's chain between `first_seq` and `last_seq`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub goal: GoalId,
    pub persona: PersonaId,
    /// 1 for the first try.
    pub attempt: u32,
    pub state: RunState,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    pub error: Option<String>,
    pub trace: TraceId,
    /// How long it waited for its first slice.
    pub waited_ms: i64,
    /// Filled by the journal with the sequence of the commit that started the run.
    pub first_seq: i64,
    /// Filled by the journal with the sequence of the commit that ended or parked it.
    pub last_seq: Option<i64>,
}
