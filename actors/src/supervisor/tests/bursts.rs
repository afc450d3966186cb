//! Bursts become one, too much is dropped, and every message is accounted for.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::json;

use super::harness::{House, Play, limits, settle, until, work};
use crate::{
    domain::{
        ChainId, Chat, Goal, GoalState, IfFailed, InboxLimits, Limits, Message, MessageState, Payload, PersonaId,
        Phase, Priority, Receipt, WaitsFor,
    },
    ports::Blobs,
    supervisor::{Delivered, NewWork, Work},
    testing::{self, TestPorts},
};

/// Said in a room, with this priority.
async fn say(house: &House, to: PersonaId, room: &str, text: &str, priority: u16) -> Delivered {
    let place = testing::place(room);
    let what = Work::Arrived(Arc::new(Chat::in_room(text, place)));
    let priority = Some(Priority::try_from(priority).unwrap());
    house.company.deliver(NewWork { what, priority, ..work(to, 0) }, &house.by()).await.unwrap()
}

fn message(house: &House, of: &Delivered) -> Message {
    house.test.store.messages().into_iter().find(|message| message.id == of.message.id).unwrap()
}

fn prompt(goal: &Goal) -> String {
    match &goal.payload {
        Payload::Ai(ai) => ai.prompt.clone(),
        other => panic!("{other:?}"),
    }
}

fn by_state(house: &House) -> BTreeMap<MessageState, usize> {
    let mut states = BTreeMap::new();
    for message in house.test.store.messages() {
        *states.entry(message.state).or_default() += 1;
    }
    states
}

#[tokio::test(start_paused = true)]
async fn of_a_burst_the_newest_is_worked_at_and_the_others_are_its_context() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(60))).await;
    let ada = house.persona("ada").await;
    // In hand while the burst comes in.
    let first = house.give(ada, 900).await;
    house.goal_becomes(first.goal.id, GoalState::Running).await;
    let mut burst = Vec::new();
    for (text, priority) in [("one", 400), ("@ada two", 700), ("three", 500)] {
        burst.push(say(&house, ada, "7", text, priority).await);
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let other = say(&house, ada, "8", "elsewhere", 300).await;
    let newest = &burst[2];
    house.goal_becomes(newest.goal.id, GoalState::Done).await;
    house.goal_becomes(other.goal.id, GoalState::Done).await;
    let kept = message(&house, newest);
    assert_eq!((kept.priority.thousandths(), kept.optional), (700, false), "the highest; owed, because one of it is");
    assert_eq!(kept.received_ms, burst[0].message.received_ms, "the oldest time");
    assert_eq!(kept.serve_by_ms, burst[0].message.serve_by_ms);
    assert_eq!(
        prompt(&house.goal(newest.goal.id)),
        "Said before, oldest first:\nada: one\nada: @ada two\n\nNow from ada:\nthree"
    );
    for joined in &burst[..2] {
        let (message, goal) = (message(&house, joined), house.goal(joined.goal.id));
        assert_eq!((message.state, goal.state), (MessageState::Coalesced, GoalState::Cancelled));
        assert!(goal.result.unwrap().contains(&newest.goal.id.to_string()), "it says where the answer is");
        let receipts = house.test.store.chain(&ChainId::Persona(ada));
        let told = receipts.iter().filter(|r| r.goal == Some(joined.goal.id) && r.phase == Some(Phase::Coalesced));
        assert_eq!(told.count(), 1);
    }
    assert_eq!(prompt(&house.goal(other.goal.id)), "elsewhere", "another room is another burst");
    assert_eq!(by_state(&house), BTreeMap::from([(MessageState::Done, 3), (MessageState::Coalesced, 2)]));
    assert_eq!(house.company.inbox_figures().coalesced, 2);
    house.accounts_for(5);
}

#[tokio::test(start_paused = true)]
async fn a_burst_longer_than_memory_becomes_one_and_nothing_of_it_is_lost() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(60))).await;
    let ada = house.persona("ada").await;
    let first = house.give(ada, 900).await;
    house.goal_becomes(first.goal.id, GoalState::Running).await;
    let mut newest = None;
    for at in 0..1_100 {
        newest = Some(say(&house, ada, "7", &format!("@ada line {at}"), 500).await);
    }
    let newest = newest.unwrap();
    house.goal_becomes(newest.goal.id, GoalState::Done).await;
    assert_eq!(by_state(&house), BTreeMap::from([(MessageState::Done, 2), (MessageState::Coalesced, 1_099)]));
    let said = prompt(&house.goal(newest.goal.id));
    assert!(said.contains("(235 earlier messages are left out)"), "of the first commit's 255 it repeats 20: {said}");
    assert!(said.ends_with("@ada line 1099"));
    house.accounts_for(1_101);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_answer_a_goal_waits_for_is_answered_by_itself() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(60))).await;
    let ada = house.persona("ada").await;
    let first = house.give(ada, 900).await;
    house.goal_becomes(first.goal.id, GoalState::Running).await;
    let awaited = say(&house, ada, "7", "@ada one", 500).await;
    let waits_for = WaitsFor { goals: vec![awaited.goal.id], if_failed: IfFailed::Fail };
    let waits = house.company.deliver(NewWork { waits_for, ..work(ada, 500) }, &house.by()).await.unwrap();
    let newer = say(&house, ada, "7", "@ada two", 500).await;
    for goal in [awaited.goal.id, newer.goal.id, waits.goal.id] {
        house.goal_becomes(goal, GoalState::Done).await;
    }
    assert_eq!(house.company.inbox_figures().coalesced, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_old_is_not_hidden_behind_what_is_new_and_important() {
    let house = House::open(1, |order| {
        let first = order.work.message.priority.is_urgent();
        Play::Take(Duration::from_secs(if first { 880 } else { 1 }))
    })
    .await;
    let ada = house.persona("ada").await;
    let first = house.give(ada, 900).await;
    house.goal_becomes(first.goal.id, GoalState::Running).await;
    let old = house.give(ada, 100).await;
    tokio::time::advance(Duration::from_secs(870)).await;
    let mut new = Vec::new();
    for _ in 0..200 {
        new.push(house.give(ada, 700).await.goal.id);
    }
    house.goal_becomes(old.goal.id, GoalState::Done).await;
    // Behind the big three of the hour.
    assert_eq!(house.seen.order.lock().unwrap()[4], old.goal.id, "its fifteen minutes are over first");
    until(|| new.iter().all(|goal| house.state(*goal) == GoalState::Done)).await;
}

#[tokio::test(start_paused = true)]
async fn however_many_wait_at_most_a_thousand_are_in_memory() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    house.company.pause(ada, &house.by()).await.unwrap();
    // None of them can be worked at, so it looks as far as it may.
    for _ in 0..1_200 {
        let place = testing::place(&house.test.store.messages().len().to_string());
        let what = Work::Arrived(Arc::new(Chat::in_room("dull", place)));
        let priority = Some(Priority::try_from(50).unwrap());
        house.company.deliver(NewWork { what, priority, ..work(ada, 0) }, &house.by()).await.unwrap();
    }
    house.company.resume(ada, &house.by()).await.unwrap();
    until(|| house.company.inbox_figures().looks > 0).await;
    settle().await;
    assert_eq!(house.records.most(), 1_000, "it looked as far as it may, and no further");
    house.accounts_for(1_200);
}

fn with_room_for(most_waiting: u32) -> Limits {
    Limits { inbox: InboxLimits { most_waiting, ..InboxLimits::default() }, ..limits(1) }
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_the_least_important_goes_the_newcomer_included() {
    let house = House::open_on(TestPorts::obliging(), with_room_for(3), |_| Play::UntilStopped).await;
    let ada = house.persona("ada").await;
    let in_hand = house.give(ada, 900).await;
    house.goal_becomes(in_hand.goal.id, GoalState::Running).await;
    let old = house.give(ada, 400).await;
    let optional = say(&house, ada, "7", "hello all", 500).await;
    let owed = house.give(ada, 500).await;
    let dependent = {
        let waits_for = WaitsFor { goals: vec![old.goal.id], if_failed: IfFailed::Fail };
        let bo = house.persona("bo").await;
        house.company.deliver(NewWork { waits_for, ..work(bo, 500) }, &house.by()).await.unwrap()
    };
    settle().await;
    assert_eq!(house.company.inbox_figures().dropped, 0, "so many may wait");
    let state = |of: &Delivered| message(&house, of).state;
    let better = house.give(ada, 600).await;
    until(|| state(&old) == MessageState::Dropped).await;
    let goal = house.goal(old.goal.id);
    assert_eq!(goal.state, GoalState::Cancelled);
    assert!(goal.last_error.unwrap().starts_with("dropped: 4 messages waited, more than 3"));
    house.goal_becomes(dependent.goal.id, GoalState::Failed).await;
    let newcomer = house.give(ada, 100).await;
    until(|| state(&newcomer) == MessageState::Dropped).await;
    let another = house.give(ada, 500).await;
    until(|| state(&optional) == MessageState::Dropped).await;
    let last = house.give(ada, 500).await;
    until(|| state(&last) == MessageState::Dropped).await;
    for stays in [&owed, &better, &another] {
        assert_eq!(state(stays), MessageState::Waiting, "who came first has the better claim");
    }
    assert_eq!(state(&in_hand), MessageState::Running);
    house.accounts_for(9);
}

#[tokio::test(start_paused = true)]
async fn the_drops_of_a_flood_stand_in_the_receipts_of_their_commits_and_in_one_that_lists_them_all() {
    let house = House::open_on(TestPorts::obliging(), with_room_for(100), |_| Play::UntilStopped).await;
    let ada = house.persona("ada").await;
    house.company.pause(ada, &house.by()).await.unwrap();
    for _ in 0..1_300 {
        house.give(ada, 500).await;
    }
    until(|| by_state(&house).get(&MessageState::Dropped) == Some(&1_200)).await;
    let receipts = house.test.store.chain(&ChainId::Persona(ada));
    let drops: Vec<_> = receipts.iter().filter(|r| r.phase == Some(Phase::Dropped)).collect();
    assert!(drops.len() <= 1_200 / 10 + 1, "{} receipts", drops.len());
    let mut listed: Vec<String> = Vec::new();
    for receipt in drops {
        let data = &receipt.body.as_ref().unwrap().data;
        let pairs = data["dropped_messages_and_goals"].as_array().unwrap();
        assert!(pairs.len() <= 500);
        listed.extend(pairs.iter().map(|pair| pair[0].as_str().unwrap().to_owned()));
    }
    listed.sort();
    let gone = house.test.store.messages().into_iter().filter(|m| m.state == MessageState::Dropped);
    let gone: Vec<_> = gone.map(|message| message.id.to_string()).collect();
    assert_eq!(listed, gone, "each once");
    // The flood is over.
    let told = || {
        let lists = |r: &Receipt| r.body.as_ref().is_some_and(|body| !body.artifacts.is_empty());
        house.test.store.chain(&ChainId::Persona(ada)).into_iter().filter(lists).collect::<Vec<_>>()
    };
    tokio::time::advance(Duration::from_secs(4)).await;
    settle().await;
    assert_eq!(told(), [], "it may go on");
    for _ in 0..600 {
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    }
    let body = told().remove(0).body.unwrap();
    assert_eq!((told().len(), &body.data["dropped"]), (1, &json!(1_200)), "once");
    let table = house.test.blobs.get(body.artifacts[0].hash).await.unwrap().unwrap();
    assert_eq!(body.artifacts[0].bytes, table.len() as u64);
    let table = String::from_utf8(table).unwrap();
    let mut named: Vec<_> = table.lines().skip(1).map(|line| line.split_once(',').unwrap().0.to_owned()).collect();
    named.sort();
    assert_eq!(named, gone, "each once");
    assert_eq!(house.company.inbox_figures().dropped, 1_200);
    house.accounts_for(1_300);
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_over_the_limit_is_dropped_at_the_next_start() {
    let test = TestPorts::obliging();
    let ada = {
        let house = House::open_on(test.clone(), with_room_for(100), |_| Play::UntilStopped).await;
        let ada = house.persona("ada").await;
        house.company.pause(ada, &house.by()).await.unwrap();
        for _ in 0..20 {
            house.give(ada, 500).await;
        }
        house.company.end().await;
        ada
    };
    let house = House::open_on(test, with_room_for(5), |_| Play::UntilStopped).await;
    until(|| by_state(&house).get(&MessageState::Dropped) == Some(&15)).await;
    assert_eq!(house.line(ada).inbox, 5);
    house.accounts_for(20);
}
