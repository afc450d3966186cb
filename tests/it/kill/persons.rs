//! What only a person can say: `goal resolve` brings a goal that nobody could know about to its end.

use serde_json::{Value, json};

use super::{
    death::{dead_at, nothing_done_is_done_again},
    place::Database::Sqlite,
    server::Server,
    stage::{Stage, give},
    subject::Subject,
};

/// Killed there and waiting for a person.
async fn parked(stage: &Stage, boundary: &str, subject: &Subject) -> (Server, String) {
    let server = dead_at(stage, subject, &[boundary.to_owned()], None).await;
    let goals = give(&server.caller(), &subject.goals).await.unwrap();
    let goal = server.at_rest(goals[0]["id"].as_str().unwrap()).await;
    assert_eq!((&goal["state"], &goal["parked_on"]), (&json!("parked"), &json!("reconcile")), "{goal:#}");
    (server, goal["id"].as_str().unwrap().to_owned())
}

/// What the person said is on both chains, and nobody is asked any more.
async fn is_on_record(server: &Server, receipts: &[Value], ended: &str) {
    let said: Vec<_> = receipts.iter().filter(|receipt| receipt["phase"] == "reconciled").collect();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!(said[0]["state"], ended, "{said:#?}");
    let acts = server.get("/api/receipts?chain=system:local").await;
    let acts = acts["items"].as_array().unwrap().clone();
    let decided = acts.iter().filter(|act| act["goal"] == said[0]["goal"] && act["phase"] == "decision").count();
    assert_eq!(decided, 1, "an act of a person stands on the system chain: {acts:#?}");
    assert_eq!(server.get("/api/alerts").await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_happen_is_begun_once_more() {
    let (stage, subject) = (Stage::open(Sqlite).await, Subject::browser());
    let submit = subject.places().submit;
    let boundary = format!("after execution/browser_click/intent/{submit}/-#1");
    let (server, goal) = parked(&stage, &boundary, &subject).await;
    assert_eq!(stage.submitted().len(), 0);
    let (code, _) = stage.verb(&["goal", "resolve", &goal, "--not-done", "--note", "the list is empty"]).await;
    assert_eq!(code, 0);
    let after = server.over(&goal).await;
    assert_eq!((&after["state"], &after["attempts"]), (&json!("done"), &json!(1)), "{after:#}");
    assert_eq!(stage.submitted().len(), 1);
    let receipts = server.receipts(&goal).await;
    assert_eq!(nothing_done_is_done_again(&receipts).get(&submit), Some(&2), "a person reopened it");
    is_on_record(&server, &receipts, "not_begun").await;
    stage.close(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_happen_is_not_begun_again() {
    let (stage, mut subject) = (Stage::open(Sqlite).await, Subject::browser());
    // Without a read-back only a person can look.
    subject.goals[0].proof.read_back = None;
    let submit = subject.places().submit;
    let boundary = format!("before execution/browser_click/outcome/{submit}/done#1");
    let (server, goal) = parked(&stage, &boundary, &subject).await;
    assert_eq!(stage.submitted().len(), 1);
    let (code, _) = stage.verb(&["goal", "resolve", &goal, "--done", "--note", "it is in the list"]).await;
    assert_eq!(code, 0);
    let after = server.over(&goal).await;
    assert_eq!((&after["state"], &after["attempts"]), (&json!("unconfirmed"), &json!(1)), "{after:#}");
    assert!(after["last_error"].as_str().unwrap().contains("title contains"), "nobody saw its page: {after:#}");
    assert_eq!(stage.submitted().len(), 1, "and the world saw it once");
    let receipts = server.receipts(&goal).await;
    assert_eq!(nothing_done_is_done_again(&receipts).get(&submit), Some(&1));
    is_on_record(&server, &receipts, "done").await;
    stage.close(server).await;
}
