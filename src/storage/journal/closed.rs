//! Runs that ended a short while ago: a call that was under way may still bring its receipt.
//!
//! `goals` and `runs` hold the range of their receipts. A late receipt widens it; looking for late ones only among
//! the newest ended runs keeps every other commit free of that question. After a restart nothing is under way.

use std::collections::{HashSet, VecDeque};

use actors::{
    domain::{GoalId, RunId},
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

/// A receipt of a run that had ended: the ranges that must reach it.
pub(super) struct Late {
    pub run: RunId,
    pub goal: Option<GoalId>,
    pub seq: i64,
}

impl Closed {
    /// The plan's receipts of runs that ended before.
    pub(super) fn late(&self, plan: &Plan) -> Vec<Late> {
        if self.runs.is_empty() {
            return Vec::new();
        }
        let late = |linked: &actors::evidence::chain::Linked| {
            let run = linked.draft.run.filter(|run| self.runs.contains(run))?;
            Some(Late { run, goal: linked.draft.goal, seq: linked.seq })
        };
        plan.receipts().filter_map(late).collect()
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
