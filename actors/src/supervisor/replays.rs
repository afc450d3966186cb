//! Runs are replayed, and others are begun from the middle of one.

use serde_json::json;

use super::{
    By, CommandError, Company, Delivered, NewWork, Work,
    desk::{Desk, invalid},
};
use crate::{
    domain::{AgentPayload, Ended, Fork, Goal, Payload, Phase, Proof, Receipt, Run, RunId, RunState, WaitsFor},
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

    /// Gives the persona of an agent's run a new goal that stands on the first steps of that run.
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
        let Payload::Agent(agent) = &goal.payload else {
            let reason =
                format!("run {id} carries a fixed plan: only the run of an agent can be forked; give a new goal");
            return Err(CommandError::Conflict(reason));
        };
        let receipts = self.ports.records.goal_receipts(goal.id).await?;
        let taken = taken(&run, receipts.clone(), from.step)?;
        let is_taken = |step| taken.iter().any(|receipt| receipt.step == Some(step));
        if let Some((_, by)) = self.effective(&receipts, is_taken).await? {
            let reason =
                format!("goal {by} rolls a step before that one back: fork from before it, or give a new goal");
            return Err(CommandError::Conflict(reason));
        }
        let fork = Some(Fork { run: id, from: from.step - 1 });
        let task = from.task.unwrap_or_else(|| agent.task.clone());
        let model = from.model.or_else(|| agent.model.clone());
        let payload = Payload::Agent(Box::new(AgentPayload { task, model, fork, ..(**agent).clone() }));
        let work = NewWork {
            persona: run.persona,
            what: Work::Goal { title: title(&goal, from.step), payload, proof: proof(&goal, &taken) },
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

/// What came of the steps before this one.
fn taken(run: &Run, receipts: Vec<Receipt>, step: u32) -> Result<Vec<Receipt>, CommandError> {
    if run.state == RunState::Running {
        return Err(CommandError::Conflict(format!("run {} is under way: wait until it ends or stands still", run.id)));
    }
    let own: Vec<_> = receipts.into_iter().filter(|receipt| receipt.run == Some(run.id)).collect();
    let history = History::new(own);
    let first = history.first_step(run.id);
    let came_of = |place: u32| history.came_of(first.saturating_add(place)).cloned();
    let taken: Vec<Receipt> = (0..step.saturating_sub(1)).map_while(came_of).collect();
    if step == 0 || taken.len() < step as usize - 1 {
        let steps = (0..).map_while(came_of).count();
        let last = steps + 1;
        let why = format!("must be 1 to {last}: {steps} steps are on record, and from {last} it goes on behind them");
        return Err(invalid("from", why));
    }
    let open = taken.iter().find_map(|receipt| match receipt.phase {
        Some(Phase::Unknown) => Some("nobody saw the end of a step before that one: resolve the goal first"),
        Some(Phase::Decision) => Some("a step before that one waits for somebody: wait until that is over"),
        _ => None,
    });
    if let Some(why) = open {
        return Err(CommandError::Conflict(format!("{why}, or fork from before it")));
    }
    Ok(taken)
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
