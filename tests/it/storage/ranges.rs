//! Goals and runs know where their receipts lie on the chain, and every receipt of theirs is found there.

use actors::{
    domain::{Goal, GoalState, Phase, Receipt, Run, RunState},
    ports::{Change, Commit},
};

use super::{
    on_both_databases, on_every_store,
    stores::{Store, moved},
    verification,
};

on_every_store! {
    a_goal_finds_its_receipts_among_others
    a_run_knows_where_its_receipts_lie
    a_late_receipt_is_found_too
    what_people_say_afterwards_is_found_too
    a_cancelled_goal_whose_run_goes_on_finds_its_outcome
}

mod views {
    use super::*;
    on_both_databases! {
        receipts_by_goal_and_run_are_the_same_in_views
        a_goal_names_its_first_receipt_that_is_not_what_was_written
    }
    use super::{
        a_goal_names_its_first_receipt_that_is_not_what_was_written, receipts_by_goal_and_run_are_the_same_in_views,
    };
}

async fn note(store: &Store, receipts: Vec<actors::domain::Draft>) {
    store.commit(Commit { receipts, ..Commit::default() }).await;
}

async fn of_goal(store: &Store, goal: &Goal) -> Vec<String> {
    summaries(&store.records.goal_receipts(goal.id).await.unwrap())
}

fn summaries(receipts: &[Receipt]) -> Vec<String> {
    receipts.iter().map(|receipt| receipt.body.as_ref().unwrap().summary.clone()).collect()
}

/// A goal in the middle of other work of its persona: `delivered began clicked ended`.
async fn worked(store: &Store) -> (Goal, Run) {
    let ada = store.persona("ada").await;
    store.goal(ada.id).await;
    let (goal, _) = store.goal(ada.id).await;
    note(store, vec![store.note(ada.id, "something else")]).await;
    let run = store.run(&goal).await;
    note(store, vec![store.step(&run, Phase::Outcome, "clicked"), store.note(ada.id, "in between")]).await;
    store.end(&goal, &run, GoalState::Failed, RunState::Failed).await;
    note(store, vec![store.note(ada.id, "afterwards")]).await;
    (goal, run)
}

async fn a_goal_finds_its_receipts_among_others(store: Store) {
    let (goal, _) = worked(&store).await;
    assert_eq!(of_goal(&store, &goal).await, ["delivered", "began", "clicked", "ended"]);
    // Retried: open again, so its receipts may lie anywhere behind its beginning.
    let again = Commit { changes: vec![Change::GoalMoved(moved(&goal, GoalState::Pending))], ..Commit::default() };
    store.commit(again).await;
    let run = store.run(&goal).await;
    assert_eq!(of_goal(&store, &goal).await, ["delivered", "began", "clicked", "ended", "began"]);
    assert_eq!(store.records.open_run(goal.id).await.unwrap().unwrap().id, run.id);
}

async fn a_run_knows_where_its_receipts_lie(store: Store) {
    let (_, run) = worked(&store).await;
    let kept = store.records.run(run.id).await.unwrap().unwrap();
    assert_eq!((kept.first_seq, kept.last_seq), (run.first_seq, Some(run.first_seq + 3)));
    assert_eq!(kept.state, RunState::Failed);
    assert_eq!(store.records.open_run(run.goal).await.unwrap(), None);
}

async fn a_late_receipt_is_found_too(store: Store) {
    let (goal, run) = worked(&store).await;
    note(&store, vec![store.step(&run, Phase::Outcome, "came late")]).await;
    assert_eq!(of_goal(&store, &goal).await, ["delivered", "began", "clicked", "ended", "came late"]);
}

async fn what_people_say_afterwards_is_found_too(store: Store) {
    let (goal, run) = worked(&store).await;
    let store = store.reopened_if_it_can_be().await;
    let corrected = Change::GoalCorrected {
        id: goal.id,
        title: "another title".to_owned(),
        payload: goal.payload.clone(),
        proof: goal.proof.clone(),
        at_ms: 9,
    };
    let about = actors::domain::Draft { goal: Some(goal.id), ..store.note(goal.persona, "corrected") };
    store.commit(Commit { guards: vec![], changes: vec![corrected], receipts: vec![about] }).await;
    note(&store, vec![store.step(&run, Phase::Reconciled, "had happened")]).await;
    let expected = ["delivered", "began", "clicked", "ended", "corrected", "had happened"];
    assert_eq!(of_goal(&store, &goal).await, expected);
    let kept = store.records.run(run.id).await.unwrap().unwrap();
    assert!(kept.last_seq > Some(run.first_seq + 3) || store.storage.is_none(), "{kept:?}");
}

async fn a_cancelled_goal_whose_run_goes_on_finds_its_outcome(store: Store) {
    let ada = store.persona("ada").await;
    let (goal, _) = store.goal(ada.id).await;
    let run = store.run(&goal).await;
    let cancel = Commit {
        guards: vec![],
        changes: vec![Change::GoalMoved(moved(&goal, GoalState::Cancelled))],
        receipts: vec![store.note(ada.id, "cancelled by a person")],
    };
    store.commit(cancel).await;
    note(&store, vec![store.step(&run, Phase::Outcome, "clicked")]).await;
    assert_eq!(of_goal(&store, &goal).await, ["delivered", "began", "clicked"]);
    let moved = Change::RunMoved { id: run.id, state: RunState::Cancelled, ended_ms: Some(1), error: None };
    let receipts = vec![store.step(&run, Phase::Decision, "stopped")];
    store.commit(Commit { guards: vec![], changes: vec![moved], receipts }).await;
    assert_eq!(of_goal(&store, &goal).await, ["delivered", "began", "clicked", "stopped"]);
}

async fn receipts_by_goal_and_run_are_the_same_in_views(store: Store) {
    use greenroom::storage::ReceiptFilter;
    let (goal, run) = worked(&store).await;
    note(&store, vec![store.step(&run, Phase::Outcome, "came late")]).await;
    let db = &store.storage().db;
    let all = ReceiptFilter { newest_first: false, limit: 1000, ..ReceiptFilter::default() };
    let by_goal = db.receipts(ReceiptFilter { goal: Some(goal.id), ..all.clone() }).await.unwrap();
    assert_eq!(summaries(&by_goal), ["delivered", "began", "clicked", "ended", "came late"]);
    let by_run = db.receipts(ReceiptFilter { run: Some(run.id), ..all.clone() }).await.unwrap();
    assert_eq!(summaries(&by_run), ["began", "clicked", "ended", "came late"]);
    let newest = ReceiptFilter { goal: Some(goal.id), limit: 2, newest_first: true, ..all };
    assert_eq!(summaries(&db.receipts(newest).await.unwrap()), ["came late", "ended"]);
}

async fn a_goal_names_its_first_receipt_that_is_not_what_was_written(store: Store) {
    let (goal, _) = worked(&store).await;
    let unsound = async || store.records.unsound(goal.id).await.unwrap();
    assert_eq!(unsound().await, None);
    let receipts = store.records.goal_receipts(goal.id).await.unwrap();
    let clicked = receipts.iter().find(|receipt| receipt.body.as_ref().unwrap().summary == "clicked").unwrap().seq;
    let edit =
        |what: &str, seq: i64| verification::edit(&store, &format!("UPDATE receipts SET {what} WHERE seq = {seq};"));
    // Somebody else's is not its own.
    edit("body = replace(body, 'in between', 'in beneath')", clicked + 1);
    assert_eq!(unsound().await, None);
    edit("body = replace(body, 'clicked', 'pressed')", clicked);
    assert_eq!(unsound().await, Some(clicked));
    edit("body = NULL, salt = NULL", clicked);
    assert_eq!(unsound().await, None, "erased is no lie");
    edit("header = replace(header, '\"kind\":\"', '\"kind\":\"x')", clicked);
    assert_eq!(unsound().await, Some(clicked));
}
