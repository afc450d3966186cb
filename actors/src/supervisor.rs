//! The company: one handle for everything people and programs may ask of the personas.
//!
//! A command writes exactly one commit through the evidence, with its receipt, and only then tells the supervisor
//! (`supervisor/office.rs`), which wakes, stops and picks up personas. Commands run as tasks of their own: a
//! caller that goes away loses the answer, never half a command. Lists read the roster and ask no persona.

mod answers;
mod approvals;
mod budgets;
mod calendar;
mod colleagues;
mod commands;
mod delivery;
mod dependencies;
mod desk;
mod doorbell;
mod drafts;
mod effects;
mod falls;
mod giving_up;
mod goals;
mod grants;
mod hosts;
mod letters;
mod lists;
mod load;
mod lookout;
mod mcp;
mod office;
mod outward;
mod overflow;
mod personas;
mod planner;
mod quotas;
mod replays;
mod restarts;
mod rollback;
pub mod rooms;
mod roster;
mod schedules;
mod sweeping;
mod tries;
mod waits_for;

#[cfg(test)]
mod tests;

use std::{
    future::Future,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use ed25519_dalek::SigningKey;
use serde_json::Value;
use tokio::{runtime::Handle, sync::broadcast};
use tokio_util::task::AbortOnDropHandle;

pub use self::commands::*;
pub use self::effects::unresolved;
pub use self::outward::{CallEnd, NotMade, OpenCall, ProgramCall};
pub use self::replays::ForkFrom;
pub use self::rollback::RollbackPlan;
pub use self::schedules::{NewSchedule, SchedulePatch};
pub use self::tries::{NewTry, OpenTry, TryEnd};

pub(crate) use self::restarts::Restarts;
use self::{
    calendar::{CalendarBell, Keeper},
    colleagues::Reception,
    dependencies::Releaser,
    desk::Desk,
    load::LoadKeeper,
    lookout::{Looking, Lookout},
    office::{Hire, Office, Opened, Opening},
    outward::KnownBudgets,
    overflow::Overflow,
    planner::PlanningDesk,
    rooms::moderator::Moderator,
};
use crate::{
    domain::{AlertId, Goal, GoalId, GoalKind, GrantChange, Limits, MessageId, Persona, PersonaId, Receipt, RunId},
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

impl Company {
    /// Starts the company: sweeps what a crash left open, then wakes who has something to do.
    pub async fn start(limits: Limits, ports: Ports, key: SigningKey) -> Result<Self, StartError> {
        let reception = Reception::new();
        let colleagues = reception.clone();
        let hire: Hire = Box::new(|ports, evidence, scheduler, limits| {
            let runner = Runner::new(ports.clone(), evidence.clone(), scheduler.clone(), limits.clone());
            Arc::new(runner.among(colleagues))
        });
        let company = Self::start_with(limits, ports, key, hire).await?;
        reception.open(&company.desk);
        Ok(company)
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
        let moderator = Moderator::new((&ports, &evidence, &office, &limits), &tally);
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
            known: KnownBudgets::default(),
            strays: tokio::sync::Mutex::default(),
            tally,
            lookout,
            closed,
            _keepers,
        });
        desk.settle_what_was_lost().await?;
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

    /// What a goal of this persona asked is answered, and it goes on.
    pub async fn answer_goal(&self, id: GoalId, answer: String, by: &By) -> Result<Goal, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.answer_goal(id, &answer, &by).await }).await
    }

    /// Grants and revokes tools, by name or by kind; it holds from the next step on.
    pub async fn grant_tools(&self, id: PersonaId, change: GrantChange, by: &By) -> Result<Persona, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.grant_tools(id, &change, &by).await }).await
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
