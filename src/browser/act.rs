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
    /// The call ends here.
    end: Instant,
    sent: AtomicBool,
}

impl<'a> Act<'a> {
    pub(super) fn begin(call: &'a Call, step: &'a Step, now: Instant) -> Self {
        let end = now + call.limit - Self::reserve(call);
        Self { call, step, deadline: end, until: end - Self::reserve(call), end, sent: AtomicBool::new(false) }
    }

    /// The browser is there: a timeout of the step's own counts from now.
    pub(super) fn browser_is_ready(&mut self, now: Instant) {
        let Some(own_ms) = self.step.timeout_ms() else { return };
        let reserve = Self::reserve(self.call);
        self.until = self.until.min(now + Duration::from_millis(own_ms));
        self.deadline = self.end.min(self.until + reserve * 2);
    }

    fn reserve(call: &Call) -> Duration {
        RESERVE.min(call.limit / 4)
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
