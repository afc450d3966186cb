//! Dead letters: listed, retried and discarded, and nothing else is.

use actors::{
    domain::{GoalId, GoalState, MessageId, MessageState},
    ports::{Change, Commit, GoalMove},
};
use serde_json::{Value, json};

use super::harness::{LOCAL_TOKEN, TestServer};

const MESSAGES: &str = "/api/personas/ada/messages";

/// A message to a persona that is paused, set aside as its falls would.
async fn dead_letter(server: &TestServer, text: &str) -> Value {
    let sent = server.post(MESSAGES, &json!({"text": text})).await.json;
    let id: MessageId = sent["message"]["id"].as_str().unwrap().parse().unwrap();
    let goal: GoalId = sent["goal"]["id"].as_str().unwrap().parse().unwrap();
    let failed = GoalMove {
        id: goal,
        state: GoalState::Failed,
        parked_on: None,
        attempts: 0,
        last_error: Some("it fell".to_owned()),
        result: None,
        due_ms: None,
        at_ms: 1,
    };
    let changes = vec![
        Change::MessageFalls(id, 2),
        Change::MessageMoved(id, MessageState::DeadLettered),
        Change::GoalMoved(failed),
    ];
    let written = server.storage.journal.write(vec![Commit { changes, ..Commit::default() }]).await.unwrap();
    assert!(written[0].is_ok());
    sent["message"]["id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_retried_or_discarded_by_a_person() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    assert_eq!(server.post("/api/personas/ada/pause", &json!({})).await.status, 200);
    let (first, second) = (dead_letter(&server, "one").await, dead_letter(&server, "two").await);
    let alive = server.post(MESSAGES, &json!({"text": "three"})).await.json["message"]["id"].clone();
    let dead = async || server.get(&format!("{MESSAGES}?state=dead_lettered")).await.json["items"].clone();
    let listed = dead().await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"], &listed[0]["falls"]), (2, &second, &json!(2)));

    let act = async |id: &Value, verb: &str| {
        server.post(&format!("/api/messages/{}/{verb}", id.as_str().unwrap()), &json!({})).await
    };
    assert_eq!(act(&first, "retry").await.json["state"], "pending");
    assert_eq!(act(&second, "discard").await.json["state"], "cancelled");
    assert_eq!(dead().await, json!([]));
    let all = server.get(MESSAGES).await.json["items"].clone();
    let states: Vec<_> =
        all.as_array().unwrap().iter().map(|one| (one["state"].as_str().unwrap(), &one["falls"])).collect();
    assert_eq!(states, [("waiting", &json!(0)), ("dropped", &json!(0)), ("waiting", &json!(0))]);
    for (id, verb) in [(&second, "retry"), (&alive, "discard")] {
        let refused = act(id, verb).await;
        assert_eq!(refused.status, 409, "{}", refused.json);
    }
    for nobody in ["x", "01939e00-0000-7000-8000-000000000001"] {
        assert_eq!(act(&json!(nobody), "retry").await.status, 404);
    }
    server.stop().await;
}

/// What the verb answers, as JSON.
async fn verb(server: &TestServer, args: &[&str]) -> (i32, Value) {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_greenroom"))
        .args(args)
        .arg("--json")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATA_ROOT", &server.config.data_root)
        .output()
        .await
        .unwrap();
    let said = if output.status.success() { &output.stdout } else { &output.stderr };
    (output.status.code().unwrap(), serde_json::from_slice(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_dead_letters_and_settles_them() {
    let server = TestServer::start().await;
    let announced = json!({"url": server.base, "pid": std::process::id(), "token": LOCAL_TOKEN});
    std::fs::write(server.config.data_root.join("server.json"), announced.to_string()).unwrap();
    server.persona("Ada").await;
    assert_eq!(server.post("/api/personas/ada/pause", &json!({})).await.status, 200);
    let (first, second) = (dead_letter(&server, "one").await, dead_letter(&server, "two").await);
    let (first, second) = (first.as_str().unwrap(), second.as_str().unwrap());
    let dead = async || {
        let (code, listed) = verb(&server, &["message", "list", "ada", "--dead"]).await;
        assert_eq!(code, 0, "{listed}");
        let items = listed["items"].as_array().unwrap().iter();
        items.map(|letter| letter["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(dead().await, [second, first]);
    let (code, goal) = verb(&server, &["message", "retry", first]).await;
    assert_eq!((code, &goal["state"]), (0, &json!("pending")), "{goal}");
    let (code, goal) = verb(&server, &["message", "discard", second]).await;
    assert_eq!((code, &goal["state"]), (0, &json!("cancelled")), "{goal}");
    assert_eq!(dead().await, [""; 0]);
    for (which, says) in
        [(second, "not a dead letter"), ("01939e00-0000-7000-8000-000000000001", "There is no message")]
    {
        let (code, error) = verb(&server, &["message", "retry", which]).await;
        assert_eq!(code, 1, "{error}");
        assert!(error["error"].as_str().unwrap().contains(says), "{error}");
    }
    server.stop().await;
}
