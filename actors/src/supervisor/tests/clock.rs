//! A wall clock that jumps an hour, forward and back. Moments are the clock's; pauses are not: they do not get longer.

use std::time::Duration;

use tokio::time::Instant;

use super::harness::{House, Play, limits, settle, until, work};
use crate::{
    domain::{GoalState, Limits, MessageState, Phase},
    persona::carrier::Order,
    ports::World as _,
    supervisor::{ActorState, NewWork},
    testing::TestPorts,
};

const HOUR_MS: i64 = 3_600_000;
const MINUTES: fn(u64) -> Duration = |minutes| Duration::from_secs(60 * minutes);

/// The first attempt backs off; the priority says for how many minutes.
fn backs_off(order: &Order) -> Play {
    match (order.work.goal.attempts, order.work.message.priority.thousandths()) {
        (0, minutes @ 1..=20) => Play::BackOff(MINUTES(minutes.into())),
        _ => Play::Finish,
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_makes_no_pause_longer_and_lets_nothing_expire() {
    let house = House::open(2, backs_off).await;
    let (ada, bo, cy) = (house.persona("ada").await, house.persona("bo").await, house.persona("cy").await);
    // One waits awake for its retry, one asleep, one for a moment.
    let (awake, asleep) = (house.give(ada, 1).await.goal.id, house.give(bo, 15).await.goal.id);
    let noon_ms = house.test.world.now_ms();
    let at_one = NewWork { due_ms: Some(noon_ms + HOUR_MS), ..work(cy, 500) };
    let at_one = house.company.deliver(at_one, &house.by()).await.unwrap().goal.id;
    for goal in [awake, asleep] {
        until(|| house.goal(goal).due_ms.is_some()).await;
    }
    let began = Instant::now();
    house.test.world.set_clock(-HOUR_MS, true);
    house.goal_becomes(awake, GoalState::Done).await;
    assert!(began.elapsed() <= MINUTES(2), "the pause was a minute: {:?}", began.elapsed());
    house.becomes(bo, ActorState::Asleep).await;
    house.goal_becomes(asleep, GoalState::Done).await;
    // The supervisor finds out when it looks at the clock, at most ten minutes after it should have.
    assert!(began.elapsed() <= MINUTES(26), "the pause was 15 minutes: {:?}", began.elapsed());

    assert_eq!(house.state(at_one), GoalState::Pending, "a moment stays a moment");
    house.goal_becomes(at_one, GoalState::Done).await;
    assert!(house.test.world.now_ms() >= noon_ms + HOUR_MS);
    assert!(house.test.store.messages().iter().all(|message| message.state == MessageState::Done));
    until(|| house.company.figures().inbox == 0).await;
    house.accounts_for(3);
}

#[tokio::test(start_paused = true)]
async fn what_came_in_before_the_clock_was_set_back_goes_first() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(5))).await;
    let ada = house.persona("ada").await;
    let first = house.give(ada, 500).await.goal.id;
    let before = house.give(ada, 500).await.goal.id;
    until(|| house.line(ada).on_stage).await;
    house.test.world.set_clock(-HOUR_MS, true);
    let after = house.give(ada, 500).await.goal.id;
    house.goal_becomes(after, GoalState::Done).await;
    assert_eq!(*house.seen.order.lock().unwrap(), [first, before, after]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_forward_lets_expire_what_is_late_by_it_once_and_the_rest_goes_on() {
    let script = |order: &Order| match order.work.message.priority.thousandths() {
        900 => Play::Take(Duration::from_secs(30)),
        _ => backs_off(order),
    };
    let limits = Limits { serve_within: MINUTES(30), ..limits(2) };
    let house = House::open_on(TestPorts::obliging(), limits, script).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let running = house.give(ada, 900).await.goal.id;
    until(|| house.line(ada).on_stage).await;
    let waiting = [house.give(ada, 500).await.goal.id, house.give(ada, 400).await.goal.id];
    let pauses = house.give(bo, 15).await.goal.id;
    until(|| house.goal(pauses).due_ms.is_some()).await;

    let began = Instant::now();
    house.test.world.set_clock(HOUR_MS, true);
    house.goal_becomes(running, GoalState::Done).await;
    for goal in waiting {
        house.goal_becomes(goal, GoalState::Cancelled).await;
    }
    house.goal_becomes(pauses, GoalState::Done).await;
    assert!(began.elapsed() <= MINUTES(16), "a pause that is over by the clock is over: {:?}", began.elapsed());

    // And back again: what has expired stays so, and nothing expires a second time.
    house.test.world.set_clock(-HOUR_MS, true);
    let after = [house.give(ada, 500).await.goal.id, house.give(bo, 500).await.goal.id];
    for goal in after {
        house.goal_becomes(goal, GoalState::Done).await;
    }
    settle().await;
    let receipts = house.test.store.receipts();
    let expired: Vec<_> = receipts.iter().filter(|receipt| receipt.phase == Some(Phase::Expired)).collect();
    assert_eq!(expired.iter().filter_map(|receipt| receipt.goal).collect::<Vec<_>>().len(), 2, "{expired:#?}");
    // A chain's order is its sequence; `at_ms` is what the clock showed, and may go back.
    let chain = house.test.store.chain(&crate::domain::ChainId::Persona(ada));
    assert!(chain.windows(2).all(|two| two[0].seq + 1 == two[1].seq));
    assert!(chain.windows(2).any(|two| two[0].at_ms > two[1].at_ms + HOUR_MS / 2));
    until(|| house.company.figures().inbox == 0).await;
    house.accounts_for(6);
}
