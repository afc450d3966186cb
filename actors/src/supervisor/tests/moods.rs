//! Mood holds back what nobody waits for, and nothing else.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::harness::{House, Play, limits, settle, until, work};
use crate::{
    domain::{Chat, GoalState, MessageState, PersonaId, Priority},
    ports::World,
    supervisor::{Delivered, NewWork, Work},
    testing::{self, TestPorts},
};

/// Overheard in a room of its own, so that it is no burst.
async fn overheard(house: &House, to: PersonaId, priority: u16) -> Delivered {
    let room = house.test.world.new_id().to_string();
    let what = Work::Arrived(Arc::new(Chat::in_room("hello all", testing::place(&room))));
    let priority = Some(Priority::try_from(priority).unwrap());
    house.company.deliver(NewWork { what, priority, ..work(to, 0) }, &house.by()).await.unwrap()
}

fn state(house: &House, of: &Delivered) -> MessageState {
    house.test.store.messages().into_iter().find(|message| message.id == of.message.id).unwrap().state
}

/// When it was done, counted from `start`.
async fn done_after(house: &House, of: &Delivered, start: Instant) -> Duration {
    while house.state(of.goal.id) != GoalState::Done {
        settle().await;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn between_optional_turns_it_rests_and_owed_work_does_not_wait_for_that() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let start = Instant::now();
    let [first, second] = [overheard(&house, ada, 500).await, overheard(&house, ada, 500).await];
    assert!(done_after(&house, &first, start).await < Duration::from_millis(500));
    let owed = house.give(ada, 100).await;
    assert!(done_after(&house, &owed, start).await < Duration::from_secs(1), "nothing holds it back");
    assert_eq!(state(&house, &second), MessageState::Waiting);
    // A script answers nobody, so the rest of three seconds is doubled.
    let rested = done_after(&house, &second, start).await;
    assert!(rested > Duration::from_secs(6) && rested < Duration::from_secs(7), "{rested:?}");
    assert!(house.company.inbox_figures().held_by_mood > 0);
    house.accounts_for(3);
}

#[tokio::test(start_paused = true)]
async fn what_the_mood_never_lets_through_expires_and_wakes_nobody_meanwhile() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let boring = overheard(&house, ada, 100).await;
    settle().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    settle().await;
    let (looks, reads) = (house.company.inbox_figures().looks, house.records.reads(ada));
    for _ in 0..3_600 {
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    }
    assert_eq!(house.company.inbox_figures().looks, looks, "an hour without a look");
    assert_eq!(house.records.reads(ada), reads);
    until(|| state(&house, &boring) == MessageState::Expired).await;
    assert_eq!(house.state(boring.goal.id), GoalState::Cancelled);
    house.accounts_for(1);
}

#[tokio::test(start_paused = true)]
async fn overwhelmed_it_does_what_is_owed_and_of_the_optional_only_the_highest_band() {
    let mut rules = limits(1);
    rules.inner_life.overwhelmed_above = 5;
    let house = House::open_on(TestPorts::obliging(), rules, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    house.company.pause(ada, &house.by()).await.unwrap();
    let low: Vec<_> = futures::future::join_all((0..8).map(|_| overheard(&house, ada, 200))).await;
    let middle = overheard(&house, ada, 500).await;
    let owed = futures::future::join_all((0..3).map(|_| house.give(ada, 400))).await;
    house.company.resume(ada, &house.by()).await.unwrap();
    until(|| owed.iter().all(|owed| state(&house, owed) == MessageState::Done)).await;
    until(|| state(&house, &middle) == MessageState::Done).await;
    assert!(low.iter().all(|low| state(&house, low) == MessageState::Waiting), "the band above goes first");
    until(|| low.iter().all(|low| state(&house, low) == MessageState::Done)).await;
    let order = house.seen.order.lock().unwrap().clone();
    let place = |of: &Delivered| order.iter().position(|goal| *goal == of.goal.id).unwrap();
    assert!(owed.iter().all(|owed| place(owed) < place(&middle)));
    assert!(low.iter().all(|low| place(low) > place(&middle)), "and then its turn comes: nothing is locked up");
    house.accounts_for(12);
}
