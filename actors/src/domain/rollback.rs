//! Taking back what a step did: the one call that does it, the step it is about, and why it may not be done.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Effect, GoalId, GoalState, Hash, RunId, Step, StepIndex};

/// What a goal does that takes back a step of another goal: one call, as a person confirmed it. Nobody writes it as a
/// payload: only a rollback makes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// Its texts are no templates: nothing is filled in.
    pub call: Step,
    pub undoes: Undoes,
}

/// The step that is taken back, by the receipt that says that it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undoes {
    pub goal: GoalId,
    pub run: RunId,
    /// From 0, as receipts number it.
    pub step: StepIndex,
    /// On the persona's chain.
    pub seq: i64,
    pub receipt: Hash,
}

/// What a step did, as its receipts tell it: all that an inverse call is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    pub tool: String,
    /// As the call carried them; secrets are names.
    pub args: Map<String, Value>,
    /// What the tool answered; none: nothing, or it is not on record.
    pub value: Option<Value>,
    pub undoes: Undoes,
}

impl Deed {
    /// File name of the artifact that holds an answer which is too long for a receipt.
    pub fn long_answer(&self) -> String {
        format!("{}.json", self.tool)
    }
}

/// The call that takes a deed back.
#[derive(Debug, Clone, PartialEq)]
pub struct Inverse {
    pub call: Step,
    /// The hash of what it was made by: another manifest is another inverse.
    pub made_by: Hash,
}

/// Why a step is not rolled back. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRollback {
    #[error("goal {0} is {1}: wait until it is over, or cancel it")]
    UnderWay(GoalId, GoalState),
    #[error("nobody knows whether the step happened: say so first with `greenroom goal resolve {0}`")]
    Unknown(GoalId),
    #[error("the step did nothing that could be taken back: only what is done can be")]
    NotDone,
    #[error("step {step} of run {run} did it, and this one only took it over: roll that one back")]
    DoneElsewhere { run: RunId, step: u32 },
    #[error("`{tool}` is {effect}: it changed nothing, so there is nothing to take back")]
    Harmless { tool: String, effect: Effect },
    #[error("`{0}` declares no inverse: take it back by hand, or add `inverse` to its `tool.toml`")]
    NoInverse(String),
    #[error("the inverse `{tool}` cannot be called: {why}. Mend the manifests, then ask again")]
    Unfit { tool: String, why: String },
    #[error("what the step was told is no longer on record, so nobody can say what would take it back: do it by hand")]
    NotOnRecord,
    #[error("goal {0} rolls it back already and is {1}: {next}", next = next(*.0, *.1))]
    Already(GoalId, GoalState),
    #[error("the confirmation is void: {0}. Ask for the plan again")]
    Void(&'static str),
    #[error("it may not be called: {0}")]
    Forbidden(String),
}

impl NoRollback {
    /// The same in a word; stable.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::UnderWay(..) => "rollback-under-way",
            Self::Unknown(_) => "rollback-unknown",
            Self::NotDone => "rollback-not-done",
            Self::DoneElsewhere { .. } => "rollback-done-elsewhere",
            Self::Harmless { .. } => "rollback-harmless",
            Self::NoInverse(_) => "rollback-no-inverse",
            Self::Unfit { .. } => "rollback-unfit",
            Self::NotOnRecord => "rollback-not-on-record",
            Self::Already(..) => "rollback-already",
            Self::Void(_) => "rollback-void",
            Self::Forbidden(_) => "rollback-forbidden",
        }
    }
}

fn next(goal: GoalId, state: GoalState) -> String {
    match state {
        GoalState::Done => "nothing is left to do".to_owned(),
        GoalState::Parked => format!("see what it waits for with `greenroom goal show {goal}`"),
        state if state.is_over() => "it may have happened, so look at what it left".to_owned(),
        _ => "wait for it".to_owned(),
    }
}
