//! A run that stands on another one: its first steps are taken from that one's record, and it goes on from there.
//!
//! They come in the commit that opens the run, as receipts that name theirs (`replay_of`), so nothing of them is done
//! again: what follows is a resume like any other. A goal may name the run, an agent's or one of given steps. Without
//! being told to, an agent's run stands on the attempt before it that did what cannot be taken back, up to that: it would
//! not know what it did already, and find another way to do it again.

use serde_json::json;

use super::{
    RunEnd,
    attempt::Attempt,
    history::{History, Key},
};
use crate::domain::{Body, Draft, Effect, Ended, Fork, Payload, Phase, Receipt, StepError, StepIndex};

impl Attempt<'_> {
    fn fork(&self) -> Option<Fork> {
        match &self.goal.payload {
            Payload::Agent(agent) => agent.fork,
            Payload::Forked(plan) => Some(plan.fork),
            _ => None,
        }
    }

    /// The record of an earlier attempt that it must stand on.
    fn earlier_ground(&self) -> Option<Fork> {
        let (run, last) = self.history.last_irreversible(self.run.id).filter(|_| self.is_agent())?;
        let from = last.saturating_sub(self.history.first_step(run)).saturating_add(1);
        // What that one stood on itself is a part of it.
        Some(Fork { run, from: self.fork().map_or(from, |fork| fork.from.max(from)) })
    }

    /// The receipts of the steps that are taken from another run; none: it stands on none.
    pub(super) async fn forked(&self) -> Result<Vec<Draft>, RunEnd> {
        if let Some(ground) = self.earlier_ground() {
            return Ok(self.steps_of(ground, &self.history));
        }
        let Some(fork) = self.fork() else { return Ok(Vec::new()) };
        let records = &self.runner.broker.ports.records;
        let source = records.run(fork.run).await.map_err(|_| RunEnd::Unavailable)?;
        let Some(source) = source.filter(|source| source.persona == self.persona.id) else { return Ok(Vec::new()) };
        let receipts = records.goal_receipts(source.goal).await.map_err(|_| RunEnd::Unavailable)?;
        Ok(self.steps_of(fork, &History::new(receipts)))
    }

    /// `history`: of the goal whose run it is.
    fn steps_of(&self, ground: Fork, history: &History) -> Vec<Draft> {
        let taken = history.steps_of(ground.run, self.is_agent());
        let taken = taken.take(usize::try_from(ground.from).unwrap_or(usize::MAX));
        taken.enumerate().map(|(place, receipt)| self.taken_over(place, receipt, ground)).collect()
    }

    fn taken_over(&self, at: usize, receipt: &Receipt, fork: Fork) -> Draft {
        // What was found or settled later is done; that this run skips it says so.
        let settled = receipt.phase == Some(Phase::Reconciled);
        let phase = receipt.phase.filter(|_| !settled).unwrap_or(Phase::Skipped);
        let Body { summary, mut data, artifacts, error, .. } = receipt.body.clone().unwrap_or_default();
        if let Some(fields) = data.as_object_mut() {
            // Neither time nor money was spent again, and no call was made.
            for spent in ["took_ms", "charged", super::broker::NOTED] {
                fields.remove(spent);
            }
            fields.insert("forked_from".to_owned(), json!({"run": fork.run, "step": receipt.step}));
        }
        let state = receipt.state.as_deref().and_then(|state| state.parse().ok()).map(Ended::as_str);
        let about = self.about();
        let draft = about.step(self.steps.index(at), receipt.kind, phase, summary, data);
        Draft {
            tool: receipt.tool.clone().map(Into::into),
            effect: receipt.effect,
            state,
            replay_of: Some(receipt.seq),
            body: Body { artifacts, error, ..draft.body.clone() },
            ..draft
        }
    }

    /// Whether it has what it stands on.
    pub(super) fn stands(&self) -> Result<(), StepError> {
        let earlier = self.earlier_ground();
        if let Some(step) = earlier.and_then(|_| self.unsettled()) {
            let text = format!(
                "an earlier attempt may have done step {}, and nobody has settled that: resolve the goal, then retry it",
                step.saturating_add(1)
            );
            return Err(StepError::permanent(text));
        }
        let Some(ground) = earlier.or(self.fork()) else { return Ok(()) };
        let own = self.history.receipts().iter().filter(|receipt| receipt.run == Some(self.run.id));
        let taken =
            own.filter(|receipt| receipt.body.as_ref().is_some_and(|body| body.data.get("forked_from").is_some()));
        if taken.count() >= usize::try_from(ground.from).unwrap_or(usize::MAX) {
            return Ok(());
        }
        let (run, from) = (ground.run, ground.from);
        let way_out = if earlier.is_some() { "give a new goal" } else { "fork another run" };
        let text = format!("run {run} does not have {from} steps of this persona on record: {way_out}");
        Err(StepError::permanent(text))
    }

    /// What an earlier attempt may have done, and cannot be taken back.
    fn unsettled(&self) -> Option<StepIndex> {
        let earlier =
            |receipt: &&Receipt| receipt.run != Some(self.run.id) && receipt.effect == Some(Effect::Irreversible);
        let steps = self.history.receipts().iter().filter(earlier).filter_map(|receipt| receipt.step);
        steps.into_iter().find(|step| matches!(self.history.key(*step), Key::Unknown { .. }))
    }
}
