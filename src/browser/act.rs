//! One step at work: its limits, its words, and whether anything has left our hands.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use actors::domain::{Call, Step};
use tokio::time::Instant;

/// Kept back from the step's limit, to say how it ended before the broker stops waiting.
const RESERVE: Duration = Duration::from_millis(500);

/// A step at work.
pub(super) struct Act<'a> {
    pub(super) call: &'a Call,
    /// With its secrets filled in: never printed.
    pub(super) step: &'a Step,
    /// The step ends here, whatever it waits for.
    pub(super) deadline: Instant,
    /// Waits inside the page end here, early enough to tell why.
    pub(super) until: Instant,
    sent: AtomicBool,
}

impl<'a> Act<'a> {
    pub(super) fn begin(call: &'a Call, step: &'a Step, now: Instant) -> Self {
        let reserve = RESERVE.min(call.limit / 4);
        let own = step.timeout_ms().map(Duration::from_millis);
        let wait = own.unwrap_or(call.limit).min(call.limit.saturating_sub(reserve * 2));
        let deadline = now + call.limit.saturating_sub(reserve);
        Self { call, step, deadline, until: now + wait, sent: AtomicBool::new(false) }
    }

    /// From here on the world may have changed.
    pub(super) fn sent(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }

    pub(super) fn was_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }

    /// It changes the world outside.
    pub(super) fn is_effect(&self) -> bool {
        self.call.effect.needs_intent()
    }

    /// What is left until the end.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
