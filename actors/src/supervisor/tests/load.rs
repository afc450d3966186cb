//! The cap follows the machine: with receipts, without taking a slice away, and only while somebody works.

use std::{sync::Arc, time::Duration};

use super::harness::{House, Play, limits, settle, work};
use crate::{
    domain::{AlertKind, ChainId, Chat, GoalState, LoadLevel, PersonaId},
    persona::carrier::Order,
    ports::{Machine, World},
    supervisor::{NewWork, Work},
    testing::{self, TestPorts},
};

const SAMPLE: Duration = Duration::from_secs(10);
const HOT: Machine = Machine { run_queue: 5_000, memory: 300 };
const COOL: Machine = Machine { run_queue: 100, memory: 300 };

/// Works until it is told to stop.
fn endless(_: &Order) -> Play {
    Play::UntilStopped
}

fn finish(_: &Order) -> Play {
    Play::Finish
}

/// A company of four slots on a machine that can be seen.
async fn house(machine: Machine, script: fn(&Order) -> Play) -> House {
    let test = TestPorts::obliging();
    test.world.set_machine(Some(machine));
    House::open_on(test, limits(4), script).await
}

impl House {
    async fn four_at_work(&self) -> Vec<PersonaId> {
        let mut personas = Vec::new();
        for slug in ["ada", "bo", "cy", "di"] {
            let id = self.persona(slug).await;
            self.give(id, 500).await;
            personas.push(id);
        }
        settle().await;
        assert_eq!(self.company.figures().active_personas, 4);
        personas
    }

    async fn samples_pass(&self, samples: u32) {
        for _ in 0..samples {
            tokio::time::advance(SAMPLE).await;
            settle().await;
        }
    }

    fn stands(&self) -> (LoadLevel, usize, usize) {
        let (load, figures) = (self.company.load(), self.company.figures());
        assert_eq!(load.cap, figures.cap);
        (load.level, load.cap, figures.active_personas)
    }

    /// What the system chain says of the machine, in order.
    fn said_of_the_machine(&self) -> Vec<(String, u64)> {
        let chain = self.test.store.chain(&ChainId::System(testing::node()));
        let data = chain.into_iter().filter_map(|receipt| receipt.body).map(|body| body.data);
        let changes = data.filter(|data| data.get("level").is_some());
        changes.map(|data| (data["level"].as_str().unwrap().to_owned(), data["cap"].as_u64().unwrap())).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn hot_it_shrinks_with_receipts_and_takes_no_slice_away() {
    let house = house(HOT, endless).await;
    let personas = house.four_at_work().await;
    house.samples_pass(1).await;
    assert_eq!(house.stands(), (LoadLevel::Calm, 4, 4), "one hot moment is none");
    house.samples_pass(3).await;
    assert_eq!(house.stands(), (LoadLevel::Hot, 1, 4), "who works goes on");
    let hot = |cap| ("hot".to_owned(), cap);
    assert_eq!(house.said_of_the_machine(), [hot(3), hot(2), hot(1)]);
    // Three of them give their slices back: nobody gets them.
    for id in &personas[..3] {
        house.company.pause(*id, &house.by()).await.unwrap();
    }
    let eve = house.persona("eve").await;
    let waits = house.give(eve, 500).await;
    settle().await;
    assert_eq!(house.stands().2, 1);
    assert_eq!(house.state(waits.goal.id), GoalState::Pending);
    house.test.world.set_machine(Some(COOL));
    house.samples_pass(3).await;
    assert_eq!(house.stands(), (LoadLevel::Warm, 2, 2), "and now she works");
    house.samples_pass(2).await;
    assert_eq!(house.stands(), (LoadLevel::Calm, 4, 2));
}

#[tokio::test(start_paused = true)]
async fn hot_for_long_raises_one_alert_which_cooling_down_resolves() {
    let house = house(HOT, endless).await;
    house.four_at_work().await;
    house.samples_pass(31).await;
    assert!(house.test.store.alerts().is_empty(), "four minutes and fifty seconds");
    house.samples_pass(20).await;
    let alerts = house.test.store.alerts();
    assert_eq!((alerts.len(), alerts[0].kind, alerts[0].resolved_ms), (1, AlertKind::MachineHot, None));
    assert!(alerts[0].text.contains("5.0 tasks per core want to run"), "{}", alerts[0].text);
    house.test.world.set_machine(Some(COOL));
    house.samples_pass(8).await;
    assert_eq!(house.stands().0, LoadLevel::Calm);
    assert!(house.test.store.alerts()[0].resolved_ms.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_alert_of_a_killed_process_is_resolved_by_the_next() {
    let hot = house(HOT, endless).await;
    hot.four_at_work().await;
    hot.samples_pass(40).await;
    assert_eq!(hot.test.store.alerts().len(), 1);
    let test = hot.test.clone();
    drop(hot);
    settle().await;
    test.world.set_machine(Some(COOL));
    let house = House::open_on(test, limits(4), endless).await;
    house.samples_pass(2).await;
    assert!(house.test.store.alerts()[0].resolved_ms.is_some());
    assert_eq!(house.stands().1, 4);
}

#[tokio::test(start_paused = true)]
async fn an_idle_company_is_not_sampled() {
    let house = house(COOL, finish).await;
    settle().await;
    // Once, to see whether the machine can be seen at all.
    assert_eq!(house.test.world.samples(), 1);
    house.samples_pass(1_000).await;
    assert_eq!(house.test.world.samples(), 1);
    let ada = house.persona("ada").await;
    house.give(ada, 500).await;
    settle().await;
    house.samples_pass(1_000).await;
    assert_eq!(house.test.world.samples(), 2, "one look after the work");
    assert!(house.said_of_the_machine().is_empty());
}

#[tokio::test(start_paused = true)]
async fn idle_after_heat_it_is_sampled_until_all_slots_are_back() {
    let house = house(HOT, finish).await;
    let ada = house.persona("ada").await;
    for _ in 0..4 {
        house.give(ada, 500).await;
        settle().await;
        house.samples_pass(1).await;
    }
    assert_eq!(house.stands().0, LoadLevel::Hot);
    house.test.world.set_machine(Some(COOL));
    house.samples_pass(20).await;
    assert_eq!(house.stands(), (LoadLevel::Calm, 4, 0));
    let seen = house.test.world.samples();
    house.samples_pass(100).await;
    assert_eq!(house.test.world.samples(), seen);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_models_are_heat_too() {
    let house = house(COOL, endless).await;
    house.four_at_work().await;
    for _ in 0..3 {
        (0..5).for_each(|_| house.company.model_refused(None));
        house.samples_pass(1).await;
    }
    assert_eq!(house.stands().0, LoadLevel::Hot);
    assert_eq!(house.company.load().why, "models refused 5 calls");
    house.samples_pass(6).await;
    assert_eq!(house.stands().0, LoadLevel::Calm);
}

#[tokio::test(start_paused = true)]
async fn without_a_receipt_nothing_changes() {
    let house = house(HOT, endless).await;
    house.four_at_work().await;
    {
        let _outage = house.test.store.fail_until_told();
        house.samples_pass(10).await;
        assert_eq!(house.stands(), (LoadLevel::Calm, 4, 4));
    }
    house.samples_pass(1).await;
    assert_eq!(house.stands().0, LoadLevel::Hot);
}

#[tokio::test(start_paused = true)]
async fn switched_off_or_unseen_the_cap_stays() {
    let unseen = TestPorts::obliging();
    let off = TestPorts::obliging();
    off.world.set_machine(Some(HOT));
    let mut without = limits(4);
    without.load.adapt = false;
    for (test, limits) in [(unseen, limits(4)), (off, without)] {
        let house = House::open_on(test, limits, endless).await;
        house.four_at_work().await;
        house.samples_pass(10).await;
        assert_eq!(house.stands(), (LoadLevel::Calm, 4, 4));
    }
}

#[tokio::test(start_paused = true)]
async fn optional_work_waits_for_a_calm_machine_and_is_caught_up_then() {
    let house =
        house(HOT, |order| if order.work.message.text == "a line" { Play::UntilStopped } else { Play::Finish }).await;
    house.four_at_work().await;
    house.samples_pass(3).await;
    assert_eq!(house.stands().0, LoadLevel::Hot);
    let eve = house.persona("eve").await;
    let room = house.test.world.new_id().to_string();
    let what = Work::Arrived(Arc::new(Chat::in_room("hello all", testing::place(&room))));
    let overheard = NewWork { what, priority: None, ..work(eve, 0) };
    let overheard = house.company.deliver(overheard, &house.by()).await.unwrap();
    settle().await;
    let looks = house.company.inbox_figures().looks;
    house.samples_pass(30).await;
    assert_eq!(house.company.inbox_figures().looks, looks, "it waits without looking");
    assert_eq!(house.state(overheard.goal.id), GoalState::Pending);
    // Somebody gives a slot back, and the machine cools down.
    let ada = house.test.store.persona_named("ada").unwrap().id;
    house.company.pause(ada, &house.by()).await.unwrap();
    house.test.world.set_machine(Some(COOL));
    house.samples_pass(7).await;
    assert_eq!(house.stands().0, LoadLevel::Calm);
    assert_eq!(house.state(overheard.goal.id), GoalState::Done);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_models_lower_the_compute_budget_of_who_asked_awake_or_asleep() {
    let house = House::open(4, endless).await;
    let [ada, bo] = [house.persona("ada").await, house.persona("bo").await];
    house.give(ada, 500).await;
    settle().await;
    for _ in 0..2 {
        house.company.model_refused(Some(ada));
    }
    house.company.model_refused(Some(bo));
    house.company.model_refused(Some([9; 16].into()));
    house.company.model_refused(None);
    settle().await;
    let compute = |id| {
        let actors = house.company.actors();
        actors.iter().find(|actor| actor.persona == id).unwrap().vitals.compute.thousandths()
    };
    assert_eq!((compute(ada), compute(bo)), (250, 500));
    assert_eq!(house.company.desk.scheduler.take_refusals(), 5, "the machine is told of all");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!((compute(ada), compute(bo)), (350, 600), "and it recovers");
}

#[tokio::test(start_paused = true)]
async fn what_programs_met_with_while_nobody_worked_heats_no_machine() {
    let house = house(COOL, endless).await;
    (0..50).for_each(|_| house.company.model_refused(None));
    house.four_at_work().await;
    house.samples_pass(1).await;
    for level in [LoadLevel::Calm, LoadLevel::Hot] {
        (0..5).for_each(|_| house.company.model_refused(None));
        house.samples_pass(1).await;
        assert_eq!(house.stands().0, level, "it takes two samples, and what was before is none");
    }
}
