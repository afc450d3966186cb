//! What pages and lists read.

use actors::{
    domain::{
        Alert, AlertId, AlertKind, ChainId, Goal, GoalState, MessageState, PersonaStatus, Proof, Receipt, RunState,
        Unit,
    },
    ports::{Change, Commit, World},
    testing,
};
use greenroom::storage::{GoalFilter, PersonaNumbers, QueueDepths, ReceiptFilter, RunFilter, Today};

use super::{
    on_both_databases,
    stores::{Store, moved},
};

on_both_databases! {
    lists_are_newest_first_and_go_on_before_the_last
    receipts_are_found_by_chain_and_position
    personas_are_found_by_slug_and_id_until_they_are_deleted
    alerts_are_listed_open_or_all
    cards_and_metrics_count_what_happened
}

async fn lists_are_newest_first_and_go_on_before_the_last(store: Store) {
    let db = &store.storage().db;
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(store.goal(ada.id).await);
    }
    let (other, _) = store.goal(bo.id).await;
    made.reverse();
    let goals: Vec<Goal> = made.iter().map(|(goal, _)| goal.clone()).collect();

    let of_ada = GoalFilter { persona: Some(ada.id), limit: 2, ..GoalFilter::default() };
    assert_eq!(db.goals(of_ada).await.unwrap(), goals[..2]);
    assert_eq!(db.goals(GoalFilter { before: Some(goals[1].id), ..of_ada }).await.unwrap(), goals[2..4]);
    assert_eq!(db.goals(GoalFilter::default()).await.unwrap()[0], other);
    let done = GoalFilter { state: Some(GoalState::Done), ..GoalFilter::default() };
    assert_eq!(db.goals(done).await.unwrap(), []);

    let messages = db.messages(ada.id, 2, None, None).await.unwrap();
    assert_eq!(messages, [made[0].1.clone(), made[1].1.clone()]);
    assert_eq!(db.messages(ada.id, 9, Some(messages[1].id), None).await.unwrap().len(), 3);

    let runs = [store.run(&goals[0]).await, store.run(&goals[1]).await];
    let newest = db.runs(RunFilter { persona: Some(ada.id), limit: 1, ..RunFilter::default() }).await.unwrap();
    assert_eq!(newest[0].id, runs[1].id);
    let before = RunFilter { before: Some(runs[1].id), state: Some(RunState::Running), ..RunFilter::default() };
    assert_eq!(db.runs(before).await.unwrap()[0].id, runs[0].id);
    let of_goal = RunFilter { goal: Some(goals[1].id), ..RunFilter::default() };
    assert_eq!(db.runs(of_goal).await.unwrap().len(), 1);
}

async fn receipts_are_found_by_chain_and_position(store: Store) {
    let db = &store.storage().db;
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    for n in 0..6 {
        let (one, other) = (store.note(ada.id, &format!("a{n}")), store.note(bo.id, &format!("b{n}")));
        store.commit(Commit { receipts: vec![one, other], ..Commit::default() }).await;
    }
    let all = ReceiptFilter { newest_first: false, limit: 100, ..ReceiptFilter::default() };
    let positions = async |filter| -> Vec<i64> {
        db.receipts(filter).await.unwrap().iter().map(|receipt: &Receipt| receipt.pos).collect()
    };
    assert_eq!(positions(all.clone()).await, (1..=14).collect::<Vec<_>>());
    assert_eq!(positions(ReceiptFilter { after: Some(12), ..all.clone() }).await, [13, 14]);
    let newest = ReceiptFilter { newest_first: true, limit: 3, before: Some(14), ..all.clone() };
    assert_eq!(positions(newest).await, [13, 12, 11]);
    let of_bo = ReceiptFilter { persona: Some(bo.id), after: Some(6), ..all.clone() };
    assert_eq!(positions(of_bo).await, [8, 10, 12, 14]);
    let of_chain = ReceiptFilter { chain: Some(ChainId::Persona(ada.id)), limit: 2, newest_first: true, ..all };
    assert_eq!(positions(of_chain).await, [13, 11]);
    assert_eq!(db.receipt_head().await.unwrap(), 14);
}

async fn personas_are_found_by_slug_and_id_until_they_are_deleted(store: Store) {
    let db = &store.storage().db;
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    assert_eq!(db.persona_named("ada").await.unwrap(), Some(ada.clone()));
    let deleted = actors::domain::Persona { status: PersonaStatus::Deleted, version: 2, ..ada.clone() };
    let change = Change::PersonaUpdated(Box::new(deleted.clone()));
    store.commit(Commit { changes: vec![change], ..Commit::default() }).await;
    assert_eq!(db.persona_named("ada").await.unwrap(), None);
    assert_eq!(db.persona_named(&ada.id.to_string()).await.unwrap(), None);
    assert_eq!(db.personas(false).await.unwrap(), std::slice::from_ref(&bo));
    assert_eq!(db.personas(true).await.unwrap(), [deleted, bo]);
    for trick in ["' OR 1=1 --", "../ada", "%", ""] {
        assert_eq!(db.persona_named(trick).await.unwrap(), None, "{trick}");
    }
}

async fn alerts_are_listed_open_or_all(store: Store) {
    let db = &store.storage().db;
    let alert = |n, kind| Alert {
        id: AlertId(store.world.new_id()),
        kind,
        persona: None,
        goal: None,
        text: "look".to_owned(),
        raised_ms: n,
        resolved_ms: None,
    };
    let (old, new) = (alert(1, AlertKind::CircuitOpen), alert(2, AlertKind::Unavailable));
    let raised = [&old, &new].map(|alert| Change::AlertRaised(Box::new(alert.clone())));
    store.commit(Commit { changes: raised.into(), ..Commit::default() }).await;
    let resolved = Change::AlertResolved(new.id, 3);
    store.commit(Commit { changes: vec![resolved], ..Commit::default() }).await;
    assert_eq!(db.alerts(true, 10).await.unwrap(), std::slice::from_ref(&old));
    assert_eq!(db.alerts(false, 10).await.unwrap(), [Alert { resolved_ms: Some(3), ..new }, old]);
}

async fn cards_and_metrics_count_what_happened(store: Store) {
    let db = &store.storage().db;
    let (ada, now) = (store.persona("ada").await, store.world.now_ms());
    let other = store.persona("bo").await;
    assert_eq!(db.persona_numbers().await.unwrap()[&other.id].receipts_today, 1);

    let counted = |unit| Goal {
        proof: Proof { counts_as: Some(unit), ..Proof::default() },
        ..testing::goal(&*store.world, ada.id)
    };
    let proposal = counted(Unit::Proposal);
    let message = testing::message(&*store.world, &proposal);
    store.commit(store.delivery(&proposal, &message)).await;
    let run = store.run(&proposal).await;
    store.end(&proposal, &run, GoalState::Done, RunState::Done).await;
    let failed = counted(Unit::Post);
    store.commit(store.delivery(&failed, &testing::message(&*store.world, &failed))).await;
    let run = store.run(&failed).await;
    store.end(&failed, &run, GoalState::Failed, RunState::Failed).await;
    let unproven = testing::goal(&*store.world, ada.id);
    store.commit(store.delivery(&unproven, &testing::message(&*store.world, &unproven))).await;
    let run = store.run(&unproven).await;
    store.end(&unproven, &run, GoalState::Unconfirmed, RunState::Unconfirmed).await;
    let (waiting, _) = store.goal(ada.id).await;
    let (parked, moved_message) = store.goal(ada.id).await;
    let park = vec![
        Change::GoalMoved(moved(&parked, GoalState::Parked)),
        Change::MessageMoved(moved_message.id, MessageState::Running),
    ];
    store.commit(Commit { changes: park, receipts: vec![store.note(ada.id, "parked")], ..Commit::default() }).await;
    store.run(&waiting).await;

    let numbers = db.persona_numbers().await.unwrap();
    let of_ada = &numbers[&ada.id];
    let expected = PersonaNumbers {
        waiting: 1,
        running: 1,
        goals_done: 1,
        goals_failed: 1,
        goals_unconfirmed: 1,
        receipts_today: 14,
        last_summary: Some("began".to_owned()),
        last_at_ms: of_ada.last_at_ms,
    };
    assert_eq!(*of_ada, expected);
    assert!(of_ada.last_at_ms.is_some_and(|at_ms| at_ms >= now));
    assert_eq!(db.queue_depths().await.unwrap(), QueueDepths { waiting: 0, running: 1, parked: 1 });
    let today = db.today(now).await.unwrap();
    assert_eq!(today, Today { posts: 0, messages: 5, proposals: 1, deliverables: 0, errors_24h: 1 });
    assert_eq!(db.today(now + 3_600_000).await.unwrap().messages, 0);
}
