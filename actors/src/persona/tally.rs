//! What the inboxes of all personas cost and let go: counts since the start.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

/// Counts; personas and whoever drops add to them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    looks: AtomicU64,
    evaluated: AtomicU64,
    begun: AtomicU64,
    held_by_mood: AtomicU64,
    coalesced: AtomicU64,
    expired: AtomicU64,
    dropped: AtomicU64,
}

/// What the inboxes of all personas did since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct InboxFigures {
    /// Looks into an inbox.
    pub looks: u64,
    /// Messages weighed against each other, over all looks.
    pub evaluated: u64,
    /// Messages that were begun or gone on with.
    pub begun: u64,
    /// Messages weighed for each one that was begun.
    pub evaluations_per_message: f64,
    /// Looks at which optional work was held back.
    pub held_by_mood: u64,
    /// Messages that became the context of a newer one.
    pub coalesced: u64,
    /// Messages that were not begun in time.
    pub expired: u64,
    /// Messages beyond the limit of what may wait.
    pub dropped: u64,
}

impl Tally {
    pub(crate) fn looked(&self, messages: usize) {
        self.looks.fetch_add(1, Relaxed);
        add(&self.evaluated, messages);
    }

    pub(crate) fn began(&self) {
        add(&self.begun, 1);
    }

    pub(crate) fn held_by_mood(&self) {
        add(&self.held_by_mood, 1);
    }

    pub(crate) fn coalesced(&self, messages: usize) {
        add(&self.coalesced, messages);
    }

    pub(crate) fn expired(&self, messages: usize) {
        add(&self.expired, messages);
    }

    pub(crate) fn dropped(&self, messages: usize) {
        add(&self.dropped, messages);
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub(crate) fn figures(&self) -> InboxFigures {
        let read = |count: &AtomicU64| count.load(Relaxed);
        let (evaluated, begun) = (read(&self.evaluated), read(&self.begun));
        InboxFigures {
            looks: read(&self.looks),
            evaluated,
            begun,
            evaluations_per_message: if begun == 0 { 0.0 } else { evaluated as f64 / begun as f64 },
            held_by_mood: read(&self.held_by_mood),
            coalesced: read(&self.coalesced),
            expired: read(&self.expired),
            dropped: read(&self.dropped),
        }
    }
}

fn add(count: &AtomicU64, more: usize) {
    count.fetch_add(more as u64, Relaxed);
}
