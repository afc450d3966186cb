//! A text that does not sound like its persona: told once, until somebody has looked.

use actors::{
    domain::{ArtifactKind, Call, NewArtifact, Outcome},
    testing::TestPorts,
};
use serde_json::{Value, json};

use super::{budgets::goes_to, harness::TestServer};

/// Composes what is six tenths away from a profile that allows half.
fn far_off() -> TestPorts {
    TestPorts::new(|call: &Call| {
        let (name, media_type, bytes) = ("line.txt".to_owned(), "text/plain", b"a line".to_vec());
        let line = NewArtifact { kind: ArtifactKind::Text, name, media_type, bytes };
        let data = json!({"value": "a line", "drift": {"score": 600, "parts": []}, "drift_limit": 0.5});
        Outcome::done(format!("did {}", call.tool), data).with_artifact(line)
    })
}

async fn alerts(server: &TestServer) -> Vec<Value> {
    server.get("/api/alerts").await.json["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_is_told_once_until_somebody_has_looked() {
    let server = TestServer::start_on(far_off(), |_| {}).await;
    server.persona("Ada").await;
    let writes = async || {
        let goal =
            json!({"kind": "ai", "title": "A line", "payload": {"prompt": "Write."}, "proof": {"artifacts": ["text"]}});
        let made = server.post("/api/personas/ada/goals", &goal).await;
        goes_to(&server, &format!("/api/goals/{}", made.json["id"].as_str().unwrap()), "done").await;
    };
    writes().await;
    writes().await;
    let open = alerts(&server).await;
    assert_eq!((open.len(), &open[0]["kind"]), (1, &json!("drift")), "{open:?}");
    assert!(open[0]["text"].as_str().unwrap().contains("drift of 0.6, and 0.5 is the limit"), "{open:?}");
    let resolve = format!("/api/alerts/{}/resolve", open[0]["id"].as_str().unwrap());
    assert!(server.post(&resolve, &json!({})).await.status.is_success());
    assert!(alerts(&server).await.is_empty());
    writes().await;
    assert_eq!(alerts(&server).await.len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persona_s_limit_is_set_between_nothing_and_everything() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    for (version, limit, kept) in [(1, 0.5, json!(0.5)), (2, 1.0, Value::Null)] {
        let change = json!({"version": version, "profile": {"drift_limit": limit}});
        let changed = server.patch("/api/personas/ada", &change).await;
        assert_eq!((changed.status.as_u16(), &changed.json["profile"]["drift_limit"]), (200, &kept));
    }
    let refused = server.patch("/api/personas/ada", &json!({"version": 3, "profile": {"drift_limit": 1.5}})).await;
    assert_eq!((refused.status.as_u16(), &refused.json["errors"][0]["field"]), (422, &json!("profile.drift_limit")));
    server.stop().await;
}
