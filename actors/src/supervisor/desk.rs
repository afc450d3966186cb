//! Where commands become commits: each writes exactly one, and only then tells the supervisor.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::{
    By, CommandError, calendar::CalendarBell, drafts, lookout::Lookout, office::Office, outward::KnownBudgets,
    planner::PlanningDesk,
};
use crate::{
    domain::{AlertId, ChainId, Draft, Goal, GoalId, GoalState, Limits, Message, Persona, PersonaId, PersonaStatus},
    evidence::{Evidence, RecordError},
    persona::tally::Tally,
    ports::{
        ApprovalGuard, Change, Commit, Committed, GoalMove, Guard, HostPolicyGuard, LedgerGuard, Outdated, Ports, World,
    },
    scheduler::Scheduler,
};

/// How often a command decides anew when somebody else was faster.
pub(super) const RACES: usize = 8;
/// How long runs may take to reach a step boundary when the company ends.
const END_WITHIN: Duration = Duration::from_secs(20);

/// What commands work with.
pub(super) struct Desk {
    pub(super) limits: Arc<Limits>,
    pub(super) ports: Ports,
    pub(super) evidence: Evidence,
    pub(super) scheduler: Scheduler,
    pub(super) office: Office,
    pub(super) calendar: Arc<CalendarBell>,
    pub(super) closed: AtomicBool,
    pub(super) planning: PlanningDesk,
    pub(super) known: KnownBudgets,
    /// Held while alerts about tools of MCP servers are read and raised, so that none is raised twice.
    pub(super) strays: tokio::sync::Mutex<()>,
    pub(super) tally: Arc<Tally>,
    pub(super) lookout: Lookout,
    /// What goes on beside the commands.
    pub(super) _keepers: [AbortOnDropHandle<()>; 4],
}

impl Desk {
    pub(super) fn now_ms(&self) -> i64 {
        self.ports.world.now_ms()
    }

    pub(super) fn world(&self) -> &dyn World {
        &*self.ports.world
    }

    /// Refuses commands from here on. Whether it did already.
    pub(super) fn close(&self) -> bool {
        self.closed.swap(true, Ordering::SeqCst)
    }

    pub(super) fn check_open(&self) -> Result<(), CommandError> {
        if self.closed.load(Ordering::SeqCst) { Err(CommandError::Ending) } else { Ok(()) }
    }

    /// One commit; the inner error: somebody else was faster.
    pub(super) async fn write(&self, commit: Commit) -> Result<Result<Committed, Outdated>, CommandError> {
        settle(self.evidence.record(commit).await)
    }

    /// A decision on a persona's chain.
    pub(super) fn decision(&self, persona: PersonaId, by: &By, summary: String, data: Value) -> Draft {
        drafts::decision(&self.limits.node, self.world(), ChainId::Persona(persona), by, summary, data)
    }

    /// A decision on the node's own chain.
    pub(super) fn system_decision(&self, by: &By, summary: String, data: Value) -> Draft {
        let chain = ChainId::System(self.limits.node.clone());
        drafts::decision(&self.limits.node, self.world(), chain, by, summary, data)
    }

    /// A persona that is there and not deleted.
    pub(super) async fn persona(&self, id: PersonaId) -> Result<Persona, CommandError> {
        let persona = self.ports.records.persona(id).await?;
        persona.filter(|persona| persona.status != PersonaStatus::Deleted).ok_or_else(|| no_persona(id))
    }

    /// Whether it is deleted, or was never there.
    pub(super) async fn is_gone(&self, id: PersonaId) -> Result<bool, CommandError> {
        match self.persona(id).await {
            Ok(_) => Ok(false),
            Err(CommandError::NotFound { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// A goal with the message that started it.
    pub(super) async fn goal(&self, id: GoalId) -> Result<(Goal, Message), CommandError> {
        let none = || CommandError::NotFound { what: "goal", which: id.to_string() };
        let goal = self.ports.records.goal(id).await?.ok_or_else(none)?;
        let message = self.ports.records.message_of(id).await?.ok_or_else(none)?;
        Ok((goal, message))
    }

    /// Takes the journal's word on a persona over into the roster.
    pub(super) async fn refresh(&self, id: PersonaId) {
        // A roster line that cannot be read now is read after the persona's next run.
        if let Ok(Some(record)) = self.ports.records.roster_record(id).await {
            self.office.fresh(record);
        }
    }
}

impl Desk {
    pub(super) async fn resolve_alert(&self, id: AlertId, by: &By) -> Result<(), CommandError> {
        let data = json!({"alert": id});
        let commit = Commit {
            guards: vec![Guard::AlertOpen(id)],
            changes: vec![Change::AlertResolved(id, self.now_ms())],
            receipts: vec![self.system_decision(by, format!("resolved an alert, by {}", by.who), data)],
        };
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        Ok(())
    }

    pub(super) async fn record_act(&self, summary: String, data: Value, by: &By) -> Result<(), CommandError> {
        let receipts = vec![self.system_decision(by, summary, data)];
        self.write(Commit { receipts, ..Commit::default() }).await?.map_err(|outdated| refused(&outdated))?;
        Ok(())
    }

    pub(super) async fn fallen(&self) -> String {
        let why = self.office.fallen().await;
        if self.check_open().is_err() {
            // What goes while the company ends has not fallen.
            std::future::pending::<()>().await;
        }
        why
    }

    pub(super) async fn end(&self) {
        if self.close() {
            return;
        }
        self.office.end(END_WITHIN).await;
        self.scheduler.stop();
        if let Err(error) = self.evidence.close().await {
            tracing::error!("{error}");
        }
        self.office.close();
    }
}

/// What the evidence said, as a command reads it.
pub(super) fn settle(recorded: Result<Committed, RecordError>) -> Result<Result<Committed, Outdated>, CommandError> {
    match recorded {
        Ok(committed) => Ok(Ok(committed)),
        Err(RecordError::Outdated(outdated)) => Ok(Err(outdated)),
        Err(RecordError::Unavailable(unavailable)) => Err(CommandError::Unavailable(unavailable)),
        Err(RecordError::Ended) => Err(CommandError::Ending),
    }
}

/// The answer to a caller whose commit was refused.
pub(super) fn refused(outdated: &Outdated) -> CommandError {
    match &outdated.guard {
        Guard::SlugFree(slug) => CommandError::Conflict(format!("the slug `{slug}` is taken: choose another one")),
        Guard::PersonaVersion(id, _) => {
            CommandError::Conflict(format!("persona {id} was changed meanwhile: read it again, then decide again"))
        }
        Guard::PersonaExists(id) => no_persona(*id),
        Guard::GoalVersion(id, _) => {
            CommandError::Conflict(format!("goal {id} was changed meanwhile: read it again, then decide again"))
        }
        Guard::GoalOpen(id) => CommandError::Conflict(format!("goal {id} is over")),
        Guard::Ledger(LedgerGuard::BudgetsAt(scope, _)) => CommandError::Conflict(format!(
            "the budgets of {scope} were changed meanwhile: read them again, then decide again"
        )),
        Guard::Approval(ApprovalGuard::Is(id, state)) => {
            CommandError::Conflict(format!("approval {id} is no longer {state}: somebody was faster"))
        }
        Guard::HostPolicy(HostPolicyGuard { host, .. }) => CommandError::Conflict(format!(
            "the policy of {host} was changed meanwhile: read it again, then decide again"
        )),
        Guard::AlertOpen(id) => CommandError::NotFound { what: "open alert", which: id.to_string() },
        Guard::ScheduleVersion(id, _) => {
            CommandError::Conflict(format!("schedule {id} was changed meanwhile: read it again, then decide again"))
        }
        Guard::CorrelationFree(..)
        | Guard::MessageIs(..)
        | Guard::RunLive(_)
        | Guard::StandingWaitAt(..)
        | Guard::QuotaLeft(_)
        | Guard::BigThreeBefore(..)
        | Guard::Ledger(LedgerGuard::BudgetLeft(_))
        | Guard::Approval(ApprovalGuard::Usable { .. })
        | Guard::Room(_) => CommandError::Conflict(format!("{outdated}: read again, then decide again")),
    }
}

pub(super) fn no_persona(id: PersonaId) -> CommandError {
    CommandError::NotFound { what: "persona", which: id.to_string() }
}

/// Somebody else was faster every time.
pub(super) fn busy(what: &str) -> CommandError {
    CommandError::Conflict(format!("{what} keeps changing: try again"))
}

pub(super) fn invalid(field: &str, reason: impl Into<String>) -> CommandError {
    CommandError::Invalid { field: field.to_owned(), reason: reason.into() }
}

/// A text of 1 to `most` characters that is not blank.
pub(super) fn check_text(field: &str, text: &str, most: usize) -> Result<(), CommandError> {
    if text.trim().is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    check_length(field, text, most)
}

/// A text of at most `most` characters.
pub(super) fn check_length(field: &str, text: &str, most: usize) -> Result<(), CommandError> {
    let length = text.chars().count();
    if length > most {
        return Err(invalid(field, format!("must be at most {most} characters, not {length}")));
    }
    Ok(())
}

/// The goal moved to another state; everything else stays.
pub(super) fn moved(goal: &Goal, state: GoalState, at_ms: i64) -> GoalMove {
    GoalMove {
        id: goal.id,
        state,
        parked_on: None,
        attempts: goal.attempts,
        last_error: goal.last_error.clone(),
        result: goal.result.clone(),
        due_ms: None,
        at_ms,
    }
}

/// The goal as it is after a move.
pub(super) fn after(goal: Goal, step: GoalMove) -> Goal {
    Goal {
        state: step.state,
        parked_on: step.parked_on,
        attempts: step.attempts,
        last_error: step.last_error,
        result: step.result,
        due_ms: step.due_ms,
        updated_ms: step.at_ms,
        version: goal.version + 1,
        ..goal
    }
}
