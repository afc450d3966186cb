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
    /// Messages to strangers are forbidden whatever is set, unless `outreach`: a host policy lets somebody be written to.
    /// Then it still takes a quota.
    pub fn quota(&self, persona: &Persona, unit: Unit, outreach: bool) -> Option<InForce> {
        let of_role = persona.role.and_then(|role| self.roles.get(&role)?.get(&unit));
        let own = persona.quotas.get(&unit);
        let set = own.or(of_role).or_else(|| self.everyone.get(&unit)).copied();
        if unit == Unit::Message {
            let set = set.unwrap_or(Quota::NONE);
            let (quota, forbidden) = if outreach { (set, None) } else { (Quota::NONE, Some(set)) };
            return Some(InForce { quota, own: own.is_some(), forbidden });
        }
        set.map(|quota| InForce { quota, own: own.is_some(), forbidden: None })
    }

    /// What must be so before a goal of this persona may count: room in its own day, and in everybody's.
    pub fn limits(&self, persona: &Persona, taken: &QuotaUse, outreach: bool) -> Vec<QuotaLeft> {
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
        let own = self.quota(persona, taken.unit, outreach);
        let own = own.map(|held| left(Some(persona.id), day(persona.hours.zone), held.quota.ceiling));
        let all = self.day_caps.get(&taken.unit).map(|cap| left(None, day(Zone::UTC), *cap));
        own.into_iter().chain(all).collect()
    }
}

/// There is room for a goal's units in a day: what others took leaves enough below the ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
mod tests;
