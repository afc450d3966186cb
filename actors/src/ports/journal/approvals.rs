//! What changes about approvals, and what must still be so.

use std::fmt;

use crate::domain::{Approval, ApprovalId, ApprovalState, Decided, Hash};

/// What must still be so about an approval when the commit is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalGuard {
    /// It stands here.
    Is(ApprovalId, ApprovalState),
    /// It is a yes to exactly this call, was not used, and has not expired by then.
    Usable { id: ApprovalId, digest: Hash, at_ms: i64 },
}

impl fmt::Display for ApprovalGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(id, state) => write!(f, "approval {id} is {state}"),
            Self::Usable { id, .. } => write!(f, "approval {id} is a yes to this very call, unused and in time"),
        }
    }
}

/// Every change of approvals there is.
#[derive(Debug, Clone, PartialEq)]
pub enum ApprovalChange {
    Asked(Box<Approval>),
    /// What a person said stays when nothing is said anew.
    Moved {
        id: ApprovalId,
        state: ApprovalState,
        decided: Option<Decided>,
    },
}
