//! Quotas: how much of something a persona is to do and may do in a day of its own time zone.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

use super::{GoalId, GoalState, Hours, Persona, PersonaId, Role, Unit, Zone};

/// The least and the most of a day. The floor is what the planner plans; the ceiling is never passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Bounds", into = "Bounds")]
pub struct Quota {
    floor: u32,
    ceiling: u32,
}

/// A quota as it is written.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    floor: i64,
    ceiling: i64,
}

/// Bounds that cannot be right: which of them, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct BadQuota {
    /// `floor` or `ceiling`.
    pub field: &'static str,
    pub reason: String,
}

/// Quotas by what they count.
pub type Quotas = BTreeMap<Unit, Quota>;

/// More than this a day is a mistake.
const MOST: i64 = 100_000;

impl Quota {
    /// None at all.
    pub const NONE: Self = Self { floor: 0, ceiling: 0 };

    /// Refuses what is negative or too much, and a floor above its ceiling.
    pub fn new(floor: i64, ceiling: i64) -> Result<Self, BadQuota> {
        let bad = |field, reason: String| BadQuota { field, reason };
        let count = |field, number: i64| match u32::try_from(number) {
            Ok(count) if number <= MOST => Ok(count),
            _ => Err(bad(field, format!("must be between 0 and {MOST} a day, not {number}"))),
        };
        let quota = Self { floor: count("floor", floor)?, ceiling: count("ceiling", ceiling)? };
        if floor > ceiling {
            return Err(bad("floor", format!("must not be above the ceiling, {ceiling}")));
        }
        Ok(quota)
    }

    /// What the planner plans.
    pub const fn floor(self) -> u32 {
        self.floor
    }

    /// What is never passed.
    pub const fn ceiling(self) -> u32 {
        self.ceiling
    }
}

impl TryFrom<Bounds> for Quota {
    type Error = BadQuota;

    fn try_from(bounds: Bounds) -> Result<Self, BadQuota> {
        Self::new(bounds.floor, bounds.ceiling)
    }
}

impl From<Quota> for Bounds {
    fn from(quota: Quota) -> Self {
        Self { floor: quota.floor.into(), ceiling: quota.ceiling.into() }
    }
}

/// What holds for everybody: quotas by role, and the most that all personas together do in a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuotaRules {
    /// For every role that has no quota of its own for it.
    pub everyone: Quotas,
    pub roles: BTreeMap<Role, Quotas>,
    /// Over all personas, in a day of universal time; what is not named has no cap.
    pub day_caps: BTreeMap<Unit, u32>,
}

/// A quota as it holds for one persona.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce {
    pub quota: Quota,
    /// Its own, not its role's.
    pub own: bool,
    /// What it would be, if it were not forbidden.
    pub forbidden: Option<Quota>,
}

/// Why nobody writes to strangers.
pub const OUTREACH_IS_OFF: &str = "outreach is off: no host policy allows it";

impl QuotaRules {
    /// The persona's own quota, else its role's, else everybody's; none: this is not counted against anything.
    /// Messages to strangers are forbidden whatever is set, because there is no host policy that could allow them.
    pub fn quota(&self, persona: &Persona, unit: Unit) -> Option<InForce> {
        let of_role = persona.role.and_then(|role| self.roles.get(&role)?.get(&unit));
        let own = persona.quotas.get(&unit);
        let set = own.or(of_role).or_else(|| self.everyone.get(&unit)).copied();
        if unit == Unit::Message {
            return Some(InForce {
                quota: Quota::NONE,
                own: own.is_some(),
                forbidden: Some(set.unwrap_or(Quota::NONE)),
            });
        }
        set.map(|quota| InForce { quota, own: own.is_some(), forbidden: None })
    }

    /// What must be so before a goal of this persona may count: room in its own day, and in everybody's.
    pub fn limits(&self, persona: &Persona, taken: &QuotaUse) -> Vec<QuotaLeft> {
        let day = |zone: Zone| {
            let day = zone.day(taken.at_ms);
            day.begins_ms..day.ends_ms
        };
        let left = |persona, within: Range<i64>, ceiling| QuotaLeft {
            goal: taken.goal,
            persona,
            unit: taken.unit,
            units: taken.units,
            from_ms: within.start,
            until_ms: within.end,
            ceiling,
        };
        let own = self.quota(persona, taken.unit);
        let own = own.map(|held| left(Some(persona.id), day(persona.hours.zone), held.quota.ceiling));
        let all = self.day_caps.get(&taken.unit).map(|cap| left(None, day(Zone::UTC), *cap));
        own.into_iter().chain(all).collect()
    }
}

/// There is room for a goal's units in a day: what others took leaves enough below the ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaLeft {
    /// Whatever it took itself does not count.
    pub goal: GoalId,
    /// None: all personas together.
    pub persona: Option<PersonaId>,
    pub unit: Unit,
    pub units: u32,
    pub from_ms: i64,
    pub until_ms: i64,
    pub ceiling: u32,
}

impl QuotaLeft {
    /// Whether another goal's use is among what leaves less.
    pub fn counts(&self, other: &QuotaUse) -> bool {
        other.goal != self.goal
            && other.unit == self.unit
            && self.persona.is_none_or(|persona| persona == other.persona)
            && (self.from_ms..self.until_ms).contains(&other.at_ms)
    }

    /// It would not fit into an empty day either.
    pub const fn never_fits(&self) -> bool {
        self.units > self.ceiling
    }

    /// When the goal may try again: as soon as the persona is up in the day after.
    pub fn again_ms(&self, hours: &Hours) -> i64 {
        let day = hours.day(self.until_ms);
        let first =
            |day| hours.up(&day).into_iter().map(|part| part.start.max(self.until_ms)).find(|at| hours.is_up(*at));
        first(day).or_else(|| first(hours.day_after(&day))).unwrap_or(self.until_ms)
    }
}

/// Units that a goal took from a day. They count as long as the goal is open or proven, and for good once an effect
/// was begun that may have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    pub goal: GoalId,
    pub persona: PersonaId,
    pub unit: Unit,
    pub units: u32,
    /// The day that it counts for holds this moment.
    pub at_ms: i64,
    pub begun: bool,
}

impl QuotaUse {
    /// Whether it takes room away from others, as its goal stands.
    pub const fn counts(&self, goal: GoalState) -> bool {
        self.begun || !matches!(goal, GoalState::Unconfirmed | GoalState::Failed | GoalState::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ports::World as _,
        testing::{self, TestWorld},
    };

    fn refused(floor: i64, ceiling: i64) -> String {
        Quota::new(floor, ceiling).unwrap_err().to_string()
    }

    #[test]
    fn bounds_that_cannot_be_right_are_refused_by_name() {
        assert_eq!(refused(-1, 4), "floor must be between 0 and 100000 a day, not -1");
        assert_eq!(refused(0, -4), "ceiling must be between 0 and 100000 a day, not -4");
        assert_eq!(refused(0, i64::MAX), format!("ceiling must be between 0 and 100000 a day, not {}", i64::MAX));
        assert_eq!(refused(5, 4), "floor must not be above the ceiling, 4");
        assert!(serde_json::from_str::<Quota>(r#"{"floor": 3, "ceiling": 2}"#).is_err());
        assert!(Quota::new(0, 0).is_ok() && Quota::new(100_000, 100_000).is_ok());
    }

    #[test]
    fn own_goes_before_role_before_everyone_and_messages_are_forbidden() {
        let world = TestWorld::new(1);
        let quota = |floor, ceiling| Quota::new(floor, ceiling).unwrap();
        let rules = QuotaRules {
            everyone: Quotas::from([(Unit::Post, quota(2, 4))]),
            roles: BTreeMap::from([(Role::Worker, Quotas::from([(Unit::Proposal, quota(10, 20))]))]),
            day_caps: BTreeMap::new(),
        };
        let mut ada = testing::persona(&world, "ada");
        let of = |ada: &Persona, unit| rules.quota(ada, unit).map(|held| (held.quota, held.own));
        assert_eq!(of(&ada, Unit::Post), Some((quota(2, 4), false)));
        assert_eq!(of(&ada, Unit::Proposal), Some((quota(10, 20), false)));
        assert_eq!(of(&ada, Unit::Deliverable), None);
        ada.quotas.insert(Unit::Proposal, quota(1, 1));
        ada.quotas.insert(Unit::Message, quota(200, 500));
        assert_eq!(of(&ada, Unit::Proposal), Some((quota(1, 1), true)));
        let messages = rules.quota(&ada, Unit::Message).unwrap();
        assert_eq!((messages.quota, messages.forbidden), (Quota::NONE, Some(quota(200, 500))));
        ada.role = None;
        ada.quotas.clear();
        assert_eq!(of(&ada, Unit::Proposal), None);
    }

    #[test]
    fn a_deferred_goal_waits_until_its_persona_is_up() {
        let world = TestWorld::new(1);
        let hours = Hours { wakes: "09:00".parse().unwrap(), sleeps: "17:00".parse().unwrap(), ..Hours::ALWAYS };
        let day = hours.day(world.now_ms());
        let goal = testing::goal(&world, testing::persona(&world, "ada").id).id;
        let left = |until_ms| QuotaLeft {
            goal,
            persona: None,
            unit: Unit::Post,
            units: 1,
            from_ms: day.begins_ms,
            until_ms,
            ceiling: 1,
        };
        assert_eq!(left(day.ends_ms).again_ms(&hours), day.ends_ms + 9 * 3_600_000);
        // Another zone's day ends in the middle of the hours, or after them.
        assert_eq!(left(day.begins_ms + 10 * 3_600_000).again_ms(&hours), day.begins_ms + 10 * 3_600_000);
        assert_eq!(left(day.begins_ms + 18 * 3_600_000).again_ms(&hours), day.ends_ms + 9 * 3_600_000);
        assert_eq!(left(day.ends_ms).again_ms(&Hours::ALWAYS), day.ends_ms);
    }
}
