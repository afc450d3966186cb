//! How often a persona's browser may crash before it is left alone for a while. Pure: the moment is an argument.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

const MOST: usize = 3;
const WINDOW: Duration = Duration::from_secs(600);

/// The crashes of one browser that still count.
#[derive(Debug, Default)]
pub(super) struct Restarts(VecDeque<Instant>);

impl Restarts {
    pub(super) fn crashed(&mut self, now: Instant) {
        if self.0.len() > MOST {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// How long to leave it alone; none: it may start.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        while self.0.front().is_some_and(|crash| now.duration_since(*crash) >= WINDOW) {
            self.0.pop_front();
        }
        // One more than the allowed restarts: the first start is none.
        let oldest_that_counts = self.0.len().checked_sub(MOST + 1)?;
        self.0.get(oldest_that_counts).map(|crash| WINDOW - now.duration_since(*crash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn three_restarts_in_ten_minutes_then_a_rest() {
        let (mut restarts, start) = (Restarts::default(), Instant::now());
        for second in 0..3 {
            restarts.crashed(start + Duration::from_secs(second));
            assert_eq!(restarts.wait(start + Duration::from_secs(second)), None);
        }
        restarts.crashed(start + Duration::from_secs(3));
        let now = start + Duration::from_secs(100);
        assert_eq!(restarts.wait(now), Some(Duration::from_secs(500)));
        assert_eq!(restarts.wait(start + WINDOW), None, "the first one no longer counts");
    }
}
