//! The company: one handle for everything people and programs may ask of the personas.
//!
//! A command writes exactly one commit through the evidence, with its receipt, and only then tells the supervisor
//! (`supervisor/office.rs`), which wakes, stops and picks up personas. Commands run as tasks of their own: a
//! caller that goes away loses the answer, never half a command. Lists read the roster and ask no persona.

mod calendar;
mod delivery;
mod dependencies;
mod desk;
mod doorbell;
mod drafts;
mod effects;
mod falls;
mod giving_up;
mod goals;
mod letters;
mod lists;
mod load;
mod lookout;
mod office;
mod overflow;
mod personas;
mod planner;
mod quotas;
mod restarts;
pub mod rooms;
mod roster;
mod schedules;
mod waits_for;

#[cfg(test)]
mod tests;

use std::{
    future::Future,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use ed25519_dalek::SigningKey;
use serde::Serialize;
use serde_json::Value;
use tokio::{runtime::Handle, sync::broadcast};
use tokio_util::task::AbortOnDropHandle;

pub use self::schedules::{NewSchedule, SchedulePatch};

pub(crate) use self::restarts::Restarts;
use self::{
    calendar::{CalendarBell, Keeper},
    dependencies::Releaser,
    desk::Desk,
    load::LoadKeeper,
    lookout::{Looking, Lookout},
    office::{Hire, Office, Opened, Opening},
    overflow::Overflow,
    planner::PlanningDesk,
    rooms::moderator::Moderator,
};
use crate::{
    domain::{
        AlertId, Arrival, Autoplan, Condition, Goal, GoalId, GoalKind, Hours, IfFailed, Level, Limits, Message,
        MessageId, Payload, Persona, PersonaId, Priority, Profile, Proof, Quotas, Receipt, Role, RunId, Slug, TraceId,
        Vitals, WaitsFor, Weight,
    },
    persona::tally::InboxFigures,
    ports::{Ports, Unavailable},
    run::Runner,
    scheduler::{StageView, figures::TurnFigures},
};

/// The running company. Cheap to clone.
#[derive(Clone)]
pub struct Company {
    desk: Arc<Desk>,
    /// Where commands are carried out: a caller's own runtime may end in the middle of one.
    runtime: Handle,
    /// They start what calendars hold and follow the machine. They work at the desk and go with the last handle.
    _keepers: Arc<[AbortOnDropHandle<()>; 2]>,
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
}

/// Work for a persona: a message and the goal it starts.
#[derive(Debug, Clone)]
pub struct NewWork {
    pub persona: PersonaId,
    pub what: Work,
    /// None: what arrives says it; a chat message is scored by its text, a goal has the base priority.
    pub priority: Option<Priority>,
    /// Start no later than this, else expire; none: the configured patience.
    pub serve_by_ms: Option<i64>,
    /// Not before this moment.
    pub due_ms: Option<i64>,
    /// The same key brings the same work only once.
    pub correlation: Option<String>,
    pub project: Option<String>,
    /// Goals that must be over before this one begins. Then `serve_by_ms` counts anew.
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

impl Company {
    /// Starts the company: sweeps what a crash left open, then wakes who has something to do.
    pub async fn start(limits: Limits, ports: Ports, key: SigningKey) -> Result<Self, StartError> {
        let hire: Hire = Box::new(|ports, evidence, scheduler, limits| {
            Arc::new(Runner::new(ports.clone(), evidence.clone(), scheduler.clone(), limits.clone()))
        });
        Self::start_with(limits, ports, key, hire).await
    }

    /// The same with another carrier of runs.
    async fn start_with(limits: Limits, ports: Ports, key: SigningKey, hire: Hire) -> Result<Self, StartError> {
        let (calendar, told) = CalendarBell::new();
        let opening = Opening { limits, ports: ports.clone(), key: key.clone(), hire, calendar: calendar.clone() };
        let Opened { office, evidence, scheduler, limits, brim, tally } = Office::open(opening).await?;
        let sealing = evidence.clone().keep_sealed(ports.records.clone(), key);
        let sealer = AbortOnDropHandle::new(tokio::spawn(sealing));
        let releaser = Releaser::new(&ports, &evidence, &office, &limits);
        let releaser = AbortOnDropHandle::new(tokio::spawn(releaser.keep(evidence.goal_turns())));
        let moderator = Moderator::new(&ports, &evidence, &office, &limits);
        let moderator = AbortOnDropHandle::new(tokio::spawn(moderator.keep(evidence.goal_turns())));
        let overflow = Overflow::new((&ports, &evidence, &office, &limits), brim, &tally);
        let overflow = AbortOnDropHandle::new(tokio::spawn(overflow.keep()));
        let (closed, _keepers) = (AtomicBool::new(false), [sealer, releaser, moderator, overflow]);
        let (planning, (lookout, asked)) = (PlanningDesk::new(), Lookout::new());
        let desk = Arc::new(Desk {
            limits,
            ports,
            evidence,
            scheduler,
            office,
            calendar,
            planning,
            tally,
            lookout,
            closed,
            _keepers,
        });
        // It ends with the last handle: then nobody can ask it any more.
        tokio::spawn(Looking::new(&desk, asked).keep());
        let calendar = tokio::spawn(Keeper::new(desk.clone(), told).keep());
        let load = tokio::spawn(LoadKeeper::new(desk.clone()).keep());
        let _keepers = Arc::new([calendar, load].map(AbortOnDropHandle::new));
        Ok(Self { desk, runtime: Handle::current(), _keepers })
    }

    /// Its slug must be free, also of deleted personas.
    pub async fn create_persona(&self, new: NewPersona, by: &By) -> Result<Persona, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.create_persona(new, &by).await }).await
    }

    /// Refused with `Conflict` when `version` is not the current one.
    pub async fn update_persona(
        &self,
        id: PersonaId,
        version: i64,
        patch: PersonaPatch,
        by: &By,
    ) -> Result<Persona, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.update_persona(id, version, patch, &by).await }).await
    }

    /// Soft: open goals are cancelled, the chain stays.
    pub async fn delete_persona(&self, id: PersonaId, by: &By) -> Result<(), CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.delete_persona(id, &by).await }).await
    }

    /// Its run stops at the next step boundary; messages wait.
    pub async fn pause(&self, id: PersonaId, by: &By) -> Result<Persona, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.pause(id, &by).await }).await
    }

    /// Closes the circuit and resolves the alerts of its pause.
    pub async fn resume(&self, id: PersonaId, by: &By) -> Result<Persona, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.resume(id, &by).await }).await
    }

    /// Ends the persona's actor and starts it anew; an open run is carried on.
    pub async fn restart(&self, id: PersonaId, by: &By) -> Result<(), CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.restart(id, &by).await }).await
    }

    /// Durable when it returns. A known correlation brings the work of the first time.
    pub async fn deliver(&self, work: NewWork, by: &By) -> Result<Delivered, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.deliver(work, &by).await }).await
    }

    /// Its run stops at the next step boundary.
    pub async fn cancel_goal(&self, id: GoalId, by: &By) -> Result<Goal, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.cancel_goal(id, &by).await }).await
    }

    /// A goal that is over, parked or backing off gets a new first attempt now. One that is over waits again for
    /// those of its prerequisites that are open; that others failed no longer counts, because a person said so.
    pub async fn retry_goal(&self, id: GoalId, by: &By) -> Result<Goal, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.retry_goal(id, &by).await }).await
    }

    /// Steps that have been begun stay as they are; what changes them is refused.
    pub async fn correct_goal(&self, id: GoalId, correction: Correction, by: &By) -> Result<Goal, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.correct_goal(id, correction, &by).await }).await
    }

    /// Settles the first effect of the goal whose end is unknown.
    pub async fn resolve_goal(
        &self,
        id: GoalId,
        resolution: Resolution,
        note: String,
        by: &By,
    ) -> Result<Goal, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.resolve_goal(id, resolution, &note, &by).await }).await
    }

    /// A dead letter gets a new first attempt; its falls are forgiven.
    pub async fn retry_letter(&self, id: MessageId, by: &By) -> Result<Goal, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.retry_letter(id, &by).await }).await
    }

    /// A dead letter is dropped and its goal cancelled.
    pub async fn discard_letter(&self, id: MessageId, by: &By) -> Result<Goal, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.discard_letter(id, &by).await }).await
    }

    /// Cancels the run's goal.
    pub async fn cancel_run(&self, id: RunId, by: &By) -> Result<Goal, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.cancel_run(id, &by).await }).await
    }

    /// Somebody has seen to it.
    pub async fn resolve_alert(&self, id: AlertId, by: &By) -> Result<(), CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.resolve_alert(id, &by).await }).await
    }

    /// Writes an operator's act (login, token made, secret set) to the node's system chain.
    pub async fn record_act(&self, summary: String, data: Value, by: &By) -> Result<(), CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.record_act(summary, data, &by).await }).await
    }

    /// The roster, without asking any persona; sorted by slug.
    pub fn actors(&self) -> Arc<Vec<ActorInfo>> {
        Arc::new(self.desk.actors())
    }

    /// The company at a glance.
    pub fn figures(&self) -> Figures {
        self.desk.figures()
    }

    /// How the personas feel, all together. Looks at every line of the roster.
    pub fn climate(&self) -> Climate {
        self.desk.climate()
    }

    /// How slices were granted of late; none while the company ends.
    pub async fn turn_figures(&self) -> Option<TurnFigures> {
        self.desk.scheduler.turn_figures().await.ok()
    }

    /// Who held which slot in the last `over`, and the next `most` of those that wait; none while the company ends.
    pub async fn stage(&self, over: Duration, most: usize) -> Option<StageView> {
        self.desk.scheduler.stage(over, most).await.ok()
    }

    /// What the inboxes of all personas cost and let go since the start.
    pub fn inbox_figures(&self) -> InboxFigures {
        self.desk.tally.figures()
    }

    /// Every receipt from now on, after its commit, in order of `pos`. A slow reader gets `Lagged`.
    pub fn receipts(&self) -> broadcast::Receiver<Arc<Receipt>> {
        self.desk.evidence.subscribe()
    }

    /// Why the store cannot take work now; none: it can.
    pub fn store_trouble(&self) -> Option<String> {
        let Desk { office, evidence, ports, .. } = &*self.desk;
        let no_room = || ports.journal.admits().err().map(|reason| reason.0.to_string());
        office.has_fallen().or_else(|| evidence.trouble().borrow().clone()).or_else(no_room)
    }

    /// Waits until a part without which nothing may go on (scheduler, evidence) has fallen, and says why. The
    /// process must end then, with a failure.
    pub async fn fallen(&self) -> String {
        self.desk.fallen().await
    }

    /// Lets running steps end, signs the heads, stops.
    pub async fn end(&self) {
        let company = self.clone();
        // A task of its own: whoever asked for the end may go away.
        let ended = self.runtime.spawn(async move { company.desk.end().await }).await;
        if let Err(error) = ended {
            tracing::error!("the company did not end in good order: {error}");
        }
    }

    async fn carry_out<T, F>(&self, by: &By, command: impl FnOnce(Arc<Desk>, By) -> F) -> Result<T, CommandError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CommandError>> + Send + 'static,
    {
        self.desk.check_open()?;
        let carried = self.runtime.spawn(command(self.desk.clone(), by.clone())).await;
        carried.unwrap_or_else(|lost| Err(CommandError::Unavailable(Unavailable(Box::new(lost)))))
    }
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
