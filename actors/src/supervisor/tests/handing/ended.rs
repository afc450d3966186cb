//! What becomes of work that was given away once one of both sides has ended.

use super::*;
use crate::{
    domain::Fork,
    supervisor::{Correction, ForkFrom},
};

#[tokio::test(start_paused = true)]
async fn what_was_given_away_and_asked_ends_with_the_persona_that_is_deleted() {
    let house = House::open(|task, thoughts| match (task, thoughts) {
        ("Ask somebody.", 0) => calls(ask()),
        _ => hands_on(task, thoughts),
    })
    .await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let bo = house.hire("bo", None).await;
    let asks = house.give(ann, "Ask somebody.").await;
    house.parked(asks, ParkedOn::Answer).await;
    let waits = house.give(ann, "Wait for bo.").await;
    until(|| house.goal(waits).parked_on == Some(ParkedOn::Dependency)).await;
    let child = house.test.store.goals().into_iter().find(|goal| goal.persona == bo).unwrap().id;
    until(|| house.goal(child).state == GoalState::Running).await;
    house.company.delete_persona(ann, &house.by()).await.unwrap();
    assert_eq!((house.goal(waits).state, house.goal(child).state), (GoalState::Cancelled, GoalState::Cancelled));
    assert_eq!((house.goal(asks).state, house.questions()), (GoalState::Cancelled, 0));
    until(|| house.company.figures().active_personas == 0).await;
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_fork_stands_on_what_is_over_and_no_correction_takes_that_away() {
    let house = House::open(asks_between).await;
    let bo = house.hire("bo", None).await;
    let id = house.give(bo, "Write it.").await;
    house.parked(id, ParkedOn::Answer).await;
    let run = house.test.store.runs()[0].id;
    let from = |step| ForkFrom { step, ..ForkFrom::default() };
    let behind_the_question = house.company.fork_run(run, from(5), &house.by()).await;
    assert!(matches!(behind_the_question, Err(CommandError::Conflict(_))), "{behind_the_question:?}");
    house.company.pause(bo, &house.by()).await.unwrap();
    let forked = house.company.fork_run(run, from(3), &house.by()).await.unwrap().goal;
    let payload = Payload::Agent(Box::new(AgentPayload::new("Write it better.")));
    let correction = Correction {
        version: forked.version,
        title: None,
        payload: Some(payload),
        proof: None,
        waits_for: None,
        if_failed: None,
    };
    house.company.correct_goal(forked.id, correction, &house.by()).await.unwrap();
    let Payload::Agent(corrected) = house.goal(forked.id).payload else { panic!("another kind of goal") };
    assert_eq!((corrected.task.as_str(), corrected.fork), ("Write it better.", Some(Fork { run, from: 2 })));
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn work_that_ended_badly_is_given_anew_when_the_goal_is_retried() {
    let house = House::open(hands_on).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let bo = house.hire("bo", None).await;
    let id = house.give(ann, "Wait for bo.").await;
    let given = || -> Vec<Goal> { house.test.store.goals().into_iter().filter(|goal| goal.persona == bo).collect() };
    for children in 1..=3 {
        until(|| house.goal(id).parked_on == Some(ParkedOn::Dependency)).await;
        until(|| given().iter().any(|goal| goal.state == GoalState::Running)).await;
        assert_eq!(given().len(), children);
        house.company.cancel_goal(id, &house.by()).await.unwrap();
        assert!(given().iter().all(|goal| goal.state == GoalState::Cancelled));
        until(|| house.company.figures().active_personas == 0).await;
        house.company.retry_goal(id, &house.by()).await.unwrap();
    }
    until(|| house.goal(id).parked_on == Some(ParkedOn::Dependency)).await;
    house.company.cancel_goal(id, &house.by()).await.unwrap();
    until(|| house.company.figures().active_personas == 0).await;
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn who_plans_the_same_again_is_told_that_it_is_planned() {
    let house = House::open(plans_ahead).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let id = house.give(ann, "Later.").await;
    house.over(id).await;
    house.company.retry_goal(id, &house.by()).await.unwrap();
    house.over(id).await;
    assert_eq!(house.test.store.goals().len(), 2);
    let said: Vec<String> =
        house.receipts("schedule", Phase::Outcome).into_iter().map(|one| one.body.unwrap().summary).collect();
    assert_eq!(said, ["gave itself a goal for in 120 minutes", "has given itself that goal already"]);
    house.ends().await;
}
