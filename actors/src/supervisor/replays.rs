//! Runs are replayed, and others are begun from the middle of one.

use serde_json::json;

use super::{
    By, CommandError, Company, Delivered, NewWork, Work,
    desk::{Desk, invalid},
};
use crate::{
    domain::{
        AgentPayload, Ended, Fork, ForkedPlan, Goal, NoFork, Payload, Phase, Proof, Receipt, Run, RunId, RunState,
        Step, WaitsFor,
    },
    run::{
        History,
        replay::{Library, NoReplay, Replayed, replay},
    },
};

/// From where a run is begun anew, and what is different then.
#[derive(Debug, Clone, Default)]
pub struct ForkFrom {
    /// The first step that is done anew, from 1 as pages number them; those before come from the record.
    pub step: u32,
    /// None: as in the run.
    pub model: Option<String>,
    pub task: Option<String>,
}

impl Company {
    /// Carries a run out again from its receipts, without performing anything, and says on the system chain what came of it.
    pub async fn replay_run(&self, id: RunId, by: &By) -> Result<Replayed, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.replay_run(id, &by).await }).await
    }

    /// Gives the persona of a run a new goal that stands on the first steps of that run.
    pub async fn fork_run(&self, id: RunId, from: ForkFrom, by: &By) -> Result<Delivered, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.fork_run(id, from, &by).await }).await
    }
}

impl From<NoReplay> for CommandError {
    fn from(no: NoReplay) -> Self {
        match no {
            NoReplay::NoSuchRun(id) => Self::NotFound { what: "run", which: id.to_string() },
            NoReplay::Unavailable(error) => Self::Unavailable(error),
            no => Self::Conflict(no.to_string()),
        }
    }
}

impl Desk {
    async fn replay_run(&self, id: RunId, by: &By) -> Result<Replayed, CommandError> {
        let library = Library {
            records: self.ports.records.clone(),
            blobs: self.ports.blobs.clone(),
            limits: (*self.limits).clone(),
        };
        // Boxed: a whole run is inside.
        let replayed = Box::pin(replay(&library, id, false)).await?;
        let summary = format!("{} replayed run {id}: {}", by.who, replayed.said());
        self.record_act(summary, json!(replayed), by).await?;
        Ok(replayed)
    }

    async fn fork_run(&self, id: RunId, from: ForkFrom, by: &By) -> Result<Delivered, CommandError> {
        let not_found = || CommandError::NotFound { what: "run", which: id.to_string() };
        let run = self.ports.records.run(id).await?.ok_or_else(not_found)?;
        self.persona(run.persona).await?;
        let goal = self.ports.records.goal(run.goal).await?.ok_or_else(not_found)?;
        let receipts = self.ports.records.goal_receipts(goal.id).await?;
        let taken = taken(&run, &goal.payload, receipts.clone(), from.step)?;
        let is_taken = |step| taken.iter().any(|receipt| receipt.step == Some(step));
        if let Some((_, by)) = self.effective(&receipts, is_taken).await? {
            let reason =
                format!("goal {by} rolls a step before that one back: fork from before it, or give a new goal");
            return Err(CommandError::Conflict(reason));
        }
        let what = Work::Goal {
            title: title(&goal, from.step),
            payload: forked(&goal, &run, from)?,
            proof: proof(&goal, &taken),
        };
        let work = NewWork {
            persona: run.persona,
            what,
            priority: None,
            serve_by_ms: None,
            due_ms: None,
            correlation: None,
            project: goal.project.clone(),
            waits_for: WaitsFor::default(),
        };
        self.deliver(work, by).await
    }
}

/// The same work from this step on.
fn forked(goal: &Goal, run: &Run, from: ForkFrom) -> Result<Payload, CommandError> {
    let fork = Fork { run: run.id, from: from.step - 1 };
    match &goal.payload {
        Payload::Agent(agent) => {
            let task = from.task.unwrap_or_else(|| agent.task.clone());
            let model = from.model.or_else(|| agent.model.clone());
            Ok(Payload::Agent(Box::new(AgentPayload { task, model, fork: Some(fork), ..(**agent).clone() })))
        }
        Payload::Rollback(_) => {
            let reason = format!("run {} takes a step of another one back: roll that one back once more", run.id);
            Err(CommandError::Conflict(reason))
        }
        plan => {
            let plan = ForkedPlan::of(plan, fork, from.model, from.task);
            let plan = plan.map_err(|NoFork { field, reason }| invalid(field, reason))?;
            if let Some(step) = named_across(&plan, &goal.proof) {
                let reason = format!(
                    "step {step} was done with the key of its goal, and what comes behind it or proves it names that key, \
                     too: fork from step {step} or before, or give a new goal"
                );
                return Err(CommandError::Conflict(reason));
            }
            Ok(Payload::Forked(Box::new(plan)))
        }
    }
}

/// The first step taken from the record, from 1, that stands under the key of another goal which is named later too.
fn named_across(plan: &ForkedPlan, proof: &Proof) -> Option<usize> {
    let names = |text: String| text.contains("idempotency_key");
    let named = |step: &Step| names(step.to_args().to_string());
    let (taken, anew) = plan.steps.split_at_checked(plan.fork.from as usize)?;
    let first = taken.iter().position(named)? + 1;
    (anew.iter().any(named) || names(json!(proof).to_string())).then_some(first)
}

/// What came of the steps before this one.
fn taken(run: &Run, payload: &Payload, receipts: Vec<Receipt>, step: u32) -> Result<Vec<Receipt>, CommandError> {
    if run.state == RunState::Running {
        return Err(CommandError::Conflict(format!("run {} is under way: wait until it ends or stands still", run.id)));
    }
    let (history, is_agent) = (History::new(receipts), matches!(payload, Payload::Agent(_)));
    let known: Vec<&Receipt> = history.steps_of(run.id, is_agent).collect();
    // Of a plan one step is left to be done: what is looked at behind it is no step of it.
    let most = if is_agent { known.len() + 1 } else { payload.steps().len().min(known.len() + 1) };
    let step = step as usize;
    if !(1..=most).contains(&step) {
        let why = match is_agent {
            true => format!("{} steps are on record, and from {most} it goes on behind them", known.len()),
            false => format!("of {} steps {} are on record", payload.steps().len(), known.len()),
        };
        return Err(invalid("from", format!("must be 1 to {most}: {why}")));
    }
    let taken: Vec<Receipt> = known[..step - 1].iter().map(|receipt| (*receipt).clone()).collect();
    let open = taken.iter().find_map(|receipt| match receipt.phase {
        Some(Phase::Unknown) => Some("nobody saw the end of a step before that one: resolve the goal first"),
        Some(Phase::Decision) => Some("a step before that one waits for somebody: wait until that is over"),
        // A model was told of it, and went on; a plan goes on only behind what holds.
        _ if !is_agent && !holds(receipt) => Some("a step before that one did not do what it should"),
        _ => None,
    });
    if let Some(why) = open {
        return Err(CommandError::Conflict(format!("{why}, or fork from before it")));
    }
    Ok(taken)
}

/// It was carried out and nothing is said against it, or it was not needed.
fn holds(receipt: &Receipt) -> bool {
    match receipt.phase {
        Some(Phase::Skipped) => true,
        Some(Phase::Outcome | Phase::Reconciled) => {
            let failed = receipt.body.as_ref().is_some_and(|body| body.error.is_some());
            !failed && receipt.state.as_deref() == Some(Ended::Done.as_str())
        }
        _ => false,
    }
}

fn title(goal: &Goal, step: u32) -> String {
    let cut: String = goal.title.chars().take(150).collect();
    format!("{cut} (anew from step {step})")
}

/// What was done before counts for the goal that did it.
fn proof(goal: &Goal, taken: &[Receipt]) -> Proof {
    let done = |receipt: &Receipt| {
        receipt.effect.is_some_and(crate::domain::Effect::needs_intent)
            && receipt.state.as_deref() == Some(Ended::Done.as_str())
    };
    let counts_as = goal.proof.counts_as.filter(|_| !taken.iter().any(done));
    Proof { counts_as, units: goal.proof.units.filter(|_| counts_as.is_some()), ..goal.proof.clone() }
}
