//! Work comes in, personas wake, work and sleep again.

use std::{sync::atomic::Ordering, time::Duration};

use ed25519_dalek::SigningKey;
use serde_json::json;

use super::harness::{House, Play, limits, new_persona, settle, until, work};
use crate::{
    domain::{ArtifactKind, GoalState, MessageState, Mood, NewArtifact, Outcome, Payload, Phase, TraceId},
    ports::World,
    supervisor::{ActorState, By, Company, NewWork, Work},
    testing::TestPorts,
};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_delivery_wakes_a_persona_which_does_it_and_sleeps_again() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    assert_eq!(house.line(ada).state, ActorState::Asleep);
    let given = house.give(ada, 500).await;
    house.goal_becomes(given.goal.id, GoalState::Done).await;
    until(|| house.company.figures().inbox == 0).await;
    assert_eq!(house.line(ada).state, ActorState::Awake);
    house.accounts_for(1);

    house.becomes(ada, ActorState::Asleep).await;
    assert_eq!(house.test.performer.released(), [ada]);
    let again = house.give(ada, 500).await;
    house.goal_becomes(again.goal.id, GoalState::Done).await;
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_cap_holds_and_nothing_vanishes() {
    let house = House::open(3, |_| Play::Take(Duration::from_secs(5))).await;
    for n in 0..20 {
        let persona = house.persona(&format!("p{n}")).await;
        for priority in [100, 500, 900] {
            house.give(persona, priority).await;
        }
    }
    until(|| house.test.store.messages().iter().all(|message| message.state == MessageState::Done)).await;
    until(|| house.company.figures().inbox == 0).await;
    assert_eq!(house.seen.most.load(Ordering::SeqCst), 3);
    house.accounts_for(60);
    assert_eq!(house.company.figures().active_personas, 0);
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_one_poke_and_a_few_looks() {
    let house = House::open(1, |_| Play::UntilStopped).await;
    let ada = house.persona("ada").await;
    house.give(ada, 500).await;
    until(|| house.line(ada).on_stage).await;
    let before = house.records.reads(ada);
    let (company, by) = (house.company.clone(), house.by());
    let flood = (0..1_000).map(|_| company.deliver(work(ada, 500), &by));
    assert!(futures::future::join_all(flood).await.iter().all(Result::is_ok));
    settle().await;
    assert_eq!(house.line(ada).inbox, 1_001);
    let looks = house.records.reads(ada) - before;
    assert!((1..100).contains(&looks), "{looks} looks");
}

#[tokio::test(start_paused = true)]
async fn an_idle_persona_does_nothing_until_its_next_due_time() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let due_ms = house.test.world.now_ms() + 2 * 3_600_000;
    let later = NewWork { due_ms: Some(due_ms), ..work(ada, 500) };
    let later = house.company.deliver(later, &house.by()).await.unwrap().goal;
    settle().await;
    assert_eq!((house.records.reads(ada), house.line(ada).state), (0, ActorState::Asleep));
    house.give(ada, 500).await;
    house.becomes(ada, ActorState::Awake).await;
    house.becomes(ada, ActorState::Asleep).await;

    let asleep = house.records.reads(ada);
    for _ in 0..110 {
        tokio::time::advance(MINUTE).await;
        settle().await;
    }
    assert_eq!((house.records.reads(ada), house.state(later.id)), (asleep, GoalState::Pending));
    house.goal_becomes(later.id, GoalState::Done).await;
    assert!(house.test.world.now_ms() >= due_ms);
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_backs_off_comes_back_when_it_is_due() {
    let house = House::open(1, |order| match order.work.goal.attempts {
        0 => Play::BackOff(10 * MINUTE),
        _ => Play::Finish,
    })
    .await;
    let ada = house.persona("ada").await;
    let start_ms = house.test.world.now_ms();
    let given = house.give(ada, 500).await;
    house.goal_becomes(given.goal.id, GoalState::Done).await;
    assert!(house.test.world.now_ms() - start_ms >= 600_000);
    until(|| house.company.figures().inbox == 0).await;
}

#[tokio::test(start_paused = true)]
async fn urgent_work_makes_a_run_yield_and_the_run_is_carried_on() {
    let house = House::open(1, |order| match order.work.message.priority.is_urgent() {
        true => Play::Finish,
        false => Play::Take(MINUTE),
    })
    .await;
    let ada = house.persona("ada").await;
    let slow = house.give(ada, 500).await.goal.id;
    until(|| house.line(ada).on_stage).await;
    assert_eq!(house.line(ada).now.as_deref(), Some("works on a line"));
    let urgent = house.give(ada, 900).await.goal.id;
    house.goal_becomes(urgent, GoalState::Done).await;
    assert_eq!(house.state(slow), GoalState::Running, "interrupted, not failed");
    house.goal_becomes(slow, GoalState::Done).await;
    assert_eq!(*house.seen.order.lock().unwrap(), [slow, urgent, slow]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_started_in_time_expires_with_a_receipt() {
    let house = House::open(1, |_| Play::UntilStopped).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    house.give(ada, 500).await;
    until(|| house.line(ada).on_stage).await;
    let serve_by_ms = Some(house.test.world.now_ms() + 60_000);
    let waits = NewWork { serve_by_ms, ..work(bo, 500) };
    let waits = house.company.deliver(waits, &house.by()).await.unwrap();
    house.goal_becomes(waits.goal.id, GoalState::Cancelled).await;
    let message = house.test.store.messages().into_iter().find(|message| message.id == waits.message.id).unwrap();
    assert_eq!(message.state, MessageState::Expired);
    let receipts = house.test.store.receipts();
    assert!(receipts.iter().any(|r| r.goal == Some(waits.goal.id) && r.phase == Some(Phase::Expired)));
    until(|| house.company.figures().inbox == 1).await;
    house.accounts_for(2);
}

#[tokio::test(start_paused = true)]
async fn a_chat_message_becomes_a_goal_with_a_text_to_prove() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let chat = NewWork { what: Work::Chat { text: "Hello\nthere".to_owned() }, ..work(ada, 900) };
    let given = house.company.deliver(chat, &house.by()).await.unwrap();
    assert_eq!(given.goal.title, "Hello");
    assert!(matches!(&given.goal.payload, Payload::Ai(ai) if ai.prompt == "Hello\nthere"));
    assert_eq!(given.goal.proof.artifacts, [ArtifactKind::Text]);
    house.goal_becomes(given.goal.id, GoalState::Done).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_correlation_brings_the_same_work() {
    let house = House::open(1, |_| Play::Finish).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let keyed = |persona| NewWork { correlation: Some("order-7".to_owned()), ..work(persona, 500) };
    let first = house.company.deliver(keyed(ada), &house.by()).await.unwrap();
    house.goal_becomes(first.goal.id, GoalState::Done).await;
    let second = house.company.deliver(keyed(ada), &house.by()).await.unwrap();
    assert!(second.repeated && !first.repeated);
    assert_eq!((second.goal.id, second.message.id), (first.goal.id, first.message.id));
    assert!(!house.company.deliver(keyed(bo), &house.by()).await.unwrap().repeated, "keys belong to a persona");
}

#[tokio::test(start_paused = true)]
async fn the_end_stops_runs_at_a_boundary_and_the_next_start_carries_them_on() {
    let house = House::open(1, |_| Play::UntilStopped).await;
    let ada = house.persona("ada").await;
    let given = house.give(ada, 500).await;
    until(|| house.line(ada).on_stage).await;
    house.company.end().await;
    assert_eq!(house.state(given.goal.id), GoalState::Running);
    assert!(house.seen.running().is_empty());
    assert!(!house.test.store.checkpoints().is_empty(), "heads are signed");
    let refused = house.company.deliver(work(ada, 500), &house.by()).await;
    assert!(matches!(refused, Err(crate::supervisor::CommandError::Ending)));

    let next = House::open_on(house.test.clone(), limits(1), |_| Play::Finish).await;
    next.goal_becomes(given.goal.id, GoalState::Done).await;
}

#[tokio::test(start_paused = true)]
async fn the_real_runner_carries_a_message_to_its_proof() {
    let test = TestPorts::new(|call| {
        let text = NewArtifact {
            kind: ArtifactKind::Text,
            name: "text.txt".into(),
            media_type: "text/plain",
            bytes: b"Hi".to_vec(),
        };
        Outcome::done(format!("did {}", call.tool), json!({"value": "Hi"})).with_artifact(text)
    });
    let company = Company::start(limits(1), test.ports(), SigningKey::from_bytes(&[7; 32])).await.unwrap();
    let by = By { who: "ada".to_owned(), trace: TraceId(test.world.new_id()) };
    let persona = company.create_persona(new_persona("jason"), &by).await.unwrap().id;
    let chat = NewWork { what: Work::Chat { text: "Hello".to_owned() }, ..work(persona, 900) };
    let given = company.deliver(chat, &by).await.unwrap();
    let state = || test.store.goals().into_iter().find(|goal| goal.id == given.goal.id).unwrap().state;
    until(|| state().is_over()).await;
    assert_eq!(state(), GoalState::Done);
    until(|| company.figures().inbox == 0 && company.figures().active_personas == 0).await;
    company.end().await;
}

#[tokio::test(start_paused = true)]
async fn work_tires_and_sleep_is_rest_that_is_remembered() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(480))).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let energy = |id| house.line(id).vitals.energy.thousandths();
    assert_eq!((energy(ada), house.line(ada).vitals.mood), (1_000, Mood::Idle));
    let first = house.give(ada, 500).await.goal.id;
    until(|| energy(ada) < 500).await;
    assert!(house.line(ada).on_stage, "it is shown while it works");
    house.goal_becomes(first, GoalState::Done).await;
    until(|| !house.line(ada).on_stage).await;
    assert!((195..=210).contains(&energy(ada)), "{}", energy(ada));
    assert_eq!((house.line(ada).vitals.mood, energy(bo)), (Mood::Tired, 1_000));
    let climate = house.company.climate();
    assert_eq!((climate.tired, climate.idle, climate.energy.thousandths() / 10), (1, 1, 60));

    house.becomes(ada, ActorState::Asleep).await;
    let asleep = energy(ada);
    assert!((590..=620).contains(&asleep), "two minutes of rest: {asleep}");
    house.give(ada, 500).await;
    house.becomes(ada, ActorState::Awake).await;
    assert!((590..=620).contains(&energy(ada)), "it does not wake up fresh: {}", energy(ada));
    let reads = house.records.reads(bo);
    until(|| energy(ada) < 400).await;
    assert_eq!(house.records.reads(bo), reads, "and nobody ticks for those who rest");
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_overwhelms_but_delays_nothing() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(1))).await;
    let ada = house.persona("ada").await;
    let mut goals = Vec::new();
    for _ in 0..60 {
        goals.push(house.give(ada, 500).await.goal.id);
    }
    until(|| house.line(ada).vitals.mood == Mood::Overwhelmed).await;
    until(|| house.line(ada).inbox == 0).await;
    assert!(goals.into_iter().all(|goal| house.state(goal) == GoalState::Done));
}
