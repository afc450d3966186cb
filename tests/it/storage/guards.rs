//! Each guard, both ways, and what neighbours see.

use actors::{
    domain::{
        Alert, AlertId, AlertKind, Goal, GoalState, MessageState, Payload, Persona, PersonaStatus, Proof, RunState,
    },
    ports::{Change, Commit, Guard, World},
    testing,
};

use super::{
    on_both_databases, on_every_store,
    stores::{Store, moved},
};

on_every_store! {
    a_guard_holds_or_is_named
    a_guard_sees_its_accepted_neighbours
    a_slug_and_a_correlation_are_taken_once
    a_renamed_persona_frees_its_slug
    a_deleted_persona_keeps_its_slug_and_counts_as_gone
}

mod implied {
    use super::*;
    on_both_databases! { what_a_change_takes_for_granted_is_refused_alone }
    use super::what_a_change_takes_for_granted_is_refused_alone;
}

/// One commit that only asks.
async fn holds(store: &Store, guard: Guard) -> bool {
    let answer = store.write(vec![Commit { guards: vec![guard.clone()], ..Commit::default() }]).await.remove(0);
    if let Err(refused) = &answer {
        assert_eq!(refused.guard, guard);
    }
    answer.is_ok()
}

async fn change(store: &Store, changes: Vec<Change>, about: &Persona) {
    store.commit(Commit { changes, receipts: vec![store.note(about.id, "changed")], ..Commit::default() }).await;
}

async fn a_guard_holds_or_is_named(store: Store) {
    let ada = store.persona("ada").await;
    let (goal, message) = store.goal(ada.id).await;
    let run = store.run(&goal).await;
    let alert = Alert {
        id: AlertId(store.world.new_id()),
        kind: AlertKind::Reconcile,
        persona: Some(ada.id),
        goal: Some(goal.id),
        text: "did it happen?".to_owned(),
        raised_ms: store.world.now_ms(),
        resolved_ms: None,
    };
    change(&store, vec![Change::AlertRaised(Box::new(alert.clone()))], &ada).await;
    let unknown = testing::goal(&*store.world, ada.id);

    for (guard, expected) in [
        (Guard::SlugFree("bo".parse().unwrap()), true),
        (Guard::SlugFree(ada.slug.clone()), false),
        (Guard::PersonaExists(ada.id), true),
        (Guard::PersonaVersion(ada.id, 1), true),
        (Guard::PersonaVersion(ada.id, 2), false),
        (Guard::CorrelationFree(ada.id, "k".to_owned()), true),
        (Guard::MessageIs(message.id, MessageState::Waiting), true),
        (Guard::MessageIs(message.id, MessageState::Running), false),
        (Guard::GoalVersion(goal.id, 2), true),
        (Guard::GoalVersion(goal.id, 1), false),
        (Guard::GoalOpen(goal.id), true),
        (Guard::GoalOpen(unknown.id), false),
        (Guard::RunLive(run.id), true),
        (Guard::AlertOpen(alert.id), true),
    ] {
        assert_eq!(holds(&store, guard.clone()).await, expected, "{guard}");
    }

    store.end(&goal, &run, GoalState::Done, RunState::Done).await;
    change(&store, vec![Change::AlertResolved(alert.id, 9)], &ada).await;
    for guard in [Guard::GoalOpen(goal.id), Guard::RunLive(run.id), Guard::AlertOpen(alert.id)] {
        assert!(!holds(&store, guard.clone()).await, "{guard}");
    }
    assert!(store.records.open_alerts(ada.id).await.unwrap().is_empty());
}

async fn a_guard_sees_its_accepted_neighbours(store: Store) {
    let ada = store.persona("ada").await;
    let (goal, _) = store.goal(ada.id).await;
    let step = |version, state| Commit {
        guards: vec![Guard::GoalVersion(goal.id, version)],
        changes: vec![Change::GoalMoved(moved(&goal, state))],
        receipts: vec![store.note(ada.id, "moved")],
    };
    let correct = Commit {
        guards: vec![Guard::GoalVersion(goal.id, 2), Guard::GoalOpen(goal.id)],
        changes: vec![Change::GoalCorrected {
            id: goal.id,
            title: "another title".to_owned(),
            payload: goal.payload.clone(),
            proof: Proof::default(),
            at_ms: 7,
        }],
        receipts: vec![],
    };
    let over = step(3, GoalState::Cancelled);
    let late = Commit { guards: vec![Guard::GoalOpen(goal.id)], ..Commit::default() };
    let batch = vec![step(1, GoalState::Running), step(1, GoalState::Failed), correct, over, late];
    let accepted: Vec<bool> = store.write(batch).await.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, false, true, true, false]);

    let now = store.records.goal(goal.id).await.unwrap().unwrap();
    assert_eq!((now.version, now.state, now.title.as_str()), (4, GoalState::Cancelled, "another title"));
    assert!(matches!(now.payload, Payload::Ai(_)));
}

async fn a_slug_and_a_correlation_are_taken_once(store: Store) {
    let [one, two] = [0, 1].map(|_| testing::persona(&*store.world, "same"));
    let results = store.write(vec![store.creation(&one), store.creation(&two)]).await;
    assert!(results[0].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().guard, Guard::SlugFree(one.slug.clone()));

    let keyed = || {
        let goal = Goal { correlation: Some("order-7".to_owned()), ..testing::goal(&*store.world, one.id) };
        let message = testing::message(&*store.world, &goal);
        (store.delivery(&goal, &message), goal, message)
    };
    let ((first, goal, message), (second, ..)) = (keyed(), keyed());
    let results = store.write(vec![first, second]).await;
    assert!(results[0].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().guard, Guard::CorrelationFree(one.id, "order-7".to_owned()));
    let known = store.records.correlated(one.id, "order-7").await.unwrap().unwrap();
    assert_eq!((known.goal, known.message), (goal, message));
    assert_eq!(store.records.correlated(one.id, "order-8").await.unwrap(), None);
}

async fn a_renamed_persona_frees_its_slug(store: Store) {
    let ada = store.persona("ada").await;
    let renamed = Persona { slug: "eve".parse().unwrap(), version: 2, ..ada.clone() };
    let rename = Commit {
        guards: vec![Guard::PersonaVersion(ada.id, 1), Guard::SlugFree(renamed.slug.clone())],
        changes: vec![Change::PersonaUpdated(Box::new(renamed.clone()))],
        receipts: vec![],
    };
    let heir = testing::persona(&*store.world, "ada");
    let results = store.write(vec![rename, store.creation(&heir)]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(store.records.persona(ada.id).await.unwrap(), Some(renamed));
}

async fn a_deleted_persona_keeps_its_slug_and_counts_as_gone(store: Store) {
    let ada = store.persona("ada").await;
    let deleted = Persona { status: PersonaStatus::Deleted, version: 2, ..ada.clone() };
    change(&store, vec![Change::PersonaUpdated(Box::new(deleted))], &ada).await;
    assert!(!holds(&store, Guard::SlugFree(ada.slug.clone())).await);
    assert!(!holds(&store, Guard::PersonaExists(ada.id)).await);
    assert!(!holds(&store, Guard::PersonaVersion(ada.id, 2)).await);
    assert_eq!(store.records.roster().await.unwrap(), []);
}

async fn what_a_change_takes_for_granted_is_refused_alone(store: Store) {
    let ada = store.persona("ada").await;
    let twin = testing::persona(&*store.world, "ada");
    let unknown = testing::goal(&*store.world, ada.id);
    let batch = [
        Change::PersonaCreated(Box::new(twin)),
        Change::GoalMoved(moved(&unknown, GoalState::Failed)),
        Change::RunMoved { id: store.new_run(&unknown).id, state: RunState::Done, ended_ms: None, error: None },
        Change::FailureStreak(testing::persona(&*store.world, "nobody").id, 1),
        Change::FailureStreak(ada.id, 2),
    ];
    let batch = batch.map(|change| Commit { changes: vec![change], ..Commit::default() });
    let accepted: Vec<bool> = store.write(batch.into()).await.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [false, false, false, false, true], "a mistake of one does not stop the others");
}
