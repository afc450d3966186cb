//! The store is gone: when to try again, and which commits are kept meanwhile. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    domain::Phase,
    ports::{Commit, Unavailable},
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// From the first write that was not possible to the first that is again.
pub(super) struct Outage {
    pub(super) reason: String,
    pub(super) since_ms: i64,
    pub(super) retry_at: Instant,
    pause: Duration,
}

impl Outage {
    /// It begins.
    pub(super) fn new(error: &Unavailable, since_ms: i64, now: Instant) -> Self {
        Self { reason: causes(error), since_ms, retry_at: now + FIRST_PAUSE, pause: FIRST_PAUSE }
    }

    /// Another try failed.
    pub(super) fn goes_on(&mut self, error: &Unavailable, now: Instant) {
        self.reason = causes(error);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.retry_at = now + self.pause;
    }

    /// What a caller is told.
    pub(super) fn unavailable(&self) -> Unavailable {
        Unavailable(self.reason.clone().into())
    }
}

/// The causes below an error, outermost first.
pub(super) fn causes(error: &Unavailable) -> String {
    let mut text = error.0.to_string();
    let mut next = error.0.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Whether a commit says what has already happened outside, so that it must not be lost.
pub(super) fn must_land(commit: &Commit) -> bool {
    commit.receipts.iter().filter_map(|draft| draft.phase).any(Phase::has_happened)
}

/// Whether a commit says what is about to happen, so that it must not land once nobody waits for it.
pub(super) fn is_intent(commit: &Commit) -> bool {
    commit.receipts.iter().any(|draft| draft.phase == Some(Phase::Intent)) && !must_land(commit)
}
