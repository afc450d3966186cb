//! What guards ask about approvals and host policies. Pure.

use std::collections::{BTreeMap, BTreeSet};

use actors::{
    domain::{ApprovalId, ApprovalState, Hash},
    ports::{ApprovalChange, ApprovalGuard, HostPolicyChange, HostPolicyGuard},
};

/// The keys a batch asks about.
#[derive(Debug, Default)]
pub(in crate::storage::journal) struct WantedApprovals {
    pub approvals: BTreeSet<ApprovalId>,
    pub hosts: BTreeSet<String>,
}

impl WantedApprovals {
    pub(super) fn add_guard(&mut self, guard: &ApprovalGuard) {
        match guard {
            ApprovalGuard::Is(id, _) | ApprovalGuard::Usable { id, .. } => drop(self.approvals.insert(*id)),
        }
    }

    pub(super) fn add_host(&mut self, HostPolicyGuard { host, .. }: &HostPolicyGuard) {
        self.hosts.insert(host.clone());
    }

    /// A row that is known must follow every change of it.
    pub(super) fn add_change(&mut self, change: &ApprovalChange) {
        if let ApprovalChange::Moved { id, .. } = change {
            self.approvals.insert(*id);
        }
    }
}

/// What is known of approvals and host policies.
#[derive(Debug, Default)]
pub(in crate::storage::journal) struct ApprovalFacts {
    /// Where it stands, to what it is bound, and until when.
    pub approvals: BTreeMap<ApprovalId, (ApprovalState, Hash, i64)>,
    /// The version; 0: there is none.
    pub hosts: BTreeMap<String, i64>,
}

impl ApprovalFacts {
    pub(super) fn leave_unknown(&self, wanted: &mut WantedApprovals) {
        wanted.approvals.retain(|id| !self.approvals.contains_key(id));
        wanted.hosts.retain(|host| !self.hosts.contains_key(host));
    }

    pub(super) fn len(&self) -> usize {
        self.approvals.len() + self.hosts.len()
    }

    pub(super) fn holds(&self, guard: &ApprovalGuard) -> bool {
        match guard {
            ApprovalGuard::Is(id, state) => self.approvals.get(id).is_some_and(|(now, ..)| now == state),
            ApprovalGuard::Usable { id, digest, at_ms } => self.approvals.get(id).is_some_and(|found| {
                let (state, bound, expires_ms) = found;
                *state == ApprovalState::Approved && bound == digest && at_ms < expires_ms
            }),
        }
    }

    pub(super) fn holds_host(&self, HostPolicyGuard { host, version }: &HostPolicyGuard) -> bool {
        self.hosts.get(host).copied().unwrap_or(0) == *version
    }

    pub(super) fn apply(&mut self, change: &ApprovalChange) {
        match change {
            ApprovalChange::Asked(asked) => {
                self.approvals.insert(asked.id, (asked.state, asked.digest, asked.expires_ms));
            }
            ApprovalChange::Moved { id, state, .. } => {
                if let Some((now, ..)) = self.approvals.get_mut(id) {
                    *now = *state;
                }
            }
        }
    }

    pub(super) fn set_host(&mut self, HostPolicyChange::Set(policy): &HostPolicyChange) {
        self.hosts.insert(policy.host.clone(), policy.version);
    }
}
