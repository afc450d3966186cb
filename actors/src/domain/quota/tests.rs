//! Bounds that cannot be right, who has which quota, and when a full day is over.

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
    let of = |ada: &Persona, unit| rules.quota(ada, unit, false).map(|held| (held.quota, held.own));
    assert_eq!(of(&ada, Unit::Post), Some((quota(2, 4), false)));
    assert_eq!(of(&ada, Unit::Proposal), Some((quota(10, 20), false)));
    assert_eq!(of(&ada, Unit::Deliverable), None);
    ada.quotas.insert(Unit::Proposal, quota(1, 1));
    ada.quotas.insert(Unit::Message, quota(200, 500));
    assert_eq!(of(&ada, Unit::Proposal), Some((quota(1, 1), true)));
    let messages = rules.quota(&ada, Unit::Message, false).unwrap();
    assert_eq!((messages.quota, messages.forbidden), (Quota::NONE, Some(quota(200, 500))));
    let messages = rules.quota(&ada, Unit::Message, true).unwrap();
    assert_eq!((messages.quota, messages.forbidden), (quota(200, 500), None));
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
