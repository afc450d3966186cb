//! A call: one thing a run wants done outside, and what came of it.

use std::{borrow::Cow, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{GoalId, PersonaId, RunId, TraceId, words::words};

words! {
    /// What a call does to the world.
    Effect("effect") {
        /// Nothing outside is touched.
        Pure = "pure",
        /// Looks, or fills what is not sent.
        Read = "read",
        /// May be repeated with the same key.
        Idempotent = "idempotent",
        /// Cannot be taken back.
        Irreversible = "irreversible",
    }
}

impl Effect {
    /// An intent is committed before the call begins.
    pub const fn needs_intent(self) -> bool {
        matches!(self, Self::Idempotent | Self::Irreversible)
    }
}

words! {
    /// How a call ended.
    Ended("ending") {
        /// It was carried out and its result is known (an assertion that does not hold is `done` too).
        Done = "done",
        /// Nothing left our hands: no such element, refused by a rule.
        NotBegun = "not_begun",
        /// It may or may not have happened: timeout, abort, crash.
        Unknown = "unknown",
    }
}

/// The place of a step in its plan, from 0.
pub type StepIndex = u32;

/// One call, complete: what is to be done, for whom, and by when.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub persona: PersonaId,
    pub goal: GoalId,
    pub run: RunId,
    pub step: StepIndex,
    pub tool: Cow<'static, str>,
    /// The step as written in the plan, with its placeholders filled; secrets are still names.
    pub args: Value,
    pub effect: Effect,
    /// The same in every retry and resume of this step.
    pub key: String,
    /// Address of the page an effect was decided for; a browser refuses the act on any other origin.
    pub page: Option<String>,
    pub trace: TraceId,
    /// How long the performer may take. The broker stops waiting shortly after.
    pub limit: Duration,
}

/// A file the call produced. The broker hashes and keeps it before the receipt names it.
#[derive(Clone, PartialEq)]
pub struct NewArtifact {
    pub kind: ArtifactKind,
    /// File name for people, without folders.
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

impl NewArtifact {
    /// Plain words.
    pub fn text(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { kind: ArtifactKind::Text, name: name.into(), media_type: "text/plain", bytes: text.into() }
    }

    /// Words in JSON.
    pub fn json(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { kind: ArtifactKind::Text, name: name.into(), media_type: "application/json", bytes }
    }
}

impl fmt::Debug for NewArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A log or a failed test has no use for a picture's bytes.
        write!(f, "{} {} ({}, {} bytes)", self.kind, self.name, self.media_type, self.bytes.len())
    }
}

words! {
    /// What an artifact proves.
    ArtifactKind("artifact kind") {
        Screenshot = "screenshot",
        /// A small picture for lists; proves nothing by itself.
        Thumbnail = "thumbnail",
        File = "file",
        CsvRow = "csv_row",
        /// Text a model or a page gave.
        Text = "text",
    }
}

/// What a call cost. Money in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub micro_usd: u64,
}

/// Why a call did not bring what was wanted, and whether another attempt could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// One sentence: what was tried, what went wrong, what to do next.
    pub text: String,
    /// Another attempt at the goal may succeed.
    pub retryable: bool,
    /// A rule said no; the receipt's phase is `denied`.
    pub denied: bool,
    /// A model provider gets too many requests.
    pub throttled: bool,
    /// A person said no: that is no failure of whoever asked.
    pub said_no: bool,
}

impl StepError {
    /// The world was not as expected; it may be later.
    pub fn retryable(text: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::permanent(text) }
    }

    /// Trying again cannot help.
    pub fn permanent(text: impl Into<String>) -> Self {
        Self { text: text.into(), retryable: false, denied: false, throttled: false, said_no: false }
    }

    /// A model provider gets too many requests; later it may answer.
    pub fn throttled(text: impl Into<String>) -> Self {
        Self { throttled: true, ..Self::retryable(text) }
    }

    /// A rule forbids it.
    pub fn denied(text: impl Into<String>) -> Self {
        Self { denied: true, ..Self::permanent(text) }
    }

    /// A person said no.
    pub fn said_no(text: impl Into<String>) -> Self {
        Self { said_no: true, ..Self::denied(text) }
    }
}

/// What a performer observed. It cannot write a receipt; the broker does, from this.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub ended: Ended,
    /// One line for people, past tense, no full stop: `clicked #submit`.
    pub summary: String,
    /// What later steps and pages read: `url`, `title`, `value`, `file`, `caption`, ….
    pub data: Value,
    pub artifacts: Vec<NewArtifact>,
    pub cost: Option<Cost>,
    /// Why it is not what was wanted; none: the step holds.
    pub error: Option<StepError>,
}

impl Outcome {
    /// Done as wanted.
    pub fn done(summary: impl Into<String>, data: Value) -> Self {
        Self { ended: Ended::Done, summary: summary.into(), data, artifacts: Vec::new(), cost: None, error: None }
    }

    /// Carried out, and the answer is no: an assertion that does not hold.
    pub fn does_not_hold(summary: impl Into<String>, data: Value, error: StepError) -> Self {
        Self { error: Some(error), ..Self::done(summary, data) }
    }

    /// Nothing left our hands.
    pub fn not_begun(summary: impl Into<String>, error: StepError) -> Self {
        Self { ended: Ended::NotBegun, error: Some(error), ..Self::done(summary, Value::Null) }
    }

    /// It may have happened.
    pub fn unknown(summary: impl Into<String>, error: StepError) -> Self {
        Self { ended: Ended::Unknown, error: Some(error), ..Self::done(summary, Value::Null) }
    }

    /// The same with an artifact more.
    #[must_use]
    pub fn with_artifact(mut self, artifact: NewArtifact) -> Self {
        self.artifacts.push(artifact);
        self
    }

    /// Whether the step brought what was wanted.
    pub fn holds(&self) -> bool {
        self.ended == Ended::Done && self.error.is_none()
    }
}
