//! How often a persona may fall before it is paused. Pure.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The first pause before a persona returns; it doubles with every fall inside the window.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The falls of one persona inside the window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Restarts {
    falls: VecDeque<Instant>,
}

impl Restarts {
    /// Counts a fall. How long to wait before the next start; none: the budget is spent.
    pub(crate) fn after_fall(&mut self, now: Instant, budget: u32, window: Duration) -> Option<Duration> {
        while self.falls.front().is_some_and(|fall| now.duration_since(*fall) >= window) {
            self.falls.pop_front();
        }
        self.falls.push_back(now);
        let falls = u32::try_from(self.falls.len()).unwrap_or(u32::MAX);
        let doublings = falls.saturating_sub(1).min(16);
        (falls <= budget).then(|| (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn the_budget_is_spent_inside_the_window_only() {
        let mut restarts = Restarts::default();
        let start = Instant::now();
        let pauses: Vec<_> = (0..4).map(|_| restarts.after_fall(start, 3, MINUTE)).collect();
        assert_eq!(
            pauses,
            [100, 200, 400].map(|ms| Some(Duration::from_millis(ms))).into_iter().chain([None]).collect::<Vec<_>>()
        );
        assert_eq!(restarts.after_fall(start + MINUTE, 3, MINUTE), Some(FIRST_PAUSE), "old falls are forgiven");
    }
}
