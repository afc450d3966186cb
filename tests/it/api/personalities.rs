//! Personas with traits: presets, changes field by field, what is missing.

use actors::domain::Preset;
use reqwest::Method;
use serde_json::{Value, json};

use super::harness::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_is_the_ground_and_what_is_sent_stands_above_it() {
    let server = TestServer::start().await;
    let jarvis = server.post("/api/personas", &json!({"preset": "JARVIS"})).await;
    assert_eq!(jarvis.status, 201, "{}", jarvis.json);
    let profile = serde_json::to_value(Preset::Jarvis.profile()).unwrap();
    assert_eq!(
        [&jarvis.json["name"], &jarvis.json["slug"], &jarvis.json["role"], &jarvis.json["profile"]],
        [&json!("Jarvis"), &json!("jarvis"), &json!("manager"), &profile]
    );
    let own = json!({"preset": "buddy", "name": "Pal", "role": "worker", "profile": {"length": {"short": 10},
        "responseStyle": {"Tone": "CASUAL"}, "personality": {"formality": 0.25, "custom": {"patience": 0.8}}}});
    let pal = server.post("/api/personas", &own).await.json;
    let mut profile = Preset::Buddy.profile();
    profile.length.short = 10;
    let mut profile = serde_json::to_value(profile).unwrap();
    profile["response_style"]["tone"] = "casual".into();
    profile["personality"]["formality"] = 0.25.into();
    profile["personality"]["custom"] = json!({"patience": 0.8});
    assert_eq!([&pal["slug"], &pal["role"], &pal["profile"]], [&json!("pal"), &json!("worker"), &profile]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_one_trait_leaves_the_others() {
    let server = TestServer::start().await;
    server.post("/api/personas", &json!({"preset": "devbot"})).await;
    let change = json!({"version": 1, "profile": {"personality": {"openness": 0.123}}});
    let changed = server.patch("/api/personas/devbot", &change).await;
    let mut profile = serde_json::to_value(Preset::DevBot.profile()).unwrap();
    profile["personality"]["openness"] = 0.123.into();
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_eq!(changed.json["profile"], profile);
    assert_eq!(server.get("/api/personas/devbot").await.json["profile"], profile, "it is kept");
    server.stop().await;
}

async fn missing(server: &TestServer, persona: &str) -> (Value, Vec<String>) {
    let told = server.get(&format!("/api/personas/{persona}/readiness")).await;
    assert_eq!(told.status, 200, "{}", told.json);
    let missing = told.json["missing"].as_array().unwrap();
    (told.json["ready"].clone(), missing.iter().map(|one| one["what"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_until_it_is_there() {
    let server = TestServer::start_with(|config| config.browser.executable = "/no/such/chromium".into()).await;
    server.post("/api/personas", &json!({"name": "Ada", "model": "openrouter"})).await;
    assert_eq!(missing(&server, "ada").await, (json!(false), vec!["key".into(), "host".into(), "browser".into()]));
    let change =
        json!({"version": 1, "hosts": ["example.com"], "api_keys": {"openrouter_api_key": "sk-or-1234567890"}});
    assert_eq!(server.patch("/api/personas/ada", &change).await.status, 200);
    assert_eq!(missing(&server, "ada").await, (json!(false), vec!["browser".into()]));
    let budgets = "/api/personas/ada/budgets";
    let nothing = json!({"version": 0, "limits": {"day": {"micro_usd": {"hard": 0}}}});
    assert_eq!(server.local(Method::PUT, budgets).json(&nothing).send().await.unwrap().status(), 200);
    assert_eq!(missing(&server, "ada").await.1, ["budget", "browser"]);
    let some = json!({"version": 1, "limits": {"day": {"micro_usd": {"hard": 1}}}});
    assert_eq!(server.local(Method::PUT, budgets).json(&some).send().await.unwrap().status(), 200);
    assert_eq!(missing(&server, "ada").await.1, ["browser"]);
    let tools = "/api/personas/ada/tools";
    let granted = server.patch(tools, &json!({"grant": ["memory", "speak"]})).await;
    assert_eq!(granted.status, 200, "{}", granted.json);
    let rag = granted.json["items"].as_array().unwrap().iter().find(|tool| tool["name"] == "rag_search").unwrap();
    assert_eq!(rag["unavailable"], "this server has no memory for personas");
    assert_eq!(missing(&server, "ada").await.1, ["browser", "memory", "voice"]);
    assert_eq!(server.patch(tools, &json!({"reset": ["memory", "speak"]})).await.status, 200);
    assert_eq!(missing(&server, "ada").await.1, ["browser"], "nobody misses what it may not use");
    let unknown = json!({"version": 4, "model": "gone"});
    assert_eq!(server.patch("/api/personas/ada", &unknown).await.status, 200);
    assert_eq!(missing(&server, "ada").await.1, ["model", "browser"]);
    assert_eq!(server.get("/api/personas/nobody/readiness").await.status, 404);
    server.stop().await;
}
