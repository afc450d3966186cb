//! What changes about host policies, and what must still be so.

use std::fmt;

use crate::domain::HostPolicy;

/// The host's policy has this version; 0: there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPolicyGuard {
    pub host: String,
    pub version: i64,
}

impl fmt::Display for HostPolicyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy of {} at version {}", self.host, self.version)
    }
}

/// Every change of host policies there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPolicyChange {
    /// It replaces the one that was there.
    Set(Box<HostPolicy>),
}
