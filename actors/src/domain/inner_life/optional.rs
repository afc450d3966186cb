//! What mood does: it holds back work that nobody waits for, and nothing else. Pure.
//!
//! Three things decide about optional work: how important it is against what the mood lets through, the rest since
//! the last optional turn, and, when overwhelmed, whether it is of the highest band there is. A fixed threshold of 0.9
//! would lock a full inbox up for good: nothing in it may be that important.
//!
//! A rest is no poll: [`Gate::opens_in`] names the one moment at which to look again, or none.
//!
//! Talk overheard in a room is not looked at again: a persona that is held back passes (`persona/listening.rs`).

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{Inner, InnerLife, Mood};
use crate::domain::Priority;

/// What optional work must have, and how long a persona rests between two turns of it.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionalWork {
    /// Only what is above this priority, 0 to 1, in each mood.
    pub above_idle: f64,
    pub above_active: f64,
    pub above_tired: f64,
    /// Tired, and nothing optional up to this energy.
    pub tired_energy: f64,
    pub rest_idle: Duration,
    pub rest_active: Duration,
    pub rest_tired: Duration,
    pub rest_overwhelmed: Duration,
    /// Below this compute budget a rest is twice as long; so it is after a turn that brought no answer.
    pub rest_twice_below_compute: f64,
}

impl Default for OptionalWork {
    fn default() -> Self {
        Self {
            above_idle: 0.1,
            above_active: 0.3,
            above_tired: 0.5,
            tired_energy: 0.2,
            rest_idle: Duration::from_secs(3),
            rest_active: Duration::from_secs(5),
            rest_tired: Duration::from_secs(7),
            rest_overwhelmed: Duration::from_secs(10),
            rest_twice_below_compute: 0.5,
        }
    }
}

/// Which optional work a mood lets through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lets {
    /// What is above this priority, 0 to 1.
    Above(f64),
    /// What is of the highest band present, owed work included.
    HighestBand,
    Nothing,
}

/// What holds a persona back from optional work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// In this mood it takes only what is more important.
    Mood(Mood),
    /// So much is left of the rest since its last optional turn.
    Rest(Duration),
    /// The machine is hot.
    Machine,
}

impl Held {
    /// The reason, told of the persona.
    pub fn told(&self) -> String {
        match self {
            Self::Mood(mood) => format!("it is {mood}: this was not important enough"),
            Self::Rest(left) => format!("it rests for another {:.1} s after its last turn", left.as_secs_f64()),
            Self::Machine => self.to_string(),
        }
    }
}

/// In the persona's own words.
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mood(mood) => write!(f, "I am {mood} and this can do without me"),
            Self::Rest(left) => write!(f, "I rest for another {:.1} s after my last turn", left.as_secs_f64()),
            Self::Machine => write!(f, "the machine is hot"),
        }
    }
}

/// How it stands with optional work at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    pub lets: Lets,
    /// What is left of the rest since the last optional turn.
    pub rest: Duration,
    /// When the mood changes if nothing happens; none: it does not.
    pub mood_changes_in: Option<Duration>,
}

impl Gate {
    /// Nothing is held back.
    pub const OPEN: Self = Self { lets: Lets::Above(-1.0), rest: Duration::ZERO, mood_changes_in: None };

    /// All of it is held back, until somebody says otherwise.
    pub const SHUT: Self = Self { lets: Lets::Nothing, rest: Duration::ZERO, mood_changes_in: None };

    /// Whether the mood lets it through, now or after the rest.
    pub fn lets(&self, priority: Priority, of_highest_band: bool) -> bool {
        match self.lets {
            Lets::Above(least) => f64::from(priority.thousandths()) / 1_000.0 > least,
            Lets::HighestBand => of_highest_band,
            Lets::Nothing => false,
        }
    }

    /// What keeps it from beginning now, in this mood; none: nothing does.
    pub fn holds(&self, mood: Mood, priority: Priority, of_highest_band: bool) -> Option<Held> {
        match () {
            () if !self.lets(priority, of_highest_band) => Some(Held::Mood(mood)),
            () if !self.rest.is_zero() => Some(Held::Rest(self.rest)),
            () => None,
        }
    }

    /// When to look again at what is held back; none: not before something happens.
    pub fn opens_in(&self, lets_some: bool) -> Option<Duration> {
        if lets_some { Some(self.rest) } else { self.mood_changes_in }
    }
}

impl Inner {
    /// How it stands with optional work, with so many messages waiting.
    pub fn gate(&self, waiting: u32, now: Instant, rules: &InnerLife) -> Gate {
        let mut then = self.clone();
        then.go_on(now, rules);
        let optional = &rules.optional;
        let mood = self.look(waiting, now, rules).mood;
        let until_energy = |energy: f64| {
            let minutes = (energy - then.energy).max(0.0) / rules.rest_per_minute;
            // A moment more: it is then past the edge.
            Duration::try_from_secs_f64(minutes * 60.0).ok().map(|wait| wait + Duration::from_millis(1))
        };
        let (lets, mood_changes_in) = match mood {
            Mood::Overwhelmed => (Lets::HighestBand, None),
            Mood::Tired if then.energy > optional.tired_energy => {
                (Lets::Above(optional.above_tired), until_energy(rules.tired_below))
            }
            Mood::Tired => (Lets::Nothing, until_energy(optional.tired_energy.min(rules.tired_below))),
            Mood::Active => (Lets::Above(optional.above_active), self.calms_down_in(now, rules)),
            Mood::Idle => (Lets::Above(optional.above_idle), None),
        };
        let rest = self.rests_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        Gate { lets, rest, mood_changes_in }
    }

    /// An optional turn is over. It rests, and twice as long after one that brought no answer.
    pub fn optional_turn_over(&mut self, answered: bool, waiting: u32, now: Instant, rules: &InnerLife) {
        self.go_on(now, rules);
        let optional = &rules.optional;
        let rest = match self.look(waiting, now, rules).mood {
            Mood::Idle => optional.rest_idle,
            Mood::Active => optional.rest_active,
            Mood::Tired => optional.rest_tired,
            Mood::Overwhelmed => optional.rest_overwhelmed,
        };
        let twice = !answered || self.compute < optional.rest_twice_below_compute;
        self.rests_until = Some(now + if twice { rest * 2 } else { rest });
    }

    /// Whether it answered at or after this moment.
    pub fn answered_since(&self, then: Instant) -> bool {
        self.answers.back().is_some_and(|answer| *answer >= then)
    }

    fn calms_down_in(&self, now: Instant, rules: &InnerLife) -> Option<Duration> {
        let newest = self.answers.back()?;
        Some((*newest + rules.answers_within).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::GoalKind;

    const MINUTE: Duration = Duration::from_secs(60);

    fn priority(thousandths: u16) -> Priority {
        Priority::try_from(thousandths).unwrap()
    }

    /// Rested, then so many minutes at work.
    fn after_work(minutes: f64, now: Instant, rules: &InnerLife) -> (Inner, Instant) {
        let mut inner = Inner::rested(now);
        inner.work_begins(now, GoalKind::Browser, rules);
        let then = now + MINUTE.mul_f64(minutes);
        inner.work_ends(then, rules);
        (inner, then)
    }

    #[test]
    fn each_mood_lets_through_what_is_above_its_threshold() {
        let (rules, now) = (InnerLife::default(), tokio::time::Instant::now().into_std());
        let lets = |inner: &Inner, waiting, at, thousandths| {
            inner.gate(waiting, at, &rules).lets(priority(thousandths), false)
        };
        let idle = Inner::rested(now);
        assert!(!lets(&idle, 0, now, 100) && lets(&idle, 0, now, 101));
        let mut active = idle.clone();
        active.answered(now, &rules);
        assert!(!lets(&active, 0, now, 300) && lets(&active, 0, now, 301));
        let (tired, then) = after_work(7.5, now, &rules);
        assert!(!lets(&tired, 0, then, 500) && lets(&tired, 0, then, 501));
        let (spent, then) = after_work(8.5, now, &rules);
        assert!(!lets(&spent, 0, then, 1_000), "nothing at an energy of 0.2 and less");
        let overwhelmed = idle.gate(51, now, &rules);
        assert!(overwhelmed.lets(priority(1), true) && !overwhelmed.lets(priority(700), false));
    }

    #[test]
    fn a_rest_is_as_long_as_the_mood_says_and_twice_that_after_an_empty_turn_or_with_little_compute() {
        let (rules, now) = (InnerLife::default(), tokio::time::Instant::now().into_std());
        let rest = |mut inner: Inner, answered, waiting, at| {
            inner.optional_turn_over(answered, waiting, at, &rules);
            inner.gate(waiting, at, &rules).rest.as_secs()
        };
        let idle = Inner::rested(now);
        let mut active = idle.clone();
        active.answered(now, &rules);
        let (tired, then) = after_work(8.0, now, &rules);
        for (inner, waiting, at, seconds) in
            [(&idle, 0, now, 3), (&active, 0, now, 5), (&tired, 0, then, 7), (&idle, 51, now, 10)]
        {
            assert_eq!(rest(inner.clone(), true, waiting, at), seconds);
            assert_eq!(rest(inner.clone(), false, waiting, at), 2 * seconds, "no answer");
        }
        let mut refused = idle;
        refused.refused(now, &rules);
        assert_eq!(rest(refused.clone(), true, 0, now), 3, "half is not below a half");
        refused.refused(now, &rules);
        assert_eq!(rest(refused, true, 0, now), 6);
    }

    #[test]
    fn who_is_held_back_says_by_what() {
        let (rules, now) = (InnerLife::default(), tokio::time::Instant::now().into_std());
        let (mut tired, then) = after_work(7.5, now, &rules);
        let held =
            |inner: &Inner, thousandths| inner.gate(0, then, &rules).holds(Mood::Tired, priority(thousandths), true);
        assert_eq!((held(&tired, 500), held(&tired, 501)), (Some(Held::Mood(Mood::Tired)), None));
        tired.optional_turn_over(true, 0, then, &rules);
        assert_eq!(held(&tired, 500), Some(Held::Mood(Mood::Tired)), "a rest that ends would not help");
        assert_eq!(held(&tired, 501), Some(Held::Rest(Duration::from_secs(7))));
        assert_eq!(Held::Rest(Duration::from_secs(7)).to_string(), "I rest for another 7.0 s after my last turn");
    }

    proptest! {
        /// Where the gate says when to look again, it then lets more through than before; so no look is in vain.
        #[test]
        fn the_moment_to_look_again_brings_another_mood(worked in 0.0..12.0_f64, answered: bool) {
            let (rules, now) = (InnerLife::default(), tokio::time::Instant::now().into_std());
            let (mut inner, then) = after_work(worked, now, &rules);
            if answered {
                inner.answered(then, &rules);
            }
            let before = inner.gate(0, then, &rules);
            if let Some(wait) = before.mood_changes_in {
                let after = inner.gate(0, then + wait, &rules);
                prop_assert_ne!(before.lets, after.lets);
            } else {
                prop_assert_eq!(before.lets, Lets::Above(rules.optional.above_idle));
            }
        }
    }
}
