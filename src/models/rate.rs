//! How often a provider is asked, or a key used: never more than so many times in any minute. Pure: the time is handed in.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// Remembers the requests of the last minute, and those that wait for their time.
#[derive(Debug)]
pub struct Rate {
    most: usize,
    times: VecDeque<Instant>,
}

impl Rate {
    /// `most` requests in any minute; at least one.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), times: VecDeque::new() }
    }

    /// Takes a place and says when its time comes; none, and nothing is taken, when that is after `latest`.
    pub fn take(&mut self, now: Instant, latest: Instant) -> Option<Instant> {
        let full = self.times.len() == self.most;
        let free = self.times.front().filter(|_| full).map_or(now, |oldest| now.max(*oldest + MINUTE));
        if free > latest {
            return None;
        }
        if full {
            self.times.pop_front();
        }
        self.times.push_back(free);
        Some(free)
    }

    /// How long until a place is free.
    pub fn free_in(&self, now: Instant) -> Duration {
        let oldest = self.times.front().filter(|_| self.times.len() == self.most);
        oldest.map_or(Duration::ZERO, |oldest| (*oldest + MINUTE).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_that_is_too_far_off_is_not_taken() {
        let now = Instant::now();
        let mut rate = Rate::new(1);
        assert_eq!(rate.take(now, now), Some(now));
        assert_eq!(rate.take(now, now + MINUTE / 2), None);
        assert_eq!(rate.take(now, now + MINUTE), Some(now + MINUTE), "nothing was taken before");
    }

    proptest! {
        #[test]
        fn no_minute_holds_more(
            most in 1_usize..8,
            asks in prop::collection::vec((0_u64..40_000, 0_u64..120_000), 1..100),
        ) {
            let (mut rate, mut now, mut taken) = (Rate::new(most), Instant::now(), Vec::new());
            for (later, patience) in asks {
                now += Duration::from_millis(later);
                taken.extend(rate.take(now, now + Duration::from_millis(patience)));
            }
            for window in taken.windows(most + 1) {
                prop_assert!(window[most] >= window[0] + MINUTE);
            }
        }
    }
}
