//! The commits that open and end a run. Each moves goal, run and message together with the receipt that says so.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tracing::warn;

use super::{
    RunEnd, Runner, approval, attempt::Attempt, budget, drafts::About, history::History, proof::Line, replay::Opening,
};
use crate::{
    domain::{
        Alert, AlertId, AlertKind, ApprovalState, Draft, Entry, FATAL_FALLS, GoalState, MessageState, Persona,
        PersonaStatus, Phase, ReceiptKind, Run, RunId, RunState, StepError, opens_circuit, pause_before_retry,
        set_aside,
    },
    evidence::RecordError,
    ports::{Change, Commit, GoalMove, Guard, Outdated, Waiting},
};

/// Races with edits of the persona that the last commit is tried again after.
const RACES: usize = 5;

/// How an attempt is decided.
pub(super) enum Verdict {
    Done {
        result: String,
        lines: Vec<Line>,
    },
    Unconfirmed {
        lines: Vec<Line>,
        error: String,
        /// What it answered all the same.
        result: Option<String>,
    },
    Failed(StepError),
    /// The task that carried the run panicked, with this.
    Fell(String),
}

/// The run of a first or further attempt; the journal fills its sequence in.
pub(super) fn new_run(runner: &Runner, persona: &Persona, work: &Waiting) -> Run {
    let (world, goal) = (&runner.broker.ports.world, &work.goal);
    let now_ms = world.now_ms();
    Run {
        id: RunId(world.new_id()),
        goal: goal.id,
        persona: goal.persona,
        attempt: goal.attempts.saturating_add(1),
        state: RunState::Running,
        started_ms: now_ms,
        ended_ms: None,
        error: None,
        trace: goal.trace,
        waited_ms: now_ms.saturating_sub(work.since_ms(persona)).max(0),
        first_seq: 0,
        last_seq: None,
    }
}

impl Attempt<'_> {
    /// Makes it durable that the run is under way, and that intents without outcome are unknown.
    pub(super) async fn open(&mut self, resumed: bool) -> Result<(), RunEnd> {
        let before = self.goal.attempts;
        let attempts = if resumed { before } else { self.run.attempt };
        let mut changes = vec![Change::MessageMoved(self.message.id, MessageState::Running)];
        let summary = if resumed {
            changes.push(self.run_moved(RunState::Running, None));
            format!("went on with attempt {} of “{}”", self.run.attempt, self.goal.title)
        } else {
            changes.push(Change::RunStarted(Box::new(self.run.clone())));
            format!("began attempt {} of “{}”", self.run.attempt, self.goal.title)
        };
        self.goal.attempts = attempts;
        changes.push(Change::GoalMoved(self.moved(GoalState::Running)));
        let mut opening = self.log(summary, RunState::Running.as_str());
        Opening::of(self, before, resumed).write_into(&mut opening, &*self.runner.broker.ports.blobs).await;
        let mut receipts = vec![opening];
        if !resumed {
            receipts.extend(self.forked().await?);
        }
        let lost = self.lost_reservations().await.map_err(|_| RunEnd::Unavailable)?;
        receipts.extend(unknown(&self.about(), &self.history, &lost));
        changes.extend(budget::at_worst(&lost, self.now_ms()));
        let mut guards = vec![
            Guard::GoalVersion(self.goal.id, self.goal.version),
            Guard::MessageIs(self.message.id, self.message.state),
        ];
        let place = self.place();
        guards.extend(place.guards);
        changes.extend(place.changes);
        match self.runner.broker.evidence.record(Commit { guards, changes, receipts }).await {
            Ok(committed) => {
                self.history.extend(committed.receipts);
                Ok(())
            }
            Err(RecordError::Outdated(Outdated { guard: Guard::QuotaLeft(full) })) => {
                self.goal.attempts = before;
                Err(self.defer(&full, resumed).await)
            }
            // Someone moved it meanwhile: look again.
            Err(RecordError::Outdated(_)) => Err(RunEnd::Later { due_ms: Some(self.now_ms()) }),
            Err(RecordError::Unavailable(_)) => Err(RunEnd::Unavailable),
            Err(RecordError::Ended) => Err(RunEnd::Stopped),
        }
    }

    /// The last commit of an attempt.
    pub(super) async fn settle(&mut self, verdict: Verdict) -> RunEnd {
        match verdict {
            Verdict::Done { result, lines } => {
                let goal = GoalMove { result: Some(result.clone()), ..self.moved(GoalState::Done) };
                let streak = (self.failure_streak > 0).then_some(0);
                let did = ("proved", json!({"proofs": lines}));
                self.close((RunState::Done, MessageState::Done), goal, streak, did, Vec::new()).await
            }
            Verdict::Unconfirmed { lines, error, result } => {
                let goal = GoalMove { last_error: Some(error), result, ..self.moved(GoalState::Unconfirmed) };
                let data = ("could not confirm", json!({"proofs": lines}));
                self.close((RunState::Unconfirmed, MessageState::Unconfirmed), goal, None, data, Vec::new()).await
            }
            Verdict::Failed(error) => self.fail(error, Vec::new(), None).await,
            Verdict::Fell(text) => self.fell(&text).await,
        }
    }

    /// The first fall is a failed attempt; after the second the message would only bring the run down again.
    async fn fell(&mut self, text: &str) -> RunEnd {
        let falls = self.message.falls + 1;
        let counted = Change::MessageFalls(self.message.id, falls);
        if falls < FATAL_FALLS {
            return self.fail(StepError::retryable(text), vec![counted], Some(text)).await;
        }
        let error = format!("it brought its run down {falls} times, the last time with: {text}");
        let alert = self.alert(AlertKind::DeadLetter, set_aside(&self.goal.title, &error));
        let goal = GoalMove { last_error: Some(error), ..self.moved(GoalState::Failed) };
        let streak = self.failure_streak.saturating_add(1);
        let did = ("set aside as a dead letter", json!({"message": self.message.id, "falls": falls, "fell": text}));
        self.close((RunState::Failed, MessageState::DeadLettered), goal, Some(streak), did, vec![counted, alert]).await
    }

    /// `also` is written with it; `fell`: with what the run's task came down.
    async fn fail(&mut self, error: StepError, also: Vec<Change>, fell: Option<&str>) -> RunEnd {
        if let Some(pause) = self.pause_before_retry().filter(|_| error.retryable) {
            let moved = self.moved(GoalState::Pending);
            let due_ms = moved.at_ms.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
            let mut again = GoalMove { last_error: Some(error.text), due_ms: Some(due_ms), ..moved };
            let mut run = RunState::Failed;
            if self.must_go_on() {
                // No other run is begun that would count itself.
                (run, again.attempts) = (RunState::Parked, again.attempts.saturating_add(1));
            }
            let mut data = json!({"due_ms": due_ms});
            if let Some(fell) = fell {
                data["fell"] = fell.into();
            }
            let did = ("will try again after a failed attempt at", data);
            return match self.close((run, MessageState::Waiting), again, None, did, also).await {
                RunEnd::Over { .. } => RunEnd::Later { due_ms: Some(due_ms) },
                end => end,
            };
        }
        // A person's no neither counts against the persona nor makes good what failed before.
        let streak = (!error.said_no).then(|| self.failure_streak.saturating_add(1));
        let goal = GoalMove { last_error: Some(error.text), ..self.moved(GoalState::Failed) };
        let ends = (RunState::Failed, MessageState::Failed);
        let data = fell.map_or(Value::Null, |fell| json!({"fell": fell}));
        self.close(ends, goal, streak, ("failed", data), also).await
    }

    /// How long a failed attempt waits for the next one; none: it was the last.
    pub(super) fn pause_before_retry(&self) -> Option<Duration> {
        pause_before_retry(&self.runner.limits.retry_after, self.goal.attempts)
    }

    /// Ends the run; the third failed goal in a row pauses its persona in the same commit.
    async fn close(
        &mut self,
        (run, message): (RunState, MessageState),
        goal: GoalMove,
        streak: Option<u32>,
        (did, data): (&str, Value),
        also: Vec<Change>,
    ) -> RunEnd {
        let opens_circuit = streak.is_some_and(|streak| opens_circuit(streak, self.runner.limits.circuit_after));
        let mut draft = self.about().draft(
            ReceiptKind::Decision,
            Some(Phase::Decision),
            format!("{did} “{}”", self.goal.title),
            data,
        );
        draft.state = Some(goal.state.as_str());
        // What was worked out from the time stands beside that very time.
        draft.at_ms = goal.at_ms;
        let counted = self.goal.proof.counted().filter(|_| goal.state == GoalState::Done);
        draft.units = counted.map(|(_, units)| units.into());
        draft.body.error.clone_from(&goal.last_error);
        let is_over = goal.state.is_over();
        let mut changes = vec![
            self.run_moved(run, goal.last_error.clone()),
            Change::GoalMoved(goal),
            Change::MessageMoved(self.message.id, message),
        ];
        changes.extend(streak.map(|streak| Change::FailureStreak(self.goal.persona, streak)));
        changes.extend(also);
        let Ok(unanswered) = self.open_questions().await else { return RunEnd::Unavailable };
        let closed = |approval| approval::closed(approval, ApprovalState::Void, draft.at_ms);
        changes.extend(unanswered.iter().filter(|_| is_over).flat_map(closed));
        let mut commit = Commit { guards: vec![Guard::GoalOpen(self.goal.id)], changes, receipts: vec![draft] };
        for _ in 0..RACES {
            let attempt = if opens_circuit { self.with_pause(commit.clone()).await } else { Ok(commit.clone()) };
            let Ok(whole) = attempt else { return RunEnd::Unavailable };
            match self.runner.broker.evidence.record(whole).await {
                Ok(_) => {
                    if message == MessageState::Done {
                        self.now().answered(&self.runner.limits.inner_life);
                    }
                    let failure_streak = streak.unwrap_or(self.failure_streak);
                    return RunEnd::Over { failure_streak, open_circuit: opens_circuit };
                }
                Err(RecordError::Outdated(outdated)) if matches!(outdated.guard, Guard::PersonaVersion(..)) => {}
                Err(error) => return self.end_after(&error),
            }
        }
        // The persona changes faster than we can pause it: settle the goal, the next failure tries again.
        warn!(persona = %self.goal.persona, "persona {} could not be paused: it kept changing", self.goal.persona);
        commit.guards.truncate(1);
        match self.runner.broker.evidence.record(commit).await {
            Ok(_) => RunEnd::Over { failure_streak: streak.unwrap_or(self.failure_streak), open_circuit: false },
            Err(error) => self.end_after(&error),
        }
    }

    /// The same commit, with the persona paused and a person told.
    async fn with_pause(&self, mut commit: Commit) -> Result<Commit, crate::ports::Unavailable> {
        let Some(persona) = self.runner.broker.ports.records.persona(self.goal.persona).await? else {
            return Ok(commit);
        };
        if persona.status != PersonaStatus::Active {
            return Ok(commit);
        }
        let text = format!(
            "{} failed {} goals in a row and is paused. Look at the last errors, then resume it",
            persona.name, self.runner.limits.circuit_after
        );
        let mut draft = self.about().draft(
            ReceiptKind::Decision,
            Some(Phase::Decision),
            "was paused after failed goals in a row",
            Value::Null,
        );
        draft.state = Some(PersonaStatus::Paused.as_str());
        commit.guards.push(Guard::PersonaVersion(persona.id, persona.version));
        let (version, updated_ms) = (persona.version + 1, self.now_ms());
        let paused = Persona { status: PersonaStatus::Paused, version, updated_ms, ..persona };
        commit.changes.push(Change::PersonaUpdated(Box::new(paused)));
        commit.changes.push(self.alert(AlertKind::CircuitOpen, text));
        commit.receipts.push(draft);
        Ok(commit)
    }

    pub(super) fn alert(&self, kind: AlertKind, text: String) -> Change {
        let goal =
            matches!(kind, AlertKind::Reconcile | AlertKind::DeadLetter | AlertKind::Question).then_some(self.goal.id);
        let id = AlertId(self.runner.broker.ports.world.new_id());
        let alert = Alert {
            id,
            kind,
            persona: Some(self.goal.persona),
            goal,
            text,
            raised_ms: self.now_ms(),
            resolved_ms: None,
        };
        Change::AlertRaised(Box::new(alert))
    }

    /// What a commit that was not written means for the run.
    pub(super) fn end_after(&self, error: &RecordError) -> RunEnd {
        match error {
            // A person ended the goal; that commit settled everything.
            RecordError::Outdated(_) => RunEnd::Over { failure_streak: self.failure_streak, open_circuit: false },
            RecordError::Unavailable(_) => RunEnd::Unavailable,
            RecordError::Ended => RunEnd::Stopped,
        }
    }

    pub(super) fn moved(&self, state: GoalState) -> GoalMove {
        GoalMove {
            id: self.goal.id,
            state,
            parked_on: None,
            attempts: self.goal.attempts,
            last_error: None,
            result: None,
            due_ms: None,
            at_ms: self.now_ms(),
        }
    }

    pub(super) fn run_moved(&self, state: RunState, error: Option<String>) -> Change {
        Change::RunMoved { id: self.run.id, state, ended_ms: state.is_over().then(|| self.now_ms()), error }
    }

    pub(super) fn log(&self, summary: String, state: &'static str) -> Draft {
        Draft { state: Some(state), ..self.about().draft(ReceiptKind::Log, None, summary, Value::Null) }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.runner.broker.ports.world.now_ms()
    }
}

/// An intent without outcome is unknown from now on; nothing is known about it but that it was meant.
/// What it reserved counts as spent.
fn unknown(about: &About<'_>, history: &History, lost: &[Entry]) -> Vec<Draft> {
    let say = |step| {
        let intent = history.intent(step)?;
        let tool = intent.tool.clone().map(Cow::Owned);
        let charged = lost.iter().find(|entry| entry.step == step && entry.run == intent.run);
        let data = charged.map_or(Value::Null, |entry| json!({"charged": entry.reserved}));
        let draft = about.step(step, intent.kind, Phase::Unknown, format!("lost sight of step {}", step + 1), data);
        Some(Draft { tool, effect: intent.effect, run: intent.run, ..draft })
    };
    history.open_intents().into_iter().filter_map(say).collect()
}

/// The task that carried the run is gone; its goal backs off as after any failed attempt, once.
pub(super) async fn after_panic(runner: &Runner, persona: Arc<Persona>, work: Waiting, text: String) -> RunEnd {
    let ports = &runner.broker.ports;
    let id = work.goal.id;
    let (goal, run, receipts, roster) = (
        ports.records.goal(id).await,
        ports.records.open_run(id).await,
        ports.records.goal_receipts(id).await,
        ports.records.roster_record(work.goal.persona).await,
    );
    let (Ok(goal), Ok(run), Ok(receipts), Ok(roster)) = (goal, run, receipts, roster) else {
        return RunEnd::Unavailable;
    };
    let failure_streak = roster.map_or(0, |record| record.failure_streak);
    let (Some(goal), Some(run)) = (goal, run) else { return RunEnd::Over { failure_streak, open_circuit: false } };
    let work = Waiting { goal, ..work };
    let mut attempt = Attempt::idle(runner, persona, work, run, History::new(receipts), failure_streak);
    let Ok(lost) = attempt.lost_reservations().await else { return RunEnd::Unavailable };
    let receipts = unknown(&attempt.about(), &attempt.history, &lost);
    let changes = budget::at_worst(&lost, attempt.now_ms()).collect();
    if !(receipts.is_empty() && lost.is_empty())
        && let Err(error) = runner.broker.evidence.record(Commit { changes, receipts, ..Commit::default() }).await
    {
        return attempt.end_after(&error);
    }
    attempt.settle(Verdict::Fell(text)).await
}
