//! Goals that wait for goals: kept, replaced, found from both ends.

use std::sync::Arc;

use actors::{
    domain::{Goal, GoalId, GoalState, IfFailed, Outcome, ParkedOn, Receipt, WaitsFor},
    ports::{Change, Commit, GoalMove, Guard, Ports, Prerequisite, World},
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
    what_a_goal_waits_for_is_found_from_both_ends
    what_waits_for_others_is_not_due_by_itself
    a_release_rests_on_the_versions_it_read
}

mod on_databases {
    use super::*;
    on_both_databases! {
        a_dependency_on_a_goal_that_is_not_there_is_refused_alone
        a_crash_between_end_and_release_is_made_good_at_the_next_start
    }
    use super::{
        a_crash_between_end_and_release_is_made_good_at_the_next_start,
        a_dependency_on_a_goal_that_is_not_there_is_refused_alone,
    };
}

/// A goal that is delivered parked on these.
async fn dependent(store: &Store, goals: &[&Goal], if_failed: IfFailed) -> Goal {
    let persona = goals[0].persona;
    let goal = Goal {
        state: GoalState::Parked,
        parked_on: Some(ParkedOn::Dependency),
        due_ms: Some(5),
        ..testing::goal(&*store.world, persona)
    };
    let mut commit = store.delivery(&goal, &testing::message(&*store.world, &goal));
    let goals = goals.iter().map(|goal| goal.id).collect();
    commit.changes.push(Change::DependenciesSet(goal.id, WaitsFor { goals, if_failed }));
    store.commit(commit).await;
    goal
}

async fn waits_for(store: &Store, goal: &Goal) -> Vec<(GoalId, GoalState, IfFailed)> {
    let found = store.records.prerequisites(goal.id).await.unwrap();
    found.into_iter().map(|Prerequisite { goal, if_failed }| (goal.id, goal.state, if_failed)).collect()
}

async fn change(store: &Store, change: Change) {
    store.commit(Commit { changes: vec![change], ..Commit::default() }).await;
}

async fn what_a_goal_waits_for_is_found_from_both_ends(store: Store) {
    let ada = store.persona("ada").await;
    let ((one, _), (two, _)) = (store.goal(ada.id).await, store.goal(ada.id).await);
    let both = dependent(&store, &[&two, &one], IfFailed::Release).await;
    let last = dependent(&store, &[&both], IfFailed::Fail).await;
    change(&store, Change::GoalMoved(moved(&one, GoalState::Done))).await;

    let store = store.reopened_if_it_can_be().await;
    let (done, open) = ((one.id, GoalState::Done), (two.id, GoalState::Pending));
    let release = IfFailed::Release;
    assert_eq!(waits_for(&store, &both).await, [(done.0, done.1, release), (open.0, open.1, release)]);
    assert_eq!(waits_for(&store, &last).await, [(both.id, GoalState::Parked, IfFailed::Fail)]);
    assert!(waits_for(&store, &one).await.is_empty());
    let records = &store.records;
    assert_eq!(records.dependents(one.id).await.unwrap(), [both.id]);
    assert_eq!(records.dependents(both.id).await.unwrap(), [last.id]);
    assert_eq!(records.parked_on_goals().await.unwrap(), [both.id, last.id]);

    let only = WaitsFor { goals: vec![two.id], if_failed: IfFailed::Fail };
    change(&store, Change::DependenciesSet(both.id, only)).await;
    assert_eq!(waits_for(&store, &both).await, [(two.id, GoalState::Pending, IfFailed::Fail)]);
    assert!(store.records.dependents(one.id).await.unwrap().is_empty());
    change(&store, Change::GoalMoved(moved(&both, GoalState::Pending))).await;
    assert!(store.records.dependents(two.id).await.unwrap().is_empty(), "it waits no longer");
    assert_eq!(waits_for(&store, &both).await.len(), 1, "but it is remembered what it waited for");
    change(&store, Change::DependenciesSet(both.id, WaitsFor::default())).await;
    assert!(waits_for(&store, &both).await.is_empty());
}

async fn what_waits_for_others_is_not_due_by_itself(store: Store) {
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    let (first, _) = store.goal(ada.id).await;
    let goal = dependent(&store, &[&Goal { persona: bo.id, ..first }], IfFailed::Fail).await;
    let record = store.records.roster_record(bo.id).await.unwrap().unwrap();
    let begin_by_ms = store.records.look(bo.id, 0, 10).await.unwrap().begin_by_ms.unwrap();
    assert_eq!((record.waiting, record.due_ms), (1, Some(begin_by_ms + 1)), "only when it expires");
    let (workable, _) = store.goal(bo.id).await;
    let inbox = store.records.inbox(bo.id, 10).await.unwrap();
    let in_inbox: Vec<_> = inbox.iter().map(|work| work.goal.id).collect();
    assert_eq!(in_inbox, [workable.id], "older, but it hides nothing");
    let parked = store.records.parked_inbox(bo.id, 10).await.unwrap();
    assert_eq!(parked.iter().map(|work| work.goal.id).collect::<Vec<_>>(), [goal.id]);
    change(&store, Change::GoalMoved(moved(&workable, GoalState::Done))).await;
    let released = GoalMove { due_ms: Some(9), ..moved(&goal, GoalState::Pending) };
    change(&store, Change::GoalMoved(released)).await;
    assert_eq!(store.records.roster_record(bo.id).await.unwrap().unwrap().due_ms, Some(9));
}

async fn a_release_rests_on_the_versions_it_read(store: Store) {
    let ada = store.persona("ada").await;
    let (first, _) = store.goal(ada.id).await;
    let goal = dependent(&store, &[&first], IfFailed::Fail).await;
    let release = || Commit {
        guards: vec![Guard::GoalVersion(goal.id, 1), Guard::GoalVersion(first.id, 1)],
        changes: vec![Change::GoalMoved(moved(&goal, GoalState::Pending))],
        receipts: vec![store.note(ada.id, "may begin")],
    };
    let answers = store.write(vec![release(), release()]).await;
    assert!(answers[0].is_ok());
    assert_eq!(answers[1].as_ref().unwrap_err().guard, Guard::GoalVersion(goal.id, 1), "nothing is released twice");
}

async fn a_dependency_on_a_goal_that_is_not_there_is_refused_alone(store: Store) {
    let ada = store.persona("ada").await;
    let (goal, _) = store.goal(ada.id).await;
    let nobody = GoalId(store.world.new_id());
    let set = |goals| Commit {
        changes: vec![Change::DependenciesSet(goal.id, WaitsFor { goals, if_failed: IfFailed::Fail })],
        ..Commit::default()
    };
    let (other, _) = store.goal(ada.id).await;
    let answers = store.write(vec![set(vec![nobody]), set(vec![other.id, other.id])]).await;
    assert_eq!(answers[0].as_ref().unwrap_err().guard, Guard::GoalOpen(nobody));
    assert!(answers[1].is_ok());
    assert_eq!(waits_for(&store, &goal).await, [(other.id, GoalState::Pending, IfFailed::Fail)]);
}

/// What lies in the database is what a crash left: the end of a prerequisite, and nothing about its dependents.
async fn a_crash_between_end_and_release_is_made_good_at_the_next_start(store: Store) {
    let ada = store.persona("ada").await;
    let ((done, _), (failed, _)) = (store.goal(ada.id).await, store.goal(ada.id).await);
    let runs = dependent(&store, &[&done], IfFailed::Fail).await;
    let fails = dependent(&store, &[&done, &failed], IfFailed::Fail).await;
    let chained = dependent(&store, &[&fails], IfFailed::Fail).await;
    change(&store, Change::GoalMoved(moved(&done, GoalState::Done))).await;
    change(&store, Change::GoalMoved(moved(&failed, GoalState::Unconfirmed))).await;

    let store = store.reopen().await;
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
    // It ran; this world keeps no text, so there is nothing to prove it by.
    for (goal, end) in [(&runs, GoalState::Unconfirmed), (&chained, GoalState::Failed)] {
        while store.records.goal(goal.id).await.unwrap().unwrap().state != end {
            live.recv().await.unwrap();
        }
    }
    company.end().await;
    for (goal, begin) in [(&runs, "may begin"), (&fails, "failed “"), (&chained, "failed “")] {
        let receipts = store.records.goal_receipts(goal.id).await.unwrap();
        let said = |receipt: &&Receipt| receipt.body.as_ref().is_some_and(|body| body.summary.starts_with(begin));
        assert_eq!(receipts.iter().filter(said).count(), 1, "{begin}");
    }
}
