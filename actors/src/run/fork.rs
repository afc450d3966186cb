//! A run that stands on another one: its first steps are taken from that one's record, and it goes on from there.
//!
//! They come in the commit that opens the run, as receipts that name theirs (`replay_of`), so nothing of them is done
//! again: what follows is a resume like any other.

use serde_json::json;

use super::{RunEnd, attempt::Attempt, history::History};
use crate::domain::{Body, Draft, Ended, Fork, Payload, Phase, Receipt, StepError};

impl Attempt<'_> {
    fn fork(&self) -> Option<Fork> {
        match &self.goal.payload {
            Payload::Agent(agent) => agent.fork,
            _ => None,
        }
    }

    /// The receipts of the steps that are taken from the other run; none: it stands on none.
    pub(super) async fn forked(&self) -> Result<Vec<Draft>, RunEnd> {
        let Some(fork) = self.fork() else { return Ok(Vec::new()) };
        let records = &self.runner.broker.ports.records;
        let source = records.run(fork.run).await.map_err(|_| RunEnd::Unavailable)?;
        let Some(source) = source.filter(|source| source.persona == self.persona.id) else { return Ok(Vec::new()) };
        let receipts = records.goal_receipts(source.goal).await.map_err(|_| RunEnd::Unavailable)?;
        let own = receipts.into_iter().filter(|receipt| receipt.run == Some(source.id)).collect();
        let history = History::new(own);
        let first = history.first_step(source.id);
        let taken = (0..fork.from).map_while(|place| history.came_of(first.saturating_add(place)));
        Ok(taken.enumerate().map(|(place, receipt)| self.taken_over(place, receipt, fork)).collect())
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

    /// Whether a fork has what it stands on.
    pub(super) fn stands(&self) -> Result<(), StepError> {
        let Some(fork) = self.fork() else { return Ok(()) };
        let own = self.history.receipts().iter().filter(|receipt| receipt.run == Some(self.run.id));
        let taken =
            own.filter(|receipt| receipt.body.as_ref().is_some_and(|body| body.data.get("forked_from").is_some()));
        if taken.count() >= usize::try_from(fork.from).unwrap_or(usize::MAX) {
            return Ok(());
        }
        let text =
            format!("run {} does not have {} steps of this persona on record: fork another run", fork.run, fork.from);
        Err(StepError::permanent(text))
    }
}
