//! Inboxes and standing waits as the company reads them back: who is next, what is a burst, what goes first.

use std::{sync::Arc, time::Duration};

use actors::{
    domain::{
        Author, Condition, Goal, GoalState, Happening, IfFailed, InboxLimits, Limits, Message, MessageKind,
        MessageState, Outcome, ParkedOn, PersonaId, Priority, RoomTurn, StandingWait, StandingWaitId, TurnState,
        WaitEnd, WaitsFor,
    },
    ports::{Change, Commit, GoalMove, Guard, Overdue, Ports, RoomChange, Waiting, World},
    supervisor::Company,
    testing::{self, ScriptedPerformer},
};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types};
use ed25519_dalek::SigningKey;
use serde_json::json;

use super::{
    on_both_databases, on_every_store, rebuild,
    stores::{self, Store, moved},
};

mod on_databases {
    use super::*;
    on_both_databases! { what_a_crash_left_untold_is_told_once_however_often_it_starts }
    use super::what_a_crash_left_untold_is_told_once_however_often_it_starts;
}

on_every_store! {
    the_most_important_is_next_and_hides_behind_nothing
    a_full_inbox_shows_what_can_be_done_and_urgent_work_before_begun_work
    what_is_fresh_goes_first_however_far_back_it_lies
    what_is_late_is_found_by_its_own_time
    who_is_asked_in_a_room_is_found_among_any_number_of_others
    what_waits_is_counted_through_every_change
    a_burst_is_what_can_be_joined_newest_first
    the_least_important_goes_first_and_begun_work_never
    a_joined_burst_reads_back_as_it_was_written
    a_standing_wait_moves_only_from_where_it_was_read
    receipts_behind_a_sequence_come_in_order
}

/// A message that waits: priority, optional, deadline in milliseconds from now.
async fn sent(store: &Store, persona: PersonaId, (priority, optional, within_ms): (u16, bool, i64)) -> Waiting {
    let goal = testing::goal(&*store.world, persona);
    let message = testing::message(&*store.world, &goal);
    let deadline_ms = message.received_ms + within_ms;
    let priority = Priority::try_from(priority).unwrap();
    let message = Message { priority, optional, deadline_ms, coalescing: Some("room:7".to_owned()), ..message };
    store.commit(store.delivery(&goal, &message)).await;
    Waiting { message, goal }
}

async fn change(store: &Store, changes: Vec<Change>) {
    store.commit(Commit { changes, ..Commit::default() }).await;
}

fn ids(found: &[Waiting]) -> Vec<String> {
    found.iter().map(|work| work.message.id.to_string()).collect()
}

fn expected(works: &[&Waiting]) -> Vec<String> {
    works.iter().map(|work| work.message.id.to_string()).collect()
}

async fn the_most_important_is_next_and_hides_behind_nothing(store: Store) {
    let ada = store.persona("ada").await.id;
    let optional = sent(&store, ada, (500, true, 1)).await;
    let later = sent(&store, ada, (300, false, 900)).await;
    let sooner = sent(&store, ada, (200, false, 800)).await;
    let urgent = sent(&store, ada, (900, false, 5_000)).await;
    let urgent_talk = sent(&store, ada, (900, true, 6_000)).await;
    let begun = sent(&store, ada, (100, true, 9_000)).await;
    let parked = sent(&store, ada, (1_000, false, 1)).await;
    change(&store, vec![Change::MessageMoved(begun.message.id, MessageState::Running)]).await;
    let on_goals = GoalMove { parked_on: Some(ParkedOn::Dependency), ..moved(&parked.goal, GoalState::Parked) };
    change(&store, vec![Change::GoalMoved(on_goals)]).await;
    let inbox = store.records.inbox(ada, 10).await.unwrap();
    assert_eq!(ids(&inbox), expected(&[&begun, &urgent, &urgent_talk, &sooner, &later, &optional]));
    assert_eq!(ids(&store.records.inbox(ada, 3).await.unwrap()), ids(&inbox[..3]), "never more than asked for");
    assert_eq!(ids(&store.records.parked_inbox(ada, 10).await.unwrap()), expected(&[&parked]));
    change(&store, vec![Change::MessageMoved(begun.message.id, MessageState::Waiting)]).await;
    let back = store.records.inbox(ada, 1).await.unwrap();
    assert_eq!(ids(&back), expected(&[&begun]), "what was begun stays begun");
}

async fn begun(store: &Store, work: &Waiting) {
    let id = work.message.id;
    let states = [MessageState::Running, MessageState::Waiting];
    change(store, states.map(|state| Change::MessageMoved(id, state)).to_vec()).await;
}

/// Moves a goal; what it waits for, until when.
async fn put_off(store: &Store, work: &Waiting, parked_on: Option<ParkedOn>, due_ms: Option<i64>) {
    let state = if parked_on.is_some() { GoalState::Parked } else { GoalState::Pending };
    let attempts = u32::from(parked_on.is_none());
    change(store, vec![Change::GoalMoved(GoalMove { parked_on, due_ms, attempts, ..moved(&work.goal, state) })]).await;
}

async fn a_full_inbox_shows_what_can_be_done_and_urgent_work_before_begun_work(store: Store) {
    let ada = store.persona("ada").await.id;
    let now_ms = store.world.now_ms();
    let urgent = sent(&store, ada, (900, true, 9_000)).await;
    let (retry, later_retry) = (sent(&store, ada, (500, false, 800)).await, sent(&store, ada, (500, false, 1)).await);
    let urgent_retry = sent(&store, ada, (900, false, 9_500)).await;
    for work in [&retry, &later_retry, &urgent_retry] {
        begun(&store, work).await;
    }
    put_off(&store, &retry, None, Some(now_ms)).await;
    put_off(&store, &urgent_retry, None, Some(now_ms - 1)).await;
    put_off(&store, &later_retry, None, Some(now_ms + 70_000)).await;
    let owed = sent(&store, ada, (500, false, 700)).await;
    let optional = sent(&store, ada, (500, true, 1)).await;
    let mut waits = Vec::new();
    for (on, due_ms) in [
        (ParkedOn::Reconcile, None),
        (ParkedOn::Room, None),
        (ParkedOn::Dependency, Some(now_ms + 5)),
        (ParkedOn::Quota, Some(now_ms + 60_000)),
        (ParkedOn::Rate, Some(now_ms + 80_000)),
    ] {
        let work = sent(&store, ada, (500, false, 2)).await;
        put_off(&store, &work, Some(on), due_ms).await;
        waits.push(work);
    }
    let look = async |limit, now_ms| store.records.look(ada, now_ms, limit).await.unwrap();
    let whole = look(11, now_ms).await;
    assert_eq!((whole.work.len(), whole.more, whole.due_ms), (10, false, None), "all but what waits for other goals");
    let in_order = expected(&[&urgent, &urgent_retry, &retry, &owed, &optional]);
    let part = look(10, now_ms).await;
    assert_eq!((ids(&part.work), part.more, part.due_ms), (in_order.clone(), true, Some(now_ms + 60_000)));
    let part = look(3, now_ms).await;
    assert_eq!((ids(&part.work), part.more), (in_order[..3].to_vec(), true));
    let then = look(10, now_ms + 60_000).await;
    assert!(ids(&then.work).contains(&waits[3].message.id.to_string()), "put off until then");
    assert_eq!((then.work.len(), then.due_ms), (6, Some(now_ms + 70_000)));
    // The clock is set back: how much is left of a pause nobody knows.
    let back = look(10, now_ms - 3_600_000).await;
    assert_eq!(back.work.len(), 8);
}

async fn what_is_fresh_goes_first_however_far_back_it_lies(store: Store) {
    let ada = store.persona("ada").await.id;
    let now_ms = store.world.now_ms();
    let came = async |priority: u16, optional, scored, age_ms| {
        let goal = testing::goal(&*store.world, ada);
        let priority = Priority::try_from(priority).unwrap();
        let (received_ms, within_ms) = (now_ms - age_ms, priority.patience_ms());
        let (deadline_ms, message) = (received_ms + within_ms, testing::message(&*store.world, &goal));
        let message = Message { priority, optional, scored, received_ms, deadline_ms, ..message };
        store.commit(store.delivery(&goal, &message)).await;
        Waiting { message, goal }
    };
    let look = async |limit, now_ms| ids(&store.records.look(ada, now_ms, limit).await.unwrap().work);
    // In each lane there is more than is looked at that came a little earlier and that nobody's score makes fresh.
    let mut older = Vec::new();
    for (priority, optional, age_ms) in [(900, false, 3_000), (500, false, 59_000), (500, true, 59_000)] {
        for _ in 0..3 {
            older.push(came(priority, optional, false, age_ms).await);
        }
    }
    let stale = came(500, false, true, 60_000).await;
    let [low, high] = [came(500, false, true, 0).await, came(700, false, true, 0).await];
    let [said_low, said_high] = [came(500, true, true, 1_000).await, came(700, true, true, 1_000).await];
    let [second, urgent] = [came(900, false, true, 0).await, came(900, false, true, 1_000).await];
    let [first, ordinary, talk] = [&older[..3], &older[3..6], &older[6..]].map(|of| of.iter().collect::<Vec<_>>());
    let now = [
        vec![&urgent, &second],
        first.clone(),
        vec![&high, &low, &stale],
        ordinary.clone(),
        vec![&said_high, &said_low],
        talk.clone(),
    ];
    let now = expected(&now.concat());
    for limit in 1..=16 {
        assert_eq!(look(limit, now_ms).await, now[..limit as usize], "the first {limit}");
    }
    // A minute later nothing is fresh.
    let then = [first, vec![&urgent, &second, &high, &stale], ordinary, vec![&low, &said_high], talk, vec![&said_low]];
    assert_eq!(look(16, now_ms + 60_000).await, expected(&then.concat()));
    // What comes late does not hide what was not due.
    put_off(&store, &high, Some(ParkedOn::Rate), Some(now_ms + 1)).await;
    assert_eq!(look(6, now_ms).await, [&now[..5], &now[6..7]].concat());
}

async fn what_is_late_is_found_by_its_own_time(store: Store) {
    let ada = store.persona("ada").await.id;
    let [first, second, third, touched, on_goals, on_quota, retried] = [
        sent(&store, ada, (500, true, 1)).await,
        sent(&store, ada, (500, false, 1)).await,
        sent(&store, ada, (900, false, 1)).await,
        sent(&store, ada, (500, false, 1)).await,
        sent(&store, ada, (500, false, 1)).await,
        sent(&store, ada, (500, false, 1)).await,
        sent(&store, ada, (500, false, 1)).await,
    ];
    let serve_by_ms = first.message.serve_by_ms;
    let sooner = Message { serve_by_ms: serve_by_ms - 1_000, ..second.message.clone() };
    let never = Message { serve_by_ms: i64::MAX, ..third.message.clone() };
    let due = async || store.records.roster_record(ada).await.unwrap().unwrap().due_ms;
    let begin_by = async || store.records.look(ada, 0, 100).await.unwrap().begin_by_ms;
    let at_ms = first.message.received_ms + 50_000;
    let anew = GoalMove { attempts: 0, at_ms, ..moved(&touched.goal, GoalState::Pending) };
    let changes =
        vec![Change::BurstJoined(Box::new(sooner)), Change::BurstJoined(Box::new(never)), Change::GoalMoved(anew)];
    change(&store, changes).await;
    put_off(&store, &on_goals, Some(ParkedOn::Dependency), None).await;
    put_off(&store, &on_quota, Some(ParkedOn::Quota), Some(i64::MAX)).await;
    begun(&store, &retried).await;
    put_off(&store, &retried, None, None).await;
    assert_eq!(begin_by().await, Some(serve_by_ms - 1_000));
    let overdue = async |now_ms, limit| {
        let found = store.records.overdue(ada, now_ms, limit).await.unwrap();
        (ids(&found.late), found.again_ms.map(|at_ms| at_ms - serve_by_ms))
    };
    assert_eq!(overdue(serve_by_ms - 1_000, 10).await, (vec![], Some(-999)), "then is still in time");
    assert_eq!(overdue(serve_by_ms, 10).await, (expected(&[&second]), Some(1)));
    let (late, again_ms) = overdue(serve_by_ms + 60_000, 10).await;
    assert_eq!(late, expected(&[&second, &first, &touched, &on_goals, &on_quota]), "whatever it waits for");
    assert_eq!(again_ms.unwrap(), i64::MAX - serve_by_ms, "one has for ever");
    assert_eq!(overdue(serve_by_ms + 60_000, 2).await, (expected(&[&second, &first]), Some(60_000)), "at once again");
    // Who sleeps is woken for what expires, also when all of it waits for other goals.
    for work in [&first, &second, &third, &touched, &retried, &on_quota] {
        let over = GoalMove { at_ms, ..moved(&work.goal, GoalState::Cancelled) };
        let gone = Change::MessageMoved(work.message.id, MessageState::Cancelled);
        change(&store, vec![Change::GoalMoved(over), gone]).await;
    }
    let serve_by_ms = on_goals.message.serve_by_ms;
    assert_eq!((due().await, begin_by().await), (Some(serve_by_ms + 1), Some(serve_by_ms)));
    let roster = store.records.roster().await.unwrap();
    assert_eq!(roster.iter().map(|line| line.due_ms).collect::<Vec<_>>(), [Some(serve_by_ms + 1)]);
    let nobody = store.persona("bo").await.id;
    assert_eq!(store.records.overdue(nobody, serve_by_ms, 10).await.unwrap(), Overdue::default());
}

async fn who_is_asked_in_a_room_is_found_among_any_number_of_others(store: Store) {
    let ada = store.persona("ada").await.id;
    let room = testing::room(&*store.world, "Studio");
    let author = Author::Person { id: None, name: "owner".to_owned() };
    let said = testing::room_message(&*store.world, &room, author, "hello");
    let opened = [RoomChange::Created(Box::new(room)), RoomChange::Said(Box::new(said.clone()))];
    change(&store, opened.map(Change::Room).to_vec()).await;
    let mut turns = Vec::new();
    for state in [TurnState::Meant, TurnState::Asked, TurnState::Passed, TurnState::Asked] {
        let work = sent(&store, ada, (500, true, 1)).await;
        put_off(&store, &work, Some(ParkedOn::Room), None).await;
        let turn = RoomTurn { state, ..testing::turn(&*store.world, &said, &work.message) };
        change(&store, vec![Change::Room(RoomChange::TurnOpened(Box::new(turn)))]).await;
        turns.push(work);
    }
    let asked = async |limit| ids(&store.records.asked_in_rooms(ada, limit).await.unwrap());
    assert_eq!(asked(10).await, expected(&[&turns[1], &turns[3]]));
    assert_eq!(asked(1).await, expected(&[&turns[1]]));
    let granted = GoalMove { attempts: 0, ..moved(&turns[1].goal, GoalState::Pending) };
    change(&store, vec![Change::GoalMoved(granted)]).await;
    assert_eq!(asked(10).await, expected(&[&turns[3]]));
}

async fn what_waits_is_counted_through_every_change(store: Store) {
    let (ada, bo) = (store.persona("ada").await.id, store.persona("bo").await.id);
    let waiting = async |who| store.records.waiting(who).await.unwrap();
    assert_eq!(waiting(ada).await, 0);
    let one = sent(&store, ada, (500, false, 1)).await.message.id;
    let two = sent(&store, ada, (500, false, 1)).await.message.id;
    sent(&store, bo, (500, false, 1)).await;
    assert_eq!((waiting(ada).await, waiting(bo).await), (2, 1));
    for (id, state, left) in [
        (one, MessageState::Running, 1),
        (one, MessageState::Waiting, 2),
        (one, MessageState::Waiting, 2),
        (one, MessageState::Done, 1),
        (one, MessageState::Failed, 1),
        (two, MessageState::Dropped, 0),
        (two, MessageState::Waiting, 1),
    ] {
        change(&store, vec![Change::MessageMoved(id, state)]).await;
        assert_eq!(waiting(ada).await, left, "after {state}");
    }
    let store = store.reopened_if_it_can_be().await;
    assert_eq!(store.records.waiting(ada).await.unwrap(), 1);
    assert_eq!(store.records.roster_record(ada).await.unwrap().unwrap().waiting, 1);
}

async fn a_burst_is_what_can_be_joined_newest_first(store: Store) {
    let ada = store.persona("ada").await.id;
    let now_ms = store.world.now_ms();
    let first = sent(&store, ada, (500, false, 1)).await;
    let begun = sent(&store, ada, (500, false, 1)).await;
    let awaited = sent(&store, ada, (500, false, 1)).await;
    let due_later = sent(&store, ada, (500, false, 1)).await;
    let second = sent(&store, ada, (500, true, 1)).await;
    let (waits, _) = store.goal(ada).await;
    let later = GoalMove { due_ms: Some(now_ms + 60_000), attempts: 0, ..moved(&due_later.goal, GoalState::Pending) };
    let waits_for = WaitsFor { goals: vec![awaited.goal.id], if_failed: IfFailed::Fail };
    change(
        &store,
        vec![
            Change::MessageMoved(begun.message.id, MessageState::Running),
            Change::MessageMoved(begun.message.id, MessageState::Waiting),
            Change::GoalMoved(later),
            Change::DependenciesSet(waits.id, waits_for),
        ],
    )
    .await;
    let burst = async |key, limit| store.records.burst(ada, key, now_ms, limit).await.unwrap();
    assert_eq!(ids(&burst("room:7", 10).await), expected(&[&second, &first]));
    assert_eq!(ids(&burst("room:7", 1).await), expected(&[&second]));
    assert!(burst("room:8", 10).await.is_empty());
}

async fn the_least_important_goes_first_and_begun_work_never(store: Store) {
    let ada = store.persona("ada").await.id;
    let owed = sent(&store, ada, (500, false, 1)).await;
    let optional = sent(&store, ada, (500, true, 1)).await;
    let newer = sent(&store, ada, (500, false, 1)).await;
    let unimportant = sent(&store, ada, (499, false, 1)).await;
    let begun = sent(&store, ada, (0, false, 1)).await;
    change(
        &store,
        vec![
            Change::MessageMoved(begun.message.id, MessageState::Running),
            Change::MessageMoved(begun.message.id, MessageState::Waiting),
        ],
    )
    .await;
    let least = store.records.least_important(ada, 10).await.unwrap();
    assert_eq!(ids(&least), expected(&[&unimportant, &optional, &newer, &owed]));
    assert_eq!(ids(&store.records.least_important(ada, 2).await.unwrap()), ids(&least[..2]));
}

async fn a_joined_burst_reads_back_as_it_was_written(store: Store) {
    let ada = store.persona("ada").await.id;
    let Waiting { message, .. } = sent(&store, ada, (500, true, 700)).await;
    let priority = Priority::try_from(900).unwrap();
    let (received_ms, deadline_ms, serve_by_ms) = (message.received_ms - 5, 17, 19);
    let joined = Message { priority, optional: false, received_ms, deadline_ms, serve_by_ms, ..message };
    change(&store, vec![Change::BurstJoined(Box::new(joined.clone()))]).await;
    assert_eq!(store.records.message(joined.id).await.unwrap(), Some(joined.clone()));
    let nobody = Message { id: actors::domain::MessageId(store.world.new_id()), ..joined };
    if store.storage.is_some() {
        let lost = Commit { changes: vec![Change::BurstJoined(Box::new(nobody))], ..Commit::default() };
        assert!(store.write(vec![lost]).await.remove(0).is_err(), "a message that is not there joins nothing");
    }
}

async fn a_standing_wait_moves_only_from_where_it_was_read(store: Store) {
    let (ada, bo) = (store.persona("ada").await.id, store.persona("bo").await.id);
    let wait = StandingWait {
        id: StandingWaitId(store.world.new_id()),
        waiter: ada,
        watched: bo,
        condition: Condition { kind: Some(Happening::GoalOver), tag: None, text: Some("code\0".to_owned()) },
        created_by: "owner".to_owned(),
        created_ms: store.world.now_ms(),
        seen_seq: 1,
        told: 0,
        told_ms: None,
        ended: None,
    };
    change(&store, vec![Change::StandingWaitSet(Box::new(wait.clone()))]).await;
    let moved = StandingWait { seen_seq: 4, told: 2, told_ms: Some(9), ..wait.clone() };
    let step = |from, to: &StandingWait| Commit {
        guards: vec![Guard::StandingWaitAt(wait.id, from)],
        changes: vec![Change::StandingWaitSet(Box::new(to.clone()))],
        receipts: vec![store.note(ada, "told")],
    };
    let answers = store.write(vec![step(1, &moved), step(1, &moved)]).await;
    assert!(answers[0].is_ok());
    assert_eq!(answers[1].as_ref().unwrap_err().guard, Guard::StandingWaitAt(wait.id, 1), "nothing is told twice");
    let store = store.reopened_if_it_can_be().await;
    let standing = store.records.standing_waits().await.unwrap();
    assert_eq!((standing.len(), standing[0].seen_seq, standing[0].told, standing[0].told_ms), (1, 4, 2, Some(9)));
    assert_eq!(standing[0].condition.kind, Some(Happening::GoalOver));
    let over = StandingWait { ended: Some(WaitEnd { at_ms: 7, because: "removed".to_owned() }), ..moved };
    change(&store, vec![Change::StandingWaitSet(Box::new(over.clone()))]).await;
    assert!(store.records.standing_waits().await.unwrap().is_empty());
    let late = Commit {
        guards: vec![Guard::StandingWaitAt(wait.id, 4)],
        changes: vec![Change::StandingWaitSet(Box::new(over))],
        ..Commit::default()
    };
    assert!(store.write(vec![late]).await.remove(0).is_err(), "what has ended tells nothing more");
}

async fn receipts_behind_a_sequence_come_in_order(store: Store) {
    let (ada, bo) = (store.persona("ada").await.id, store.persona("bo").await.id);
    for text in ["one", "two", "three"] {
        store
            .commit(Commit { receipts: vec![store.note(ada, text), store.note(bo, "else")], ..Commit::default() })
            .await;
    }
    let summaries = async |seq, limit| -> Vec<String> {
        let found = store.records.receipts_after(ada, seq, limit).await.unwrap();
        found.into_iter().map(|receipt| receipt.body.unwrap().summary).collect()
    };
    assert_eq!(summaries(0, 10).await, ["created", "one", "two", "three"]);
    assert_eq!(summaries(2, 1).await, ["two"]);
    assert!(summaries(4, 10).await.is_empty());
}

/// What lies in the database is what a crash left: the receipt that matches, and nobody was told.
async fn what_a_crash_left_untold_is_told_once_however_often_it_starts(store: Store) {
    let (ada, bo) = (store.persona("ada").await.id, store.persona("bo").await.id);
    let wait = StandingWait {
        id: StandingWaitId(store.world.new_id()),
        waiter: ada,
        watched: bo,
        condition: Condition { text: Some("code".to_owned()), ..Condition::default() },
        created_by: "owner".to_owned(),
        created_ms: store.world.now_ms(),
        seen_seq: 1,
        told: 0,
        told_ms: None,
        ended: None,
    };
    change(&store, vec![Change::StandingWaitSet(Box::new(wait))]).await;
    let mut store = store;
    for start in 1..=3 {
        store.commit(Commit { receipts: vec![store.note(bo, "flagged code")], ..Commit::default() }).await;
        store = store.reopen().await;
        let storage = store.storage();
        let ports = Ports {
            journal: storage.journal.clone(),
            records: storage.records.clone(),
            performer: Arc::new(ScriptedPerformer::new(|_| Outcome::done("composed", json!({"value": "a line"})))),
            blobs: storage.blobs.clone(),
            world: store.world.clone(),
        };
        let inbox = InboxLimits { tell_again_after: Duration::ZERO, ..InboxLimits::default() };
        let limits = Limits { inbox, ..rebuild::limits() };
        let company = Company::start(limits, ports, SigningKey::from_bytes(&[7; 32])).await.unwrap();
        let mut live = company.receipts();
        // Whatever is told twice stands in front of what is told next.
        while store.records.standing_waits().await.unwrap()[0].told < start {
            live.recv().await.unwrap();
        }
        company.end().await;
        let results = storage.db.messages(ada, 100, None, None).await.unwrap();
        assert!(results.iter().all(|message| message.kind == MessageKind::Result));
        assert_eq!(results.len(), usize::try_from(start).unwrap(), "one for each receipt");
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = sql_types::Text)]
    detail: String,
}

/// What a drop and a look cost does not grow with the inbox: each walks its index from one end, and sorts nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_inbox_is_walked_from_one_end_and_never_sorted() {
    let store = stores::sqlite().await;
    let ada = store.persona("ada").await.id;
    let mut goals: Vec<Goal> = Vec::new();
    for _ in 0..2_000 {
        goals.push(sent(&store, ada, (500, false, 1)).await.goal);
    }
    let file = store.place.root.path().join("greenroom.db");
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let waits = "m.state = 'waiting' AND NOT m.begun";
    let joined =
        format!("SELECT m.id FROM messages m JOIN goals g ON g.id = m.goal WHERE m.persona = x'00' AND {waits}");
    for (index, rest) in [
        ("messages_least", "ORDER BY m.priority, m.optional DESC, m.received_ms DESC, m.id DESC LIMIT 500"),
        ("messages_next", "ORDER BY m.lane, m.deadline_ms, m.received_ms, m.id LIMIT 64"),
        (
            "messages_fresh",
            "AND m.scored AND m.lane = 1 AND m.priority = 500 AND m.received_ms > 8 AND m.received_ms < 9 \
             ORDER BY m.received_ms, m.id LIMIT 64",
        ),
        ("messages_expiry", "AND m.serve_by_ms < 9 ORDER BY m.serve_by_ms, m.id LIMIT 64"),
        ("messages_burst", "AND m.coalescing = 'room:7' ORDER BY m.received_ms DESC, m.id DESC LIMIT 256"),
    ] {
        let plan: Vec<Line> = sql_query(format!("EXPLAIN QUERY PLAN {joined} {rest}")).load(&mut conn).unwrap();
        let plan: Vec<_> = plan.into_iter().map(|line| line.detail).collect();
        assert!(plan[0].contains(index), "{plan:?}");
        assert!(plan.iter().all(|line| !line.contains("TEMP B-TREE") && !line.starts_with("SCAN")), "{plan:?}");
    }
}
