//! How far an agent's attempt may go: so many steps, calls and thoughts alike, and so many minutes.
//!
//! The time is that of its receipts, so a replay stops where the run did. Calls for which there is no time any more are
//! left out; one that is under way has its own limit. Who was told to answer and does not is at its end.

use super::Agent;
use crate::{domain::StepError, run::attempt::Attempt};

impl Agent {
    /// Steps of one attempt at most.
    pub(super) fn most_steps(&self) -> usize {
        usize::try_from(self.payload.max_steps).unwrap_or(usize::MAX)
    }
}

impl Attempt<'_> {
    /// Whether the thought that is next must be an answer; fails when there was one that had to be.
    pub(super) fn must_end(&self, agent: &Agent) -> Result<bool, StepError> {
        let most = agent.most_steps();
        if self.steps.len() > most {
            let text = format!(
                "it did not come to an end within {most} steps, calls and thoughts: raise `max_steps`, or make the task smaller"
            );
            return Err(StepError::permanent(text));
        }
        let asked_before = (0..self.steps.len() - 1).rfind(|at| self.steps[*at].is_thought());
        let asked_seq = asked_before.and_then(|at| self.history.asked_at(self.steps.index(at)));
        if asked_seq.is_some_and(|seq| self.is_late(agent, seq)) {
            let minutes = agent.payload.max_minutes;
            let text = format!(
                "it did not come to an end within {minutes} minutes: raise `max_minutes`, or make the task smaller"
            );
            return Err(StepError::permanent(text));
        }
        Ok(self.steps.len() == most || self.is_late(agent, i64::MAX))
    }

    /// Whether there is no time any more for a call of its model's.
    pub(in crate::run) fn is_too_late(&self, at: usize) -> bool {
        self.agent.as_ref().is_some_and(|agent| !self.steps[at].is_thought() && self.is_late(agent, i64::MAX))
    }

    /// Whether its minutes were over before the receipt of this number.
    fn is_late(&self, agent: &Agent, before_seq: i64) -> bool {
        let most_ms = i64::from(agent.payload.max_minutes).saturating_mul(60_000);
        self.history.worked_ms(self.run.id, before_seq) >= most_ms
    }
}
