//! Runs once more, over HTTP: replayed with a receipt that says so, forked with what does not fit refused.

use std::time::Duration;

use actors::domain::{GoalState, Receipt};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::harness::TestServer;

/// The most a goal may take to come to an end.
const PATIENCE: Duration = Duration::from_secs(60);

async fn given(server: &TestServer, goal: Value) -> Value {
    run_of(server, "/api/personas/ada/goals", goal).await
}

/// The run of the goal that this makes, when it is over.
async fn run_of(server: &TestServer, path: &str, goal: Value) -> Value {
    let mut receipts = server.company.receipts();
    let goal = server.post(path, &goal).await;
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
    let agent = given(&server, json!({"kind": "agent", "title": "Look", "payload": {"task": "Look around."}})).await;
    let fork = |run: &Value| format!("/api/runs/{}/fork", run["id"].as_str().unwrap());
    for (body, field) in [
        (json!({"from": 0}), "from"),
        (json!({"from": 1, "model": "nobody"}), "model"),
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

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_given_steps_goes_on_from_one_of_them() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let fork = |run: &Value| format!("/api/runs/{}/fork", run["id"].as_str().unwrap());
    let steps = json!([
        {"action": "compose", "prompt": "Write a line.", "save_as": "line"},
        {"action": "write_file", "path": "line.md", "content": "kept"},
    ]);
    let goal = json!({"kind": "browser", "title": "Write", "payload": {"steps": steps}});
    let run = given(&server, goal).await;
    for (body, field, why) in [
        (json!({"from": 3}), "from", "must be 1 to 2"),
        (json!({"from": 2, "model": "understudy"}), "model", "no step from 2 on asks a model"),
        (json!({"from": 2, "task": "Sing."}), "task", "a run of given steps has no task"),
    ] {
        let refused = server.post(&fork(&run), &body).await;
        let named = &refused.json["errors"][0];
        assert_eq!((refused.status.as_u16(), &named["field"]), (422, &json!(field)), "{body}: {}", refused.json);
        assert!(named["reason"].as_str().unwrap().contains(why), "{named}");
    }
    let second = run_of(&server, &fork(&run), json!({"from": 2})).await;
    assert_eq!(second["state"], "done", "{second}");
    let receipts = server.get(&format!("/api/receipts?run={}", second["id"].as_str().unwrap())).await.json;
    let of = |step: usize| {
        let all = receipts["items"].as_array().unwrap().iter().filter(move |one| one["step"] == json!(step));
        all.map(|one| (one["phase"].clone(), one["replay_of"].is_i64())).collect::<Vec<_>>()
    };
    assert_eq!(of(0), [(json!("outcome"), true)], "{receipts:#}");
    assert_eq!(of(1), [(json!("outcome"), false), (json!("intent"), false)], "{receipts:#}");
    let replayed = server.post(&format!("/api/runs/{}/replay", second["id"].as_str().unwrap()), &json!({})).await;
    assert_eq!(replayed.json["holds"], true, "{}", replayed.json);

    let written = given(&server, json!({"kind": "ai", "title": "Write", "payload": {"prompt": "Write a line."}})).await;
    let other = json!({"from": 1, "model": "understudy", "task": "Write another."});
    let anew = run_of(&server, &fork(&written), other).await;
    let goal = server.get(&format!("/api/goals/{}", anew["goal"].as_str().unwrap())).await.json;
    let step = &goal["payload"]["steps"][0];
    let said = (&goal["kind"], &step["prompt"], &step["model"]);
    assert_eq!(said, (&json!("ai"), &json!("Write another."), &json!("understudy")), "{goal:#}");
    server.stop().await;
}
