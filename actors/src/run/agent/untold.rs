//! Failures that a model has not been told of yet. What it chose before it could know is not carried out behind them.

use super::Attempt;

impl Attempt<'_> {
    /// Whether an earlier step failed since the model was asked last, in its turn or when a lost page was built up again,
    /// and this one would go on as if it had not. What neither acts nor needs the page may go on.
    pub(in crate::run) fn goes_on_blindly(&self, at: usize) -> bool {
        let Some(step) = self.steps.get(at).filter(|_| self.agent.is_some()) else { return false };
        let builds_on = !step.is_thought() && (step.is_browser() || step.effect().needs_intent());
        builds_on && self.has_untold_failure(at)
    }

    fn has_untold_failure(&self, at: usize) -> bool {
        let (thoughts, calls): (Vec<usize>, Vec<usize>) = (0..at).partition(|at| self.steps[*at].is_thought());
        let asked = thoughts.last().and_then(|at| self.history.newest(self.steps.index(*at)));
        let told_seq = asked.map_or(0, |thought| thought.seq);
        calls.into_iter().any(|call| self.history.failed_after(self.steps.index(call), told_seq))
    }
}
