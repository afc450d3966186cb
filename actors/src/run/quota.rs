//! What a goal that counts as something takes from its day, and what becomes of it when the day is full.
//!
//! Its place is taken in the commit that opens a run, and again in the commit of the intent behind which there is no
//! way back: both are guarded, so neither a crash nor another run can pass a ceiling, and what is begun after midnight
//! counts for the day in which it is begun. From the first effect that may have happened the place is kept for good; the
//! receipt that says that it was not begun, or has not happened, gives it back.

use serde_json::{Value, json};

use super::{
    RunEnd,
    attempt::Attempt,
    broker::StoreGone,
    history::{History, Key},
    steps::Steps,
};
use crate::{
    domain::{
        GoalState, MessageState, OUTREACH_IS_OFF, ParkedOn, Persona, Phase, QuotaLeft, QuotaUse, ReceiptKind, RunState,
        Step, StepIndex, Unit,
    },
    evidence::RecordError,
    ports::{Change, Commit, GoalMove, Guard},
};

/// A place in a day: what must be so, and what takes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub guards: Vec<Guard>,
    pub changes: Vec<Change>,
}

impl Place {
    /// What gives it back, when the effect for which it was taken was not begun after all: it is the goal's only as long
    /// as that is open. No other effect that counts has happened, or this one would have found nothing to take.
    pub fn given_back(self) -> Vec<Change> {
        let back = |change| match change {
            Change::QuotaTaken(taken) => Some(Change::QuotaTaken(QuotaUse { begun: false, ..taken })),
            _ => None,
        };
        self.changes.into_iter().filter_map(back).collect()
    }
}

impl Attempt<'_> {
    /// The place that a new run takes; nothing: the goal counts as nothing, or keeps the place that it has. Its quota
    /// must be the one that was read.
    pub(super) fn place(&self) -> Place {
        let Some(mut place) = self.taken(&self.persona, false) else { return Place::default() };
        place.guards.push(Guard::PersonaVersion(self.persona.id, self.persona.version));
        place
    }

    /// The place that the intent of this step takes, by the quota as it is now.
    pub(super) async fn place_at(&self, at: usize, step: &Step) -> Result<Place, StoreGone> {
        let counts =
            step.effect().needs_intent() && self.steps.get(at).is_some_and(|step| is_counted_at(&self.steps, step));
        if !counts || self.goal.proof.counts_as.is_none() {
            return Ok(Place::default());
        }
        let persona = self.runner.broker.ports.records.persona(self.persona.id).await.map_err(|_| StoreGone)?;
        Ok(self.taken(persona.as_ref().unwrap_or(&self.persona), true).unwrap_or_default())
    }

    fn taken(&self, persona: &Persona, begun: bool) -> Option<Place> {
        let (unit, units) =
            self.goal.proof.counted().filter(|_| !may_have_happened(&self.steps, &self.history, None))?;
        let taken = QuotaUse { goal: self.goal.id, persona: persona.id, unit, units, at_ms: self.now_ms(), begun };
        let limits = self.runner.limits.quotas.limits(persona, &taken, self.runner.broker.hosts.allow_outreach());
        Some(Place {
            guards: limits.into_iter().map(Guard::QuotaLeft).collect(),
            changes: vec![Change::QuotaTaken(taken)],
        })
    }

    /// The day is full: the goal waits for the next one, or fails when no day could ever hold it. Costs no attempt.
    pub(super) async fn defer(&mut self, full: &QuotaLeft, run_is_open: bool) -> RunEnd {
        let until_ms = (!full.never_fits()).then(|| full.again_ms(&self.persona.hours));
        let title = &self.goal.title;
        let said = if until_ms.is_none() {
            format!("refused “{title}”")
        } else {
            format!("put “{title}” off to the next day")
        };
        let data = json!({"unit": full.unit, "units": full.units, "ceiling": full.ceiling, "day": [full.from_ms, full.until_ms], "due_ms": until_ms});
        let (on, at_ms, also, unless) = (ParkedOn::Quota, self.now_ms(), Vec::new(), Vec::new());
        self.put_off(
            PutOff {
                on,
                at_ms,
                until_ms,
                why: why(full, self.runner.broker.hosts.allow_outreach()),
                said,
                data,
                also,
                unless,
            },
            run_is_open,
        )
        .await
    }
}

/// Why a goal does not go on now.
pub(super) struct PutOff {
    pub on: ParkedOn,
    /// When this was found; its receipt has that very time.
    pub at_ms: i64,
    /// None: never; it fails.
    pub until_ms: Option<i64>,
    pub why: String,
    /// The receipt's summary and data.
    pub said: String,
    pub data: Value,
    pub also: Vec<Change>,
    /// What must still be so: otherwise it looks again at once.
    pub unless: Vec<Guard>,
}

impl Attempt<'_> {
    /// Parks the goal, or fails it without a fault of its own.
    pub(super) async fn put_off(&mut self, put_off: PutOff, run_is_open: bool) -> RunEnd {
        let PutOff { on, at_ms, until_ms, why, said, data, also, unless } = put_off;
        let never = until_ms.is_none();
        let (state, message, run) = match until_ms {
            None => (GoalState::Failed, MessageState::Failed, RunState::Failed),
            Some(_) => (GoalState::Parked, MessageState::Waiting, RunState::Parked),
        };
        let step = GoalMove {
            parked_on: (!never).then_some(on),
            due_ms: until_ms,
            last_error: never.then(|| why.clone()),
            at_ms,
            ..self.moved(state)
        };
        let mut changes = vec![Change::GoalMoved(step), Change::MessageMoved(self.message.id, message)];
        if run_is_open {
            changes.push(self.run_moved(run, never.then(|| why.clone())));
        }
        changes.extend(also);
        let mut draft = self.about().draft(ReceiptKind::Decision, Some(Phase::Denied), said, data);
        (draft.at_ms, draft.state) = (at_ms, Some(state.as_str()));
        draft.run = draft.run.filter(|_| run_is_open);
        draft.body.error = Some(why);
        let open = Guard::GoalOpen(self.goal.id);
        let first = if run_is_open { open.clone() } else { Guard::GoalVersion(self.goal.id, self.goal.version) };
        let guards = std::iter::once(first).chain(unless).collect();
        match self.runner.broker.evidence.record(Commit { guards, changes, receipts: vec![draft] }).await {
            Ok(_) if never => RunEnd::Over { failure_streak: self.failure_streak, open_circuit: false },
            Ok(_) => RunEnd::Later { due_ms: until_ms },
            Err(RecordError::Outdated(outdated)) if outdated.guard != open => {
                RunEnd::Later { due_ms: Some(self.now_ms()) }
            }
            Err(error) => self.end_after(&error),
        }
    }
}

/// In a browser plan the effects on pages are what counts; files are its notes.
fn is_counted_at(steps: &[Step], step: &Step) -> bool {
    let on_page = |step: &Step| step.is_browser() && step.effect().needs_intent();
    on_page(step) || !steps.iter().any(on_page)
}

/// Whether an effect that counts is done, or nobody knows that it is not; `but`: another one than this.
pub(crate) fn may_have_happened(steps: &Steps, history: &History, but: Option<StepIndex>) -> bool {
    let counted = |step: &Step| step.effect().needs_intent() && is_counted_at(steps, step);
    let happened = |at| but != Some(at) && !matches!(history.key(at), Key::Open);
    let now = steps.iter().enumerate().any(|(at, step)| counted(step) && happened(steps.index(at)));
    // Earlier attempts of an agent had other steps.
    now || (steps.grow() && history.has_effect(but))
}

fn why(full: &QuotaLeft, outreach: bool) -> String {
    let QuotaLeft { unit, units, ceiling, .. } = full;
    let whose = if full.persona.is_some() { "its quota" } else { "the cap over all personas" };
    match unit {
        Unit::Message if full.persona.is_some() && !outreach => OUTREACH_IS_OFF.to_owned(),
        _ if full.never_fits() => format!("it counts as {units} {unit}, and {whose} allows {ceiling} a day: raise it"),
        _ => format!("{whose} of {ceiling} {unit} a day is used up"),
    }
}
