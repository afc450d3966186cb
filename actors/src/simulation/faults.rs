//! What goes wrong on a simulated day, drawn from its seed.

use fastrand::Rng;
use tokio::time::Instant;

use super::Plan;
use crate::{
    domain::{RESTART_WINDOW, RESTARTS},
    supervisor::Restarts,
};

/// One step in so many panics, or hangs.
const PANIC_ONE_IN: u32 = 500;
const HANG_ONE_IN: u32 = 5_000;
/// When a step that hangs is cut off.
const STEP_LIMIT_MS: i64 = 120_000;
/// How far the company's restarts, and the store's failures, lie apart in the mean; a third of a short day.
const RESTART_EVERY_MS: i64 = 4 * 3_600_000;
const STORE_FAILS_EVERY_MS: i64 = 3_600_000;
const STORE_FAILS_FOR_MS: i64 = 5_000;

/// How a step ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StepEnd {
    Well,
    Panicked,
    /// At its limit.
    Hung,
}

/// The day's bad luck.
pub(super) struct Accidents<'a> {
    plan: &'a Plan,
    rng: Rng,
    /// When the store fails, the next one last.
    store_fails_ms: Vec<i64>,
}

impl<'a> Accidents<'a> {
    pub(super) const RESTART_TAKES_MS: i64 = 3_000;

    pub(super) fn new(plan: &'a Plan, rng: Rng) -> Self {
        let mut accidents = Self { plan, rng, store_fails_ms: Vec::new() };
        accidents.store_fails_ms = accidents.moments(STORE_FAILS_EVERY_MS);
        accidents.store_fails_ms.reverse();
        accidents
    }

    /// How long a persona stays away after a fall, by the supervisor's own rule; none: it has fallen too often.
    pub(super) fn return_after(falls: &mut Restarts, now: Instant) -> Option<i64> {
        let pause = falls.after_fall(now, RESTARTS, RESTART_WINDOW)?;
        Some(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
    }

    /// When the company is restarted.
    pub(super) fn restarts(&mut self) -> Vec<i64> {
        self.moments(RESTART_EVERY_MS)
    }

    /// Moments by chance, in order; none in a day without accidents.
    fn moments(&mut self, every_ms: i64) -> Vec<i64> {
        let every_ms = every_ms.min(self.plan.ends_ms() / 3);
        let mut moments = Vec::new();
        let mut at_ms = 0;
        while self.plan.faults.accidents && at_ms < self.plan.ends_ms() {
            at_ms += self.rng.i64(1..=2 * every_ms);
            moments.push(at_ms);
        }
        moments
    }

    /// When the store is back, each time.
    pub(super) fn store_is_back(&self) -> Vec<i64> {
        self.store_fails_ms.iter().map(|from_ms| from_ms + STORE_FAILS_FOR_MS).collect()
    }

    /// When the store takes commits, asked at moments that never go back.
    pub(super) fn store_back_ms(&mut self, now_ms: i64) -> i64 {
        while self.store_fails_ms.pop_if(|from_ms| *from_ms + STORE_FAILS_FOR_MS <= now_ms).is_some() {}
        let fails_ms = self.store_fails_ms.last().copied().filter(|from_ms| *from_ms <= now_ms);
        fails_ms.map_or(now_ms, |from_ms| from_ms + STORE_FAILS_FOR_MS)
    }

    /// How long a step takes that would take `cost_ms`, and how it ends.
    pub(super) fn step(&mut self, persona: u32, cost_ms: u32) -> (i64, StepEnd) {
        let cost_ms = i64::from(cost_ms);
        let Plan { faults, .. } = self.plan;
        match persona {
            Plan::PANICKING if faults.bad_personas => (cost_ms.min(100), StepEnd::Panicked),
            Plan::HANGING if faults.bad_personas => (STEP_LIMIT_MS, StepEnd::Hung),
            _ if faults.accidents && self.rng.u32(0..PANIC_ONE_IN) == 0 => {
                (self.rng.i64(0..=cost_ms), StepEnd::Panicked)
            }
            _ if faults.accidents && self.rng.u32(0..HANG_ONE_IN) == 0 => (STEP_LIMIT_MS, StepEnd::Hung),
            _ => (cost_ms, StepEnd::Well),
        }
    }
}
