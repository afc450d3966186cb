//! An approval: a person's yes to one exact call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ApprovalId, GoalId, PersonaId, RunId, StepIndex, words::words};

words! {
    /// Where an approval stands.
    ApprovalState("approval state") {
        /// Nobody has said anything.
        Waiting = "waiting",
        /// Yes; the call was not begun yet.
        Approved = "approved",
        Denied = "denied",
        /// Nobody said yes in time, or the yes was not used in time.
        Expired = "expired",
        /// The page is no longer the one that was asked about, or the goal is over.
        Void = "void",
        /// The call was begun; once.
        Used = "used",
    }
}

impl ApprovalState {
    /// Something may still come of it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Approved)
    }
}

/// What a person is asked about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// One line: the tool and what it is about.
    pub label: String,
    /// The step with its placeholders filled; secrets are names.
    pub args: Value,
    /// What it acts on, as the performer saw it: in a browser the address without fragment, the element and the values
    /// of the form. None: the arguments say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// By which rule a person is asked.
    pub rule: String,
    /// What the host's policy wants said there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclosure: Option<String>,
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    pub by: String,
    pub at_ms: i64,
    pub note: String,
}

/// An approval as the journal knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    pub id: ApprovalId,
    pub persona: PersonaId,
    pub goal: GoalId,
    /// Whose step asked.
    pub run: RunId,
    pub step: StepIndex,
    /// The key of the step: the same in every attempt.
    pub key: String,
    pub tool: String,
    /// Of tool, arguments, persona, expiry and page: one changed byte is another call.
    pub digest: super::Hash,
    pub state: ApprovalState,
    pub subject: Subject,
    /// It was asked once before, and the page had changed until the yes could be used.
    pub again: bool,
    pub asked_ms: i64,
    /// Neither given nor used from then on.
    pub expires_ms: i64,
    pub decided: Option<Decided>,
}

impl Approval {
    /// Where it stands at a moment: what nobody has closed may have run out.
    pub fn state_at(&self, now_ms: i64) -> ApprovalState {
        if self.state.is_open() && now_ms >= self.expires_ms { ApprovalState::Expired } else { self.state }
    }
}
