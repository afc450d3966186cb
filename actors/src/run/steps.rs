//! The steps of an attempt, and the numbers under which their receipts stand.

use std::ops::Deref;

use super::history::History;
use crate::domain::{Goal, Payload, RunId, Step, StepIndex};

/// Numbers that an agent's attempt leaves for its steps: what looks back at the end stands behind them.
const ROOM: usize = 100_000;

/// A plan: fixed, or one that grows.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    list: Vec<Step>,
    /// The number of the first. Each attempt of an agent has steps of its own, so their numbers follow those of the
    /// attempts before.
    first: StepIndex,
    grows: bool,
}

impl Steps {
    /// The steps of this run as far as they are known before it.
    pub fn of(goal: &Goal, history: &History, run: RunId) -> Self {
        let planned = Self::planned(goal);
        if planned.grows { Self { first: history.first_step(run), ..planned } } else { planned }
    }

    /// The steps as they are known without any run.
    pub fn planned(goal: &Goal) -> Self {
        match goal.payload {
            Payload::Agent(_) => Self { list: vec![Step::think()], first: 0, grows: true },
            _ => Self { list: goal.payload.steps(), first: 0, grows: false },
        }
    }

    /// The number under which the receipts of the step at this place stand.
    pub fn index(&self, at: usize) -> StepIndex {
        self.first.saturating_add(u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// The step whose receipts stand under this number.
    pub fn numbered(&self, index: StepIndex) -> Option<&Step> {
        self.list.get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    /// A model says while the run goes on what comes next.
    pub const fn grow(&self) -> bool {
        self.grows
    }

    /// The place from which on it is looked back at what was done.
    pub fn looking_back(&self) -> usize {
        if self.grows { ROOM } else { self.list.len() }
    }

    /// What a model chose, and that it is asked again then.
    pub fn append(&mut self, chosen: impl IntoIterator<Item = Step>) {
        self.list.extend(chosen);
        self.list.push(Step::think());
    }
}

impl Deref for Steps {
    type Target = [Step];

    fn deref(&self) -> &[Step] {
        &self.list
    }
}
