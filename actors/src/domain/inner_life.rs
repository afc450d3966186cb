//! Energy, attention and mood: all formulas of a persona's inner life. Pure; time is passed in and never goes back.
//!
//! Nothing ticks. What is kept are the figures of one moment; any later moment is worked out from them when somebody
//! looks, so a persona that does nothing costs nothing. Nothing of it is durable: after a restart of the process
//! everybody is rested.
//!
//! Every formula is here and, for what mood does, in `inner_life/optional.rs`: one file would be longer than the house
//! allows. Every constant is configuration (`[inner_life]`).
//!
//! **Mood gates optional work only** (`inner_life/optional.rs`): talk overheard in a room, self-chosen turns. A message
//! to the persona, a goal and what it owes another persona are never delayed by it.
//!
//! The design this comes from was mended in four places:
//! - It polled. Here only work, rest and answers move the figures.
//! - One turn of ten seconds drained the energy. Here ten minutes of work do, and five of rest bring it back.
//! - A threshold could not be reached. Here every mood can be: [`Inner::look`] names the first that holds.
//! - It slowed the reader of a full inbox, which then never emptied. Here an overwhelmed persona still does
//!   everything somebody waits for.

mod optional;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use self::optional::{Gate, Held, Lets, OptionalWork};
use super::{GoalKind, words::words};

/// Answers remembered at most: what sleeps stays small.
const MOST_ANSWERS: usize = 8;

words! {
    /// How a persona feels.
    Mood("mood") {
        Idle = "idle",
        /// It answered lately and has energy.
        Active = "active",
        Tired = "tired",
        /// More waits than it can see through.
        Overwhelmed = "overwhelmed",
    }
}

/// The constants. Energy, attention and compute budget are shares: 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct InnerLife {
    /// Energy that a minute of work takes, if it is as hard as 1.
    pub work_per_minute: f64,
    /// How hard the work is.
    pub complexity: Complexity,
    /// Energy that a minute of rest brings.
    pub rest_per_minute: f64,
    /// Attention recovers so many times as fast as energy.
    pub attention_recovers: f64,
    /// What is left of the attention after work that ended tired.
    pub attention_after_tired_work: f64,
    /// What is left of the compute budget when a model says that it gets too many requests.
    pub compute_after_refusal: f64,
    /// Compute budget that a minute brings.
    pub compute_per_minute: f64,
    /// How long an answer counts as recent.
    pub answers_within: Duration,
    /// Overwhelmed above so many messages.
    pub overwhelmed_above: u32,
    /// Tired below this energy.
    pub tired_below: f64,
    /// Active above this energy, after a recent answer.
    pub active_above: f64,
    /// What it does to work that nobody waits for.
    pub optional: OptionalWork,
}

impl Default for InnerLife {
    fn default() -> Self {
        Self {
            work_per_minute: 0.1,
            complexity: Complexity::default(),
            rest_per_minute: 0.2,
            attention_recovers: 2.0,
            attention_after_tired_work: 0.9,
            compute_after_refusal: 0.5,
            compute_per_minute: 0.1,
            answers_within: Duration::from_secs(600),
            overwhelmed_above: 50,
            tired_below: 0.3,
            active_above: 0.5,
            optional: OptionalWork::default(),
        }
    }
}

/// How hard the work at each kind of goal is: so many times `work_per_minute`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Complexity {
    pub browser: f64,
    pub io: f64,
    pub ai: f64,
    pub report: f64,
    pub agent: f64,
}

impl Default for Complexity {
    /// Files and reports are half as hard as pages and words.
    fn default() -> Self {
        Self { browser: 1.0, io: 0.5, ai: 1.0, report: 0.5, agent: 1.0 }
    }
}

impl Complexity {
    const fn of(self, kind: GoalKind) -> f64 {
        match kind {
            GoalKind::Browser => self.browser,
            GoalKind::Io => self.io,
            GoalKind::Ai => self.ai,
            GoalKind::Report => self.report,
            GoalKind::Agent => self.agent,
        }
    }
}

/// A share in thousandths, 0 to 1,000; written as a number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u16);

impl Level {
    /// Neither little nor much.
    pub const MIDDLE: Self = Self(500);

    /// A share that is one: 0 to 1, rounded to thousandths. Anything else is none.
    pub fn of(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then(|| share.into())
    }

    /// From thousandths; more than 1,000 is 1,000.
    pub const fn from_thousandths(thousandths: u16) -> Self {
        Self(if thousandths > 1_000 { 1_000 } else { thousandths })
    }

    /// The value in thousandths.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }

    /// Rounded down to whole per cent.
    pub fn percent(self) -> u8 {
        u8::try_from(self.0 / 10).unwrap_or(100)
    }

    /// The mean of some; none: 1.
    pub fn mean(levels: impl IntoIterator<Item = Self>) -> Self {
        let (sum, count) = levels.into_iter().fold((0, 0), |(sum, count), level| (sum + u64::from(level.0), count + 1));
        u64::checked_div(sum, count).map_or(Self(1_000), |mean| Self(u16::try_from(mean).unwrap_or(1_000)))
    }
}

impl From<f64> for Level {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 1,000")]
    fn from(share: f64) -> Self {
        Self((share.clamp(0.0, 1.0) * 1_000.0).round() as u16)
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::of(f64::deserialize(from)?).ok_or_else(|| D::Error::custom("must be a number from 0 to 1"))
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(f64::from(self.0) / 1_000.0)
    }
}

/// How a persona is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Vitals {
    pub mood: Mood,
    pub energy: Level,
    pub attention: Level,
    /// What models leave it: falls when they say that they get too many requests.
    pub compute: Level,
}

/// The inner life of one persona, as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Inner {
    at: Instant,
    energy: f64,
    attention: f64,
    compute: f64,
    /// What it works at.
    working: Option<GoalKind>,
    /// Recent answers, oldest first.
    answers: VecDeque<Instant>,
    /// No optional turn before this.
    rests_until: Option<Instant>,
}

impl Inner {
    /// Fresh and without a past.
    pub const fn rested(now: Instant) -> Self {
        Self {
            at: now,
            energy: 1.0,
            attention: 1.0,
            compute: 1.0,
            working: None,
            answers: VecDeque::new(),
            rests_until: None,
        }
    }

    /// A slice was taken for a goal of this kind.
    pub fn work_begins(&mut self, now: Instant, kind: GoalKind, rules: &InnerLife) {
        self.go_on(now, rules);
        self.working = Some(kind);
    }

    /// The slice was given back.
    pub fn work_ends(&mut self, now: Instant, rules: &InnerLife) {
        self.go_on(now, rules);
        if self.working.take().is_some() && self.energy < rules.tired_below {
            self.attention *= rules.attention_after_tired_work;
        }
    }

    /// What somebody waited for is done.
    pub fn answered(&mut self, now: Instant, rules: &InnerLife) {
        self.forget_answers(now, rules);
        if self.answers.len() == MOST_ANSWERS {
            self.answers.pop_front();
        }
        self.answers.push_back(now);
    }

    /// A model said that it gets too many requests.
    pub fn refused(&mut self, now: Instant, rules: &InnerLife) {
        self.go_on(now, rules);
        self.compute *= rules.compute_after_refusal;
    }

    /// How it is now, with so many messages waiting.
    pub fn look(&self, waiting: u32, now: Instant, rules: &InnerLife) -> Vitals {
        let mut then = self.clone();
        then.go_on(now, rules);
        then.forget_answers(now, rules);
        let mood = match () {
            () if waiting > rules.overwhelmed_above => Mood::Overwhelmed,
            () if then.energy < rules.tired_below => Mood::Tired,
            () if !then.answers.is_empty() && then.energy > rules.active_above => Mood::Active,
            () => Mood::Idle,
        };
        let (energy, attention, compute) = (then.energy.into(), then.attention.into(), then.compute.into());
        Vitals { mood, energy, attention, compute }
    }

    /// What is worth keeping while it sleeps; none: it is rested.
    pub fn asleep(mut self, now: Instant, rules: &InnerLife) -> Option<Box<Self>> {
        // A run that is cut off gives its slice back a moment later.
        self.work_ends(now, rules);
        self.forget_answers(now, rules);
        self.answers.shrink_to_fit();
        let full = [self.energy, self.attention, self.compute].iter().all(|share| *share >= 1.0);
        self.rests_until = self.rests_until.filter(|until| *until > now);
        (!full || !self.answers.is_empty() || self.rests_until.is_some()).then(|| Box::new(self))
    }

    /// Takes the time that went by into account.
    fn go_on(&mut self, now: Instant, rules: &InnerLife) {
        let minutes = now.saturating_duration_since(self.at).as_secs_f64() / 60.0;
        let moved = |share: f64, per_minute: f64| (share + per_minute * minutes).clamp(0.0, 1.0);
        if let Some(kind) = self.working {
            self.energy = moved(self.energy, -rules.work_per_minute * rules.complexity.of(kind));
        } else {
            self.energy = moved(self.energy, rules.rest_per_minute);
            self.attention = moved(self.attention, rules.rest_per_minute * rules.attention_recovers);
        }
        self.compute = moved(self.compute, rules.compute_per_minute);
        self.at = self.at.max(now);
    }

    fn forget_answers(&mut self, now: Instant, rules: &InnerLife) {
        self.answers.retain(|answer| now.saturating_duration_since(*answer) < rules.answers_within);
    }
}

#[cfg(test)]
mod tests;
