//! Calendars and big threes: kept, changed, guarded, and due once over restarts of a real store.

use std::sync::Arc;

use actors::{
    domain::{
        BigThree, Goal, GoalId, GoalState, Hours, Outcome, Part, Payload, Persona, PersonaStatus, Proof, Schedule,
        ScheduleId, Scored, Started, Starts,
    },
    ports::{Change, Commit, Guard, Ports, World},
    supervisor::Company,
    testing::{self, ScriptedPerformer},
};

use ed25519_dalek::SigningKey;
use serde_json::json;

use super::{
    on_both_databases, on_every_store, rebuild,
    stores::{Store, moved},
};

on_every_store! {
    a_line_is_kept_changed_and_removed
    a_line_that_may_not_start_anything_is_not_on_the_calendar
    a_due_time_is_dealt_with_by_one_commit_only
    big_threes_are_chosen_once_an_hour
    who_worked_is_known_and_digests_are_no_work
    goals_that_wait_are_counted_for_many_at_once
}

mod on_databases {
    use super::*;
    on_both_databases! { a_due_time_missed_over_a_restart_starts_one_goal }
    use super::a_due_time_missed_over_a_restart_starts_one_goal;
}

const HOUR_MS: i64 = 3_600_000;

fn line(store: &Store, persona: &Persona, cron: &str) -> Schedule {
    let payload = Payload::parse(actors::domain::GoalKind::Ai, json!({"prompt": "Write a \u{0} line."})).unwrap();
    Schedule {
        id: ScheduleId(store.world.new_id()),
        persona: persona.id,
        name: "morning".to_owned(),
        cron: cron.parse().unwrap(),
        starts: Starts::Goal {
            title: "a line".to_owned(),
            payload,
            proof: Proof::default(),
            priority: None,
            optional: true,
        },
        on: true,
        version: 1,
        handled_ms: store.world.now_ms(),
        last: None,
        created_by: "ada".to_owned(),
        created_ms: 5,
        updated_ms: 5,
    }
}

fn set(store: &Store, line: &Schedule, guards: Vec<Guard>) -> Commit {
    let changes = vec![Change::ScheduleSet(Box::new(line.clone()))];
    Commit { guards, changes, receipts: vec![store.note(line.persona, "set")] }
}

async fn a_line_is_kept_changed_and_removed(store: Store) {
    let ada = store.persona("ada").await;
    let new = line(&store, &ada, "0 9 * * MON-FRI");
    store.commit(set(&store, &new, vec![Guard::PersonaExists(ada.id)])).await;
    assert_eq!(store.records.schedule(new.id).await.unwrap(), Some(new.clone()));
    let chat = Starts::Chat { text: "Good “morning”".to_owned() };
    let last = Some(Started { due_ms: 77, goal: GoalId(store.world.new_id()), missed: 3 });
    let changed = Schedule { starts: chat, version: 2, handled_ms: 77, last, updated_ms: 8, ..new.clone() };
    store.commit(set(&store, &changed, vec![Guard::ScheduleVersion(new.id, 1)])).await;
    let stale = store.write(vec![set(&store, &new, vec![Guard::ScheduleVersion(new.id, 1)])]).await.remove(0);
    assert_eq!(stale.unwrap_err().guard, Guard::ScheduleVersion(new.id, 1));

    let store = store.reopened_if_it_can_be().await;
    assert_eq!(store.records.calendar(None).await.unwrap(), [(changed.clone(), Hours::ALWAYS)]);
    assert_eq!(store.records.schedule_count(ada.id).await.unwrap(), 1);
    let removed = Commit { changes: vec![Change::ScheduleRemoved(new.id)], ..Commit::default() };
    store.commit(removed).await;
    assert_eq!(store.records.schedule(new.id).await.unwrap(), None);
    let gone = store.write(vec![set(&store, &changed, vec![Guard::ScheduleVersion(new.id, 2)])]).await.remove(0);
    assert!(gone.is_err(), "what is gone does not come back by a late commit");
}

async fn a_line_that_may_not_start_anything_is_not_on_the_calendar(store: Store) {
    let (ada, bo, cy) = (store.persona("ada").await, store.persona("bo").await, store.persona("cy").await);
    let off = Schedule { on: false, ..line(&store, &ada, "@daily") };
    let (rests, works) = (line(&store, &bo, "@daily"), line(&store, &cy, "@hourly"));
    for line in [&off, &rests, &works] {
        store.commit(set(&store, line, vec![])).await;
    }
    let paused = Persona { status: PersonaStatus::Paused, version: 2, ..bo };
    let hours = Hours { zone: "Europe/Berlin".parse().unwrap(), ..Hours::ALWAYS };
    let moved = Persona { hours, version: 2, ..cy.clone() };
    let changes = [paused, moved].map(|persona| Change::PersonaUpdated(Box::new(persona)));
    store.commit(Commit { changes: changes.into(), ..Commit::default() }).await;
    assert_eq!(store.records.calendar(None).await.unwrap(), [(works, hours)]);
    assert_eq!(store.records.calendar(Some(ada.id)).await.unwrap(), []);
    assert_eq!(store.records.schedule_count(ada.id).await.unwrap(), 1);
}

/// The goal of a due time, as the calendar delivers it.
fn due(store: &Store, line: &Schedule, due_ms: i64) -> (Goal, Commit) {
    let key = Some(line.key(due_ms));
    let goal = Goal { correlation: key.clone(), ..testing::goal(&*store.world, line.persona) };
    let message = actors::domain::Message { correlation: key, ..testing::message(&*store.world, &goal) };
    let mut commit = store.delivery(&goal, &message);
    let last = Some(Started { due_ms, goal: goal.id, missed: 0 });
    let handled = Schedule { handled_ms: due_ms, version: line.version + 1, last, ..line.clone() };
    commit.guards.push(Guard::ScheduleVersion(line.id, line.version));
    commit.changes.push(Change::ScheduleSet(Box::new(handled)));
    (goal, commit)
}

async fn a_due_time_is_dealt_with_by_one_commit_only(store: Store) {
    let ada = store.persona("ada").await;
    let new = line(&store, &ada, "@hourly");
    store.commit(set(&store, &new, vec![])).await;
    let (first, commit) = due(&store, &new, 100);
    let (_, again) = due(&store, &new, 100);
    let (_, other) = due(&store, &new, 200);
    let answers = store.write(vec![commit, again, other]).await;
    assert!(answers[0].is_ok());
    assert_eq!(answers[1].as_ref().unwrap_err().guard, Guard::CorrelationFree(ada.id, new.key(100)));
    assert_eq!(answers[2].as_ref().unwrap_err().guard, Guard::ScheduleVersion(new.id, 1), "it looks again");
    let store = store.reopened_if_it_can_be().await;
    let (_, late) = due(&store, &Schedule { version: 2, ..new.clone() }, 100);
    assert!(store.write(vec![late]).await.remove(0).is_err(), "the key lasts");
    assert_eq!(store.records.schedule(new.id).await.unwrap().unwrap().last.unwrap().goal, first.id);
}

async fn big_threes_are_chosen_once_an_hour(store: Store) {
    let ada = store.persona("ada").await;
    let part = Part { what: "priority".to_owned(), points: 500, why: "priority 0.500".to_owned() };
    let chosen = |hour_ms| BigThree {
        persona: ada.id,
        hour_ms,
        goals: vec![Scored { goal: GoalId(store.world.new_id()), points: 500, parts: vec![part.clone()] }],
    };
    let choose = |three: &BigThree| Commit {
        guards: vec![Guard::BigThreeBefore(ada.id, three.hour_ms)],
        changes: vec![Change::BigThreeChosen(Box::new(three.clone()))],
        receipts: vec![store.note(ada.id, "chose")],
    };
    assert_eq!(store.records.big_three(ada.id).await.unwrap(), None);
    let (first, same, next) = (chosen(0), chosen(0), chosen(HOUR_MS));
    let answers = store.write(vec![choose(&first), choose(&same)]).await;
    assert!(answers[0].is_ok());
    assert_eq!(answers[1].as_ref().unwrap_err().guard, Guard::BigThreeBefore(ada.id, 0));
    assert_eq!(store.records.big_three(ada.id).await.unwrap(), Some(first));
    store.commit(choose(&next)).await;
    let commit = choose(&same);
    let store = store.reopened_if_it_can_be().await;
    assert!(store.write(vec![commit]).await.remove(0).is_err(), "not for an hour that is over");
    assert_eq!(store.records.big_three(ada.id).await.unwrap(), Some(next));
}

async fn who_worked_is_known_and_digests_are_no_work(store: Store) {
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    let from_ms = store.world.now_ms();
    let (goal, _) = store.goal(ada.id).await;
    store.run(&goal).await;
    let key = Some("digest:2026-11-20".to_owned());
    let digest = Goal { correlation: key.clone(), ..testing::goal(&*store.world, bo.id) };
    let message = actors::domain::Message { correlation: key, ..testing::message(&*store.world, &digest) };
    store.commit(store.delivery(&digest, &message)).await;
    store.run(&digest).await;
    let until_ms = store.world.now_ms() + 1;
    let worked = store.records.worked_since(from_ms).await.unwrap();
    assert_eq!(worked.iter().map(|last| last.persona).collect::<Vec<_>>(), [ada.id]);
    assert!((from_ms..until_ms).contains(&worked[0].began_ms));
    assert!(store.records.worked(ada.id, from_ms, until_ms).await.unwrap());
    assert!(!store.records.worked(ada.id, from_ms - HOUR_MS, from_ms).await.unwrap());
    assert!(!store.records.worked(ada.id, until_ms, until_ms + HOUR_MS).await.unwrap());
    assert!(!store.records.worked(bo.id, from_ms, until_ms).await.unwrap());
}

async fn goals_that_wait_are_counted_for_many_at_once(store: Store) {
    let ada = store.persona("ada").await;
    let ((one, _), (two, _), (three, _)) =
        (store.goal(ada.id).await, store.goal(ada.id).await, store.goal(ada.id).await);
    let waits_for = actors::domain::WaitsFor { goals: vec![two.id], if_failed: Default::default() };
    let parked = actors::ports::GoalMove {
        parked_on: Some(actors::domain::ParkedOn::Dependency),
        ..moved(&three, GoalState::Parked)
    };
    let changes = vec![Change::DependenciesSet(three.id, waits_for), Change::GoalMoved(parked)];
    store.commit(Commit { changes, ..Commit::default() }).await;
    assert_eq!(store.records.dependent_counts(&[one.id, two.id, three.id]).await.unwrap(), [0, 1, 0]);
    assert_eq!(store.records.dependent_counts(&[]).await.unwrap(), [0u32; 0]);
}

/// What lies in the database is what a kill left: a line whose due times nobody was there for.
async fn a_due_time_missed_over_a_restart_starts_one_goal(store: Store) {
    let ada = store.persona("ada").await;
    let handled_ms = store.world.now_ms() - 3 * HOUR_MS - 1_200_000;
    let missed = Schedule { handled_ms, ..line(&store, &ada, "0 * * * *") };
    store.commit(set(&store, &missed, vec![])).await;
    let mut store = store;
    for _ in 0..3 {
        store = store.reopen().await;
        let storage = store.storage();
        let ports = Ports {
            journal: storage.journal.clone(),
            records: storage.records.clone(),
            performer: Arc::new(ScriptedPerformer::new(|_| Outcome::done("composed", json!({"value": "a line"})))),
            blobs: storage.blobs.clone(),
            world: store.world.clone(),
        };
        let company = Company::start(rebuild::limits(), ports, SigningKey::from_bytes(&[7; 32])).await.unwrap();
        let mut live = company.receipts();
        while store.records.schedule(missed.id).await.unwrap().unwrap().handled_ms == handled_ms {
            live.recv().await.unwrap();
        }
        company.end().await;
    }
    let last = store.records.schedule(missed.id).await.unwrap().unwrap().last.unwrap();
    assert_eq!(last.missed, 3);
    assert_eq!(last.due_ms.rem_euclid(HOUR_MS), 0);
    let db = &store.storage().db;
    let goals =
        db.goals(greenroom::storage::GoalFilter { persona: Some(ada.id), limit: 10, ..Default::default() }).await;
    let goals = goals.unwrap();
    assert_eq!((goals.len(), goals[0].id), (1, last.goal));
    let said = store.records.goal_receipts(last.goal).await.unwrap();
    let said = said[0].body.clone().unwrap().summary;
    assert!(
        said.starts_with("the calendar started “morning”") && said.ends_with("3 earlier times were missed"),
        "{said}"
    );
}
