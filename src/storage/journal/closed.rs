//! Receipts that come outside the range their goal or run has closed.
//!
//! `goals` and `runs` hold the range of their receipts. It is closed when they end, and a receipt that comes later
//! must widen it: the outcome of a call that was under way, a person's word about an effect, a correction. Most
//! receipts belong to a run that goes on; asking about those in the database would cost every commit two statements,
//! so runs that ended a short while ago are remembered. After a restart nothing is under way.

use std::collections::{HashSet, VecDeque};

use actors::{
    domain::{ChainId, GoalId, Phase, RunId},
    evidence::chain::Linked,
    ports::Change,
};

use super::plan::Plan;

/// More runs than can have a call under way.
const REMEMBERED: usize = 4096;

#[derive(Default)]
pub(super) struct Closed {
    order: VecDeque<RunId>,
    runs: HashSet<RunId>,
}

/// A receipt that may lie outside: the ranges that must reach it.
pub(super) struct Late {
    pub run: Option<RunId>,
    pub goal: Option<GoalId>,
    pub seq: i64,
}

impl Closed {
    /// The plan's receipts whose goal or run may have closed its range.
    pub(super) fn late(&self, plan: &Plan) -> Vec<Late> {
        plan.receipts().filter(|linked| self.may_be_late(linked)).map(Late::of).collect()
    }

    fn may_be_late(&self, linked: &Linked) -> bool {
        let draft = &linked.draft;
        let by_hand = matches!(draft.phase, Some(Phase::Reconciled | Phase::Unknown));
        matches!(draft.chain, ChainId::Persona(_))
            && match draft.run {
                Some(run) => by_hand || self.runs.contains(&run),
                None => draft.goal.is_some(),
            }
    }

    /// Takes in the runs that a written plan ended.
    pub(super) fn learn(&mut self, plan: &Plan) {
        for (_, change) in &plan.changes {
            let Change::RunMoved { id, state, .. } = change else { continue };
            if state.is_over() && self.runs.insert(*id) {
                self.order.push_back(*id);
            }
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.runs.remove(&oldest);
            }
        }
    }
}

impl Late {
    fn of(linked: &Linked) -> Self {
        Self { run: linked.draft.run, goal: linked.draft.goal, seq: linked.seq }
    }
}
