//! Permissions, approvals and host policies over HTTP.

use std::time::Duration;

use actors::{domain::Outcome, testing::TestPorts};
use greenroom::storage::UserRole;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::harness::{Answer, TestServer, answer};
use crate::postgres;

const PATIENCE: Duration = Duration::from_secs(60);
const ADA: &str = "/api/personas/ada/permissions";
const HOST: &str = "/api/hosts/board.example";

async fn put(server: &TestServer, path: &str, body: &Value) -> Answer {
    answer(server.local(Method::PUT, path).json(body).send().await.unwrap()).await
}

/// Every call does what it is asked.
fn obliging() -> TestPorts {
    TestPorts::new(|call| Outcome::done(format!("did {}", call.tool), json!({"url": "http://board.example/form"})))
}

async fn give(server: &TestServer) -> String {
    let steps = json!([{"action": "goto", "url": "http://board.example/form"}, {"action": "click", "selector": "#send"},
        {"action": "expect_title", "contains": "x"}]);
    let goal = json!({"kind": "browser", "title": "Send", "payload": {"steps": steps}});
    let made = server.post("/api/personas/ada/goals", &goal).await;
    assert_eq!(made.status, 201, "{}", made.json);
    format!("/api/goals/{}", made.json["id"].as_str().unwrap())
}

async fn comes_to(server: &TestServer, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let mut receipts = server.company.receipts();
    let arrives = async {
        loop {
            let goal = server.get(path).await.json;
            if fits(&goal) {
                return goal;
            }
            receipts.recv().await.unwrap();
        }
    };
    timeout(PATIENCE, arrives).await.unwrap()
}

async fn a_question_is_put_answered_and_used(database_url: String) {
    let server = TestServer::start_on(obliging(), |config| config.storage.database_url = database_url).await;
    server.persona("Ada").await;
    let goal = give(&server).await;
    let waits = comes_to(&server, &goal, |goal| goal["parked_on"] == "approval").await;
    let asked = server.get("/api/approvals?state=waiting").await.json["items"][0].clone();
    assert_eq!((&asked["host"], &asked["expires_ms"]), (&json!("board.example"), &waits["due_ms"]));
    assert_eq!((&asked["tool"], &asked["state"]), (&json!("browser_click"), &json!("waiting")));
    assert_eq!(server.get("/api/approvals/waiting").await.json["waiting"], 1);
    let alert = server.get("/api/alerts").await.json["items"][0].clone();
    assert_eq!(alert["kind"], "approval", "{alert:#}");
    let path = format!("/api/approvals/{}", asked["id"].as_str().unwrap());
    let yes = server.post(&format!("{path}/approve"), &json!({"note": "go on"})).await;
    assert_eq!((yes.status.as_u16(), &yes.json["state"]), (200, &json!("approved")), "{}", yes.json);
    for verb in ["approve", "deny"] {
        assert_eq!(server.post(&format!("{path}/{verb}"), &json!({})).await.status, 409, "it is decided");
    }
    comes_to(&server, &goal, |goal| goal["state"] == "done").await;
    let used = server.get(&path).await.json;
    assert_eq!((&used["state"], &used["decided_by"], &used["note"]), (&json!("used"), &json!("cli"), &json!("go on")));
    assert_eq!(server.get("/api/alerts").await.json["items"], json!([]));

    let second = give(&server).await;
    let waits = comes_to(&server, &second, |goal| goal["parked_on"] == "approval").await;
    let cancelled = server.post(&format!("{second}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.json);
    let list = server.get(&format!("/api/approvals?goal={}", waits["id"].as_str().unwrap())).await.json;
    assert_eq!(list["items"][0]["state"], "void", "nobody need answer for a goal that is over");
    assert_eq!(server.get("/api/alerts").await.json["items"], json!([]));
    assert_eq!(server.post("/api/approvals/01939e00-0000-7000-8000-000000000001/deny", &json!({})).await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_question_is_put_answered_and_used() {
    a_question_is_put_answered_and_used(String::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_question_is_put_answered_and_used() {
    a_question_is_put_answered_and_used(postgres::database().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_set_by_version_and_refused_by_field() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let before = server.get(ADA).await.json;
    assert_eq!((&before["autonomy"], &before["rules"]), (&json!("supervised"), &json!([])));
    assert_eq!(before["built_in"], json!([{"tool": null, "host": "=rehearsal.localhost", "say": "allow"}]));
    assert_eq!(
        put(&server, ADA, &json!({"autonomy": "full"})).await.status,
        428,
        "the version that was read is needed"
    );
    let rules = json!([{"tool": "browser_click", "host": "Shop.example", "say": "deny"}]);
    let set = put(&server, ADA, &json!({"version": 1, "autonomy": "full", "rules": rules})).await;
    assert_eq!(set.status, 200, "{}", set.json);
    assert_eq!((&set.json["version"], &set.json["rules"][0]["host"]), (&json!(2), &json!("shop.example")));
    let late = put(&server, ADA, &json!({"version": 1})).await;
    assert_eq!((late.status.as_u16(), &late.json["currentVersion"]), (409, &json!(2)), "{}", late.json);
    for (body, field) in [
        (json!({"version": 2, "autonomy": "wild"}), "autonomy"),
        (json!({"version": 2, "rules": [{"say": "maybe"}]}), "rules[0].say"),
        (json!({"version": 2, "rules": [{"say": "ask", "host": "a b"}]}), "rules[0].host"),
        (json!({"version": 2, "rules": [{"say": "ask", "tool": "a b"}]}), "rules[0].tool"),
    ] {
        let refused = put(&server, ADA, &body).await;
        assert_eq!((refused.status.as_u16(), &refused.json["errors"][0]["field"]), (422, &json!(field)), "{body}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_policy_holds_from_the_next_step_and_only_owners_set_it() {
    let server = TestServer::start_on(obliging(), |config| config.company.retry_after.clear()).await;
    server.persona("Ada").await;
    assert_eq!(server.get(HOST).await.json["version"], 0);
    let member = server.token("bo", UserRole::Member).await;
    let policy =
        json!({"version": 0, "actions": ["browser_navigate"], "acts_per_second": 0.25, "disclosure": "By a machine."});
    let asked = server.ask(Method::PUT, HOST).bearer_auth(&member).json(&policy).send().await.unwrap();
    assert_eq!(asked.status(), 403);
    for (body, field) in [
        (json!({"version": 0, "acts_per_second": 0}), "acts_per_second"),
        (json!({"version": 0, "actions": [""]}), "actions"),
        (json!({"version": 0, "outreach": {"recipients": [" "]}}), "outreach.recipients"),
    ] {
        let refused = put(&server, HOST, &body).await;
        assert_eq!((refused.status.as_u16(), &refused.json["errors"][0]["field"]), (422, &json!(field)), "{body}");
    }
    let set = put(&server, HOST, &policy).await;
    assert_eq!((set.status.as_u16(), &set.json["acts_per_second"]), (200, &json!(0.25)), "{}", set.json);
    let late = put(&server, HOST, &policy).await;
    assert_eq!((late.status.as_u16(), &late.json["currentVersion"]), (409, &json!(1)));
    let goal = give(&server).await;
    let failed = comes_to(&server, &goal, |goal| goal["state"] == "failed").await;
    assert_eq!(failed["last_error"], "the policy of board.example does not allow `browser_click` there");
    let acts = server.get("/api/receipts?chain=system:test").await.json;
    assert!(acts["items"].to_string().contains("set the policy of board.example"), "{acts:#}");
    server.stop().await;
}
