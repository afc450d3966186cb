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

fn pair(n: usize) -> Value {
    json!({"said": format!("Where is order {n}?"), "answer": format!("It's on its way, don't worry: {n} days. Cheers from the workshop!")})
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_learned_once_within_bounds_and_on_record() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let learn = async |body: Value| server.post("/api/personas/ada/learn", &body).await;
    let first = learn(json!({"version": 1, "examples": [pair(1), pair(2), pair(1)]})).await;
    assert_eq!(first.json, json!({"learned": 2, "known": 1, "examples": 2, "version": 2}), "{}", first.json);
    let again = learn(json!({"ifVersion": 2, "said": " Where is order 1? ", "answer": pair(1)["answer"]})).await;
    assert_eq!(again.json, json!({"learned": 0, "known": 1, "examples": 2, "version": 2}), "nothing changed");
    assert_eq!(learn(json!({"said": "a", "answer": "b"})).await.status, 428, "no version");
    let late = learn(json!({"version": 1, "examples": [pair(9)]})).await;
    assert_eq!((late.status.as_u16(), &late.json["currentVersion"]), (409, &json!(2)));
    assert_eq!(learn(json!({"version": 1, "examples": [pair(1)]})).await.status, 409, "also when it knows it");
    let long = json!({"said": "a", "answer": "b".repeat(4_001)});
    let many: Vec<Value> = (0..99).map(pair).collect();
    for (body, field) in [
        (json!({"version": 2}), "examples"),
        (json!({"version": 2, "said": "alone"}), "answer"),
        (json!({"version": 2, "examples": [pair(5), long]}), "examples[1].answer"),
        (json!({"version": 2, "examples": vec![pair(3); 101]}), "examples"),
        (
            json!({"version": 2, "examples": many[2..].iter().cloned().chain([pair(200), pair(201), pair(202)]).collect::<Vec<_>>()}),
            "examples",
        ),
    ] {
        let refused = learn(body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json["errors"][0]["field"].as_str()),
            (422, Some(field)),
            "{}",
            refused.json
        );
    }
    assert_eq!(server.get("/api/personas/ada").await.json["version"], 2, "what was refused left nothing");
    let receipts = server.get("/api/receipts?persona=ada").await.json.to_string();
    assert!(receipts.contains("was taught 2 examples by cli"), "{receipts}");
    assert_eq!(server.post("/api/personas/nobody/learn", &json!({"version": 1})).await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_fitted_to_its_examples_and_what_a_person_set_stays() {
    let server = TestServer::start().await;
    let own = json!({"name": "Ada", "profile": {"length": {"short": 5, "long": 9},
        "conversation_examples": (0..5).map(pair).collect::<Vec<_>>()}});
    assert_eq!(server.post("/api/personas", &own).await.status, 201);
    let train = async |body: Value| server.post("/api/personas/ada/train", &body).await;
    let tried = train(json!({"dry_run": true})).await;
    assert_eq!(tried.status, 200, "{}", tried.json);
    let part = |trained: &Value, name: &str| {
        trained["parts"].as_array().unwrap().iter().find(|line| line["part"] == name).unwrap().clone()
    };
    assert_eq!(part(&tried.json, "formality")["to"], 0.0);
    assert_eq!(part(&tried.json, "signature_phrases")["to"], json!(["Cheers from the workshop"]));
    assert!(part(&tried.json, "length")["to"].is_null(), "{}", tried.json);
    assert_eq!(server.get("/api/personas/ada").await.json["version"], 1, "it was only tried");
    assert_eq!(train(json!({})).await.status, 428);
    assert_eq!(train(json!({"version": 7})).await.status, 409);

    let done = train(json!({"version": 1})).await;
    assert_eq!((&done.json["version"], &done.json["parts"]), (&json!(2), &tried.json["parts"]));
    let drift = &done.json["drift"];
    assert!(drift["after"].as_u64() <= drift["before"].as_u64(), "{drift}");
    let now = server.get("/api/personas/ada").await.json;
    assert_eq!((&now["profile"], now["version"].as_i64()), (&done.json["profile"], Some(2)));
    assert_eq!(
        (&now["profile"]["length"], &now["profile"]["fitted"]),
        (&json!({"short": 5, "long": 9}), &json!(["formality", "signature_phrases"]))
    );
    assert_eq!(train(json!({"version": 2})).await.json["version"], 2, "nothing more to change, and no receipt");
    let named = train(json!({"version": 2, "again": ["length"]})).await;
    assert_eq!(
        (&named.json["version"], &part(&named.json, "length")["from"]),
        (&json!(3), &json!({"short": 5, "long": 9}))
    );

    // Whoever changes a part has decided about it.
    let change = json!({"version": 3, "profile": {"personality": {"formality": 0.9}}});
    let changed = server.patch("/api/personas/ada", &change).await.json;
    assert_eq!(changed["profile"]["fitted"], json!(["length", "signature_phrases"]));
    assert!(part(&train(json!({"version": 4})).await.json, "formality")["why"].as_str().unwrap().contains("decided"));
    let receipts = server.get("/api/receipts?persona=ada").await.json.to_string();
    assert_eq!(receipts.matches("fitted to its examples by cli").count(), 2, "{receipts}");
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
