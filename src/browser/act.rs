//! One step at work: its limits, its words, and whether anything has left our hands.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use actors::domain::{Call, Step};
use serde_json::Value;
use tokio::time::Instant;

use crate::secrets::Hidden;

/// Kept back from the step's limit, to say how it ended before the broker stops waiting.
const RESERVE: Duration = Duration::from_millis(500);

/// A step at work.
pub(super) struct Act<'a> {
    pub(super) call: &'a Call,
    /// With its secrets filled in: never printed.
    pub(super) step: &'a Step,
    /// What no picture shows.
    pub(super) hidden: &'a Hidden,
    /// The step ends here, whatever it waits for.
    pub(super) deadline: Instant,
    /// Waits inside the page end here, early enough to tell why.
    pub(super) until: Instant,
    /// How long it waits inside the page.
    wait: Duration,
    /// The call ends here.
    end: Instant,
    sent: AtomicBool,
}

impl<'a> Act<'a> {
    /// `usual`: how long a step waits that does not say so itself.
    pub(super) fn begin(call: &'a Call, step: &'a Step, hidden: &'a Hidden, usual: Duration, now: Instant) -> Self {
        let wait = step.timeout_ms().map_or(usual, Duration::from_millis);
        let end = now + call.limit - reserve(call);
        Self { call, step, hidden, deadline: end, until: end, wait, end, sent: AtomicBool::new(false) }
    }

    /// The browser is open from now on: what its start took is no wait of the step.
    pub(super) fn with_browser(self, now: Instant) -> Self {
        let reserve = reserve(self.call);
        let until = (now + self.wait).min(self.end - reserve);
        Self { until, deadline: (until + reserve * 2).min(self.end), ..self }
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

    /// It belongs to the page that it was decided for: an effect, or a secret that is typed.
    pub(super) fn is_bound(&self) -> bool {
        let mentions = |text: &Value| text.as_str().is_some_and(|text| text.contains("${secret:"));
        self.is_effect() || self.call.args.get("text").is_some_and(mentions)
    }

    /// What is left until the end.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

fn reserve(call: &Call) -> Duration {
    RESERVE.min(call.limit / 4)
}

#[cfg(test)]
mod tests {
    use actors::domain::{Effect, GoalId, PersonaId, RunId, TraceId};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    /// How long a step with this time-out waits, in milliseconds, when the browser took two seconds to start.
    fn waits_ms(timeout_ms: Option<u64>, limit_ms: u64) -> u128 {
        let args = json!({"action": "wait_for", "selector": "#a", "timeout_ms": timeout_ms});
        let step: Step = serde_json::from_value(args.clone()).unwrap();
        let call = Call {
            persona: PersonaId(Uuid::nil()),
            goal: GoalId(Uuid::nil()),
            run: RunId(Uuid::nil()),
            step: 0,
            tool: step.tool(),
            args,
            effect: Effect::Read,
            key: String::new(),
            page: None,
            trace: TraceId(Uuid::nil()),
            limit: Duration::from_millis(limit_ms),
        };
        let begun = Instant::now();
        let open = begun + Duration::from_secs(2);
        let hidden = Hidden::default();
        let act = Act::begin(&call, &step, &hidden, Duration::from_secs(10), begun).with_browser(open);
        assert!(act.deadline > act.until && act.deadline <= begun + Duration::from_millis(limit_ms) - RESERVE);
        (act.until - open).as_millis()
    }

    #[test]
    fn a_step_waits_as_long_as_it_says_or_as_is_usual_but_never_past_its_limit() {
        assert_eq!(waits_ms(None, 30_000), 10_000);
        assert_eq!(waits_ms(Some(5_000), 30_000), 5_000);
        assert_eq!(waits_ms(None, 8_000), 5_000);
        assert_eq!(waits_ms(Some(60_000), 30_000), 27_000);
    }
}
