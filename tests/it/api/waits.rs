//! Standing waits and bursts over HTTP, and what cannot be right about a message.

use serde_json::json;

use super::harness::{TestServer, answer};
use reqwest::Method;

const WAITS: &str = "/api/personas/ada/waits";

#[tokio::test(flavor = "multi_thread")]
async fn a_standing_wait_is_made_listed_and_removed_and_tells() {
    let server = TestServer::start().await;
    for name in ["Ada", "Helper"] {
        server.persona(name).await;
    }
    for name in ["ada", "helper"] {
        assert_eq!(server.post(&format!("/api/personas/{name}/pause"), &json!({})).await.status, 200);
    }
    let made = server.post(WAITS, &json!({"watched": "helper", "kind": "message", "text": "code"})).await;
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!((&made.json["waiter"], &made.json["watched"]), (&json!("ada"), &json!("helper")));
    let sent = server.post("/api/personas/helper/messages", &json!({"text": "this code is bad"})).await;
    assert_eq!(sent.status, 201);
    let told = loop {
        let messages = server.get("/api/personas/ada/messages").await.json["items"].clone();
        if let Some(told) = messages.as_array().unwrap().first() {
            break told.clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (&told["kind"], &told["sender"], &told["optional"]),
        (&json!("result"), &json!("Helper"), &json!(false))
    );
    assert!(told["text"].as_str().unwrap().contains("this code is bad"));
    let listed = server.get(WAITS).await.json["items"].clone();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["told"]), (1, &json!(1)));
    let id = listed[0]["id"].as_str().unwrap();
    let remove = async || answer(server.local(Method::DELETE, &format!("/api/waits/{id}")).send().await.unwrap()).await;
    assert_eq!(remove().await.status, 204);
    assert_eq!(server.get(WAITS).await.json["items"], json!([]));
    assert_eq!(remove().await.status, 404, "it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_wait_is_refused_by_the_name_of_its_field() {
    let server = TestServer::start().await;
    for name in ["Ada", "Helper", "Gone"] {
        server.persona(name).await;
    }
    let gone = answer(server.local(Method::DELETE, "/api/personas/gone").send().await.unwrap()).await;
    assert_eq!(gone.status, 204);
    let other = server.post("/api/personas/helper/waits", &json!({"watched": "ada", "tag": "code"})).await;
    assert_eq!(other.status, 201);
    for (wrong, field, about) in [
        (json!({"watched": "gone", "kind": "done"}), "watched", "deleted"),
        (json!({"watched": "ada", "kind": "done"}), "watched", "Ada would wait for itself"),
        (json!({"watched": "helper", "kind": "done"}), "watched", "Ada waits for Helper, who waits for Ada"),
        (json!({"watched": "helper"}), "kind", "name a kind, a tag or a text"),
        (json!({"watched": "helper", "kind": "sneeze"}), "kind", "goal_over"),
        (json!({"watched": "helper", "text": ""}), "text", "must not be empty"),
        (json!({"watched": "helper", "tag": "#"}), "tag", "more than `#`"),
    ] {
        let refused = server.post(WAITS, &wrong).await;
        assert_eq!((refused.status.as_u16(), &refused.json["errors"][0]["field"]), (422, &json!(field)), "{wrong}");
        assert!(refused.json["errors"][0]["reason"].as_str().unwrap().contains(about), "{}", refused.json);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_right_is_refused_by_the_name_of_its_field() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let path = "/api/personas/ada/messages";
    for (wrong, field) in [
        (json!({"text": "x", "priority": -0.1}), "priority"),
        (json!({"text": "x", "priority": 1.01}), "priority"),
        (json!({"text": "x", "priority": "NaN"}), "priority"),
        (json!({"text": "x", "serve_by_ms": 1}), "serve_by"),
        (json!({"text": "x", "coalescing": " "}), "coalescing"),
        (json!({"text": "x", "coalescing": "k".repeat(121)}), "coalescing"),
    ] {
        let refused = server.post(path, &wrong).await;
        let named = refused.json["errors"][0]["field"].as_str().unwrap_or_default();
        assert!(refused.status == 422 && named.starts_with(field), "{wrong}: {}", refused.json);
    }
    // JSON has no NaN: a body with one is no JSON.
    let body = server.local(Method::POST, path).header("Content-Type", "application/json");
    let refused = answer(body.body(r#"{"text": "x", "priority": NaN}"#).send().await.unwrap()).await;
    assert_eq!(refused.status.as_u16(), 400, "{}", refused.json);
    assert_eq!(server.get(path).await.json["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_answered_once_and_the_others_say_where() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    assert_eq!(server.post("/api/personas/ada/pause", &json!({})).await.status, 200);
    for text in ["one", "two", "three"] {
        let sent = server.post("/api/personas/ada/messages", &json!({"text": text, "coalescing": "order-7"})).await;
        assert_eq!((sent.status.as_u16(), &sent.json["message"]["coalescing"]), (201, &json!("order-7")));
    }
    assert_eq!(server.post("/api/personas/ada/resume", &json!({})).await.status, 200);
    let states = loop {
        let items = server.get("/api/personas/ada/messages").await.json["items"].clone();
        let states: Vec<_> = items.as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
        if !states.contains(&json!("waiting")) && !states.contains(&json!("running")) {
            break states;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(states[1..], [json!("coalesced"), json!("coalesced")], "newest first: {states:?}");
    assert_ne!(states[0], "coalesced");
}
