//! Host policies as they are now: read at every step, written when an operator changes one.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::domain::{HostPolicy, HostTerms};

/// Every host policy. Cheap to clone; only the desk writes it, after the commit.
#[derive(Debug, Clone, Default)]
pub struct HostBook(Arc<RwLock<BTreeMap<String, HostPolicy>>>);

impl HostBook {
    /// What is to be kept on a host; none: nothing but the personas' own rules.
    pub(crate) fn terms(&self, host: &str) -> Option<HostTerms> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(host).map(|policy| policy.terms.clone())
    }

    /// Whether any policy lets somebody be written to.
    pub(crate) fn allow_outreach(&self) -> bool {
        let book = self.0.read().unwrap_or_else(PoisonError::into_inner);
        book.values().any(|policy| policy.terms.allows_outreach())
    }

    pub(crate) fn keep(&self, policy: HostPolicy) {
        let mut book = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Two changes can be told of in another order than they were written.
        if book.get(&policy.host).is_none_or(|known| known.version < policy.version) {
            book.insert(policy.host.clone(), policy);
        }
    }

    /// How fast each persona may act there, in acts per thousand seconds.
    pub(super) fn pace(&self, host: &str) -> Option<u32> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(host)?.terms.acts_per_1000_s
    }
}
