//! Runs and personas fall; the company goes on.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ed25519_dalek::SigningKey;

use super::harness::{House, Play, limits, new_persona, settle, until, work};
use crate::{
    domain::{
        AlertKind, ArtifactKind, GoalState, Hash, Limits, MessageState, NewArtifact, Outcome, PersonaId, PersonaStatus,
        Phase, TraceId,
    },
    persona::carrier::Order,
    ports::{Blobs, Ports, Unavailable, World},
    supervisor::{ActorState, By, CommandError, Company},
    testing::TestPorts,
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

/// Ada falls over what she carries; something else makes her look.
async fn fall(house: &House, ada: PersonaId) {
    let restarts = house.line(ada).restarts;
    house.records.fall(ada, 1);
    house.give(ada, 1).await;
    until(|| house.line(ada).restarts > restarts).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_brings_its_persona_down_twice_is_set_aside_also_over_a_restart() {
    let script = |order: &Order| match order.work.message.priority.thousandths() {
        POISON => Play::UntilStopped,
        _ => Play::Finish,
    };
    let house = House::open(1, script).await;
    let ada = house.persona("ada").await;
    let poison = house.give(ada, POISON).await;
    let (id, goal) = (poison.message.id, poison.goal.id);
    let letter = |house: &House| house.test.store.messages().into_iter().find(|message| message.id == id).unwrap();
    until(|| house.line(ada).on_stage).await;
    fall(&house, ada).await;
    until(|| letter(&house).falls == 1).await;
    assert_eq!(letter(&house).state, MessageState::Running, "once may be chance");
    let refused = house.company.discard_letter(id, &house.by()).await;
    assert!(matches!(refused, Err(CommandError::Conflict(text)) if text.contains("not a dead letter")));
    house.company.end().await;

    let house = House::open_on(house.test, limits(1), script).await;
    until(|| house.line(ada).on_stage && house.goal(goal).state == GoalState::Running).await;
    fall(&house, ada).await;
    until(|| letter(&house).state == MessageState::DeadLettered).await;
    assert_eq!((letter(&house).falls, house.state(goal)), (2, GoalState::Failed));
    let alert = house.test.store.alerts().remove(0);
    assert_eq!((alert.kind, alert.goal, alert.resolved_ms), (AlertKind::DeadLetter, Some(goal), None));
    until(|| house.company.figures().inbox == 0).await;
    house.accounts_for(3);

    house.company.retry_letter(id, &house.by()).await.unwrap();
    assert_eq!((letter(&house).falls, house.test.store.alerts()[0].resolved_ms.is_some()), (0, true));
    for _ in 0..2 {
        until(|| house.line(ada).on_stage && house.goal(goal).state == GoalState::Running).await;
        fall(&house, ada).await;
    }
    until(|| letter(&house).state == MessageState::DeadLettered).await;
    house.company.discard_letter(id, &house.by()).await.unwrap();
    assert_eq!((letter(&house).state, house.state(goal)), (MessageState::Dropped, GoalState::Cancelled));
    assert!(house.test.store.alerts().iter().all(|alert| alert.resolved_ms.is_some()));
    let last = house.test.store.receipts().into_iter().rfind(|receipt| receipt.goal == Some(goal)).unwrap();
    assert_eq!((last.phase, last.state.as_deref()), (Some(Phase::Dropped), Some("cancelled")));
    until(|| house.company.figures().inbox == 0).await;
    house.accounts_for(5);
}

#[tokio::test(start_paused = true)]
async fn a_fall_is_counted_before_its_persona_returns() {
    let house = House::open(1, |_| Play::UntilStopped).await;
    let ada = house.persona("ada").await;
    let given = house.give(ada, 500).await.message.id;
    until(|| house.line(ada).on_stage).await;
    house.give(ada, 1).await;
    settle().await;
    let outage = house.test.store.fail_until_told();
    house.records.fall(ada, 1);
    house.company.desk.office.poke(ada);
    house.becomes(ada, ActorState::Restarting).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    settle().await;
    assert_eq!(house.line(ada).state, ActorState::Restarting);
    drop(outage);
    house.becomes(ada, ActorState::Awake).await;
    assert_eq!(house.test.store.messages().iter().find(|message| message.id == given).unwrap().falls, 1);
}

/// A place for artifacts that panics when it is to keep one.
struct Trap;

#[async_trait]
impl Blobs for Trap {
    async fn put(&self, _bytes: Vec<u8>) -> Result<Hash, Unavailable> {
        panic!("as the test asked")
    }

    async fn get(&self, _hash: Hash) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(None)
    }
}

/// A real run, brought down by what its call leaves; the company ends and starts between the two falls.
#[tokio::test(start_paused = true)]
async fn a_message_whose_run_panics_twice_is_set_aside_though_retries_are_left() {
    let test = TestPorts::new(|call| {
        let (kind, name) = (ArtifactKind::Text, "answer.md".to_owned());
        let artifact = NewArtifact { kind, name, media_type: "text/markdown", bytes: vec![1] };
        Outcome::done(format!("did {}", call.tool), serde_json::json!({"value": "a line"})).with_artifact(artifact)
    });
    let open = async |blobs: Arc<dyn Blobs>| {
        let limits = Limits { retry_after: vec![Duration::from_secs(60); 3], ..limits(1) };
        Company::start(limits, Ports { blobs, ..test.ports() }, SigningKey::from_bytes(&[7; 32])).await.unwrap()
    };
    let by = By { who: "ada".to_owned(), trace: TraceId(test.world.new_id()) };
    let company = open(Arc::new(Trap)).await;
    let ada = company.create_persona(new_persona("ada"), &by).await.unwrap().id;
    let given = company.deliver(work(ada, 500), &by).await.unwrap();
    let letter = || test.store.messages().remove(0);
    let goal = || test.store.goals().remove(0);
    until(|| letter().falls == 1).await;
    assert_eq!((letter().state, goal().state, goal().attempts), (MessageState::Waiting, GoalState::Pending, 1));
    assert!(goal().due_ms.is_some(), "once is a failed attempt like any other");
    company.end().await;

    let company = open(Arc::new(Trap)).await;
    until(|| letter().state != MessageState::Waiting && letter().state != MessageState::Running).await;
    assert_eq!((letter().state, letter().falls), (MessageState::DeadLettered, 2));
    assert_eq!((goal().state, goal().attempts), (GoalState::Failed, 2), "two more attempts were left");
    assert!(goal().last_error.unwrap().ends_with("2 times, the last time with: as the test asked"));
    let alert = test.store.alerts().remove(0);
    assert_eq!((alert.kind, alert.goal, alert.resolved_ms), (AlertKind::DeadLetter, Some(given.goal.id), None));
    company.end().await;

    let company = open(test.blobs.clone()).await;
    company.retry_letter(given.message.id, &by).await.unwrap();
    assert_eq!((letter().falls, test.store.alerts()[0].resolved_ms.is_some()), (0, true));
    until(|| goal().state.is_over()).await;
    assert_ne!(goal().state, GoalState::Failed, "the cause is gone");
    company.end().await;
}
