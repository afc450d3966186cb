//! What the company reads back at start and on waking.

use actors::{
    domain::{GoalState, Message, MessageState, ParkedOn, PersonaStatus, Priority},
    ports::{Change, Commit, GoalMove, RosterRecord},
    testing,
};

use super::{
    on_every_store,
    stores::{Store, moved},
};

on_every_store! {
    the_roster_says_who_has_something_to_do
    the_inbox_is_in_order_and_holds_open_goals_only
    a_move_replaces_every_field
    a_fall_is_counted_and_forgiven
}

async fn the_roster_says_who_has_something_to_do(store: Store) {
    let [idle, busy] = [store.persona("idle").await, store.persona("busy").await];
    let (first, message) = store.goal(busy.id).await;
    let (second, _) = store.goal(busy.id).await;
    let record = |waiting, due_ms, paused| RosterRecord {
        id: busy.id,
        slug: busy.slug.clone(),
        paused,
        waiting,
        due_ms,
        failure_streak: 0,
    };
    let roster = store.records.roster().await.unwrap();
    assert_eq!(roster.len(), 2);
    let of = |id| roster.iter().find(|record| record.id == id).unwrap();
    assert_eq!((of(idle.id).waiting, of(idle.id).due_ms), (0, None));
    assert_eq!(*of(busy.id), record(2, Some(0), false));

    // One backs off, the other waits for a person: the first is due later, the second not by itself.
    let backs_off = GoalMove { due_ms: Some(5_000), ..moved(&first, GoalState::Pending) };
    let parked = GoalMove { parked_on: Some(ParkedOn::Reconcile), ..moved(&second, GoalState::Parked) };
    let paused = actors::domain::Persona { status: PersonaStatus::Paused, version: 2, ..busy.clone() };
    let changes = vec![
        Change::GoalMoved(backs_off),
        Change::GoalMoved(parked),
        Change::MessageMoved(message.id, MessageState::Failed),
        Change::FailureStreak(busy.id, 2),
        Change::PersonaUpdated(Box::new(paused)),
    ];
    store.commit(Commit { changes, receipts: vec![store.note(busy.id, "moved")], ..Commit::default() }).await;
    let now = store.records.roster_record(busy.id).await.unwrap().unwrap();
    assert_eq!(now, RosterRecord { failure_streak: 2, ..record(1, Some(5_000), true) });
    let nobody = testing::persona(&*store.world, "nobody");
    assert_eq!(store.records.roster_record(nobody.id).await.unwrap(), None);
}

async fn the_inbox_is_in_order_and_holds_open_goals_only(store: Store) {
    let ada = store.persona("ada").await;
    let mut sent = Vec::new();
    for (title, priority) in [("plain", 500), ("later", 500), ("urgent", 900), ("over", 1000)] {
        let goal = actors::domain::Goal { title: title.to_owned(), ..testing::goal(&*store.world, ada.id) };
        let priority = Priority::try_from(priority).unwrap();
        let message = Message { priority, ..testing::message(&*store.world, &goal) };
        store.commit(store.delivery(&goal, &message)).await;
        sent.push(goal);
    }
    let over = Change::GoalMoved(moved(&sent[3], GoalState::Done));
    store.commit(Commit { changes: vec![over], ..Commit::default() }).await;
    let titles = async |limit| -> Vec<String> {
        let inbox = store.records.inbox(ada.id, limit).await.unwrap();
        inbox.into_iter().map(|waiting| waiting.goal.title).collect()
    };
    assert_eq!(titles(10).await, ["urgent", "plain", "later"]);
    assert_eq!(titles(1).await, ["urgent"]);
}

async fn a_fall_is_counted_and_forgiven(store: Store) {
    let ada = store.persona("ada").await;
    let (_, message) = store.goal(ada.id).await;
    for falls in [1, 2, 0] {
        store.commit(Commit { changes: vec![Change::MessageFalls(message.id, falls)], ..Commit::default() }).await;
        let now = store.records.message(message.id).await.unwrap().unwrap();
        assert_eq!(now, Message { falls, ..message.clone() });
    }
    let nobody = testing::message(&*store.world, &testing::goal(&*store.world, ada.id)).id;
    assert_eq!(store.records.message(nobody).await.unwrap(), None);
}

async fn a_move_replaces_every_field(store: Store) {
    let ada = store.persona("ada").await;
    let (goal, _) = store.goal(ada.id).await;
    let full = GoalMove {
        parked_on: Some(ParkedOn::Rate),
        attempts: 3,
        last_error: Some("no such element\0".to_owned()),
        result: Some("one file".to_owned()),
        due_ms: Some(9),
        ..moved(&goal, GoalState::Parked)
    };
    let empty = moved(&goal, GoalState::Pending);
    for step in [full.clone(), empty.clone()] {
        let commit = Commit { changes: vec![Change::GoalMoved(step.clone())], ..Commit::default() };
        store.commit(commit).await;
        let now = store.records.goal(goal.id).await.unwrap().unwrap();
        assert_eq!((now.state, now.parked_on, now.attempts), (step.state, step.parked_on, step.attempts));
        assert_eq!((now.result, now.due_ms, now.updated_ms), (step.result, step.due_ms, step.at_ms));
        assert_eq!(now.last_error.is_some(), step.last_error.is_some());
    }
    assert_eq!(store.records.goal(goal.id).await.unwrap().unwrap().version, 3);
}
