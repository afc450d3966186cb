//! What others do for a run: a person who is asked, a persona who is given a goal, itself later.
//!
//! What was asked for is a receipt of the step, `decision`; what came of it is the step's outcome. In between the run is
//! parked without a slice, so it survives restarts and costs nothing. A goal is given under the key of its step: given
//! once more after a crash, it is the same goal.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    RunEnd,
    approval::Permit,
    attempt::{Attempt, Halt},
    plan,
    policy::Verdict,
};
use crate::{
    domain::{
        AlertKind, ApprovalState, Draft, Ended, Goal, GoalId, GoalState, IfFailed, MessageState, ParkedOn, Persona,
        Phase, Receipt, RunState, ScheduleId, Step, StepError, WaitsFor,
    },
    ports::{ApprovalChange, Change, Commit, GoalMove, Guard},
};

/// Characters of another's result that a model is told.
const MOST_RESULT: usize = 8_000;
const MINUTE_MS: i64 = 60_000;

/// Work that a run hands to somebody.
#[derive(Debug, Clone)]
pub struct Handed {
    /// Whose: a slug; none: itself, later.
    pub to: Option<String>,
    pub task: String,
    /// One of the other's agents. What a persona gives itself it does as it does the goal.
    pub agent: Option<String>,
    pub due_ms: Option<i64>,
    /// The same in every attempt and resume.
    pub key: String,
}

/// Work that a run wants to do again and again.
#[derive(Debug, Clone)]
pub struct Repeated {
    pub task: String,
    /// A cron expression, as it was written.
    pub cron: String,
    /// The same in every attempt and resume.
    pub key: String,
}

/// Work that is not given.
#[derive(Debug)]
pub enum NotGiven {
    /// What is wrong with it, and what to do.
    Refused(String),
    /// Try again later.
    Unavailable,
}

/// Work that somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    pub goal: GoalId,
    /// It had it already.
    pub repeated: bool,
}

/// Who can be given work.
#[async_trait]
pub trait Colleagues: Send + Sync {
    /// Gives it, on behalf of a goal of this persona; known by its key, it is the goal of the first time, unless that one
    /// ended without being done.
    async fn give(&self, from: &Persona, goal: &Goal, work: Handed) -> Result<Given, NotGiven>;

    /// Puts it on the persona's own calendar; known by its key, it is the line of the first time.
    async fn repeat(&self, from: &Persona, goal: &Goal, work: Repeated) -> Result<ScheduleId, NotGiven>;

    /// Nobody waits for it any more.
    async fn withdraw(&self, goal: GoalId);
}

impl Attempt<'_> {
    /// Hands a step over, or takes in what came of it. The rules are asked before it is handed over, as for any call.
    pub(super) async fn hand_over(&mut self, at: usize, step: &Step) -> Result<(), Halt> {
        if self.handed(at).is_none() {
            // No host is reached: what hosts allow does not count.
            let verdict = self.runner.broker.judge(step, None, &self.persona.permissions, None);
            if let Verdict::Deny { reason } = verdict {
                return self.refuse(at, step, StepError::denied(reason)).await;
            }
            match self.permit(at, step).await? {
                Permit::Free => {}
                // It is used up by the receipt that says to whom the work was given; given twice, it is the same work.
                Permit::Yes(approval) => self.yes = Some(approval),
                Permit::No(error) => return self.refuse(at, step, error).await,
            }
        }
        match step {
            Step::AskHuman { question, minutes, .. } => self.ask_person(at, step, question, *minutes).await,
            Step::Delegate { to, task, agent } => {
                let work = Handed {
                    to: Some(to.clone()),
                    task: task.clone(),
                    agent: agent.clone(),
                    due_ms: None,
                    key: self.key_at(at),
                };
                self.delegate(at, step, work).await
            }
            Step::Schedule { task, in_minutes: Some(minutes), .. } => {
                let due_ms = self.now_ms().saturating_add(i64::from(*minutes) * MINUTE_MS);
                let key = self.key_at(at);
                let work = Handed { to: None, task: task.clone(), agent: None, due_ms: Some(due_ms), key };
                let given = self.given(work).await?;
                let said = |given: &Given| match given.repeated {
                    false => format!("gave itself a goal for in {minutes} minutes"),
                    true => "has given itself that goal already".to_owned(),
                };
                let told = |given: Given| (said(&given), json!({"goal": given.goal, "repeated": given.repeated}));
                self.arranged(at, step, given.map(told)).await
            }
            Step::Schedule { task, cron, .. } => {
                let cron = cron.clone().unwrap_or_default();
                let work = Repeated { task: task.clone(), cron, key: self.key_at(at) };
                let set = match &self.runner.colleagues {
                    Some(colleagues) => arranged(colleagues.repeat(&self.persona, &self.goal, work).await)?,
                    None => Err("there is no calendar to put it on".to_owned()),
                };
                let said = "put a goal on its calendar".to_owned();
                self.arranged(at, step, set.map(|line| (said, json!({"schedule": line})))).await
            }
            _ => Ok(()),
        }
    }

    /// What it arranged for itself, or why not.
    async fn arranged(&mut self, at: usize, step: &Step, came: Result<(String, Value), String>) -> Result<(), Halt> {
        match came {
            Ok((said, data)) => self.came(at, step, said, data, None, Vec::new()).await,
            Err(why) => self.came(at, step, "gave no goal".to_owned(), Value::Null, Some(why), Vec::new()).await,
        }
    }

    fn key_at(&self, at: usize) -> String {
        self.effect_key(at).unwrap_or_else(|| format!("{}:{at}", self.goal.id))
    }

    async fn ask_person(&mut self, at: usize, step: &Step, question: &str, minutes: u32) -> Result<(), Halt> {
        let now_ms = self.now_ms();
        let Some(asked) = self.handed(at) else {
            let expires_ms = now_ms.saturating_add(i64::from(minutes) * MINUTE_MS);
            let data = json!({"question": question, "expires_ms": expires_ms});
            let mut draft = self.handing(at, step, "asked a person and waits for the answer".to_owned(), data);
            // The expiry stands beside the very time that it was worked out from.
            draft.at_ms = now_ms;
            let alert = self.alert(AlertKind::Question, format!("{} asks: {question}", self.persona.name));
            return Err(self.wait_on(self.asking(question, expires_ms), vec![draft], vec![alert]).await);
        };
        let expires_ms = number(asked, "expires_ms").unwrap_or(now_ms);
        if now_ms < expires_ms {
            let draft = self.log("still waits for an answer".to_owned(), GoalState::Parked.as_str());
            return Err(self.wait_on(self.asking(question, expires_ms), vec![draft], Vec::new()).await);
        }
        let open = self.runner.broker.ports.records.open_alerts(self.goal.persona).await;
        let open = open.map_err(|_| Halt::End(RunEnd::Unavailable))?;
        let mine = open.iter().filter(|alert| alert.kind == AlertKind::Question && alert.goal == Some(self.goal.id));
        let resolved = mine.map(|alert| Change::AlertResolved(alert.id, now_ms)).collect();
        let why = format!("nobody answered within {minutes} minutes: go on without, or say what is missing");
        self.came(at, step, "got no answer".to_owned(), json!({"question": question}), Some(why), resolved).await
    }

    async fn delegate(&mut self, at: usize, step: &Step, work: Handed) -> Result<(), Halt> {
        let to = work.to.clone().unwrap_or_default();
        let child = match self.handed(at).and_then(goal_of) {
            Some(child) => child,
            None => match self.given(work).await? {
                Ok(child) => child.goal,
                Err(why) => {
                    return self.came(at, step, "gave no goal".to_owned(), Value::Null, Some(why), Vec::new()).await;
                }
            },
        };
        let goal = self.runner.broker.ports.records.goal(child).await.map_err(|_| Halt::End(RunEnd::Unavailable))?;
        match goal {
            Some(goal) if !goal.state.is_over() => Err(self.wait_for_goal(at, step, child, &to).await),
            Some(goal) => {
                // An answer is one, proven or not: its state says which.
                let is_answer = match goal.state {
                    GoalState::Done => true,
                    state => state == GoalState::Unconfirmed && goal.result.is_some(),
                };
                let result: String = goal.result.unwrap_or_default().chars().take(MOST_RESULT).collect();
                let data = json!({"goal": child, "to": to, "state": goal.state, "answer": result});
                let last = goal.last_error.unwrap_or_default();
                let why = (!is_answer).then(|| format!("{to} did not reach it, its goal is {}: {last}", goal.state));
                self.came(at, step, format!("{to} answered"), data, why, Vec::new()).await
            }
            None => {
                let why = Some(format!("the goal given to {to} is gone"));
                self.came(at, step, "lost sight of a goal".to_owned(), Value::Null, why, Vec::new()).await
            }
        }
    }

    async fn wait_for_goal(&mut self, at: usize, step: &Step, child: GoalId, to: &str) -> Halt {
        let mut draft = match self.handed(at) {
            Some(_) => self.log(format!("still waits for {to}"), GoalState::Parked.as_str()),
            None => {
                self.handing(at, step, format!("gave {to} a goal and waits for it"), json!({"goal": child, "to": to}))
            }
        };
        let waits_for = WaitsFor { goals: vec![child], if_failed: IfFailed::Release };
        let mut changes = vec![Change::DependenciesSet(self.goal.id, waits_for)];
        changes.extend(self.uses_yes(&mut draft));
        let parked = GoalMove { parked_on: Some(ParkedOn::Dependency), ..self.moved(GoalState::Parked) };
        let halt = self.wait_on(parked, vec![draft], changes).await;
        // This goal was ended in between, and whoever did that did not know of the other yet.
        if let (Halt::End(RunEnd::Over { .. }), Some(colleagues)) = (&halt, &self.runner.colleagues) {
            colleagues.withdraw(child).await;
        }
        halt
    }

    /// The inner error: why it is not given.
    async fn given(&self, work: Handed) -> Result<Result<Given, String>, Halt> {
        let Some(colleagues) = &self.runner.colleagues else {
            return Ok(Err("there is nobody to give it to".to_owned()));
        };
        arranged(colleagues.give(&self.persona, &self.goal, work).await)
    }

    /// The receipt of this run that says that the step was handed over.
    fn handed(&self, at: usize) -> Option<&Receipt> {
        let index = self.steps.index(at);
        let run = Some(self.run.id);
        let says = |receipt: &&Receipt| {
            receipt.step == Some(index) && receipt.run == run && receipt.phase == Some(Phase::Decision)
        };
        self.history.receipts().iter().find(says)
    }

    fn handing(&self, at: usize, step: &Step, summary: String, data: Value) -> Draft {
        let draft = self.step_draft(at, step, Phase::Decision, summary, data);
        Draft { state: Some(GoalState::Parked.as_str()), ..draft }
    }

    /// The yes under which it was handed over is used up with this receipt.
    fn uses_yes(&mut self, draft: &mut Draft) -> Vec<Change> {
        let Some(approval) = self.yes.take() else { return Vec::new() };
        let by = approval.decided.as_ref().map(|said| said.by.as_str());
        draft.body.data["approval"] = json!({"id": approval.id, "by": by, "became": ApprovalState::Used});
        let moved = ApprovalChange::Moved { id: approval.id, state: ApprovalState::Used, decided: None };
        vec![Change::Approval(moved)]
    }

    /// What came of it, for good. `why`: it is not what was wanted.
    async fn came(
        &mut self,
        at: usize,
        step: &Step,
        summary: String,
        data: Value,
        why: Option<String>,
        mut changes: Vec<Change>,
    ) -> Result<(), Halt> {
        let mut data = if data.is_null() { json!({}) } else { data };
        data["step"] = json!(plan::label(step));
        let mut draft = self.step_draft(at, step, Phase::Outcome, summary, data);
        draft.state = Some(Ended::Done.as_str());
        draft.body.error.clone_from(&why);
        changes.extend(self.uses_yes(&mut draft));
        let receipt = self.runner.broker.write(Commit { changes, receipts: vec![draft], ..Commit::default() }).await?;
        self.take_in(at, receipt);
        match why {
            // A model is told; a plan cannot go on without.
            Some(why) if !self.is_agent() => Err(Halt::Verdict(self.verdict_on(at, step, StepError::permanent(why)))),
            _ => Ok(()),
        }
    }

    /// What a person reads who looks at the goal.
    fn asking(&self, question: &str, expires_ms: i64) -> GoalMove {
        GoalMove {
            parked_on: Some(ParkedOn::Answer),
            due_ms: Some(expires_ms),
            last_error: Some(question.to_owned()),
            ..self.moved(GoalState::Parked)
        }
    }

    /// The run stands still, durably.
    async fn wait_on(&self, parked: GoalMove, mut receipts: Vec<Draft>, also: Vec<Change>) -> Halt {
        let due_ms = parked.due_ms;
        // By it the run's own time ends here; what stands on the step is about the step.
        if receipts.iter().all(|draft| draft.step.is_some()) {
            receipts.push(self.log("gave its slot back and waits".to_owned(), GoalState::Parked.as_str()));
        }
        let mut changes = vec![
            self.run_moved(RunState::Parked, None),
            Change::GoalMoved(parked),
            Change::MessageMoved(self.message.id, MessageState::Waiting),
        ];
        changes.extend(also);
        let guards = vec![Guard::GoalOpen(self.goal.id)];
        match self.runner.broker.evidence.record(Commit { guards, changes, receipts }).await {
            Ok(_) => Halt::End(RunEnd::Later { due_ms }),
            Err(error) => Halt::End(self.end_after(&error)),
        }
    }
}

/// The inner error: why it is not given.
fn arranged<T>(given: Result<T, NotGiven>) -> Result<Result<T, String>, Halt> {
    match given {
        Ok(given) => Ok(Ok(given)),
        Err(NotGiven::Refused(why)) => Ok(Err(why)),
        Err(NotGiven::Unavailable) => Err(Halt::End(RunEnd::Unavailable)),
    }
}

fn number(receipt: &Receipt, field: &str) -> Option<i64> {
    receipt.body.as_ref()?.data.get(field)?.as_i64()
}

fn goal_of(receipt: &Receipt) -> Option<GoalId> {
    receipt.body.as_ref()?.data.get("goal")?.as_str()?.parse().ok()
}
