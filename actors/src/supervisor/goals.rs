//! Commands about goals and runs.

use std::borrow::Cow;

use serde_json::json;

use super::{
    By, CommandError, Correction, Resolution,
    desk::{self, Desk, RACES, busy, check_text, invalid},
    drafts,
    effects::{self, Uncertain},
    waits_for,
};
use crate::{
    domain::{
        AlertKind, Draft, Ended, Goal, GoalId, GoalState, Message, MessageId, MessageKind, MessageState, ParkedOn,
        Payload, Phase, RunId, RunState,
    },
    ports::{Change, Commit, GoalMove, Guard},
    run::ends_with,
};

const LONGEST_TITLE: usize = 200;
const LONGEST_NOTE: usize = 2_000;

impl Desk {
    pub(super) async fn cancel_goal(&self, id: GoalId, by: &By) -> Result<Goal, CommandError> {
        for _ in 0..RACES {
            let (goal, message) = self.goal(id).await?;
            if goal.state.is_over() {
                return Err(CommandError::Conflict(format!("goal {id} is already {}", goal.state)));
            }
            let (mut commit, run) = self.cancelled(&goal, message.id).await?;
            let mut draft = self.about(&goal, by, format!("cancelled by {}", by.who), GoalState::Cancelled);
            draft.run = run;
            commit.receipts.push(draft);
            let given = self.cancel_what_was_given(&mut commit, &goal, by).await?;
            if self.write(commit).await?.is_ok() {
                self.stopped(std::iter::once(&goal).chain(&given)).await;
                let step = desk::moved(&goal, GoalState::Cancelled, self.now_ms());
                return Ok(desk::after(goal, step));
            }
        }
        Err(busy("the goal"))
    }

    /// Whatever is under way for these ends now.
    pub(super) async fn stopped(&self, goals: impl Iterator<Item = &Goal>) {
        for goal in goals {
            self.office.stop_run(goal.persona, goal.id);
            self.refresh(goal.persona).await;
        }
    }

    pub(super) async fn cancel_run(&self, id: RunId, by: &By) -> Result<Goal, CommandError> {
        let run = self.ports.records.run(id).await?;
        let run = run.ok_or_else(|| CommandError::NotFound { what: "run", which: id.to_string() })?;
        if run.state.is_over() {
            return Err(CommandError::Conflict(format!("run {id} is already {}", run.state)));
        }
        self.cancel_goal(run.goal, by).await
    }

    pub(super) async fn retry_goal(&self, id: GoalId, by: &By) -> Result<Goal, CommandError> {
        for _ in 0..RACES {
            let (goal, message) = self.goal(id).await?;
            self.persona(goal.persona).await?;
            if message.kind == MessageKind::Room {
                let reason = format!("goal {id} is a turn in a room: say there what it should answer");
                return Err(CommandError::Conflict(reason));
            }
            let backs_off = goal.due_ms.is_some_and(|due_ms| due_ms > self.now_ms());
            if goal.state == GoalState::Running || (goal.state == GoalState::Pending && !backs_off) {
                return Err(CommandError::Conflict(format!("goal {id} is {} already", goal.state)));
            }
            if goal.parked_on == Some(ParkedOn::Reconcile) {
                let reason = format!(
                    "goal {id} waits for a person to say whether its last effect happened: resolve it first \
                     (`greenroom goal resolve {id} --done`, or `--not-done`)"
                );
                return Err(CommandError::Conflict(reason));
            }
            let (step, mut guards) = self.begins_anew(&goal).await?;
            guards.extend(self.not_rolled_back(&goal).await?);
            let draft = self.about(&goal, by, format!("retried by {}", by.who), step.state);
            let mut changes = vec![as_patient_as_before(&message, step.at_ms)];
            changes.extend(waits_again(&message, &step));
            changes.extend(self.forgiven(&goal, &message).await?);
            let mut commit = only_if_unmoved(&goal, changes, vec![draft]);
            commit.guards.extend(guards);
            if self.write(commit).await?.is_ok() {
                self.wake(&goal).await;
                return Ok(desk::after(goal, step));
            }
        }
        Err(busy("the goal"))
    }

    pub(super) async fn correct_goal(&self, id: GoalId, correction: Correction, by: &By) -> Result<Goal, CommandError> {
        let (goal, _) = self.goal(id).await?;
        self.persona(goal.persona).await?;
        if goal.payload.undoes().is_some() {
            let reason = format!("goal {id} is a rollback that was confirmed as it is: cancel it, and ask for another");
            return Err(CommandError::Conflict(reason));
        }
        if matches!(goal.state, GoalState::Running | GoalState::Done) {
            let reason = format!(
                "goal {id} is {}: only a goal that waits or has ended without proof can be corrected",
                goal.state
            );
            return Err(CommandError::Conflict(reason));
        }
        let Correction { version, title, payload, proof, waits_for: others, if_failed } = correction;
        let title = title.unwrap_or_else(|| goal.title.clone());
        check_text("title", &title, LONGEST_TITLE)?;
        let payload = with_its_origin(payload, &goal.payload)?;
        let proof = proof.unwrap_or_else(|| goal.proof.clone());
        self.check_counts(goal.persona, &proof).await?;
        self.check_agent(goal.persona, &payload).await?;
        self.leaves_what_was_begun(&goal, &payload).await?;
        let at_ms = self.now_ms();
        let (mut changes, mut guards) = self.rewired(&goal, others, if_failed).await?;
        let changed = [
            ("title", title != goal.title),
            ("payload", payload != goal.payload),
            ("proof", proof != goal.proof),
            ("waits_for", !changes.is_empty()),
        ];
        let changed: Vec<_> = changed.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect();
        let draft = self.decision(goal.persona, by, format!("corrected by {}", by.who), json!({"changed": changed}));
        let mut corrected = Goal { title, payload, proof, updated_ms: at_ms, version: version + 1, ..goal.clone() };
        let Goal { title, payload, proof, .. } = corrected.clone();
        let parked = changes.iter().find_map(|change| match change {
            Change::GoalMoved(step) => Some(step.clone()),
            _ => None,
        });
        let draft = drafts::about(draft, id, goal.project.clone(), parked.as_ref().map(|step| step.state.as_str()));
        guards.push(Guard::GoalVersion(id, version));
        changes.push(Change::GoalCorrected { id, title, payload, proof, at_ms });
        let written = self.write(Commit { guards, changes, receipts: vec![draft] }).await?;
        written.map_err(|outdated| waits_for::refused(goal.persona, &outdated))?;
        self.wake(&goal).await;
        if let Some(step) = parked {
            corrected = desk::after(corrected, step);
        }
        Ok(corrected)
    }

    /// A step with an intent stays as it is.
    async fn leaves_what_was_begun(&self, goal: &Goal, payload: &Payload) -> Result<(), CommandError> {
        let receipts = self.ports.records.goal_receipts(goal.id).await?;
        let Some(step) = effects::touched(&goal.payload.steps(), &payload.steps(), &receipts) else { return Ok(()) };
        let id = goal.id;
        let number = step.saturating_add(1);
        let reason =
            format!("step {number} of goal {id} has been begun already and cannot be changed: give a new goal");
        Err(CommandError::Conflict(reason))
    }

    pub(super) async fn resolve_goal(
        &self,
        id: GoalId,
        resolution: Resolution,
        note: &str,
        by: &By,
    ) -> Result<Goal, CommandError> {
        desk::check_length("note", note, LONGEST_NOTE)?;
        for _ in 0..RACES {
            let (goal, message) = self.goal(id).await?;
            if goal.state == GoalState::Running {
                return Err(CommandError::Conflict(format!("goal {id} is running: wait until it stops")));
            }
            let receipts = self.ports.records.goal_receipts(id).await?;
            let mut open = effects::uncertain(receipts.clone());
            if open.is_empty() {
                let reason = format!("goal {id} has no effect whose end is unknown: there is nothing to resolve");
                return Err(CommandError::Conflict(reason));
            }
            let settled = open.remove(0);
            let place = self.given_back(&goal, settled.step, resolution, receipts).await?;
            let (mut commit, goal) =
                self.resolved(&Case { goal, message, settled, left: open.len() }, resolution, note, by).await?;
            commit.changes.extend(place);
            if self.write(commit).await?.is_ok() {
                self.wake(&goal).await;
                return Ok(goal);
            }
        }
        Err(busy("the goal"))
    }

    async fn resolved(
        &self,
        case: &Case,
        resolution: Resolution,
        note: &str,
        by: &By,
    ) -> Result<(Commit, Goal), CommandError> {
        let Case { goal, message, settled, left } = case;
        let (word, ended, said) = match resolution {
            Resolution::Done => ("done", Ended::Done, "had happened"),
            Resolution::NotDone => ("not_done", Ended::NotBegun, "had not happened"),
        };
        let data =
            json!({"resolution": word, "note": note, "goal": goal.id, "step": settled.step, "persona": goal.persona});
        let summary = format!("{} said that step {} of “{}” {said}", by.who, settled.step + 1, goal.title);
        let mut system = self.system_decision(by, summary.clone(), data.clone());
        system.goal = Some(goal.id);
        let reconciled = Draft {
            kind: settled.kind,
            phase: Some(Phase::Reconciled),
            state: Some(ended.as_str()),
            tool: settled.tool.clone().map(Cow::Owned),
            effect: settled.effect,
            run: settled.run,
            step: Some(settled.step),
            goal: Some(goal.id),
            project: goal.project.clone(),
            ..self.decision(goal.persona, by, summary, data)
        };
        let at_ms = self.now_ms();
        // The goal moves in any case, so that two people cannot settle the same step differently.
        let stays = GoalMove { parked_on: goal.parked_on, due_ms: goal.due_ms, ..desk::moved(goal, goal.state, at_ms) };
        let step = match *left {
            // It waits from now on: the time until somebody looked was not the scheduler's.
            0 if !goal.state.is_over() => {
                GoalMove { due_ms: Some(at_ms), ..desk::moved(goal, GoalState::Pending, at_ms) }
            }
            _ => stays,
        };
        let mut changes = match step.state {
            GoalState::Pending => waits_again(message, &step),
            _ => vec![Change::GoalMoved(step.clone())],
        };
        if *left == 0 {
            let alerts = self.ports.records.open_alerts(goal.persona).await?;
            let about = alerts.iter().filter(|a| a.kind == AlertKind::Reconcile && a.goal == Some(goal.id));
            changes.extend(about.map(|alert| Change::AlertResolved(alert.id, at_ms)));
        }
        let goal_after = desk::after(goal.clone(), step);
        Ok((only_if_unmoved(goal, changes, vec![reconciled, system]), goal_after))
    }

    /// A decision about a goal, and what it became.
    fn about(&self, goal: &Goal, by: &By, summary: String, state: GoalState) -> Draft {
        let draft = self.decision(goal.persona, by, summary, json!({"title": goal.title}));
        drafts::about(draft, goal.id, goal.project.clone(), Some(state.as_str()))
    }
}

impl Desk {
    /// What a goal gave to others and waits for, and what they gave away of it.
    async fn given_away(&self, goal: &Goal) -> Result<Vec<Goal>, CommandError> {
        let (mut found, mut ahead) = (Vec::new(), vec![goal.clone()]);
        while let Some(at) = ahead.pop() {
            if at.parked_on != Some(ParkedOn::Dependency) {
                continue;
            }
            let others = self.ports.records.prerequisites(at.id).await?.into_iter().map(|other| other.goal);
            let its = |other: &Goal| other.payload.delegated().is_some_and(|delegated| delegated.goal == at.id);
            let others: Vec<Goal> = others.filter(|other| its(other) && !other.state.is_over()).collect();
            ahead.extend(others.clone());
            found.extend(others);
        }
        Ok(found)
    }

    /// The commit that cancels a goal with all that ends with it, if it does not move meanwhile; and its run, if one was
    /// open.
    pub(super) async fn cancelled(
        &self,
        goal: &Goal,
        message: MessageId,
    ) -> Result<(Commit, Option<RunId>), CommandError> {
        let at_ms = self.now_ms();
        let mut changes = vec![
            Change::GoalMoved(desk::moved(goal, GoalState::Cancelled, at_ms)),
            Change::MessageMoved(message, MessageState::Cancelled),
        ];
        let run = self.ports.records.open_run(goal.id).await?.map(|run| run.id);
        if let Some(id) = run {
            changes.push(Change::RunMoved { id, state: RunState::Cancelled, ended_ms: Some(at_ms), error: None });
        }
        changes.extend(ends_with(&*self.ports.records, goal, at_ms).await?);
        Ok((only_if_unmoved(goal, changes, Vec::new()), run))
    }

    /// Cancels in this commit what the goal gave to others, who work for nobody then.
    pub(super) async fn cancel_what_was_given(
        &self,
        commit: &mut Commit,
        goal: &Goal,
        by: &By,
    ) -> Result<Vec<Goal>, CommandError> {
        let given = self.given_away(goal).await?;
        for other in &given {
            let (_, message) = self.goal(other.id).await?;
            let (also, run) = self.cancelled(other, message.id).await?;
            let summary = format!("cancelled by {}, with the goal that waits for it", by.who);
            let mut draft = self.about(other, by, summary, GoalState::Cancelled);
            draft.run = run;
            commit.guards.extend(also.guards);
            commit.changes.extend(also.changes);
            commit.receipts.push(draft);
        }
        Ok(given)
    }
}

/// Nobody's correction changes whose work it is a part of, or what it stands on.
fn with_its_origin(payload: Option<Payload>, before: &Payload) -> Result<Payload, CommandError> {
    let Some(payload) = payload else { return Ok(before.clone()) };
    match (payload, before) {
        (Payload::Agent(mut payload), Payload::Agent(before)) => {
            payload.delegated.clone_from(&before.delegated);
            payload.fork = before.fork;
            Ok(Payload::Agent(payload))
        }
        (payload, Payload::Forked(before)) => match before.corrected(&payload) {
            Some(plan) => Ok(Payload::Forked(Box::new(plan))),
            None => {
                let many = before.fork.from;
                let why = format!("must begin with the same {many} steps, and go on: they are taken from another run");
                Err(invalid("payload", why))
            }
        },
        (payload, _) => Ok(payload),
    }
}

/// What a person is asked about.
struct Case {
    goal: Goal,
    message: Message,
    settled: Uncertain,
    /// Other effects of the goal whose end is unknown.
    left: usize,
}

fn only_if_unmoved(goal: &Goal, changes: Vec<Change>, receipts: Vec<Draft>) -> Commit {
    Commit { guards: vec![Guard::GoalVersion(goal.id, goal.version)], changes, receipts }
}

/// Who retries it gives it as much time anew as it had.
fn as_patient_as_before(message: &Message, now_ms: i64) -> Change {
    let patience_ms = message.serve_by_ms.saturating_sub(message.received_ms);
    let serve_by_ms = now_ms.saturating_add(patience_ms);
    Change::BurstJoined(Box::new(Message { serve_by_ms, ..message.clone() }))
}

fn waits_again(message: &Message, step: &GoalMove) -> Vec<Change> {
    vec![Change::GoalMoved(step.clone()), Change::MessageMoved(message.id, MessageState::Waiting)]
}
