//! The big three: which of a persona's pending goals go first for an hour, and why. Pure.
//!
//! A goal's score is the sum of five parts, in points:
//!
//! | part | points | why |
//! |---|---|---|
//! | priority | 0 to 1,000 | the message's priority in thousandths |
//! | age | 100 an hour, at most 400 | what waits long is not forgotten |
//! | serve by | 0 to 500 | how much of its time until `serve_by` is used up |
//! | quota | 0 to 300 | how much of today's floor for what it counts as is missing |
//! | dependents | 150 each, at most 450 | goals that cannot begin before it is over |
//!
//! The same numbers give the same three: ties go to what was received first. They are chosen when the persona next
//! looks at an inbox with more than three pending goals, at most once an hour; with three or fewer there is nothing
//! to choose. Urgent messages (priority above 0.8) and what was begun still go before them.

use serde::{Deserialize, Serialize};

use super::{GoalId, PersonaId, Priority};

/// An hour of the clock, by which the choice is made anew.
pub const HOUR_MS: i64 = 3_600_000;
/// How many are chosen.
pub const BIG: usize = 3;

/// What a persona does first in one hour, as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BigThree {
    pub persona: PersonaId,
    /// When the hour begins.
    pub hour_ms: i64,
    /// The best first; at most [`BIG`].
    pub goals: Vec<Scored>,
}

/// A goal with its score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    pub goal: GoalId,
    /// The sum of the parts.
    pub points: u32,
    pub parts: Vec<Part>,
}

/// One reason for a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `priority`, `age`, `serve_by`, `quota` or `dependents`.
    pub what: String,
    pub points: u32,
    /// In a few words, for people.
    pub why: String,
}

/// What is known of a pending goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    pub goal: GoalId,
    /// As it counts now.
    pub priority: Priority,
    pub received_ms: i64,
    pub serve_by_ms: i64,
    /// Missing from today's floor for what it counts as, in thousandths of the floor.
    pub quota_missing: u16,
    /// Goals that are parked on it.
    pub dependents: u32,
}

impl Pending {
    /// Its score at a moment.
    pub fn scored(&self, now_ms: i64) -> Scored {
        let waited_ms = now_ms.saturating_sub(self.received_ms).max(0);
        let patience_ms = self.serve_by_ms.saturating_sub(self.received_ms).max(1);
        let used = share(waited_ms, patience_ms, 1_000);
        let parts = [
            part("priority", self.priority.thousandths().into(), || format!("priority {}", self.priority)),
            part("age", share(waited_ms, HOUR_MS, 100).min(400), || format!("has waited {}", span(waited_ms))),
            part("serve_by", (used / 2).min(500), || {
                format!("{} % of its time to begin is used up", used.min(1_000) / 10)
            }),
            part("quota", u32::from(self.quota_missing.min(1_000)) * 3 / 10, || {
                format!("{} % of today's floor is missing", self.quota_missing.min(1_000) / 10)
            }),
            part("dependents", self.dependents.saturating_mul(150).min(450), || match self.dependents {
                1 => "one goal waits for it".to_owned(),
                many => format!("{many} goals wait for it"),
            }),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|part| part.points > 0).collect();
        Scored { goal: self.goal, points: parts.iter().map(|part| part.points).sum(), parts }
    }
}

impl Scored {
    /// `1,240 points: priority 0.7, has waited 2 h, one goal waits for it`.
    pub fn because(&self) -> String {
        let whys: Vec<_> = self.parts.iter().map(|part| part.why.as_str()).collect();
        if whys.is_empty() { "nothing speaks for it but its turn".to_owned() } else { whys.join(", ") }
    }
}

impl BigThree {
    /// The hour that a moment lies in.
    pub const fn hour(now_ms: i64) -> i64 {
        now_ms - now_ms.rem_euclid(HOUR_MS)
    }

    /// The best three of more; none: there is nothing to choose.
    pub fn choose(persona: PersonaId, pending: &[Pending], now_ms: i64) -> Option<Self> {
        if pending.len() <= BIG {
            return None;
        }
        let mut scored: Vec<_> = pending.iter().map(|one| (one, one.scored(now_ms))).collect();
        scored.sort_by_key(|(one, score)| (std::cmp::Reverse(score.points), one.received_ms, one.goal));
        let goals = scored.into_iter().map(|(_, score)| score).take(BIG).collect();
        Some(Self { persona, hour_ms: Self::hour(now_ms), goals })
    }

    /// At which place a goal is, from 0; none: it is not among them.
    pub fn place(&self, goal: GoalId) -> Option<usize> {
        self.goals.iter().position(|scored| scored.goal == goal)
    }
}

fn part(what: &str, points: u32, why: impl FnOnce() -> String) -> Part {
    Part { what: what.to_owned(), points, why: if points > 0 { why() } else { String::new() } }
}

/// So many points for every `whole` of it.
fn share(of_ms: i64, whole_ms: i64, points: i64) -> u32 {
    let share = i128::from(of_ms) * i128::from(points) / i128::from(whole_ms.max(1));
    u32::try_from(share.clamp(0, 1_000_000)).unwrap_or(0)
}

fn span(ms: i64) -> String {
    match ms / 60_000 {
        minutes @ ..120 => format!("{minutes} min"),
        minutes @ 120..2_880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const NOW: i64 = 1_795_176_000_000;

    fn pending(n: u128, priority: u16) -> Pending {
        Pending {
            goal: GoalId(Uuid::from_u128(n)),
            priority: Priority::try_from(priority).unwrap(),
            received_ms: NOW,
            serve_by_ms: NOW + HOUR_MS,
            quota_missing: 0,
            dependents: 0,
        }
    }

    fn chosen(pending: &[Pending]) -> Vec<u128> {
        let three = BigThree::choose(PersonaId(Uuid::nil()), pending, NOW);
        three.into_iter().flat_map(|three| three.goals).map(|scored| scored.goal.0.as_u128()).collect()
    }

    #[test]
    fn with_three_or_fewer_there_is_nothing_to_choose() {
        let four = [pending(1, 100), pending(2, 200), pending(3, 300), pending(4, 400)];
        assert!(chosen(&four[..3]).is_empty());
        assert_eq!(chosen(&four), [4, 3, 2]);
    }

    #[test]
    fn every_part_counts_and_says_why() {
        let base = pending(1, 500);
        let points = |one: Pending| one.scored(NOW).points;
        let old = Pending { received_ms: NOW - HOUR_MS, serve_by_ms: NOW + 3 * HOUR_MS, ..base };
        assert_eq!(points(base), 500);
        assert_eq!(points(old), 500 + 100 + 125);
        assert_eq!(points(Pending { quota_missing: 500, ..base }), 650);
        assert_eq!(points(Pending { dependents: 2, ..base }), 800);
        assert_eq!(points(Pending { dependents: 99, ..base }), 950);
        let why = Pending { dependents: 1, quota_missing: 1_000, ..old }.scored(NOW).because();
        let said = "priority 0.500, has waited 60 min, 25 % of its time to begin is used up, 100 % of today's floor is \
                    missing, one goal waits for it";
        assert_eq!(why, said);
    }

    #[test]
    fn ties_go_to_what_came_first() {
        let mut same = [pending(4, 500), pending(3, 500), pending(2, 500), pending(1, 500)];
        same[0].received_ms -= 1;
        same[0].serve_by_ms -= 1;
        assert_eq!(chosen(&same), [4, 1, 2]);
    }

    fn any_pending() -> impl Strategy<Value = Pending> {
        (any::<u128>(), 0u16..=1_000, any::<i64>(), any::<i64>(), any::<u16>(), any::<u32>()).prop_map(
            |(goal, priority, received_ms, serve_by_ms, quota_missing, dependents)| Pending {
                goal: GoalId(Uuid::from_u128(goal)),
                priority: Priority::try_from(priority).unwrap(),
                received_ms,
                serve_by_ms,
                quota_missing,
                dependents,
            },
        )
    }

    proptest! {
        /// The three are the same in whatever order the inbox is read, none better is left out, and no number is too
        /// large for a score.
        #[test]
        fn the_choice_depends_on_the_goals_alone(mut inbox in prop::collection::vec(any_pending(), 0..12), now in any::<i64>()) {
            let persona = PersonaId(Uuid::nil());
            let three = BigThree::choose(persona, &inbox, now);
            inbox.reverse();
            prop_assert_eq!(&BigThree::choose(persona, &inbox, now), &three);
            let Some(three) = three else { return Ok(()) };
            let worst = three.goals.iter().map(|scored| scored.points).min().unwrap();
            for one in &inbox {
                let scored = one.scored(now);
                prop_assert!(scored.points <= 2_650);
                prop_assert_eq!(scored.points, scored.parts.iter().map(|part| part.points).sum::<u32>());
                prop_assert!(three.place(one.goal).is_some() || scored.points <= worst);
            }
        }
    }
}
