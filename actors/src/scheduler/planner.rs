//! Which goals a persona's day still needs, and when each is due. Pure: the time, the day and what is on record come in.
//!
//! - **Floor.** As many goals are planned as are missing to the floor, counting what is done, what may have happened and
//!   what is still open for today. So a look at a day that is planned brings nothing, after a restart too.
//! - **Ceiling.** Neither what is expected nor the goals planned in a day ever pass it: a day on which everything fails
//!   is not planned for ever. What fails is planned again, later on the same day, within that; what a person cancelled
//!   is not.
//! - **Spread.** Goals of one sort are due in the middle of equal parts of the time that is left in which the persona is
//!   up. A day with no such time left gets no more goals.

use std::ops::Range;

use crate::{
    domain::{GoalState, Quota, Unit},
    ports::Counted,
};

/// What one unit of work asks of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    pub unit: Unit,
    pub quota: Quota,
    /// Units that are done or may still come today.
    pub expected: u32,
    /// Goals that the planner has given today, whatever became of them: the number of the next one.
    pub planned: u32,
    /// What a goal of each recipe counts as; they take turns.
    pub recipes: Vec<u32>,
}

/// A goal to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    pub unit: Unit,
    /// Index into the demand's recipes.
    pub recipe: usize,
    /// From 0, over the day.
    pub number: u32,
    pub due_ms: i64,
}

/// The goals that are missing, in the order in which they are due.
pub(crate) fn plan(demands: &[Demand], up: &[Range<i64>], now_ms: i64) -> Vec<Planned> {
    let left: Vec<_> = up.iter().map(|part| part.start.max(now_ms)..part.end).filter(|part| !part.is_empty()).collect();
    if left.is_empty() {
        return Vec::new();
    }
    let mut goals: Vec<_> = demands.iter().flat_map(|demand| missing(demand, &left)).collect();
    goals.sort_by_key(|goal| (goal.due_ms, goal.unit, goal.number));
    goals
}

fn missing(demand: &Demand, left: &[Range<i64>]) -> Vec<Planned> {
    let (floor, ceiling) = (demand.quota.floor(), demand.quota.ceiling());
    let (mut expected, mut number) = (demand.expected, demand.planned);
    let mut chosen = Vec::new();
    while expected < floor && number < ceiling && !demand.recipes.is_empty() {
        let recipe = number as usize % demand.recipes.len();
        let units = demand.recipes[recipe];
        if units == 0 || expected.saturating_add(units) > ceiling {
            break;
        }
        chosen.push((recipe, number));
        (expected, number) = (expected + units, number + 1);
    }
    let due = spread(left, chosen.len());
    let goal = |((recipe, number), due_ms)| Planned { unit: demand.unit, recipe, number, due_ms };
    chosen.into_iter().zip(due).map(goal).collect()
}

/// The middles of `count` equal parts of this time.
fn spread(parts: &[Range<i64>], count: usize) -> Vec<i64> {
    let total: i64 = parts.iter().map(|part| part.end - part.start).sum();
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let at = |mut offset: i64| {
        for part in parts {
            let length = part.end - part.start;
            if offset < length {
                return part.start + offset;
            }
            offset -= length;
        }
        parts.last().map_or(0, |part| part.end - 1)
    };
    (0..count).map(|k| at((2 * k + 1) * total / (2 * count))).collect()
}

/// What a day has of a unit on record: units that are done or may still come, and goals that the planner gave.
pub(crate) fn on_record(counted: &[Counted], unit: Unit, day: &Range<i64>, planner: &str) -> (u32, u32) {
    let mine: Vec<_> = counted.iter().filter(|one| one.goal.proof.counts_as == Some(unit)).collect();
    let expected = mine.iter().filter_map(|one| expects(one, day, planner)).fold(0, u32::saturating_add);
    let planned = mine.iter().filter(|one| one.goal.created_by == planner && day.contains(&one.goal.created_ms));
    (expected, u32::try_from(planned.count()).unwrap_or(u32::MAX))
}

/// What may come of a goal today; none: nothing.
fn expects(one: &Counted, day: &Range<i64>, planner: &str) -> Option<u32> {
    let goal = &one.goal;
    let (_, units) = goal.proof.counted()?;
    let comes = match &one.taken {
        Some(taken) if taken.counts(goal.state) && (taken.begun || goal.state == GoalState::Done) => {
            day.contains(&taken.at_ms)
        }
        None if goal.state == GoalState::Done => day.contains(&goal.updated_ms),
        _ if !goal.state.is_over() => goal.due_ms.is_none_or(|due_ms| due_ms < day.end),
        // A person does not want it.
        _ => goal.state == GoalState::Cancelled && goal.created_by == planner && day.contains(&goal.created_ms),
    };
    comes.then_some(units)
}

#[cfg(test)]
mod tests;
