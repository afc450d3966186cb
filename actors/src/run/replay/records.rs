//! The ports of a replay: what they answer comes from the tape, and nothing gets out through them.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Tape, questions};
use crate::{
    domain::{
        Alert, AlertId, AlertKind, Approval, Bound, BudgetScope, BudgetSpan, Budgets, Call, Entry, EntryId, Goal,
        GoalId, GoalState, Hash, Message, MessageId, Outcome, Persona, PersonaId, PersonaStatus, Receipt, Run, RunId,
        ScheduleId, StepError, Totals,
    },
    evidence::canonical,
    ports::{
        Blobs, Commit, Journal, Performer, Prerequisite, Records, RoomRecords, RosterRecord, Unavailable, Waiting,
        World, Written,
    },
    run::handing::{Colleagues, Given, Handed, NotGiven, Repeated},
};

/// Artifacts as they were kept: what does not fit its hash is not read, and nothing is kept.
pub(super) struct Checked(pub Arc<dyn Blobs>);

#[async_trait]
impl Blobs for Checked {
    /// Looks whether it was kept.
    async fn put(&self, bytes: Vec<u8>) -> Result<Hash, Unavailable> {
        let hash = canonical::sha256(&bytes);
        let kept = self.0.get(hash).await?;
        kept.map(|_| hash).ok_or_else(|| Unavailable("a replay keeps nothing".into()))
    }

    async fn get(&self, hash: Hash) -> Result<Option<Vec<u8>>, Unavailable> {
        let bytes = self.0.get(hash).await?;
        match bytes {
            Some(bytes) if canonical::sha256(&bytes) != hash => {
                Err(Unavailable(format!("the artifact {hash} is not what was kept").into()))
            }
            bytes => Ok(bytes),
        }
    }
}

/// Everything else that a run asks.
pub(super) struct Told {
    pub tape: Arc<Tape>,
    /// For what lies outside the run and does not change: receipts of other goals.
    pub real: Arc<dyn Records>,
    pub persona: Arc<Persona>,
    pub run: Run,
    pub goal: Goal,
    pub message: Message,
    pub resumed: bool,
    pub streak: u32,
    /// The goal's receipts before this stretch.
    pub before: Vec<Receipt>,
}

impl World for Told {
    fn now_ms(&self) -> i64 {
        self.tape.now_ms()
    }

    /// The run asks for those that get on its receipts: its own, that of an alert or of a question.
    fn new_id(&self) -> Uuid {
        let alert = || self.tape.alert().map(|alert| alert.0);
        self.tape.question().map(|question| question.0).or_else(alert).unwrap_or(self.run.id.0)
    }

    fn salt(&self) -> [u8; 16] {
        [0; 16]
    }
}

#[async_trait]
impl Performer for Told {
    /// The broker reads outcomes from the tape; nothing else may be performed.
    async fn perform(&self, call: Call, _: CancellationToken) -> Outcome {
        let error = StepError::permanent("a replay performs nothing");
        Outcome::not_begun(format!("did not perform {}", call.tool), error)
    }

    async fn bound(&self, _: &Call) -> Result<Option<Bound>, StepError> {
        match self.tape.data::<String>("unbounded") {
            Some(why) => Err(StepError::permanent(why)),
            None if self.tape.data::<Value>("no_room").is_some() => Ok(Some(Bound::default())),
            None => Ok(self.tape.data("reserved")),
        }
    }

    async fn look(&self, call: &Call) -> Result<Option<Value>, StepError> {
        questions::look(self, call).await
    }

    async fn rest(&self, _: PersonaId) {}

    async fn release(&self, _: PersonaId) {}
}

#[async_trait]
impl Colleagues for Told {
    /// It was given then; nobody is given anything now.
    async fn give(&self, _: &Persona, _: &Goal, _: Handed) -> Result<Given, NotGiven> {
        let refused = || self.tape.next(|next| next.body.as_ref()?.error.clone());
        let goal = self.tape.data("goal").ok_or_else(|| NotGiven::Refused(refused().unwrap_or_default()))?;
        Ok(Given { goal, repeated: self.tape.data("repeated").unwrap_or_default() })
    }

    async fn repeat(&self, _: &Persona, _: &Goal, _: Repeated) -> Result<ScheduleId, NotGiven> {
        let refused = || self.tape.next(|next| next.body.as_ref()?.error.clone());
        self.tape.data("schedule").ok_or_else(|| NotGiven::Refused(refused().unwrap_or_default()))
    }

    async fn withdraw(&self, _: GoalId) {}
}

#[async_trait]
impl Journal for Told {
    async fn write(&self, _: Vec<Commit>) -> Written {
        Err(Unavailable("a replay writes nothing".into()))
    }
}

impl RoomRecords for Told {}

#[async_trait]
impl Records for Told {
    async fn roster(&self) -> Result<Vec<RosterRecord>, Unavailable> {
        Ok(Vec::new())
    }

    async fn roster_record(&self, id: PersonaId) -> Result<Option<RosterRecord>, Unavailable> {
        let (slug, failure_streak) = (self.persona.slug.clone(), self.streak);
        Ok(Some(RosterRecord { id, slug, paused: false, waiting: 0, due_ms: None, failure_streak }))
    }

    async fn persona(&self, _: PersonaId) -> Result<Option<Persona>, Unavailable> {
        let status = if self.tape.pauses_persona() { PersonaStatus::Active } else { PersonaStatus::Paused };
        Ok(Some(Persona { status, ..(*self.persona).clone() }))
    }

    /// Another goal is one that was given away: where it stood is on the receipt of what came of it.
    async fn goal(&self, id: GoalId) -> Result<Option<Goal>, Unavailable> {
        if id == self.goal.id {
            return Ok(Some(self.goal.clone()));
        }
        let state = self.tape.data("state").unwrap_or(GoalState::Running);
        Ok(self.real.goal(id).await?.map(|goal| Goal { state, ..goal }))
    }

    async fn message(&self, _: MessageId) -> Result<Option<Message>, Unavailable> {
        Ok(Some(self.message.clone()))
    }

    async fn message_of(&self, _: GoalId) -> Result<Option<Message>, Unavailable> {
        Ok(Some(self.message.clone()))
    }

    /// Another run is one that this one was forked from.
    async fn run(&self, id: RunId) -> Result<Option<Run>, Unavailable> {
        self.real.run(id).await
    }

    async fn inbox(&self, _: PersonaId, _: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(Vec::new())
    }

    async fn correlated(&self, _: PersonaId, _: &str) -> Result<Option<Waiting>, Unavailable> {
        Ok(None)
    }

    /// A drift is told when none is open: one was, unless the next receipt raises it.
    async fn open_alerts(&self, persona: PersonaId) -> Result<Vec<Alert>, Unavailable> {
        let open = Alert {
            id: AlertId(self.run.id.0),
            kind: AlertKind::Drift,
            persona: Some(persona),
            goal: None,
            text: String::new(),
            raised_ms: self.tape.now_ms(),
            resolved_ms: None,
        };
        Ok(if self.tape.alert().is_some() { Vec::new() } else { vec![open] })
    }

    /// A run that fell is open when it is settled.
    async fn open_run(&self, _: GoalId) -> Result<Option<Run>, Unavailable> {
        let open = self.resumed || self.tape.has_begun();
        Ok(Some(self.run.clone()).filter(|_| open))
    }

    async fn goal_receipts(&self, goal: GoalId) -> Result<Vec<Receipt>, Unavailable> {
        if goal != self.goal.id {
            return self.real.goal_receipts(goal).await;
        }
        Ok(self.before.iter().cloned().chain(self.tape.taken()).collect())
    }

    async fn budgets(&self, scopes: &[BudgetScope]) -> Result<Vec<Budgets>, Unavailable> {
        let limits = self.tape.limits();
        let of = |scope: &BudgetScope| {
            let own = limits.iter().filter(|left| left.span.scope == *scope).map(|left| left.limit);
            Budgets { scope: scope.clone(), version: 0, limits: own.collect() }
        };
        Ok(scopes.iter().map(of).collect())
    }

    async fn totals(&self, span: &BudgetSpan) -> Result<Totals, Unavailable> {
        Ok(self.tape.totals(span).unwrap_or_default())
    }

    async fn approvals_of(&self, goal: GoalId) -> Result<Vec<Approval>, Unavailable> {
        Ok(questions::of(self, goal))
    }

    async fn has_alert(&self, id: AlertId) -> Result<bool, Unavailable> {
        Ok(self.tape.alert() != Some(id))
    }

    /// Those that were settled at their worst case when the stretch began.
    async fn open_entries(&self, goal: GoalId) -> Result<Vec<Entry>, Unavailable> {
        let entry = |lost: Receipt| {
            let reserved = serde_json::from_value(lost.body?.data.get("charged")?.clone()).ok()?;
            Some(Entry {
                id: EntryId(self.run.id.0),
                persona: Some(self.persona.id),
                user: self.goal.created_by.clone(),
                goal: Some(goal),
                run: Some(lost.run?),
                step: lost.step?,
                at_ms: lost.at_ms,
                reserved,
            })
        };
        Ok(self.tape.lost().into_iter().filter_map(entry).collect())
    }

    async fn prerequisites(&self, _: GoalId) -> Result<Vec<Prerequisite>, Unavailable> {
        Ok(Vec::new())
    }

    async fn dependents(&self, _: GoalId) -> Result<Vec<GoalId>, Unavailable> {
        Ok(Vec::new())
    }

    async fn parked_on_goals(&self) -> Result<Vec<GoalId>, Unavailable> {
        Ok(Vec::new())
    }
}
