//! Runs and personas fall; the company goes on.

use std::time::Duration;

use super::harness::{House, Play, settle, until, work};
use crate::{
    domain::{AlertKind, GoalState, PersonaStatus},
    supervisor::ActorState,
};

/// The priority marks the work that makes its run panic.
const POISON: u16 = 13;

#[tokio::test(start_paused = true)]
async fn a_run_that_panics_fails_its_goal_and_frees_its_slice() {
    let house = House::open(1, |order| match order.work.message.priority.thousandths() {
        POISON => Play::Panic,
        _ => Play::Finish,
    })
    .await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let poison = house.give(ada, POISON).await.goal.id;
    let (after, other) = (house.give(ada, 10).await.goal.id, house.give(bo, 10).await.goal.id);
    house.goal_becomes(poison, GoalState::Failed).await;
    house.goal_becomes(other, GoalState::Done).await;
    house.goal_becomes(after, GoalState::Done).await;
    assert_eq!(house.line(ada).restarts, 0, "the persona lives on");
    until(|| house.company.figures().inbox == 0).await;
    house.accounts_for(3);
}

#[tokio::test(start_paused = true)]
async fn a_persona_that_falls_frees_its_slice_and_carries_its_run_on() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(5))).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let first = house.give(ada, 500).await.goal.id;
    until(|| house.line(ada).on_stage).await;
    house.records.fall(ada, 1);
    let (second, other) = (house.give(ada, 500).await.goal.id, house.give(bo, 500).await.goal.id);
    for goal in [other, first, second] {
        house.goal_becomes(goal, GoalState::Done).await;
    }
    let line = house.line(ada);
    assert_eq!((line.restarts, line.state), (1, ActorState::Awake));
    until(|| house.company.figures().inbox == 0).await;
    house.accounts_for(3);
}

#[tokio::test(start_paused = true)]
async fn a_persona_that_keeps_falling_is_paused_with_an_alert_and_the_others_do_not_notice() {
    let house = House::open(2, |_| Play::Finish).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    house.records.fall(ada, u32::MAX);
    let stuck = house.give(ada, 500).await.goal.id;
    until(|| !house.test.store.alerts().is_empty()).await;
    let alert = house.test.store.alerts().remove(0);
    assert_eq!((alert.kind, alert.persona, alert.resolved_ms), (AlertKind::PersonaPaused, Some(ada), None));
    assert!(alert.text.contains("as the test asked"), "{}", alert.text);
    assert_eq!((house.line(ada).state, house.line(ada).restarts), (ActorState::Paused, 4));
    assert_eq!(house.test.store.persona_named("ada").unwrap().status, PersonaStatus::Paused);
    let paused = house.test.store.receipts().into_iter().any(|r| r.state.as_deref() == Some("paused"));
    assert!(paused, "with a receipt");

    let other = house.give(bo, 500).await.goal.id;
    house.goal_becomes(other, GoalState::Done).await;
    house.give(ada, 500).await;
    settle().await;
    assert_eq!(house.line(ada).state, ActorState::Paused, "a poke does not wake it");

    house.records.fall(ada, 0);
    house.company.resume(ada, &house.by()).await.unwrap();
    house.goal_becomes(stuck, GoalState::Done).await;
    assert!(house.test.store.alerts().iter().all(|alert| alert.resolved_ms.is_some()));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_pauses_the_persona() {
    let house = House::open(1, |_| Play::OpenCircuit).await;
    let ada = house.persona("ada").await;
    house.give(ada, 500).await;
    let waits = house.give(ada, 500).await.goal.id;
    house.becomes(ada, ActorState::Paused).await;
    settle().await;
    assert_eq!(house.state(waits), GoalState::Pending);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_delays_work_and_loses_none() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    {
        let _outage = house.test.store.fail_until_told();
        let refused = house.company.deliver(work(ada, 500), &house.by()).await;
        assert!(matches!(refused, Err(crate::supervisor::CommandError::Unavailable(_))));
        assert!(house.company.store_trouble().is_some());
    }
    until(|| house.company.store_trouble().is_none()).await;
    let given = house.give(ada, 500).await.goal.id;
    house.goal_becomes(given, GoalState::Done).await;
    house.accounts_for(1);
}

#[tokio::test(start_paused = true)]
async fn without_its_scheduler_the_company_has_fallen_and_says_so() {
    let house = House::open(1, |_| Play::Finish).await;
    house.company.desk.scheduler.stop();
    assert!(house.company.fallen().await.contains("scheduler or evidence"));
    assert!(house.company.store_trouble().is_some());
}
