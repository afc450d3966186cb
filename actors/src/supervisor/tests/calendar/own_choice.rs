//! Lines that are their persona's own choice: made when its mood permits, else skipped with a receipt, asleep all the
//! while.

use std::time::Duration;

use super::{super::harness::Play, HOUR, a_line, finish};
use crate::{
    domain::{GoalState, Limits, PersonaId, Phase, Receipt, Schedule, Starts},
    supervisor::{
        NewSchedule,
        tests::harness::{House, limits, settle, until},
    },
    testing::TestPorts,
};

const MINUTE: Duration = Duration::from_secs(60);

async fn cadence(house: &House, persona: PersonaId, every: &str) -> Schedule {
    let Starts::Goal { title, payload, proof, .. } = a_line() else { panic!("a goal") };
    let starts = Starts::Goal { title, payload, proof, priority: None, optional: true };
    let new = NewSchedule { name: "idle hands".to_owned(), cron: every.to_owned(), starts, on: true };
    house.company.add_schedule(persona, new, &house.by()).await.unwrap()
}

fn skipped(house: &House) -> Vec<Receipt> {
    let mut receipts = house.saying("the calendar did not start “idle hands”");
    receipts.retain(|receipt| receipt.phase == Some(Phase::Skipped));
    receipts
}

fn why(receipt: &Receipt) -> String {
    receipt.body.as_ref().unwrap().summary.rsplit_once("”: ").unwrap().1.to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_cadence_makes_its_goal_again_and_again_as_optional_work() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    cadence(&house, ada, "every 45m").await;
    // It is noon, and it is up all day.
    house.passes(3 * HOUR + MINUTE).await;
    let started = house.started();
    assert_eq!(started.len(), 4, "12:45, 13:30, 14:15, 15:00");
    assert!(started.iter().all(|goal| goal.state == GoalState::Done));
    assert!(house.test.store.messages().iter().all(|message| message.optional));
    assert!(skipped(&house).is_empty());
    house.accounts_for(4);
}

#[tokio::test(start_paused = true)]
async fn who_is_tired_skips_it_asleep_and_the_receipt_says_why() {
    let mut rules: Limits = limits(4);
    rules.inner_life.tired_below = 2.0;
    let house = House::open_on(TestPorts::obliging(), rules, finish).await;
    let ada = house.persona("ada").await;
    let line = cadence(&house, ada, "every 45m").await;
    settle().await;
    let (looks, reads) = (house.company.inbox_figures().looks, house.records.reads(ada));
    house.passes(2 * HOUR).await;
    assert!(house.started().is_empty());
    assert_eq!(skipped(&house).iter().map(why).collect::<Vec<_>>(), ["it is tired: this was not important enough"; 2]);
    assert_eq!((house.company.inbox_figures().looks, house.records.reads(ada)), (looks, reads), "nobody was woken");
    assert!(house.line_of(line.id).handled_ms > line.handled_ms && house.line_of(line.id).last.is_none());
    house.give(ada, 500).await;
    until(|| house.test.store.goals().iter().all(|goal| goal.state == GoalState::Done)).await;
}

#[tokio::test(start_paused = true)]
async fn the_next_is_skipped_while_the_last_is_in_hand() {
    let house = House::open(4, |_| Play::Take(Duration::from_secs(5_000))).await;
    let ada = house.persona("ada").await;
    cadence(&house, ada, "every 30m").await;
    house.passes(2 * HOUR + MINUTE).await;
    assert_eq!(house.started().len(), 2, "12:30, and 14:00 when that is done");
    assert_eq!(skipped(&house).iter().map(why).collect::<Vec<_>>(), ["what it started last is not done yet"; 2]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_begun_by_the_next_due_time_expires() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(7_200))).await;
    let [ada, bo] = [house.persona("ada").await, house.persona("bo").await];
    house.give(bo, 500).await;
    cadence(&house, ada, "every 30m").await;
    house.passes(HOUR + MINUTE).await;
    let started = house.started();
    assert_eq!(started[0].state, GoalState::Cancelled, "bo holds the only slot");
}
