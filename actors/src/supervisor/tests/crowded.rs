//! However much lies in an inbox: what matters is seen, what is late expires, and a store that is gone is not hurried.

use std::{sync::Arc, time::Duration};

use super::harness::{House, Play, settle, until, work};
use crate::{
    domain::{Chat, Goal, GoalState, Load, LoadLevel, Message, MessageState, ParkedOn, PersonaId, Phase, Priority},
    persona::carrier::Order,
    ports::{Change, Commit, World},
    supervisor::{ActorState, Delivered, NewWork, Work},
    testing,
};

/// Urgent and unimportant work ends at once, all else goes on until it is stopped.
fn only_ordinary_work_is_endless(order: &Order) -> Play {
    match order.work.message.priority.thousandths() {
        500 => Play::UntilStopped,
        _ => Play::Finish,
    }
}

/// Writes work into the store, past the company. `begun`: a run of it was under way before.
fn lies(house: &House, to: PersonaId, begun: bool, shape: impl Fn(&mut Message, &mut Goal)) -> Message {
    let world = &*house.test.world;
    let mut goal = testing::goal(world, to);
    let mut message = testing::message(world, &goal);
    shape(&mut message, &mut goal);
    let id = message.id;
    let mut changes = vec![Change::GoalAdded(Box::new(goal)), Change::MessageDelivered(Box::new(message.clone()))];
    if begun {
        changes.extend([MessageState::Running, MessageState::Waiting].map(|state| Change::MessageMoved(id, state)));
    }
    house.test.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    message
}

/// Nobody could do anything about it before tomorrow, or before somebody else acts.
fn parked(on: ParkedOn, due_ms: Option<i64>) -> impl Fn(&mut Message, &mut Goal) {
    move |_, goal| (goal.state, goal.parked_on, goal.due_ms) = (GoalState::Parked, Some(on), due_ms)
}

fn state(house: &House, of: &Message) -> MessageState {
    house.test.store.messages().into_iter().find(|message| message.id == of.id).unwrap().state
}

/// Overheard in a room of its own, so that it is no burst, with this much time.
async fn overheard(house: &House, to: PersonaId, within_ms: i64) -> Delivered {
    let room = house.test.world.new_id().to_string();
    let what = Work::Arrived(Arc::new(Chat::in_room("hello all", testing::place(&room))));
    let serve_by_ms = Some(house.test.world.now_ms() + within_ms);
    let new = NewWork { what, serve_by_ms, priority: Some(Priority::try_from(400).unwrap()), ..work(to, 0) };
    house.company.deliver(new, &house.by()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn urgent_work_goes_before_any_number_of_due_retries_and_stops_the_one_in_hand() {
    let house = House::open(1, only_ordinary_work_is_endless).await;
    let ada = house.persona("ada").await;
    for _ in 0..70 {
        lies(&house, ada, true, |_, goal| goal.attempts = 1);
    }
    house.company.desk.office.poke(ada);
    until(|| house.line(ada).on_stage).await;
    let urgent = house.give(ada, 900).await;
    house.goal_becomes(urgent.goal.id, GoalState::Done).await;
    until(|| house.line(ada).on_stage).await;
    assert_eq!(house.seen.order.lock().unwrap()[1], urgent.goal.id);
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_waits_for_no_other_urgent_run_of_its_persona() {
    let script = |order: &Order| match order.work.message.priority.thousandths() {
        950 => Play::Take(Duration::from_secs(24)),
        _ => Play::Finish,
    };
    let house = House::open(1, script).await;
    let ada = house.persona("ada").await;
    let first = house.give(ada, 950).await;
    until(|| house.line(ada).on_stage).await;
    let began = tokio::time::Instant::now();
    let second = house.give(ada, 1_000).await;
    house.goal_becomes(second.goal.id, GoalState::Done).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    house.goal_becomes(first.goal.id, GoalState::Done).await;
    house.accounts_for(2);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_person_or_for_tomorrow_hides_nothing() {
    for (on, begun) in [(ParkedOn::Reconcile, true), (ParkedOn::Quota, false)] {
        let house = House::open(1, only_ordinary_work_is_endless).await;
        let ada = house.persona("ada").await;
        let tomorrow_ms = house.test.world.now_ms() + 24 * 3_600_000;
        for _ in 0..1_100 {
            lies(&house, ada, begun, parked(on, (on == ParkedOn::Quota).then_some(tomorrow_ms)));
        }
        let chat = house.give(ada, 300).await;
        house.goal_becomes(chat.goal.id, GoalState::Done).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_put_off_is_begun_at_its_time_however_much_was() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let now_ms = house.test.world.now_ms();
    for nth in 0..1_100_i64 {
        let due_ms = now_ms + 60_000 * if nth == 1_050 { 5 } else { 600 + nth };
        lies(&house, ada, false, parked(ParkedOn::Quota, Some(due_ms)));
    }
    house.company.desk.office.poke(ada);
    settle().await;
    tokio::time::advance(Duration::from_secs(295)).await;
    settle().await;
    assert!(house.seen.order.lock().unwrap().is_empty());
    // It is awake, or was told when to wake.
    for _ in 0..10 {
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    }
    assert_eq!(house.seen.order.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_late_expires_at_its_time_however_much_is_owed_before_it() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(60))).await;
    let ada = house.persona("ada").await;
    for _ in 0..100 {
        house.give(ada, 500).await;
    }
    let optional = overheard(&house, ada, 300_000).await.message;
    settle().await;
    let mut waited = 0;
    while state(&house, &optional) == MessageState::Waiting {
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
        waited += 1;
    }
    assert_eq!(state(&house, &optional), MessageState::Expired);
    assert!((300..=302).contains(&waited), "after {waited} s");
    assert!(house.line(ada).on_stage, "nobody else was disturbed");
    let told = |house: &House| house.test.store.receipts().into_iter().any(|r| r.phase == Some(Phase::Expired));
    assert!(told(&house), "with a receipt");
}

#[tokio::test(start_paused = true)]
async fn more_than_one_look_sees_expire_at_once() {
    let house = House::open(1, only_ordinary_work_is_endless).await;
    let ada = house.persona("ada").await;
    house.give(ada, 500).await;
    until(|| house.line(ada).on_stage).await;
    let late: Vec<_> = (0..300)
        .map(|_| lies(&house, ada, false, |message, _| message.serve_by_ms = message.received_ms - 1))
        .collect();
    house.company.desk.office.poke(ada);
    for _ in 0..20 {
        settle().await;
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert!(late.iter().all(|late| state(&house, late) == MessageState::Expired));
    assert!(house.line(ada).on_stage);
}

#[tokio::test(start_paused = true)]
async fn a_pause_keeps_nothing_alive_that_was_to_be_begun_during_it() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    house.company.pause(ada, &house.by()).await.unwrap();
    let short = overheard(&house, ada, 60_000).await.message;
    let long = overheard(&house, ada, 7_200_000).await.message;
    settle().await;
    tokio::time::advance(Duration::from_secs(60)).await;
    settle().await;
    assert_eq!(state(&house, &short), MessageState::Waiting, "not before its time");
    tokio::time::advance(Duration::from_millis(2)).await;
    until(|| state(&house, &short) == MessageState::Expired).await;
    assert_eq!((state(&house, &long), house.line(ada).state), (MessageState::Waiting, ActorState::Paused));
    until(|| house.line(ada).inbox == 1).await;
    house.accounts_for(2);
    // The rest of the time passes while nobody is there.
    let test = house.test.clone();
    house.company.end().await;
    drop(house);
    tokio::time::advance(Duration::from_secs(7_200)).await;
    let house = House::open_on(test, super::harness::limits(1), |_| Play::Finish).await;
    until(|| state(&house, &long) == MessageState::Expired).await;
    until(|| house.line(ada).inbox == 0).await;
    assert_eq!(house.seen.order.lock().unwrap().len(), 0);
    house.accounts_for(2);
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_no_wait_for_a_slot() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    house.company.pause(ada, &house.by()).await.unwrap();
    let given = [house.give(ada, 950).await, house.give(ada, 500).await];
    settle().await;
    tokio::time::advance(Duration::from_secs(153)).await;
    house.company.resume(ada, &house.by()).await.unwrap();
    for work in &given {
        house.goal_becomes(work.goal.id, GoalState::Done).await;
    }
    let figures = house.company.turn_figures().await.unwrap();
    let longest = figures.waits.iter().map(|band| band.longest_ms).max().unwrap();
    assert!(longest < 1_000 && figures.grants == 2, "{figures:?}");
    assert_eq!(figures.urgent_late, 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_an_expiry_is_asked_again_later() {
    for paused in [false, true] {
        let house = House::open(1, |_| Play::Finish).await;
        let ada = house.persona("ada").await;
        let late = lies(&house, ada, false, |message, _| message.serve_by_ms = message.received_ms - 1);
        if paused {
            house.company.pause(ada, &house.by()).await.unwrap();
            house.becomes(ada, ActorState::Paused).await;
        }
        let outage = house.test.store.fail_until_told();
        if !paused {
            house.company.desk.office.poke(ada);
        }
        house.company.desk.office.bell().press(ada, crate::supervisor::doorbell::News { messages: 1, due_ms: 0 });
        let reads = house.records.reads(ada);
        for _ in 0..600 {
            settle().await;
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let reads = house.records.reads(ada) - reads;
        assert!((5..200).contains(&reads), "{reads} reads in ten minutes");
        assert_eq!(state(&house, &late), MessageState::Waiting);
        drop(outage);
        until(|| state(&house, &late) == MessageState::Expired).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_urgent_burst_stops_what_is_in_hand_though_its_newest_is_not_urgent() {
    let house = House::open(1, only_ordinary_work_is_endless).await;
    let ada = house.persona("ada").await;
    house.give(ada, 500).await;
    until(|| house.line(ada).on_stage).await;
    house.company.desk.office.poke(ada);
    settle().await;
    // Both are there when it looks.
    let said = |priority: u16| {
        lies(&house, ada, false, |message, _| {
            message.priority = Priority::try_from(priority).unwrap();
            message.coalescing = Some("room:7".to_owned());
        })
    };
    let [_, newest] = [said(900), said(400)];
    house.company.desk.office.poke(ada);
    until(|| state(&house, &newest) == MessageState::Done).await;
}

/// Wherever in the look it cools down, also between two readings of the load with nothing awaited between them.
#[tokio::test(start_paused = true)]
async fn a_machine_that_cools_down_during_a_look_is_not_missed() {
    for nth in 1.. {
        let house = House::open(1, |_| Play::Finish).await;
        let ada = house.persona("ada").await;
        let scheduler = house.company.desk.scheduler.clone();
        scheduler.adapt(Load { level: LoadLevel::Hot, ..Load::calm(1) });
        let optional = lies(&house, ada, false, |message, _| message.optional = true);
        house.company.desk.office.poke(ada);
        house.test.world.interrupt(nth, move || scheduler.adapt(Load::calm(1)));
        settle().await;
        if house.test.world.is_uninterrupted() {
            assert!(nth > 3, "a look reads the clock more than once");
            return;
        }
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(1)).await;
            settle().await;
        }
        assert_eq!(state(&house, &optional), MessageState::Done, "cooled at reading {nth}");
    }
}
