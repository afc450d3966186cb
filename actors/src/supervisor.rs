//! The company: one handle for everything people and programs may ask of the personas.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use ed25519_dalek::SigningKey;
use serde::Serialize;
use tokio::sync::broadcast;

use crate::{
    domain::{
        AlertId, Goal, GoalId, GoalKind, Message, NodeName, Payload, Persona, PersonaId, Priority, Profile, Proof,
        Receipt, Role, RunId, Slug, TraceId,
    },
    ports::{Ports, Unavailable},
};

/// The running company. Cheap to clone.
#[derive(Clone)]
pub struct Company {}

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
}

/// Acts per second, in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    pub default_per_1000_s: u32,
    /// Sites with their own pace: host, acts per thousand seconds.
    pub sites: Vec<(String, u32)>,
}

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
}

/// Work for a persona: a message and the goal it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWork {
    pub persona: PersonaId,
    pub what: Work,
    pub priority: Priority,
    /// Start no later than this, else expire; none: the configured patience.
    pub serve_by_ms: Option<i64>,
    /// Not before this moment.
    pub due_ms: Option<i64>,
    /// The same key brings the same work only once.
    pub correlation: Option<String>,
    pub project: Option<String>,
}

/// What the work is.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    pub version: i64,
    pub title: Option<String>,
    pub payload: Option<Payload>,
    pub proof: Option<Proof>,
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

#[expect(clippy::unused_async, reason = "stub")]
impl Company {
    /// Starts the company: sweeps what a crash left open, then wakes who has something to do.
    pub async fn start(_limits: Limits, _ports: Ports, _key: SigningKey) -> Result<Self, StartError> {
        Ok(Self {})
    }

    pub async fn create_persona(&self, _new: NewPersona, _by: &By) -> Result<Persona, CommandError> {
        Err(CommandError::Ending)
    }
    /// Refused with `Conflict` when `version` is not the current one.
    pub async fn update_persona(
        &self,
        _id: PersonaId,
        _version: i64,
        _patch: PersonaPatch,
        _by: &By,
    ) -> Result<Persona, CommandError> {
        Err(CommandError::Ending)
    }
    /// Soft: open goals are cancelled, the chain stays.
    pub async fn delete_persona(&self, _id: PersonaId, _by: &By) -> Result<(), CommandError> {
        Err(CommandError::Ending)
    }
    pub async fn pause(&self, _id: PersonaId, _by: &By) -> Result<Persona, CommandError> {
        Err(CommandError::Ending)
    }
    pub async fn resume(&self, _id: PersonaId, _by: &By) -> Result<Persona, CommandError> {
        Err(CommandError::Ending)
    }
    /// Ends the persona's actor and starts it anew; an open run is carried on.
    pub async fn restart(&self, _id: PersonaId, _by: &By) -> Result<(), CommandError> {
        Err(CommandError::Ending)
    }
    pub async fn deliver(&self, _work: NewWork, _by: &By) -> Result<Delivered, CommandError> {
        Err(CommandError::Ending)
    }
    pub async fn cancel_goal(&self, _id: GoalId, _by: &By) -> Result<Goal, CommandError> {
        Err(CommandError::Ending)
    }
    /// A goal that is over gets a new first attempt.
    pub async fn retry_goal(&self, _id: GoalId, _by: &By) -> Result<Goal, CommandError> {
        Err(CommandError::Ending)
    }
    pub async fn correct_goal(&self, _id: GoalId, _correction: Correction, _by: &By) -> Result<Goal, CommandError> {
        Err(CommandError::Ending)
    }
    pub async fn resolve_goal(
        &self,
        _id: GoalId,
        _resolution: Resolution,
        _note: String,
        _by: &By,
    ) -> Result<Goal, CommandError> {
        Err(CommandError::Ending)
    }
    pub async fn cancel_run(&self, _id: RunId, _by: &By) -> Result<Goal, CommandError> {
        Err(CommandError::Ending)
    }
    pub async fn resolve_alert(&self, _id: AlertId, _by: &By) -> Result<(), CommandError> {
        Err(CommandError::Ending)
    }
    /// Writes an operator's act (login, token made, secret set) to the node's system chain.
    pub async fn record_act(&self, _summary: String, _data: serde_json::Value, _by: &By) -> Result<(), CommandError> {
        Err(CommandError::Ending)
    }

    /// The roster, without asking any persona.
    pub fn actors(&self) -> Arc<Vec<ActorInfo>> {
        Arc::default()
    }
    pub fn figures(&self) -> Figures {
        Figures::default()
    }
    /// Every receipt from now on, after its commit, in order of `pos`. A slow reader gets `Lagged`.
    pub fn receipts(&self) -> broadcast::Receiver<Arc<Receipt>> {
        broadcast::channel(1).1
    }
    /// Why the store cannot take work now; none: it can.
    pub fn store_trouble(&self) -> Option<String> {
        None
    }
    /// Lets running steps end, signs the heads, stops.
    pub async fn end(&self) {}
}

/// The company could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("an actor did not start")]
    Spawn(#[source] crate::ports::BoxError),
}

/// The kinds of goal a chat message may become.
pub const CHAT_KIND: GoalKind = GoalKind::Ai;
