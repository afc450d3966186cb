//! Leaves a provider alone that keeps failing. Pure: the time is handed in.

use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row switch a provider off.
const MOST_FAILURES: u32 = 5;
/// Then it is left alone for so long, and one call may try it.
const OFF_FOR: Duration = Duration::from_secs(60);

/// Closed, open, or half open with one call on its way.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// In a row.
    failures: u32,
    state: State,
    /// Calls that were let through to find out.
    tries: u64,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    On,
    Off {
        until: Instant,
    },
    /// One call, the so-manieth, is under way to find out.
    Trying(u64),
}

/// A call that was let through. It is reported once; one that was dropped is reported as abandoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Let {
    Through,
    /// The one that finds out, by its number.
    Try(u64),
}

/// Not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Off {
    pub failures: u32,
    /// Zero: somebody is finding out right now.
    pub after: Duration,
}

impl Breaker {
    /// Asks for one call.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Let, Off> {
        self.check(now)?;
        if self.state == State::On {
            return Ok(Let::Through);
        }
        self.tries += 1;
        self.state = State::Trying(self.tries);
        Ok(Let::Try(self.tries))
    }

    /// Whether a call would be let through; takes nothing.
    pub(super) fn check(&self, now: Instant) -> Result<(), Off> {
        let off = |after| Err(Off { failures: self.failures, after });
        match self.state {
            State::On => Ok(()),
            State::Off { until } if now >= until => Ok(()),
            State::Off { until } => off(until - now),
            State::Trying(_) => off(Duration::ZERO),
        }
    }

    /// The provider answered, be it with a refusal.
    pub(super) fn answered(&mut self) {
        (self.failures, self.state) = (0, State::On);
    }

    /// It could not be reached, broke, kept silent or talked nonsense. True: this switched it off.
    pub(super) fn failed(&mut self, call: Let, now: Instant) -> bool {
        // What was under way when it was switched off says nothing new.
        let counts = self.state == State::On || self.is_find_out(call);
        if counts {
            self.failures = self.failures.saturating_add(1);
        }
        let off = counts && self.failures >= MOST_FAILURES;
        if off {
            self.state = State::Off { until: now + OFF_FOR };
        }
        off
    }

    /// The call was given up by whoever made it: nothing is known.
    pub(super) fn abandoned(&mut self, call: Let, now: Instant) {
        if self.is_find_out(call) {
            self.state = State::Off { until: now };
        }
    }

    fn is_find_out(&self, call: Let) -> bool {
        matches!((call, &self.state), (Let::Try(call), State::Trying(now)) if call == *now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn off_after_failures(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        let switched: Vec<_> = (0..MOST_FAILURES).map(|_| breaker.failed(Let::Through, now)).collect();
        assert_eq!(switched, [false, false, false, false, true]);
        breaker
    }

    #[test]
    fn five_failures_in_a_row_switch_off_and_one_answer_switches_on() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(Let::Through, now);
        }
        breaker.answered();
        assert!(!breaker.failed(Let::Through, now), "not in a row");
        let mut breaker = off_after_failures(now);
        assert_eq!(breaker.admit(now), Err(Off { failures: 5, after: OFF_FOR }));
        let later = now + OFF_FOR;
        assert_eq!(breaker.admit(later), Ok(Let::Try(1)));
        assert_eq!(breaker.admit(later), Err(Off { failures: 5, after: Duration::ZERO }), "one call alone finds out");
        breaker.answered();
        assert_eq!(breaker.admit(later), Ok(Let::Through));
    }

    #[test]
    fn a_try_that_fails_or_is_given_up_leaves_it_off() {
        let now = Instant::now();
        let mut breaker = off_after_failures(now);
        let later = now + OFF_FOR;
        assert_eq!(breaker.admit(later), Ok(Let::Try(1)));
        assert!(breaker.failed(Let::Try(1), later));
        assert_eq!(breaker.check(later).unwrap_err().after, OFF_FOR);
        let later = later + OFF_FOR;
        assert_eq!(breaker.admit(later), Ok(Let::Try(2)));
        breaker.abandoned(Let::Try(1), later);
        assert!(breaker.check(later).is_err(), "another one is finding out");
        breaker.abandoned(Let::Try(2), later);
        assert_eq!(breaker.admit(later), Ok(Let::Try(3)), "the next one finds out");
    }

    #[derive(Debug, Clone, Copy)]
    enum Act {
        Ask,
        Answer(usize),
        Fail(usize),
        Abandon(usize),
        Wait(u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => Just(Act::Ask),
            1 => any::<usize>().prop_map(Act::Answer),
            4 => any::<usize>().prop_map(Act::Fail),
            1 => any::<usize>().prop_map(Act::Abandon),
            2 => (0..90_u64).prop_map(Act::Wait),
        ]
    }

    proptest! {
        /// Whatever the order: never two tries at once, never a call within the minute, never off for good.
        #[test]
        fn one_at_a_time_finds_out(acts in prop::collection::vec(act(), 0..200)) {
            let (mut breaker, mut now, mut under_way) = (Breaker::default(), Instant::now(), Vec::new());
            let (mut off_since, mut trying) = (None, None);
            for act in acts {
                let take = |calls: &mut Vec<Let>, index: usize| (!calls.is_empty()).then(|| calls.swap_remove(index % calls.len()));
                match act {
                    Act::Wait(seconds) => now += Duration::from_secs(seconds),
                    Act::Ask => if let Ok(call) = breaker.admit(now) {
                        prop_assert!(off_since.is_none_or(|since| now >= since + OFF_FOR));
                        prop_assert!(trying.is_none(), "one alone finds out");
                        trying = (call != Let::Through).then_some(call);
                        under_way.push(call);
                    },
                    Act::Answer(index) => if take(&mut under_way, index).is_some() {
                        breaker.answered();
                        (off_since, trying) = (None, None);
                    },
                    Act::Fail(index) => if let Some(call) = take(&mut under_way, index) {
                        trying = trying.filter(|trying| *trying != call);
                        off_since = breaker.failed(call, now).then_some(now).or(off_since);
                    },
                    Act::Abandon(index) => if let Some(call) = take(&mut under_way, index) {
                        trying = trying.filter(|trying| *trying != call);
                        breaker.abandoned(call, now);
                    },
                }
            }
            now += OFF_FOR;
            prop_assert!(trying.is_some() || breaker.admit(now).is_ok(), "never off for good");
        }
    }
}
