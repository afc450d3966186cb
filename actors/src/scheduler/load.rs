//! How many may work while the machine is hot. Pure.
//!
//! Each sample is hot, cool or between. Two hot ones in a row take a quarter of the slots (at least one) and go on
//! doing so with every further one, down to a single slot. Three cool ones in a row give an eighth of the configured
//! slots (at least one) back and go on doing so, up to all of them. Between changes nothing and counts for nothing, and
//! so does a single sample that falls out of its row: that, and the distance between hot and cool, keeps the cap from
//! swinging. A constant machine always comes to rest: at one slot, at all of them, or where it was.
//!
//! Optional work may begin while the level is *calm*: at all slots, and not hot.

use std::num::NonZeroUsize;

use crate::{
    domain::{Load, LoadLevel, LoadLimits},
    ports::Machine,
};

/// Hot samples in a row that take slots.
const HOT_IN_A_ROW: u32 = 2;
/// Cool samples in a row that give slots back.
const COOL_IN_A_ROW: u32 = 3;

/// What was seen since the sample before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) machine: Machine,
    /// Answers 429 of models.
    pub(crate) refusals: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heat {
    Hot,
    Between,
    Cool,
}

/// The cap that follows the machine.
#[derive(Debug, Clone)]
pub(crate) struct Governor {
    limits: LoadLimits,
    configured: usize,
    cap: usize,
    level: LoadLevel,
    hot: u32,
    cool: u32,
}

impl Governor {
    pub(crate) fn new(configured: NonZeroUsize, limits: LoadLimits) -> Self {
        let configured = configured.get();
        Self { limits, configured, cap: configured, level: LoadLevel::Calm, hot: 0, cool: 0 }
    }

    pub(crate) const fn level(&self) -> LoadLevel {
        self.level
    }

    /// Counts a sample. What should change; none: nothing. It has changed only once it is [`Governor::take`]n.
    pub(crate) fn hear(&mut self, sample: Sample) -> Option<Load> {
        let (heat, why) = self.heat(sample);
        self.hot = if heat == Heat::Hot { self.hot.saturating_add(1) } else { 0 };
        self.cool = if heat == Heat::Cool { self.cool.saturating_add(1) } else { 0 };
        let (cap, level) = if self.hot >= HOT_IN_A_ROW {
            (self.cap.min((self.cap * 3 / 4).min(self.cap - 1).max(1)), LoadLevel::Hot)
        } else if self.cool >= COOL_IN_A_ROW {
            let cap = (self.cap + (self.configured / 8).max(1)).min(self.configured);
            (cap, if cap == self.configured { LoadLevel::Calm } else { LoadLevel::Warm })
        } else {
            return None;
        };
        let changes = (cap, level) != (self.cap, self.level);
        changes.then_some(Load { level, cap, configured: self.configured, why })
    }

    /// From now on it is so.
    pub(crate) fn take(&mut self, load: &Load) {
        (self.cap, self.level) = (load.cap, load.level);
    }

    fn heat(&self, sample: Sample) -> (Heat, String) {
        let Sample { machine: Machine { run_queue, memory }, refusals } = sample;
        let limits = &self.limits;
        let tenths = |thousandths: u32| format!("{}.{}", thousandths / 1_000, thousandths % 1_000 / 100);
        let seen = [
            (
                run_queue >= limits.hot_run_queue,
                run_queue < limits.cool_run_queue,
                format!("{} tasks per core want to run", tenths(run_queue)),
            ),
            (
                memory >= limits.hot_memory,
                memory < limits.cool_memory,
                format!("{} % of the memory is in use", memory / 10),
            ),
            (refusals >= limits.hot_refusals, refusals == 0, format!("models refused {refusals} calls")),
        ];
        if seen.iter().any(|(hot, ..)| *hot) {
            let why: Vec<_> = seen.into_iter().filter(|(hot, ..)| *hot).map(|(.., why)| why).collect();
            return (Heat::Hot, why.join(", "));
        }
        let heat = if seen.iter().all(|(_, cool, _)| *cool) { Heat::Cool } else { Heat::Between };
        (heat, seen.map(|(.., why)| why).join(", "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOT: Sample = Sample { machine: Machine { run_queue: 5_000, memory: 300 }, refusals: 0 };
    const BETWEEN: Sample = Sample { machine: Machine { run_queue: 1_500, memory: 300 }, refusals: 0 };
    const COOL: Sample = Sample { machine: Machine { run_queue: 200, memory: 300 }, refusals: 0 };

    fn governor(cap: usize) -> Governor {
        Governor::new(NonZeroUsize::new(cap).unwrap(), LoadLimits::default())
    }

    impl Governor {
        /// What it says when every change is carried out.
        fn after(&mut self, sample: Sample) -> (usize, LoadLevel) {
            if let Some(load) = self.hear(sample) {
                self.take(&load);
            }
            (self.cap, self.level)
        }
    }

    #[test]
    fn it_shrinks_while_hot_and_recovers_while_cool() {
        let mut governor = governor(8);
        let caps: Vec<_> = (0..8).map(|_| governor.after(HOT).0).collect();
        assert_eq!(caps, [8, 6, 4, 3, 2, 1, 1, 1]);
        let back: Vec<_> = (0..11).map(|_| governor.after(COOL)).collect();
        let caps: Vec<_> = back.iter().map(|(cap, _)| *cap).collect();
        assert_eq!(caps, [1, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8]);
        assert_eq!((back[7].1, back[8].1), (LoadLevel::Warm, LoadLevel::Calm));
    }

    #[test]
    fn one_hot_moment_and_the_ground_between_change_nothing() {
        let mut governor = governor(8);
        for sample in [HOT, COOL, HOT, BETWEEN, HOT, COOL, COOL, HOT] {
            assert_eq!(governor.after(sample), (8, LoadLevel::Calm));
        }
        governor.after(HOT);
        for _ in 0..100 {
            assert_eq!(governor.after(BETWEEN), (6, LoadLevel::Hot), "until it is cool");
        }
    }

    #[test]
    fn each_reason_is_one_and_is_named() {
        for (sample, why) in [
            (HOT, "5.0 tasks per core want to run"),
            (Sample { machine: Machine { run_queue: 0, memory: 950 }, refusals: 0 }, "95 % of the memory is in use"),
            (Sample { refusals: 7, ..COOL }, "models refused 7 calls"),
        ] {
            let mut governor = governor(4);
            assert_eq!(governor.hear(sample), None);
            assert_eq!(governor.hear(sample).unwrap().why, why);
        }
    }

    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        let sample = (0u32..6_000, 0u32..=1_000, 0u32..20)
            .prop_map(|(run_queue, memory, refusals)| Sample { machine: Machine { run_queue, memory }, refusals });
        prop::collection::vec(prop_oneof![Just(HOT), Just(BETWEEN), Just(COOL), sample], 0..80)
    }

    proptest! {
        #[test]
        fn never_below_one_never_above_the_configured_cap(cap in 1usize..200, samples in samples()) {
            let mut governor = governor(cap);
            for sample in samples {
                let (now, level) = governor.after(sample);
                prop_assert!((1..=cap).contains(&now));
                prop_assert!(level != LoadLevel::Calm || now == cap, "calm means all slots");
            }
        }

        /// Whatever went before, a machine that stays as it is moves the cap in one direction only, and to rest.
        #[test]
        fn a_constant_machine_brings_it_to_rest(cap in 1usize..200, before in samples(), sample in samples()) {
            let Some(constant) = sample.first().copied() else { return Ok(()) };
            let mut governor = governor(cap);
            before.into_iter().for_each(|sample| _ = governor.after(sample));
            let caps: Vec<_> = (0..64).map(|_| governor.after(constant).0).collect();
            prop_assert!(caps.is_sorted() || caps.iter().rev().is_sorted(), "{caps:?}");
            let rest = governor.after(constant);
            for _ in 0..20 {
                prop_assert_eq!(governor.after(constant), rest);
            }
        }

        /// After any history a cool machine has all slots again within as many samples as it has eighths, and three.
        #[test]
        fn it_recovers(cap in 1usize..200, before in samples()) {
            let mut governor = governor(cap);
            before.into_iter().for_each(|sample| _ = governor.after(sample));
            for _ in 0..cap.div_ceil((cap / 8).max(1)) + 3 {
                governor.after(COOL);
            }
            prop_assert_eq!(governor.after(COOL), (cap, LoadLevel::Calm));
        }

        /// What is not taken does not count: a store that is gone shrinks nothing.
        #[test]
        fn what_is_not_taken_has_not_changed(samples in samples()) {
            let mut governor = governor(8);
            for sample in samples {
                let said = governor.hear(sample);
                prop_assert_eq!((governor.cap, governor.level), (8, LoadLevel::Calm));
                prop_assert!(said.is_none_or(|load| load.cap == 6 && load.level == LoadLevel::Hot));
            }
        }
    }
}
