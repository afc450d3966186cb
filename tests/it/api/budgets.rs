//! Budgets over HTTP: set by version, shown with what was spent, and held.

use std::time::Duration;

use actors::{
    domain::{ArtifactKind, Bound, Call, Cost, NewArtifact, Outcome},
    testing::TestPorts,
};
use greenroom::storage::UserRole;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::harness::{Answer, STATUS_TOKEN, TestServer, answer};
use crate::postgres;

/// The most a goal may take to come to an end.
const PATIENCE: Duration = Duration::from_secs(60);
const COMPANY: &str = "/api/budgets";
const ADA: &str = "/api/personas/ada/budgets";

async fn put(server: &TestServer, path: &str, body: &Value) -> Answer {
    answer(server.local(Method::PUT, path).json(body).send().await.unwrap()).await
}

fn cents(version: u64, hard: u64) -> Value {
    json!({"version": version, "limits": {"day": {"micro_usd": {"hard": hard}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_are_set_by_version_and_refused_by_field() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let before = server.get(ADA).await.json;
    assert_eq!((&before["version"], &before["periods"][0]["limits"]), (&json!(0), &json!({})));
    assert_eq!(before["periods"][1]["period"], "month");
    assert_eq!(put(&server, ADA, &json!({"limits": {}})).await.status, 428, "the version that was read is needed");
    let limits = json!({
        "day": {"micro_usd": {"hard": 1_000_000, "soft": 800_000}, "tokens": null},
        "month": {"tokens": {"hard": 0}},
    });
    let set = put(&server, ADA, &json!({"version": 0, "limits": limits})).await;
    assert_eq!(set.status, 200, "{}", set.json);
    let periods = &set.json["periods"];
    assert_eq!(periods[0]["limits"], json!({"micro_usd": {"soft": 800_000, "hard": 1_000_000, "left": 1_000_000}}));
    assert_eq!((&set.json["version"], &periods[1]["limits"]["tokens"]["hard"]), (&json!(1), &json!(0)));
    let late = put(&server, ADA, &cents(0, 5)).await;
    assert_eq!((late.status.as_u16(), &late.json["currentVersion"]), (409, &json!(1)), "{}", late.json);
    for (limits, field) in [
        (json!({"day": {"micro_usd": {"hard": 5, "soft": 6}}}), "limits.day.micro_usd.soft"),
        (json!({"day": {"micro_usd": {"soft": 6}}}), "limits.day.micro_usd.hard"),
        (json!({"day": {"tokens": {"hard": -1}}}), "limits.day.tokens.hard"),
        (json!({"month": {"euros": {"hard": 1}}}), "limits.month.euros"),
        (json!({"year": {}}), "limits.year"),
    ] {
        let refused = put(&server, ADA, &json!({"version": 1, "limits": limits})).await;
        assert_eq!((refused.status.as_u16(), &refused.json["errors"][0]["field"]), (422, &json!(field)));
    }
    assert_eq!(put(&server, "/api/personas/nobody/budgets", &cents(0, 1)).await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_alone_say_what_users_and_the_company_may_spend() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let member = server.token("bo", UserRole::Member).await;
    let ask = async |method, path: &str| {
        let request = server.ask(method, path).bearer_auth(&member).json(&cents(0, 1));
        request.send().await.unwrap().status().as_u16()
    };
    let bo = "/api/admin/users/bo/budgets";
    assert_eq!((ask(Method::GET, COMPANY).await, ask(Method::PUT, COMPANY).await), (200, 403));
    assert_eq!((ask(Method::GET, bo).await, ask(Method::PUT, bo).await, ask(Method::PUT, ADA).await), (403, 403, 200));
    let set = put(&server, bo, &cents(0, 7)).await;
    assert_eq!((&set.json["scope"], set.status.as_u16()), (&json!("user:bo"), 200), "{}", set.json);
    assert_eq!(server.get("/api/admin/users/nobody/budgets").await.status, 404);
    server.stop().await;
}

/// Composes for four cents, six at worst.
fn paid() -> TestPorts {
    let test = TestPorts::new(|call: &Call| {
        let (name, media_type, bytes) = ("line.txt".to_owned(), "text/plain", b"a line".to_vec());
        let line = NewArtifact { kind: ArtifactKind::Text, name, media_type, bytes };
        let cost = Some(Cost { input_tokens: 100, output_tokens: 20, micro_usd: 40_000 });
        Outcome { cost, ..Outcome::done(format!("did {}", call.tool), json!({"value": "a line"})).with_artifact(line) }
    });
    test.performer.bound_by(|_| Ok(Some(Bound { micro_usd: 60_000, tokens: 900 })));
    test
}

/// Waits until a goal has come to this state.
pub async fn goes_to(server: &TestServer, path: &str, state: &str) -> Value {
    let mut receipts = server.company.receipts();
    let arrives = async {
        loop {
            let goal = server.get(path).await.json;
            if goal["state"] == state {
                return goal;
            }
            receipts.recv().await.unwrap();
        }
    };
    timeout(PATIENCE, arrives).await.unwrap()
}

async fn what_is_spent_is_shown_and_what_is_left_holds(database_url: String) {
    let server = TestServer::start_on(paid(), |config| config.storage.database_url = database_url).await;
    server.persona("Ada").await;
    assert_eq!(put(&server, ADA, &cents(0, 90_000)).await.status, 200);
    let give = async || {
        let goal =
            json!({"kind": "ai", "title": "A line", "payload": {"prompt": "Write."}, "proof": {"artifacts": ["text"]}});
        let made = server.post("/api/personas/ada/goals", &goal).await;
        assert_eq!(made.status, 201, "{}", made.json);
        format!("/api/goals/{}", made.json["id"].as_str().unwrap())
    };
    let first = give().await;
    goes_to(&server, &first, "done").await;
    let second = give().await;
    let waits = goes_to(&server, &second, "parked").await;
    let day = server.get(ADA).await.json["periods"][0].clone();
    assert_eq!((&waits["parked_on"], &waits["due_ms"]), (&json!("budget"), &day["ends_ms"]));
    assert_eq!(
        (&day["spent"], &day["reserved"]["micro_usd"]),
        (&json!({"micro_usd": 40_000, "tokens": 120}), &json!(0))
    );
    assert_eq!(day["limits"]["micro_usd"]["left"], 50_000);
    let alerts = server.get("/api/alerts").await.json;
    assert_eq!((&alerts["items"][0]["kind"], alerts["items"].as_array().unwrap().len()), (&json!("over_budget"), 1));

    assert_eq!(put(&server, ADA, &cents(1, 120_000)).await.status, 200);
    goes_to(&server, &second, "done").await;
    let metrics = server.get("/metrics").await.json;
    assert_eq!((&metrics["spent_micro_usd_today"], &metrics["spent_tokens_today"]), (&json!(80_000), &json!(240)));
    let text = server.ask(Method::GET, "/metrics/prometheus").bearer_auth(STATUS_TOKEN).send().await.unwrap();
    let text = text.text().await.unwrap();
    assert!(text.contains("\ngreenroom_spent_micro_usd_today 80000\n"), "{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_what_is_spent_is_shown_and_what_is_left_holds() {
    what_is_spent_is_shown_and_what_is_left_holds(String::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_what_is_spent_is_shown_and_what_is_left_holds() {
    what_is_spent_is_shown_and_what_is_left_holds(postgres::database().await).await;
}
