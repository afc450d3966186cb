//! What the company is asked, and what it tells: plain types.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::{
    domain::{
        Agent, Arrival, Autoplan, Condition, Goal, GoalId, Hours, IfFailed, Level, Message, NoRollback, Payload,
        Permissions, PersonaId, Priority, Profile, Proof, Quotas, Role, Slug, TraceId, Vitals, WaitsFor, Weight,
    },
    ports::Unavailable,
};

/// Who asks: written into receipts of operators' acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// A user's name, `cli`, or `system`.
    pub who: String,
    pub trace: TraceId,
}

/// A command that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such persona, goal, run or alert.
    #[error("there is no {what} `{which}`")]
    NotFound { what: &'static str, which: String },
    /// What the caller read is no longer so: read again, decide again.
    #[error("{0}")]
    Conflict(String),
    /// The request cannot be right.
    #[error("{field}: {reason}")]
    Invalid { field: String, reason: String },
    /// A step is not rolled back, and why.
    #[error(transparent)]
    NoRollback(#[from] NoRollback),
    /// Try again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The company is ending.
    #[error("the company is ending")]
    Ending,
}

/// A persona to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPersona {
    pub slug: Slug,
    pub name: String,
    pub role: Option<Role>,
    pub description: String,
    pub profile: Profile,
    pub hosts: Vec<String>,
    pub model: Option<String>,
    pub weight: Weight,
    pub hours: Hours,
}

/// What is to change; none: stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PersonaPatch {
    pub slug: Option<Slug>,
    pub name: Option<String>,
    pub role: Option<Option<Role>>,
    pub description: Option<String>,
    pub profile: Option<Profile>,
    pub hosts: Option<Vec<String>>,
    pub model: Option<Option<String>>,
    pub weight: Option<Weight>,
    pub hours: Option<Hours>,
    pub quotas: Option<Quotas>,
    pub autoplan: Option<Autoplan>,
    pub permissions: Option<Permissions>,
    pub agents: Option<Vec<Agent>>,
    /// What the receipt says of it; none: that it was updated.
    pub note: Option<PatchNote>,
}

/// What a change of a persona was.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchNote {
    /// Past tense: `learned 3 examples`.
    pub did: String,
    pub data: Value,
}

/// Work for a persona: a message and the goal it starts.
#[derive(Debug, Clone)]
pub struct NewWork {
    pub persona: PersonaId,
    pub what: Work,
    /// None: what arrives says it; a chat message is scored by its text, a goal has the base priority.
    pub priority: Option<Priority>,
    /// Start no later than this, else expire, whatever it waits for; none: the configured patience, and for what waits
    /// for others that much after those must have begun.
    pub serve_by_ms: Option<i64>,
    /// Not before this moment.
    pub due_ms: Option<i64>,
    /// The same key brings the same work only once.
    pub correlation: Option<String>,
    pub project: Option<String>,
    /// Goals that must be over before this one begins.
    pub waits_for: WaitsFor,
}

/// What the work is.
#[derive(Debug, Clone)]
pub enum Work {
    /// A chat message: becomes an `ai` goal whose answer is its result.
    Chat {
        text: String,
    },
    Goal {
        title: String,
        payload: Payload,
        proof: Proof,
    },
    /// The same, and nobody waits for it: mood may hold it back until it expires.
    Chosen {
        title: String,
        payload: Payload,
        proof: Proof,
    },
    /// Anything that arrives.
    Arrived(Arc<dyn Arrival>),
}

/// What a persona wants to be told about another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStandingWait {
    /// Who is told.
    pub waiter: PersonaId,
    /// Whose doings are looked at.
    pub watched: PersonaId,
    pub condition: Condition,
}

/// Work that is now durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    pub message: Message,
    pub goal: Goal,
    /// The key was known: this is the work of the first time.
    pub repeated: bool,
}

/// What a person says about an effect that ended unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// It happened: the step counts as done and the run goes on behind it.
    Done,
    /// It did not: the step may be tried again.
    NotDone,
}

/// A change of what a goal is to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Correction {
    pub version: i64,
    pub title: Option<String>,
    pub payload: Option<Payload>,
    pub proof: Option<Proof>,
    /// Goals that it waits for instead; only while it has not begun, or is over.
    pub waits_for: Option<Vec<GoalId>>,
    pub if_failed: Option<IfFailed>,
}

/// One line of the roster, for administrators and cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActorInfo {
    pub persona: PersonaId,
    pub slug: Slug,
    pub state: ActorState,
    pub restarts: u32,
    /// Messages waiting or running.
    pub inbox: u32,
    /// Milliseconds awake; none while asleep.
    pub uptime_ms: Option<i64>,
    /// Holds a slice now.
    pub on_stage: bool,
    /// One line: what it is doing, or what it waits for.
    pub now: Option<String>,
    #[serde(flatten)]
    pub vitals: Vitals,
}

/// What the roster knows about a persona's actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorState {
    Asleep,
    Awake,
    Retiring,
    Restarting,
    Paused,
}

/// How the personas feel, all together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Climate {
    /// Personas by mood.
    pub idle: usize,
    pub active: usize,
    pub tired: usize,
    pub overwhelmed: usize,
    /// The mean energy.
    pub energy: Level,
}

/// The company at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Slices held now.
    pub active_personas: usize,
    pub cap: usize,
    /// Personas waiting for a slice.
    pub waiting_for_slice: usize,
    pub awake: usize,
    pub registered: usize,
    /// Messages waiting or running, over all personas.
    pub inbox: u64,
}
