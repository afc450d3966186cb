//! Calendars over HTTP: what is answered, what is refused and why.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::harness::{TestServer, answer};

const ADAS: &str = "/api/personas/ada/schedules";

fn morning() -> Value {
    json!({"name": "Morning", "cron": "0 9 * * 1-5", "kind": "ai", "title": "a line", "payload": {"prompt": "Write."}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_added_switched_changed_and_removed() {
    let server = TestServer::start().await;
    let ada = server.post("/api/personas", &json!({"name": "Ada", "hours": {"zone": "Europe/Berlin"}})).await;
    assert_eq!(ada.status, 201, "{}", ada.json);
    let made = server.post(ADAS, &morning()).await;
    assert_eq!(made.status, 201, "{}", made.json);
    let id = made.json["id"].as_str().unwrap().to_owned();
    let one = format!("/api/schedules/{id}");
    assert_eq!(made.headers["location"], one.as_str());
    assert_eq!(
        (&made.json["zone"], &made.json["on"], &made.json["version"]),
        (&json!("Europe/Berlin"), &json!(true), &json!(1))
    );
    // The test's clock stands at Friday, 20 November 2026, noon; 9:00 in Berlin is 8:00 here.
    assert_eq!(made.json["next_ms"], json!(1_795_420_800_000i64), "on Monday");
    assert!(made.json["reads"].as_str().unwrap().contains("09:00"), "{}", made.json["reads"]);
    assert_eq!(made.json["starts"]["payload"]["prompt"], "Write.");

    let chat = json!({"name": "Hello", "cron": "@hourly", "text": "Good morning", "on": false});
    let hello = server.post(ADAS, &chat).await;
    assert_eq!(
        (&hello.json["starts"], &hello.json["next_ms"]),
        (&json!({"as": "chat", "text": "Good morning"}), &Value::Null)
    );
    let all = server.get(ADAS).await.json;
    let names: Vec<_> = all["items"].as_array().unwrap().iter().map(|line| line["name"].clone()).collect();
    assert_eq!(names, ["Morning", "Hello"]);

    let off = server.patch(&one, &json!({"version": 1, "on": false})).await;
    assert_eq!((&off.json["on"], &off.json["next_ms"], &off.json["version"]), (&json!(false), &Value::Null, &json!(2)));
    let stale = server.patch(&one, &json!({"ifVersion": 1, "name": "Evening"})).await;
    assert_eq!((stale.status, &stale.json["currentVersion"]), (StatusCode::CONFLICT, &json!(2)));
    let change = json!({"version": 2, "name": "Evening", "cron": "0 18 * * *", "text": "Good evening", "on": true});
    let evening = server.patch(&one, &change).await.json;
    assert_eq!(evening["starts"], json!({"as": "chat", "text": "Good evening"}));
    assert_eq!(server.get(&one).await.json["name"], "Evening");

    let gone = answer(server.local(Method::DELETE, &one).send().await.unwrap()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&one).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.get("/api/schedules/nonsense").await.status, StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_the_field_and_the_reason() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let with = |field: &str, value: Value| {
        let mut body = morning();
        body[field] = value;
        body
    };
    for (body, field, reason) in [
        (with("cron", json!("0 0 30 2 *")), "cron", "never comes"),
        (with("cron", json!("* * * * * *")), "cron", "shortest pause allowed is 60 s"),
        (with("cron", json!("every day")), "cron", "is no cron expression"),
        (with("cron", json!("")), "cron", "1 to 100 characters"),
        (with("cron", Value::Null), "cron", ""),
        (with("name", json!(" ")), "name", "empty"),
        (with("title", Value::Null), "title", "empty"),
        (with("kind", json!("fly")), "kind", "browser"),
        (with("payload", json!({"prompt": " "})), "payload.prompt", "empty"),
        (with("priority", json!(2)), "priority", "between 0 and 1"),
        (with("text", json!("hello")), "text", "a goal has no text"),
        (with("zone", json!("UTC")), "zone", "is not a field here"),
        (json!({"name": "x", "cron": "@daily"}), "text", "empty"),
        (json!({"name": "x", "cron": "@daily", "text": "hi", "priority": 0.9}), "priority", "leave it out"),
    ] {
        let refused = server.post(ADAS, &body).await;
        let errors = refused.json["errors"].as_array().cloned().unwrap_or_default();
        let named =
            errors.iter().any(|error| error["field"] == field && error["reason"].as_str().unwrap().contains(reason));
        assert!(refused.status.is_client_error() && named, "{body}: {}", refused.json);
    }
    assert_eq!(server.get(ADAS).await.json["items"], json!([]));
    assert_eq!(server.get("/api/personas/nobody/schedules").await.status, StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_line_would_start_must_be_there_when_it_is_put_on_the_calendar() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let made = server.post(ADAS, &morning()).await;
    let one = format!("/api/schedules/{}", made.json["id"].as_str().unwrap());
    let steps = |step: Value| json!({ "steps": [step] });
    let tool = json!({"action": "tool", "name": "no_such_tool", "effect": "pure"});
    for (kind, payload, field, why) in [
        ("io", steps(tool), "payload.steps[0].name", "there is no tool `no_such_tool`"),
        ("browser", steps(json!({"action": "goto", "url": "ftp://x/"})), "payload.steps[0].url", "http://"),
        ("io", steps(json!({"action": "fetch", "url": "file:///etc/passwd"})), "payload.steps[0].url", "http://"),
        ("agent", json!({"task": "Say hello.", "model": "nomodel"}), "payload.model", "nomodel"),
        ("agent", json!({"task": "Say hello.", "agent": "nobody"}), "payload.agent", "nobody"),
    ] {
        let new = json!({"name": "x", "cron": "@daily", "title": "a goal", "kind": kind, "payload": payload});
        let change = json!({"version": 1, "title": "a goal", "kind": kind, "payload": payload});
        for refused in [server.post(ADAS, &new).await, server.patch(&one, &change).await] {
            let error = &refused.json["errors"][0];
            assert_eq!((refused.status.as_u16(), &error["field"]), (422, &json!(field)), "{}", refused.json);
            assert!(error["reason"].as_str().unwrap().contains(why), "{}", refused.json);
        }
    }
    assert_eq!(server.get(ADAS).await.json["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.get(&one).await.json["version"], 1);
    let known = json!({"name": "x", "cron": "@daily", "title": "a goal", "kind": "agent",
        "payload": {"task": "Say hello.", "model": "understudy"}});
    assert_eq!(server.post(ADAS, &known).await.status, 201);
    server.stop().await;
}
