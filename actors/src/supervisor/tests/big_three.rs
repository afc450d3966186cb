//! The big three of an hour: chosen once, explained, first in the inbox, and free for who has nothing to choose.

use std::time::Duration;

use super::harness::{House, Play, limits, settle, work};
use crate::{
    domain::{GoalId, IfFailed, PersonaId, Receipt, WaitsFor},
    persona::carrier::Order,
    ports::World,
    supervisor::NewWork,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Every run takes a minute, so that the rest waits.
fn a_minute(_: &Order) -> Play {
    Play::Take(MINUTE)
}

impl House {
    async fn gives_many(&self, persona: PersonaId, priorities: &[u16]) -> Vec<GoalId> {
        let mut goals = Vec::new();
        for priority in priorities {
            goals.push(self.give(persona, *priority).await.goal.id);
        }
        goals
    }

    fn choices(&self) -> Vec<Receipt> {
        let mut receipts = self.test.store.receipts();
        receipts.retain(|receipt| {
            receipt.body.as_ref().is_some_and(|body| body.summary.starts_with("chose the big three"))
        });
        receipts
    }

    /// The places of these goals in the order in which they were begun.
    fn began(&self, goals: &[GoalId]) -> Vec<usize> {
        let order = self.seen.order.lock().unwrap();
        order.iter().filter_map(|id| goals.iter().position(|goal| goal == id)).collect()
    }

    async fn minutes(&self, minutes: u32) {
        for _ in 0..minutes {
            tokio::time::advance(MINUTE).await;
            settle().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_three_best_go_first_with_one_receipt_that_says_why() {
    let house = House::open(4, a_minute).await;
    let ada = house.persona("ada").await;
    // While the first one runs, the others gather.
    let goals = house.gives_many(ada, &[500, 100, 200, 300, 400, 600]).await;
    // One that another goal waits for weighs more than its priority.
    let waits_for = WaitsFor { goals: vec![goals[1]], if_failed: IfFailed::Fail };
    let behind = NewWork { waits_for: waits_for.clone(), ..work(ada, 500) };
    for _ in 0..3 {
        house.company.deliver(behind.clone(), &house.by()).await.unwrap();
    }
    settle().await;
    assert!(house.choices().is_empty(), "it chose when there was one");
    house.minutes(1).await;
    let choices = house.choices();
    assert_eq!(choices.len(), 1);
    let data = choices[0].body.clone().unwrap().data;
    assert_eq!((data["of"].as_u64(), data["goals"][0]["points"].as_u64()), (Some(5), Some(601)));
    assert_eq!(data["goals"][1]["because"], "priority 0.100, has waited 1 min, 3 goals wait for it");
    house.minutes(30).await;
    assert_eq!(
        house.began(&goals),
        [0, 5, 1, 4, 3, 2],
        "the best, then the one others wait for, then the third; the rest by deadline"
    );
    assert_eq!(house.choices().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_still_goes_first() {
    let house = House::open(4, a_minute).await;
    let ada = house.persona("ada").await;
    let goals = house.gives_many(ada, &[500, 500, 500, 500, 500, 950]).await;
    house.minutes(7).await;
    assert_eq!(house.began(&goals)[..3], [0, 5, 0], "the run in hand yields to it");
    assert_eq!(house.choices().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_nothing_to_choose_from_chooses_nothing_and_reads_nothing() {
    let house = House::open(4, a_minute).await;
    let ada = house.persona("ada").await;
    house.gives_many(ada, &[500, 500, 500, 500]).await;
    house.minutes(1).await;
    assert!(house.choices().is_empty(), "three wait: all of them are first");
    house.minutes(10).await;
    let before = house.records.reads(ada);
    house.minutes(240).await;
    assert!(house.records.reads(ada) <= before + 2, "hours pass, nobody looks");
    assert!(house.test.store.receipts().iter().all(|receipt| receipt.body.is_some()));
    assert!(house.choices().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_new_hour_brings_a_new_choice_and_a_restart_keeps_the_old_one() {
    let house = House::open(4, a_minute).await;
    let ada = house.persona("ada").await;
    let goals = house.gives_many(ada, &[500; 120]).await;
    house.minutes(3).await;
    assert_eq!(house.choices().len(), 1);
    let chosen = house.choices()[0].body.clone().unwrap().data["goals"].clone();
    // Killed and started anew within the hour.
    let test = house.test.clone();
    drop(house);
    settle().await;
    let house = House::open_on(test, limits(4), a_minute).await;
    house.minutes(3).await;
    assert_eq!(house.choices().len(), 1, "the choice lasts");
    assert_eq!(chosen[0]["goal"], goals[1].to_string());
    let left = 60 - (house.test.world.now_ms() / 60_000).rem_euclid(60);
    house.minutes(u32::try_from(left).unwrap() + 1).await;
    assert_eq!(house.choices().len(), 2, "a new hour");
}
