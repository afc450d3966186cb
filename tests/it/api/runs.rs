//! Runs once more, over HTTP: replayed with a receipt that says so, forked with what does not fit refused.

use std::time::Duration;

use actors::domain::{GoalState, Receipt};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::harness::TestServer;

/// The most a goal may take to come to an end.
const PATIENCE: Duration = Duration::from_secs(60);

async fn given(server: &TestServer, goal: Value) -> Value {
    let mut receipts = server.company.receipts();
    let goal = server.post("/api/personas/ada/goals", &goal).await;
    assert_eq!(goal.status, 201, "{}", goal.json);
    let id = goal.json["id"].as_str().unwrap().to_owned();
    let over = |receipt: &Receipt| {
        let state = receipt.state.as_deref().and_then(|state| state.parse::<GoalState>().ok());
        receipt.run.is_some() && receipt.step.is_none() && state.is_some_and(GoalState::is_over)
    };
    let ended = async { while !over(&receipts.recv().await.unwrap()) {} };
    timeout(PATIENCE, ended).await.unwrap();
    server.get(&format!("/api/runs?goal={id}")).await.json["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_replayed_and_a_receipt_says_so() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let run = given(&server, json!({"kind": "ai", "title": "Write", "payload": {"prompt": "Write a line."}})).await;
    let id = run["id"].as_str().unwrap();
    let replayed = server.post(&format!("/api/runs/{id}/replay"), &json!({})).await;
    assert_eq!((replayed.status.as_u16(), &replayed.json["holds"]), (200, &json!(true)), "{}", replayed.json);
    let receipts = server.get(&format!("/api/receipts?run={id}")).await.json["items"].as_array().unwrap().len();
    assert_eq!(replayed.json["equal"], json!(receipts));
    let newest = server.get("/api/receipts?limit=1").await.json["items"][0].clone();
    assert!(newest["chain"].as_str().unwrap().starts_with("system:"), "{newest}");
    assert_eq!((&newest["body"]["data"]["run"], &newest["body"]["data"]["equal"]), (&json!(id), &json!(receipts)));
    let nowhere = server.post(&format!("/api/runs/{}/replay", uuid::Uuid::nil()), &json!({})).await;
    assert_eq!(nowhere.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_that_does_not_fit_is_refused() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let fixed = given(&server, json!({"kind": "ai", "title": "Write", "payload": {"prompt": "Write a line."}})).await;
    let fork = |run: &Value| format!("/api/runs/{}/fork", run["id"].as_str().unwrap());
    let refused = server.post(&fork(&fixed), &json!({"from": 1})).await;
    assert_eq!(refused.status, 409, "{}", refused.json);
    assert!(refused.json["detail"].as_str().unwrap().contains("fixed plan"), "{}", refused.json);
    let agent = given(&server, json!({"kind": "agent", "title": "Look", "payload": {"task": "Look around."}})).await;
    for (body, field) in [
        (json!({"from": 0}), "from"),
        (json!({"from": 99}), "from"),
        (json!({"from": 1, "task": " "}), "task"),
        (json!({"from": 1, "model": ""}), "model"),
        (json!({"from": 1, "model": "nomodel"}), "model"),
    ] {
        let refused = server.post(&fork(&agent), &body).await;
        let named = &refused.json["errors"][0]["field"];
        assert_eq!((refused.status.as_u16(), named), (422, &json!(field)), "{body}: {}", refused.json);
    }
    let forked = server.post(&fork(&agent), &json!({"from": 1, "task": "Look once more."})).await;
    assert_eq!(forked.status, 201, "{}", forked.json);
    assert_eq!(forked.json["title"], "Look (anew from step 1)");
    server.stop().await;
}
