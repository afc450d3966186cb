//! Bad input: each gets a clear problem that names the field and the next step.

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{TestServer, answer};

type Case = (&'static str, Value, &'static str, &'static str);

fn bad_personas() -> Vec<Case> {
    let case = |body, field, reason| ("/api/personas", body, field, reason);
    vec![
        case(json!({}), "name", "required"),
        case(json!({"name": "  "}), "name", "empty"),
        case(json!({"name": 7}), "name", "must be a text, it is 7"),
        case(json!({"name": "x".repeat(81)}), "name", "80"),
        case(json!({"name": "a\u{0}b"}), "name", "control"),
        case(json!({"nmae": "Ada"}), "nmae", "did you mean `name`"),
        case(json!({"name": "B", "slug": "../x"}), "slug", "not a slug"),
        case(json!({"name": "B", "slug": "a'; drop table personas"}), "slug", "not a slug"),
        case(json!({"name": "日本"}), "slug", "send `slug`"),
        case(json!({"name": "B", "role": "boss"}), "role", "known"),
        case(json!({"name": "B", "hosts": ["ok.example", "a b"]}), "hosts[1]", ""),
        case(json!({"name": "B", "profile": {"stylePrimmer": "x"}}), "profile.stylePrimmer", "style_primer"),
        case(json!({"name": "B", "profile": {"do": ["x", ""]}}), "profile.do[1]", "empty"),
        case(json!({"name": "B", "weight": 0}), "weight", "from 0.1 to 10"),
        case(json!({"name": "B", "weight": 10.5}), "weight", "from 0.1 to 10"),
        case(json!({"name": "B", "weight": -1}), "weight", "from 0.1 to 10"),
        case(json!({"name": "B", "weight": "NaN"}), "weight", "NaN"),
        case(json!({"name": "B", "profile": {"temperature": 3}}), "profile.temperature", "between"),
        case(
            json!({"name": "B", "hours": {"zone": "Mars/Olympus"}}),
            "hours.zone",
            "there is no time zone `Mars/Olympus`",
        ),
        case(json!({"name": "B", "hours": {"wakes": "7"}}), "hours.wakes", "HH:MM"),
        case(json!({"name": "B", "hours": {"wakes": "08:00", "sleeps": "08:00"}}), "hours.sleeps", "all day"),
        case(json!({"name": "B", "hours": {"timezone": "UTC"}}), "hours.timezone", "zone"),
        case(json!({"name": "B", "api_keys": {"a b": "x"}}), "api_keys.a b", "letters"),
        case(json!([]), "body", "object"),
    ]
}

fn bad_personalities() -> Vec<Case> {
    let case = |body, field, reason| ("/api/personas", body, field, reason);
    vec![
        case(json!({"name": "B", "preset": "hal"}), "preset", "jarvis, buddy, devbot"),
        case(
            json!({"name": "B", "profile": {"personality": {"openness": 1.01}}}),
            "profile.personality.openness",
            "0 and 1",
        ),
        case(
            json!({"name": "B", "profile": {"personality": {"custom": {"wit": -1}}}}),
            "profile.personality.custom.wit",
            "0 and 1",
        ),
        case(
            json!({"name": "B", "profile": {"response_style": {"tone": "loud"}}}),
            "profile.response_style.tone",
            "professional, friendly, casual, authoritative, supportive, analytical",
        ),
        case(
            json!({"name": "B", "profile": {"style_primer": "x".repeat(3_001)}}),
            "profile.style_primer",
            "0 to 3000 characters, it has 3001",
        ),
        case(
            json!({"name": "B", "profile": {"conversation_examples": vec![json!({"said": "a", "answer": "b"}); 101]}}),
            "profile.conversation_examples",
            "at most 100",
        ),
        case(
            json!({"name": "B", "profile": {"conversation_examples": [{"said": "a", "answer": ""}]}}),
            "profile.conversation_examples[0].answer",
            "empty",
        ),
    ]
}

fn bad_goals() -> Vec<Case> {
    let browser = |step: Value| json!({"persona": "ada", "kind": "browser", "payload": {"steps": [step]}});
    let case = |body, field, reason| ("/api/goals", body, field, reason);
    vec![
        case(json!({"kind": "ai", "payload": {"prompt": "x"}}), "persona", "required"),
        case(json!({"persona": "bob", "kind": "ai", "payload": {"prompt": "x"}}), "persona", "bob"),
        case(json!({"persona": "ada", "kind": "ai", "payload": {}}), "payload.prompt", "is required"),
        case(json!({"persona": "ada", "kind": "ai", "payload": {"prompt": " "}}), "payload.prompt", "empty"),
        case(json!({"persona": "ada", "kind": "ai", "payload": {"steps": []}}), "payload.steps", "is not a field here"),
        case(json!({"persona": "ada", "kind": "fly", "payload": {}}), "kind", "browser"),
        case(json!({"persona": "ada", "payload": {"prompt": "x"}}), "kind", "required"),
        case(browser(json!({"action": "click", "selector": " "})), "payload.steps[0].selector", "empty"),
        case(browser(json!({"action": "goto"})), "payload.steps[0].url", "is required"),
        case(json!({"persona": "ada", "kind": "ai", "payload": {"prompt": "x"}, "priority": 2}), "priority", "between"),
        case(
            json!({"persona": "ada", "kind": "ai", "payload": {"prompt": "x"}, "proof": {"artefacts": []}}),
            "proof.artefacts",
            "artifacts",
        ),
        ("/api/personas/ada/messages", json!({"text": ""}), "text", "empty"),
        ("/api/personas/ada/messages", json!({"text": "hi", "priority": -0.1}), "priority", "between 0 and 1"),
        ("/api/personas/ada/messages", json!({"text": "hi", "priority": 1.001}), "priority", "between 0 and 1"),
        (
            "/api/personas/ada/messages",
            json!({"text": "hi", "priority": "NaN"}),
            "priority",
            "must be a number, it is the text",
        ),
        ("/api/personas/ada/messages", json!({"text": "hi", "priority": -1}), "priority", "between 0 and 1"),
        // The first of January 1970, and before: long past.
        ("/api/personas/ada/messages", json!({"text": "hi", "serve_by_ms": 1}), "serve_by_ms", "in the future"),
        ("/api/personas/ada/messages", json!({"text": "hi", "serve_by_ms": -1}), "serve_by_ms", "in the future"),
        (
            "/api/personas/ada/messages",
            json!({"text": "hi", "serve_by_ms": "soon"}),
            "serve_by_ms",
            "must be a whole number",
        ),
        case(
            json!({"persona": "ada", "kind": "ai", "payload": {"prompt": "x"}, "serveByMs": 1}),
            "serve_by_ms",
            "in the future",
        ),
        case(
            json!({"persona": "ada", "kind": "ai", "payload": {"prompt": "x"}, "due_ms": i64::MAX, "serve_by_ms": i64::MAX}),
            "serve_by_ms",
            "after the moment at which it is due",
        ),
        ("/api/personas/ada/pause", json!({"x": 1}), "x", "nothing is read here"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_by_name() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    for (path, body, field, reason) in [bad_personas(), bad_personalities(), bad_goals()].concat() {
        let sent = server.post(path, &body).await;
        assert_eq!(sent.status, 422, "{path} {body}: {}", sent.json);
        let errors = &sent.json["errors"];
        assert_eq!(errors[0]["field"], field, "{path} {body}: {errors}");
        assert!(errors[0]["reason"].as_str().unwrap().contains(reason), "{path} {body}: {errors}");
        assert_eq!(sent.json["instance"], path);
        assert_eq!(sent.headers["content-type"], "application/problem+json");
    }
    assert_eq!(server.get("/api/personas").await.json["items"].as_array().unwrap().len(), 1, "nothing was made");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_at_once() {
    let server = TestServer::start().await;
    let sent = server.post("/api/personas", &json!({"name": "", "slug": "A", "description": "\u{1}"})).await;
    let fields: Vec<_> = sent.json["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["slug", "name", "description"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_bytes_and_bodies_too_large_are_refused_and_the_server_goes_on() {
    let server = TestServer::start().await;
    let send = |body: Vec<u8>| server.local(Method::POST, "/api/personas").body(body).send();
    for (body, status) in [
        (b"{\"name\": \"\xff\"}".to_vec(), 400),
        (b"{\"name\": ".to_vec(), 400),
        // No number of JSON.
        (b"{\"name\": \"A\", \"priority\": NaN}".to_vec(), 400),
        (b"name=Ada".to_vec(), 400),
        (b"{\"name\": \"A\", \"name\": \"B\"}".to_vec(), 422),
        (b"{\"name\": \"A\", \"NAME\": \"B\"}".to_vec(), 422),
        (b"[".repeat(200_000), 400),
        (vec![b' '; 10 * 1024 * 1024], 413),
    ] {
        let start = String::from_utf8_lossy(&body[..body.len().min(30)]).into_owned();
        let sent = answer(send(body).await.unwrap()).await;
        assert_eq!(sent.status, status, "{start}: {}", sent.json);
        assert_eq!(sent.json["status"], status, "{start}");
        assert!(!sent.json["traceId"].as_str().unwrap().is_empty());
    }
    assert_eq!(send(b"{\"name\": \"Ada\"}".to_vec()).await.unwrap().status(), 201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_match_in_every_spelling_and_a_style_primer_of_3000_characters_fits() {
    let server = TestServer::start().await;
    let primer = "ä".repeat(3_000);
    let body = json!({"Name": "Ada", "profile": {"StylePrimer": primer, "signaturePhrases": ["so be it"]}});
    let made = server.post("/api/personas", &body).await;
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!(made.json["profile"]["style_primer"], primer);
    assert_eq!(made.json["role"], Value::Null);
    let goal = json!({"persona": "ada", "Payload": {"kind": "browser", "steps": [
        {"action": "wait_for", "selector": "a", "timeoutMs": 5}]}});
    let goal = server.post("/api/goals", &goal).await;
    assert_eq!(goal.status, 201, "{}", goal.json);
    assert_eq!(goal.json["payload"]["steps"][0]["timeout_ms"], 5);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_change_is_refused_with_the_current_version() {
    let server = TestServer::start().await;
    let version = server.persona("Ada").await["version"].as_i64().unwrap();
    let unversioned = server.patch("/api/personas/ada", &json!({"name": "Ada L"})).await;
    assert_eq!(unversioned.status, 428);
    let first = server.patch("/api/personas/ada", &json!({"name": "Ada L", "ifVersion": version})).await;
    assert_eq!((first.status.as_u16(), &first.json["name"]), (200, &json!("Ada L")), "{}", first.json);
    let current = first.json["version"].as_i64().unwrap();
    assert!(current > version);
    let stale = server.patch("/api/personas/ada", &json!({"name": "Eve", "version": version})).await;
    assert_eq!((stale.status.as_u16(), &stale.json["currentVersion"]), (409, &json!(current)), "{}", stale.json);
    let by_header = server.local(Method::PUT, "/api/personas/ada").header("If-Match", format!("\"{current}\""));
    let by_header = answer(by_header.json(&json!({"name": "Ada"})).send().await.unwrap()).await;
    assert_eq!(by_header.status, 200, "{}", by_header.json);
    let profile = server.local(Method::PUT, "/api/personas/ada/profile");
    let profile = profile.json(&json!({"version": current, "profile": {"topics": ["x"]}})).send().await.unwrap();
    assert_eq!(profile.status(), 409);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_goal_names_and_is_not_there_is_refused_before_any_attempt() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let steps = |step: Value| json!({ "steps": [{"action": "write_file", "path": "a.md", "content": "a"}, step] });
    let tool = json!({"action": "tool", "name": "no_such_tool", "effect": "pure"});
    for (kind, payload, field, why) in [
        ("io", steps(tool.clone()), "payload.steps[1].name", "there is no tool `no_such_tool`"),
        ("browser", steps(tool), "payload.steps[1].name", "there is no tool"),
        ("browser", steps(json!({"action": "goto", "url": "ftp://x/"})), "payload.steps[1].url", "http://"),
        ("io", steps(json!({"action": "fetch", "url": "file:///etc/passwd"})), "payload.steps[1].url", "http://"),
        ("agent", json!({"task": "Say hello.", "model": "nomodel"}), "payload.model", "nomodel"),
    ] {
        let new = json!({"persona": "ada", "title": "a goal", "kind": kind, "payload": payload});
        let refused = server.post("/api/goals", &new).await;
        let error = &refused.json["errors"][0];
        assert_eq!((refused.status.as_u16(), &error["field"]), (422, &json!(field)), "{}", refused.json);
        assert!(error["reason"].as_str().unwrap().contains(why), "{}", refused.json);
    }
    assert_eq!(server.get("/api/goals").await.json["items"], json!([]));
    let known = json!({"persona": "ada", "kind": "agent", "payload": {"task": "Say hello.", "model": "understudy"}});
    assert_eq!(server.post("/api/goals", &known).await.status, 201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weight_is_set_changed_and_refused_by_name() {
    let server = TestServer::start().await;
    assert_eq!(server.persona("Ada").await["weight"], 1.0);
    let made = server.post("/api/personas", &json!({"name": "Bo", "weight": 0.25})).await;
    assert_eq!((made.status.as_u16(), &made.json["weight"]), (201, &json!(0.25)), "{}", made.json);
    let heavy = server.patch("/api/personas/ada", &json!({"weight": 10, "version": 1})).await;
    assert_eq!((heavy.status.as_u16(), &heavy.json["weight"]), (200, &json!(10.0)), "{}", heavy.json);
    for bad in [json!(0.099), json!(10.001), json!("NaN"), json!("")] {
        let refused = server.patch("/api/personas/ada", &json!({"weight": bad, "version": 2})).await;
        assert_eq!((refused.status.as_u16(), &refused.json["errors"][0]["field"]), (422, &json!("weight")), "{bad}");
    }
    let stays = server.patch("/api/personas/ada", &json!({"description": "x", "version": 2})).await;
    assert_eq!(stays.json["weight"], 10.0);
    let put = server.local(Method::PUT, "/api/personas/ada").json(&json!({"name": "Ada", "version": 3}));
    assert_eq!(answer(put.send().await.unwrap()).await.json["weight"], 1.0, "what is left out is as at first");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_and_tricks_in_names_find_nothing() {
    let server = TestServer::start().await;
    for path in [
        "/api/personas/nobody",
        "/api/personas/..%2f..%2fetc%2fpasswd",
        "/api/personas/x'%20or%201=1--",
        "/api/goals/0",
        "/api/goals/00000000-0000-7000-8000-000000000000",
        "/api/runs/00000000-0000-7000-8000-000000000000",
        "/api/artifacts/zz",
        "/api/nothing",
        "/static/..%2fCargo.toml",
    ] {
        let sent = server.get(path).await;
        assert_eq!((sent.status.as_u16(), &sent.json["status"]), (404, &json!(404)), "{path}: {}", sent.json);
    }
    let wrong = answer(server.local(Method::DELETE, "/api/goals").send().await.unwrap()).await;
    assert_eq!((wrong.status.as_u16(), wrong.headers["allow"].as_bytes()), (405, &b"GET, POST"[..]));
    for (path, field) in [
        ("/api/goals?limit=0", "limit"),
        ("/api/goals?limti=3", "limti"),
        ("/api/goals?cursor=zz", "cursor"),
        ("/api/goals?state=asleep", "state"),
        ("/api/receipts?cursor=12", "cursor"),
        ("/api/receipts?run=12", "run"),
        ("/api/goals?limit=1&limit=2", "limit"),
    ] {
        let sent = server.get(path).await;
        assert_eq!((sent.status.as_u16(), &sent.json["errors"][0]["field"]), (422, &json!(field)), "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_brings_the_same_goal_once() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let goal = json!({"kind": "ai", "payload": {"prompt": "Say hello"}});
    let send = |key: &'static str| {
        server.local(Method::POST, "/api/personas/ada/goals").header("Idempotency-Key", key).json(&goal).send()
    };
    let first = answer(send("k1").await.unwrap()).await;
    let again = answer(send("k1").await.unwrap()).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200), "{}", again.json);
    assert_eq!(first.json["id"], again.json["id"]);
    let other = answer(send("k2").await.unwrap()).await;
    assert_ne!(first.json["id"], other.json["id"]);
    let differs = json!({"kind": "ai", "payload": {"prompt": "x"}, "correlation": "k3"});
    let differs = server.local(Method::POST, "/api/personas/ada/goals").header("Idempotency-Key", "k1").json(&differs);
    assert_eq!(differs.send().await.unwrap().status(), 422);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_in_and_never_comes_out() {
    let server = TestServer::start().await;
    let secret = "sk-very-secret-abcd";
    let made = server.post("/api/personas", &json!({"name": "Ada", "apiKeys": {"openai": secret}})).await;
    assert_eq!((made.status.as_u16(), &made.json["api_keys"][0]["last_four"]), (201, &json!("abcd")), "{}", made.json);
    let put = server.local(Method::PUT, "/api/personas/ada/secrets/groq").json(&json!({"value": "gsk-other-wxyz"}));
    assert_eq!(answer(put.send().await.unwrap()).await.json["last_four"], "wxyz");
    for path in ["/api/personas/ada", "/api/personas/ada/secrets", "/api/receipts?chain=system:test", "/api/receipts"] {
        let shown = server.get(path).await;
        assert_eq!(shown.status, 200, "{path}");
        let text = shown.json.to_string();
        assert!(!text.contains(secret) && !text.contains("gsk-other"), "{path}: {text}");
    }
    let gone = server.local(Method::DELETE, "/api/personas/ada/secrets/groq").send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(server.get("/api/personas/ada/secrets").await.json["items"].as_array().unwrap().len(), 1);
    server.stop().await;
}
