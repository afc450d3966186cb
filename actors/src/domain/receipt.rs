//! A receipt: the runtime's record of a step. The canonical form is in `evidence::canonical`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ArtifactKind, ChainId, Cost, Effect, GoalId, Hash, NodeName, RunId, StepIndex, TraceId, words::words};

words! {
    /// What a receipt is about.
    ReceiptKind("receipt kind") {
        Log = "log",
        Http = "http",
        Screenshot = "screenshot",
        File = "file",
        Execution = "execution",
        Llm = "llm",
        Decision = "decision",
    }
}

words! {
    /// Where in the life of a step it was written.
    Phase("phase") {
        Intent = "intent",
        Outcome = "outcome",
        Unknown = "unknown",
        Reconciled = "reconciled",
        Denied = "denied",
        Dropped = "dropped",
        Coalesced = "coalesced",
        Expired = "expired",
        Skipped = "skipped",
        Decision = "decision",
    }
}

impl Phase {
    /// It tells of an effect that has happened, or may have: the receipt must not be lost.
    pub const fn has_happened(self) -> bool {
        matches!(self, Self::Outcome | Self::Unknown | Self::Reconciled)
    }
}

/// An artifact as a receipt names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactRef {
    pub kind: ArtifactKind,
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub hash: Hash,
    /// It could not be written; proof cannot rest on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
}

/// The part of a receipt that can be erased: the header keeps only its salted hash.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// One line for people, past tense, no full stop.
    pub summary: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Body {
    /// Names what was kept; one that is missing is an error.
    pub(crate) fn names(&mut self, artifacts: Vec<ArtifactRef>) {
        if let Some(lost) = artifacts.iter().find(|artifact| artifact.missing) {
            let why = || format!("the artifact {} could not be kept: is the disk full?", lost.name);
            self.error.get_or_insert_with(why);
        }
        self.artifacts = artifacts;
    }
}

/// Everything of a header but its place in the chain: what a writer knows beforehand.
/// Field order is the canonical order.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub chain: ChainId,
    pub at_ms: i64,
    pub node: NodeName,
    pub kind: ReceiptKind,
    pub phase: Option<Phase>,
    /// What the goal, message or run became.
    pub state: Option<&'static str>,
    pub tool: Option<Cow<'static, str>>,
    pub effect: Option<Effect>,
    pub goal: Option<GoalId>,
    pub run: Option<RunId>,
    pub step: Option<StepIndex>,
    /// Sequence of the receipt whose call was performed again.
    pub replay_of: Option<i64>,
    pub trace: Option<TraceId>,
    pub project: Option<String>,
    pub units: Option<i64>,
    pub salt: [u8; 16],
    /// Made ahead by whoever hands the receipt in, so that the one writer need not; none: it does.
    pub rendered: Option<Rendered>,
    pub body: Body,
}

impl Draft {
    /// A receipt that names neither a goal nor a call yet. `salt` is drawn anew for each.
    pub fn new(chain: ChainId, at_ms: i64, node: NodeName, kind: ReceiptKind, salt: [u8; 16], body: Body) -> Self {
        Self {
            chain,
            at_ms,
            node,
            kind,
            phase: None,
            state: None,
            tool: None,
            effect: None,
            goal: None,
            run: None,
            step: None,
            replay_of: None,
            trace: None,
            project: None,
            units: None,
            salt,
            rendered: None,
            body,
        }
    }
}

/// The texts of a receipt, but for its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The header from `at_ms` to its end: all that does not depend on the place.
    pub header_tail: String,
    /// The body as it is stored and hashed.
    pub body: String,
}

/// The same as [`Draft`], read back: what pages, proofs and resumes look at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Receipt {
    /// The writer's position: the live cursor, opaque outside.
    pub pos: i64,
    pub chain: ChainId,
    pub seq: i64,
    pub prev: Hash,
    pub hash: Hash,
    pub at_ms: i64,
    pub node: NodeName,
    pub kind: ReceiptKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<GoalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepIndex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<i64>,
    /// None: erased.
    pub body: Option<Body>,
}

impl Receipt {
    /// It says that something outside is about to be changed, not only that money is reserved.
    pub fn intends_effect(&self) -> bool {
        self.phase == Some(Phase::Intent) && self.effect.is_none_or(Effect::needs_intent)
    }
}
