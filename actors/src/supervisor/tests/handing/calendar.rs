//! Goals that a persona puts on its own calendar.

use super::*;
use crate::{domain::Hours, run::Repeated};

fn daily(task: &str, cron: &str) -> Step {
    Step::Schedule { task: task.into(), in_minutes: None, cron: Some(cron.into()) }
}

fn plans_days(task: &str, thoughts: usize) -> Thought {
    match (task, thoughts) {
        ("Every hour.", 0) => calls(daily("Look at the board.", "30 * * * *")),
        ("Never.", 0) => calls(daily("Look.", "0 9 31 2 *")),
        ("Nonsense.", 0) => calls(daily("Look.", "at nine")),
        ("Without end.", n) if n < 21 => calls(daily(&format!("Look {n}."), "0 9 * * *")),
        _ => says("That is all."),
    }
}

#[tokio::test(start_paused = true)]
async fn a_goal_for_every_hour_is_a_line_of_its_own_calendar_in_its_time_zone() {
    let house = House::open(plans_days).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let hours = Hours { zone: "Asia/Kolkata".parse().unwrap(), ..Hours::ALWAYS };
    let patch = PersonaPatch { hours: Some(hours), ..PersonaPatch::default() };
    house.company.update_persona(ann, 1, patch, &house.by()).await.unwrap();
    let goal = house.over(house.give(ann, "Every hour.").await).await;
    assert_eq!(goal.state, GoalState::Unconfirmed, "{:?}", goal.last_error);
    let lines = house.test.store.schedules();
    assert_eq!((lines.len(), lines[0].created_by.as_str(), lines[0].persona), (1, "ada", ann));
    let looks = |goal: &Goal| matches!(&goal.payload, Payload::Agent(agent) if agent.task == "Look at the board.");
    until(|| house.test.store.goals().iter().any(looks)).await;
    let line = house.test.store.schedules().remove(0);
    let at = chrono::DateTime::from_timestamp_millis(line.last.unwrap().due_ms).unwrap();
    assert_eq!(at.format("%M").to_string(), "00", "half past there is the full hour here");
    // As after a crash between the line and the receipt of its step.
    let ann = house.test.store.persona(ann).await.unwrap().unwrap();
    let again = || Repeated { task: "Twice.".into(), cron: "@weekly".into(), key: "the step".into() };
    let first = house.company.desk.repeat(&ann, &goal, again()).await.unwrap();
    assert_eq!(house.company.desk.repeat(&ann, &goal, again()).await.unwrap(), first);
    assert_eq!(house.test.store.schedules().len(), 2);
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_never_comes_or_is_one_too_many_is_refused_with_the_reason() {
    let house = House::open(plans_days).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    for (task, why) in [("Never.", "never comes"), ("Nonsense.", "no cron expression")] {
        house.over(house.give(ann, task).await).await;
        assert!(house.told().contains(why), "{}", house.told());
    }
    assert!(house.test.store.schedules().is_empty());
    house.over(house.give(ann, "Without end.").await).await;
    assert_eq!(house.test.store.schedules().len(), 20);
    assert!(house.told().contains("adds no more"), "{}", house.told());
    house.ends().await;
}
