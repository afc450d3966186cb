//! Templates, quotas and planned days over HTTP.

use std::time::Duration;

use actors::{
    domain::{Call, Outcome, StepError},
    testing::TestPorts,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::harness::{Answer, TestServer, answer};
use crate::postgres;

/// The most a goal may take to be over.
const PATIENCE: Duration = Duration::from_secs(60);

const ADA: &str = "/api/personas/ada";

fn refused(sent: &Answer, field: &str, reason: &str) {
    assert_eq!(sent.status, 422, "{}", sent.json);
    let error = &sent.json["errors"][0];
    assert_eq!(error["field"], field, "{}", sent.json);
    assert!(error["reason"].as_str().unwrap().contains(reason), "{}", sent.json);
}

async fn put(server: &TestServer, path: &str, body: &Value) -> Answer {
    answer(server.local(Method::PUT, path).json(body).send().await.unwrap()).await
}

fn of<'a>(day: &'a Value, unit: &str) -> &'a Value {
    day["quotas"].as_array().unwrap().iter().find(|one| one["unit"] == unit).unwrap_or(&Value::Null)
}

fn bad_goals(params: &Value) -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!({"template": "social.pots"}), "template", "social.post"),
        (json!({"template": "social.post"}), "params.platform", "is required"),
        (
            json!({"template": "social.post", "params": {"platform": "mars", "asset": "x"}}),
            "params.platform",
            "rehearsal",
        ),
        (json!({"template": "social.post", "params": params, "kind": "ai"}), "kind", "comes with the template"),
        (json!({"template": "social.post", "params": params, "proof": {}}), "proof", "comes with the template"),
        (json!({"params": params, "kind": "ai", "payload": {"prompt": "x"}}), "params", "send `template` too"),
        (
            json!({"template": "outreach.send_message", "params": {"platform": "rehearsal", "to": "bo@a.test", "text": "Hi.",
                "batch_size": 1}}),
            "proof.counts_as",
            "outreach is off",
        ),
        (
            json!({"kind": "ai", "payload": {"prompt": "x"}, "proof": {"counts_as": "message"}}),
            "proof.counts_as",
            "outreach is off",
        ),
        (
            json!({"kind": "ai", "payload": {"prompt": "x"}, "proof": {"counts_as": "post", "units": 5}}),
            "proof.counts_as",
            "allows 4 a day",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_made_from_a_template() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let listed = server.get("/api/templates").await.json;
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    let known = [
        "worker.submit_proposal",
        "social.post",
        "outreach.send_message",
        "deliverable.publish",
        "report.daily_digest",
    ];
    assert_eq!(names, known);
    assert_eq!(
        listed["items"][1]["fields"][1],
        json!({"name": "asset", "label": "Asset", "about": "What is posted.", "type": "text", "most": 400, "required": true})
    );
    assert_eq!(listed["items"][2]["off"], "outreach is off: no host policy allows it");

    let goals = &format!("{ADA}/goals");
    let params = json!({"platform": "rehearsal", "asset": "Hello."});
    let made = server.post(goals, &json!({"template": "social.post", "params": params})).await;
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!((&made.json["title"], &made.json["proof"]["counts_as"]), (&json!("Post: Hello."), &json!("post")));
    let titled = server.post(goals, &json!({"template": "social.post", "title": "Mine", "params": params})).await;
    assert_eq!(titled.json["title"], "Mine");

    for (body, field, reason) in bad_goals(&params) {
        refused(&server.post(goals, &body).await, field, reason);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_a_roles_until_a_persona_has_its_own() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let path = &format!("{ADA}/quotas");
    let day = server.get(path).await.json;
    assert_eq!(day["version"], 1);
    let post = of(&day, "post");
    assert_eq!((&post["floor"], &post["ceiling"], &post["own"]), (&json!(2), &json!(4), &json!(false)));
    assert!(of(&day, "proposal").is_null(), "nobody asks that of somebody without a role");
    assert_eq!(of(&day, "message")["forbidden"], "outreach is off: no host policy allows it");

    let sent = server.patch(ADA, &json!({"version": 1, "role": "worker"})).await;
    assert_eq!(sent.status, 200, "{}", sent.json);
    let day = server.get(path).await.json;
    assert_eq!((&of(&day, "proposal")["floor"], &of(&day, "deliverable")["ceiling"]), (&json!(10), &json!(2)));

    let own = json!({"version": 2, "quotas": {"proposal": {"floor": 1, "ceiling": 3}, "message": {"floor": 1, "ceiling": 9}}});
    let day = server.patch(path, &own).await;
    assert_eq!(day.status, 200, "{}", day.json);
    let proposal = of(&day.json, "proposal");
    assert_eq!((&proposal["floor"], &proposal["ceiling"], &proposal["own"]), (&json!(1), &json!(3), &json!(true)));
    let message = of(&day.json, "message");
    assert_eq!((&message["ceiling"], &message["set"]), (&json!(0), &json!({"floor": 1, "ceiling": 9})));
    assert_eq!(server.patch(path, &own).await.status, 409, "somebody else was faster");
    let day = server.patch(path, &json!({"version": 3, "quotas": {"proposal": null}})).await.json;
    assert_eq!(of(&day, "proposal")["own"], false);

    let bad = |quotas: Value| json!({"version": 4, "quotas": quotas});
    for (quotas, field, reason) in [
        (json!({"posts": {"floor": 1, "ceiling": 2}}), "quotas.posts", "post"),
        (json!({"post": {"floor": 3, "ceiling": 2}}), "quotas.post.floor", "above the ceiling"),
        (json!({"post": {"floor": -1, "ceiling": 2}}), "quotas.post.floor", "not -1"),
        (json!({"post": {"floor": 0, "ceiling": 100_001}}), "quotas.post.ceiling", "between 0 and 100000"),
        (json!({"post": {"floor": 0, "ceiling": i64::MAX}}), "quotas.post.ceiling", "between 0 and 100000"),
        (json!({"post": {"floor": 0, "ceiling": 1e30}}), "quotas.post.ceiling", ""),
        (json!({"post": {"floor": 1}}), "quotas.post.ceiling", "is required beside the other"),
        (json!({"post": {"floor": 1, "top": 2}}), "quotas.post.top", ""),
    ] {
        refused(&server.patch(path, &bad(quotas)).await, field, reason);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_days_are_planned_from_is_checked_when_it_is_set() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let path = &format!("{ADA}/autoplan");
    assert_eq!(server.get(path).await.json, json!({"version": 1, "on": false, "work": []}));
    let post = json!({"template": "social.post", "params": {"platform": "rehearsal", "asset": "Hello."}});
    let plan = |on: bool, work: Value| json!({"version": 1, "on": on, "work": work});
    for (body, field, reason) in [
        (json!({"version": 1, "on": true}), "work", "name a template"),
        (plan(true, json!([post, {"template": "social.pots"}])), "work[1].template", "social.post"),
        (plan(true, json!([{"template": "social.post"}])), "work[0].params.platform", "is required"),
        (plan(true, json!([{"template": "report.daily_digest"}])), "work[0].template", "counts as nothing"),
        (
            plan(
                true,
                json!([{"template": "outreach.send_message", "params": {"platform": "rehearsal", "batch_size": 2}}]),
            ),
            "work[0].params.to",
            "is required",
        ),
        (plan(true, json!(vec![post.clone(); 51])), "work", "at most 50"),
    ] {
        refused(&put(&server, path, &body).await, field, reason);
    }
    let kept = put(&server, path, &plan(true, json!([post]))).await;
    assert_eq!((kept.status.as_u16(), &kept.json), (200, &json!({"version": 2, "on": true, "work": [post]})));
    let off = put(&server, path, &json!({"version": 2, "on": false})).await.json;
    assert_eq!(off, json!({"version": 3, "on": false, "work": [post]}), "what is left out stays");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_on_a_day_is_planned_and_shown() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    server.company.plan_from(std::sync::Arc::new(greenroom::tools::templates::Templates));
    let mut receipts = server.company.receipts();
    let work = json!([{"template": "social.post", "params": {"platform": "rehearsal", "asset": "Hello."}}]);
    let kept = put(&server, &format!("{ADA}/autoplan"), &json!({"version": 1, "on": true, "work": work})).await;
    assert_eq!(kept.status, 200, "{}", kept.json);
    while !receipts.recv().await.unwrap().body.as_ref().unwrap().summary.starts_with("planned 2 goals") {}
    let day = server.get(&format!("{ADA}/quotas")).await.json;
    let post = of(&day, "post");
    assert_eq!((&post["waiting"], &post["done"], &post["under_way"]), (&json!(2), &json!(0), &json!(0)), "{post}");
    for goal in post["goals"].as_array().unwrap() {
        let goal = server.get(&format!("/api/goals/{}", goal["goal"].as_str().unwrap())).await.json;
        assert_eq!((&goal["created_by"], &goal["state"]), (&json!("planner"), &json!("pending")));
        assert!(goal["due_ms"].as_i64().unwrap() < day["ends_ms"].as_i64().unwrap());
    }
    server.stop().await;
}

/// Works off goals that count, one of which fails: what a day has done is what its receipts say, wherever one asks.
async fn what_is_done_is_what_receipts_say(database_url: String) {
    let test = TestPorts::new(|call: &Call| match call.args["path"].as_str() {
        Some("bad.txt") => Outcome::not_begun("wrote nothing", StepError::permanent("as the test asked")),
        _ => Outcome::done("wrote it", json!({})),
    });
    let server = TestServer::start_on(test, |config| config.storage.database_url = database_url).await;
    server.persona("Ada").await;
    let mut receipts = server.company.receipts();
    for (file, unit, units) in [
        ("a.txt", "post", 2),
        ("b.txt", "post", 1),
        ("bad.txt", "post", 1),
        ("c.txt", "deliverable", 3),
        ("d.txt", "", 0),
    ] {
        let proof = if unit.is_empty() { json!({}) } else { json!({"counts_as": unit, "units": units}) };
        let goal = json!({"kind": "io", "title": file, "proof": proof,
            "payload": {"steps": [{"action": "write_file", "path": file, "content": "hello"}]}});
        let made = server.post(&format!("{ADA}/goals"), &goal).await;
        assert_eq!(made.status, 201, "{}", made.json);
        let path = format!("/api/goals/{}", made.json["id"].as_str().unwrap());
        let over = async {
            loop {
                let goal = server.get(&path).await.json;
                if ["done", "failed"].iter().any(|state| goal["state"] == *state) {
                    return goal;
                }
                receipts.recv().await.unwrap();
            }
        };
        let over = timeout(PATIENCE, over).await.expect("the goal is over");
        assert_eq!(over["state"], if file == "bad.txt" { "failed" } else { "done" }, "{over}");
    }
    let day = server.get(&format!("{ADA}/quotas")).await.json;
    let told = server.get("/api/receipts?limit=500").await.json["items"].clone();
    let metrics = server.get("/metrics").await.json;
    for (unit, figure, units) in [("post", "posts_today", 3), ("deliverable", "deliverables_today", 3)] {
        let mut sum = 0;
        for receipt in told.as_array().unwrap().iter().filter(|receipt| !receipt["units"].is_null()) {
            let goal = server.get(&format!("/api/goals/{}", receipt["goal"].as_str().unwrap())).await.json;
            sum += if goal["proof"]["counts_as"] == unit { receipt["units"].as_i64().unwrap() } else { 0 };
        }
        assert_eq!(sum, units, "{unit}: {told}");
        assert_eq!((&of(&day, unit)["done"], &metrics[figure]), (&json!(sum), &json!(sum)), "{unit}: {day}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_what_receipts_say_on_sqlite() {
    what_is_done_is_what_receipts_say(String::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_what_receipts_say_on_postgres() {
    what_is_done_is_what_receipts_say(postgres::database().await).await;
}
