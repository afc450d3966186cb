//! Goals that wait for goals, over HTTP.

use serde_json::{Value, json};

use super::harness::TestServer;

/// A goal of a paused persona waits as long as the test likes.
async fn give(server: &TestServer, persona: &str, title: &str, waits_for: Value) -> Value {
    let goal = json!({"persona": persona, "title": title, "kind": "ai", "payload": {"prompt": "x"},
        "waitsFor": waits_for});
    let made = server.post("/api/goals", &goal).await;
    assert_eq!(made.status, 201, "{}", made.json);
    made.json
}

async fn paused(server: &TestServer, name: &str) -> String {
    let slug = server.persona(name).await["slug"].as_str().unwrap().to_owned();
    assert_eq!(server.post(&format!("/api/personas/{slug}/pause"), &json!({})).await.status, 200);
    slug
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_says_what_it_waits_for_and_fails_with_it() {
    let server = TestServer::start().await;
    let (ada, bo) = (paused(&server, "Ada").await, paused(&server, "Bo").await);
    let first = give(&server, &ada, "first", json!([])).await;
    assert_eq!((&first["waits_for"], &first["if_failed"]), (&json!([]), &Value::Null));
    let then = give(&server, &bo, "then", json!([first["id"]])).await;
    assert_eq!((&then["state"], &then["parked_on"]), (&json!("parked"), &json!("dependency")));
    let path = format!("/api/goals/{}", then["id"].as_str().unwrap());
    let list = server.get("/api/personas/bo/goals").await.json["items"][0].clone();
    for shown in [then, server.get(&path).await.json, list] {
        assert_eq!((&shown["waits_for"], &shown["if_failed"]), (&json!([first["id"]]), &json!("fail")), "{shown}");
    }
    let mut receipts = server.company.receipts();
    let cancel = format!("/api/goals/{}/cancel", first["id"].as_str().unwrap());
    assert_eq!(server.post(&cancel, &json!({})).await.status, 200);
    let said = async {
        loop {
            let receipt = receipts.recv().await.unwrap();
            if receipt.body.as_ref().is_some_and(|body| body.summary.starts_with("failed “then”")) {
                return receipt;
            }
        }
    };
    assert_eq!(said.await.state.as_deref(), Some("failed"));
    let failed = server.get(&path).await.json;
    assert_eq!(failed["state"], "failed");
    assert!(failed["last_error"].as_str().unwrap().contains("“first”"), "{failed}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_waited_for_is_refused_with_the_field() {
    let server = TestServer::start().await;
    let ada = paused(&server, "Ada").await;
    let first = give(&server, &ada, "first", json!([])).await;
    let second = give(&server, &ada, "second", json!([first["id"]])).await;
    let gone = give(&server, &paused(&server, "Gone").await, "gone", json!([])).await;
    let deleted = server.local(reqwest::Method::DELETE, "/api/personas/gone").send().await.unwrap();
    assert!(deleted.status().is_success());
    let unknown = json!("01939e00-0000-7000-8000-000000000099");
    for (waits_for, if_failed, field, reason) in [
        (json!([unknown]), json!("fail"), "waits_for[0]", "there is no goal"),
        (json!([first["id"], gone["id"]]), json!("fail"), "waits_for[1]", "deleted"),
        (json!(["me"]), json!("fail"), "waits_for[0]", ""),
        (json!(vec![first["id"].clone(); 65]), json!("fail"), "waits_for", "at most 64"),
        (json!([first["id"]]), json!("shrug"), "if_failed", "release"),
    ] {
        let goal = json!({"persona": ada, "kind": "ai", "payload": {"prompt": "x"}, "waits_for": waits_for,
            "if_failed": if_failed});
        let sent = server.post("/api/goals", &goal).await;
        let errors = &sent.json["errors"];
        assert_eq!((sent.status.as_u16(), &errors[0]["field"]), (422, &json!(field)), "{}", sent.json);
        assert!(errors[0]["reason"].as_str().unwrap().contains(reason), "{errors}");
    }
    let path = format!("/api/goals/{}", first["id"].as_str().unwrap());
    for (other, reason) in [(&second, "“second”"), (&first, "itself")] {
        let change = json!({"version": first["version"], "waits_for": [other["id"]]});
        let sent = server.patch(&path, &change).await;
        assert_eq!(sent.status, 422, "{}", sent.json);
        assert!(sent.json["errors"][0]["reason"].as_str().unwrap().contains(reason), "{}", sent.json);
    }
    server.stop().await;
}
