//! What the in-memory journal knows of approvals.

use std::collections::BTreeMap;

use crate::{
    domain::{Approval, ApprovalId, ApprovalState, GoalId},
    ports::{ApprovalChange, ApprovalGuard},
};

#[derive(Default)]
pub(super) struct Approvals(BTreeMap<ApprovalId, Approval>);

impl Approvals {
    pub(super) fn holds(&self, guard: &ApprovalGuard) -> bool {
        match guard {
            ApprovalGuard::Is(id, state) => self.0.get(id).is_some_and(|found| found.state == *state),
            ApprovalGuard::Usable { id, digest, at_ms } => self.0.get(id).is_some_and(|found| {
                found.state == ApprovalState::Approved && found.digest == *digest && *at_ms < found.expires_ms
            }),
        }
    }

    pub(super) fn apply(&mut self, change: ApprovalChange) {
        match change {
            ApprovalChange::Asked(approval) => {
                let before = self.0.insert(approval.id, *approval);
                assert!(before.is_none(), "the approval {before:?} was asked for twice");
            }
            ApprovalChange::Moved { id, state, decided } => {
                let Some(found) = self.0.get_mut(&id) else { panic!("there is no approval {id}") };
                found.state = state;
                found.decided = decided.or(found.decided.take());
            }
        }
    }

    /// In the order in which they were asked for.
    pub(super) fn of(&self, goal: GoalId) -> Vec<Approval> {
        self.0.values().filter(|approval| approval.goal == goal).cloned().collect()
    }

    pub(super) fn get(&self, id: ApprovalId) -> Option<Approval> {
        self.0.get(&id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Approval> {
        self.0.values().cloned().collect()
    }
}
