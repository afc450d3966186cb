//! Days as they may go: floors are reached when they can be, ceilings never passed, nothing planned twice.

use proptest::prelude::*;

use super::*;
use crate::domain::Hours;

const HOUR_MS: i64 = 3_600_000;

fn demand(floor: i64, ceiling: i64, expected: u32, planned: u32, recipes: &[u32]) -> Demand {
    let quota = Quota::new(floor, ceiling).unwrap();
    Demand { unit: Unit::Proposal, quota, expected, planned, recipes: recipes.to_vec() }
}

fn day() -> Range<i64> {
    0..24 * HOUR_MS
}

#[test]
fn a_day_is_planned_in_the_middles_of_equal_parts() {
    let office_hours = 9 * HOUR_MS..17 * HOUR_MS;
    let up = [office_hours];
    let due =
        |now_ms| plan(&[demand(4, 8, 0, 0, &[1])], &up, now_ms).iter().map(|goal| goal.due_ms).collect::<Vec<_>>();
    assert_eq!(due(0), [10, 12, 14, 16].map(|hour| hour * HOUR_MS));
    assert_eq!(due(13 * HOUR_MS), [27, 29, 31, 33].map(|half| half * HOUR_MS / 2), "what is left of the day");
    assert!(due(17 * HOUR_MS).is_empty(), "the day is over");
}

#[test]
fn hours_over_midnight_are_one_stretch_of_time() {
    let up = [0..2 * HOUR_MS, 22 * HOUR_MS..24 * HOUR_MS];
    let due: Vec<_> = plan(&[demand(2, 2, 0, 0, &[1])], &up, 0).iter().map(|goal| goal.due_ms).collect();
    assert_eq!(due, [HOUR_MS, 23 * HOUR_MS]);
}

#[test]
fn a_day_of_23_hours_and_one_of_25_are_planned_whole() {
    let hours = Hours { zone: "Europe/Berlin".parse().unwrap(), ..Hours::ALWAYS };
    let noon = |date: &str| {
        let noon = format!("{date}T12:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        hours.day(noon.timestamp_millis())
    };
    for (date, length) in [("2026-03-29", 23), ("2026-10-25", 25)] {
        let day = noon(date);
        let goals = plan(&[demand(length, 30, 0, 0, &[1])], &hours.up(&day), day.begins_ms);
        let due: Vec<_> = goals.iter().map(|goal| (goal.due_ms - day.begins_ms) * 2 / HOUR_MS).collect();
        assert_eq!(due, (0..length).map(|k| 2 * k + 1).collect::<Vec<_>>(), "one in the middle of each hour");
        assert!(goals.iter().all(|goal| goal.due_ms < day.ends_ms));
    }
}

#[test]
fn recipes_take_turns_and_a_batch_counts_each_unit() {
    let goals = plan(&[demand(5, 9, 0, 0, &[2, 1])], &[day()], 0);
    let recipes: Vec<_> = goals.iter().map(|goal| goal.recipe).collect();
    assert_eq!(recipes, [0, 1, 0], "2 + 1 + 2");
    assert!(plan(&[demand(5, 9, 0, 0, &[])], &[day()], 0).is_empty(), "from nothing comes nothing");
    assert!(plan(&[demand(5, 5, 4, 1, &[2])], &[day()], 0).is_empty(), "a batch that would pass the ceiling");
}

#[test]
fn what_fails_is_planned_again_but_not_for_ever() {
    assert_eq!(plan(&[demand(2, 3, 1, 2, &[1])], &[day()], 0).len(), 1);
    assert!(plan(&[demand(2, 3, 1, 3, &[1])], &[day()], 0).is_empty(), "as many as the ceiling were planned");
}

proptest! {
    /// From any state of a day: the floor is reached when there is time and enough tries are left, the ceiling is not
    /// passed, all goals are due while the persona is up, apart from each other, with numbers of their own.
    #[test]
    fn floor_ceiling_and_spread(
        floor in 0..40_i64, more in 0..40_i64, expected in 0..50_u32, planned in 0..50_u32,
        wakes in 0..=1439_u16, sleeps in 0..=1440_u16, now_ms in 0..86_400_000_i64,
    ) {
        let (wakes, sleeps) = (wakes.min(1439), sleeps);
        let minute = |minute| crate::domain::WallTime::from_minute(minute).unwrap();
        let hours = Hours { wakes: minute(wakes), sleeps: minute(sleeps), ..Hours::ALWAYS };
        prop_assume!(hours.check().is_ok());
        let up = hours.up(&hours.day(0));
        let demand = demand(floor, floor + more, expected, planned, &[1]);
        let goals = plan(std::slice::from_ref(&demand), &up, now_ms);
        let given = u32::try_from(goals.len()).unwrap();
        prop_assert!(given == 0 || expected + given <= demand.quota.ceiling());
        prop_assert!(given == 0 || planned + given <= demand.quota.ceiling());
        let time_left = up.iter().any(|part| part.end > now_ms);
        let missing = demand.quota.floor().saturating_sub(expected);
        let tries = demand.quota.ceiling().saturating_sub(planned);
        prop_assert_eq!(given, if time_left { missing.min(tries) } else { 0 });
        let left: i64 = up.iter().map(|part| (part.end - part.start.max(now_ms)).max(0)).sum();
        for (at, goal) in goals.iter().enumerate() {
            prop_assert!(goal.due_ms >= now_ms && hours.is_up(goal.due_ms));
            prop_assert_eq!(goal.number, planned + u32::try_from(at).unwrap());
            if at > 0 {
                let gap = goal.due_ms - goals[at - 1].due_ms;
                prop_assert!(gap >= left / i64::from(given) - 1, "{} ms apart", gap);
            }
        }
    }

    /// A day lived through with restarts and failures at any moment: looks that nothing happened between bring nothing,
    /// numbers are never used twice, and what counts never passes the ceiling.
    #[test]
    fn a_day_is_never_planned_twice(
        floor in 0..12_i64, more in 0..12_i64,
        events in prop::collection::vec((0..86_400_000_i64, 0..3_u8, 0..12_usize), 0..40),
    ) {
        let mut events = events;
        events.sort();
        let quota = Quota::new(floor, floor + more).unwrap();
        // Each goal: none: open; some: whether it counted.
        let mut goals: Vec<(u32, Option<bool>)> = Vec::new();
        for (now_ms, what, which) in events {
            let open: Vec<usize> = (0..goals.len()).filter(|at| goals[*at].1.is_none()).collect();
            match (what, open.get(which)) {
                (0, Some(at)) => goals[*at].1 = Some(true),
                (1, Some(at)) => goals[*at].1 = Some(false),
                _ => {}
            }
            for look in 0..2 {
                let expected = goals.iter().filter(|goal| goal.1 != Some(false)).count();
                let demand = Demand {
                    unit: Unit::Post, quota, recipes: vec![1],
                    expected: u32::try_from(expected).unwrap(),
                    planned: u32::try_from(goals.len()).unwrap(),
                };
                let given = plan(&[demand], &[day()], now_ms);
                prop_assert!(look == 0 || given.is_empty());
                goals.extend(given.iter().map(|goal| (goal.number, None)));
            }
            let counted = goals.iter().filter(|goal| goal.1 != Some(false)).count();
            prop_assert!(counted <= quota.ceiling() as usize && goals.len() <= quota.ceiling() as usize);
            let enough = counted >= quota.floor() as usize || goals.len() == quota.ceiling() as usize;
            prop_assert!(enough, "{} of {}", counted, quota.floor());
        }
        let mut numbers: Vec<_> = goals.iter().map(|goal| goal.0).collect();
        numbers.dedup();
        prop_assert_eq!(numbers.len(), goals.len());
    }
}
