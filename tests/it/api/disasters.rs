//! Tools that fall and tools that hang, on the running server: what is not known is said, the slot is free again, and
//! nobody else notices.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use actors::{
    domain::{Call, Outcome},
    testing::{Act, TestPorts},
};
use greenroom::{
    config::{Config, HumanDuration},
    storage::{Storage, verify},
};
use serde_json::{Value, json};

use super::harness::TestServer;

const PATIENCE: Duration = Duration::from_secs(60);
const FORM: &str = "http://rehearsal.localhost/form";

/// One place, steps of a second, and one retry right away.
fn narrow(config: &mut Config) {
    config.company.active_personas = std::num::NonZeroUsize::MIN;
    config.company.step_limit = Duration::from_secs(1);
    config.company.retry_after = vec![HumanDuration(Duration::from_millis(1))];
}

fn obliging(call: &Call) -> Act {
    Outcome::done(format!("did {}", call.tool), json!({"value": "A line.", "url": FORM})).into()
}

/// Waits until the goal is over, or a person must say what happened.
async fn at_rest(server: &TestServer, goal: &Value) -> Value {
    let path = format!("/api/goals/{}", goal["id"].as_str().unwrap());
    let mut receipts = server.company.receipts();
    let rest = async {
        loop {
            let goal = server.get(&path).await.json;
            let over = ["done", "unconfirmed", "failed", "cancelled"].iter().any(|state| goal["state"] == *state);
            if over || goal["parked_on"] == "reconcile" {
                return goal;
            }
            receipts.recv().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, rest).await.unwrap()
}

async fn give(server: &TestServer, persona: &str, steps: Value) -> Value {
    let kind = if steps[0]["action"] == "goto" { "browser" } else { "io" };
    let goal = json!({"persona": persona, "kind": kind, "title": "work", "payload": {"steps": steps}});
    let made = server.post("/api/goals", &goal).await;
    assert_eq!(made.status, 201, "{}", made.json);
    made.json
}

fn submit() -> Value {
    json!([{"action": "goto", "url": FORM}, {"action": "click", "selector": "#send"}])
}

fn note() -> Value {
    json!([{"action": "write_file", "path": "note.txt", "content": "hello"}])
}

/// Phases and endings of a goal's step, in order.
async fn told(server: &TestServer, goal: &Value, step: u64) -> Vec<String> {
    let path = format!("/api/receipts?goal={}&order=oldest&limit=100", goal["id"].as_str().unwrap());
    let receipts = server.get(&path).await.json["items"].as_array().unwrap().clone();
    let of_step = receipts.iter().filter(|receipt| receipt["step"] == step);
    let text = |receipt: &Value, key: &str| receipt[key].as_str().unwrap_or("-").to_owned();
    of_step.map(|receipt| format!("{} {}", text(receipt, "phase"), text(receipt, "state"))).collect()
}

/// Nobody holds a place or waits, nothing fell, every message is in a state that its goal explains, and the record is
/// whole.
async fn all_is_well(server: &TestServer, personas: &[&str]) {
    let figures = server.company.figures();
    assert_eq!((figures.active_personas, figures.waiting_for_slice), (0, 0), "{figures:?}");
    assert_eq!(server.company.actors().iter().map(|actor| actor.restarts).sum::<u32>(), 0, "every persona lives on");
    assert_eq!(server.get("/readyz").await.status, 200);
    for persona in personas {
        let messages = server.get(&format!("/api/personas/{persona}/messages")).await.json["items"].clone();
        for message in messages.as_array().unwrap() {
            let goal = server.get(&format!("/api/goals/{}", message["goal"].as_str().unwrap())).await.json;
            let parked = goal["state"] == "parked" && message["state"] == "waiting";
            assert!(parked || goal["state"] == message["state"], "{message} of {goal}");
        }
    }
    let (place, world) = (&server.config, server.world.clone());
    let archive = Storage::open_read_only(&place.storage, &place.data_root, world).await.unwrap();
    let report = verify(&archive, None, None, |_| ()).await.unwrap();
    assert!(report.is_sound() && report.receipts > 0, "{report:?}");
}

/// Waits until no slice is held: the last receipt of a run comes a moment before.
async fn is_free(server: &TestServer) {
    let freed = async {
        while server.company.figures().active_personas > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_panics_costs_an_attempt_and_nobody_else_notices() {
    let falls = AtomicUsize::new(0);
    let test = TestPorts::new(move |call: &Call| match &*call.tool {
        "browser_click" => Act::Panic("as the test asked"),
        "file_write" if falls.fetch_add(1, Ordering::SeqCst) == 0 => Act::Panic("as the test asked, once"),
        _ => obliging(call),
    });
    let server = TestServer::start_on(test, narrow).await;
    server.persona("Ada").await;
    server.persona("Bo").await;

    let kept = give(&server, "ada", note()).await;
    let other = give(&server, "bo", note()).await;
    let kept = at_rest(&server, &kept).await;
    assert_eq!((&kept["attempts"], &kept["parked_on"]), (&json!(2), &Value::Null), "its key makes a retry harmless");
    let told_of_file = told(&server, &kept, 0).await;
    assert_eq!(told_of_file, ["intent -", "unknown unknown", "intent -", "outcome done"]);
    assert_eq!(told(&server, &at_rest(&server, &other).await, 0).await, ["intent -", "outcome done"]);

    let sent = at_rest(&server, &give(&server, "ada", submit()).await).await;
    assert_eq!((&sent["parked_on"], &sent["attempts"]), (&json!("reconcile"), &json!(1)), "{sent}");
    assert_eq!(told(&server, &sent, 1).await, ["intent -", "unknown unknown"], "nothing is sent a second time");
    at_rest(&server, &give(&server, "bo", note()).await).await;
    is_free(&server).await;
    all_is_well(&server, &["ada", "bo"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_hangs_is_ended_at_its_limit_and_frees_the_only_slot() {
    let test = TestPorts::new(|call: &Call| match &*call.tool {
        // Not even when it is told to stop.
        "browser_click" | "captions_render" => Act::Hang,
        _ => obliging(call),
    });
    let calls = test.performer.clone();
    let server = TestServer::start_on(test, narrow).await;
    server.persona("Ada").await;
    server.persona("Bo").await;

    let hung = give(&server, "ada", submit()).await;
    calls.called(2).await;
    let urgent = json!({"persona": "bo", "kind": "io", "title": "now", "priority": 0.95, "payload": {"steps": note()}});
    let urgent = server.post("/api/goals", &urgent).await.json;
    let urgent = at_rest(&server, &urgent).await;
    let run = server.get(&format!("/api/runs?goal={}", urgent["id"].as_str().unwrap())).await.json["items"][0].clone();
    let waited_ms = run["waited_ms"].as_i64().unwrap_or_else(|| panic!("{run}"));
    assert!((0..10_000).contains(&waited_ms), "urgent work waits for the step, not for ever: {waited_ms} ms");
    let hung = at_rest(&server, &hung).await;
    assert_eq!((&hung["parked_on"], &hung["attempts"]), (&json!("reconcile"), &json!(1)), "{hung}");
    assert!(hung["last_error"].as_str().unwrap().contains("nobody saw whether step 2"), "{hung}");
    assert_eq!(told(&server, &hung, 1).await, ["intent -", "unknown unknown"]);

    // What has a key is tried again; after the last attempt a person is asked.
    let cues = json!([{"text": "Curtain up", "lasts_ms": 5}]);
    let hangs = give(&server, "ada", json!([{"action": "render_captions", "path": "a.vtt", "cues": cues}])).await;
    let hangs = at_rest(&server, &hangs).await;
    assert_eq!((&hangs["parked_on"], &hangs["attempts"]), (&json!("reconcile"), &json!(2)), "{hangs}");
    let twice = ["intent -", "unknown unknown", "intent -", "unknown unknown"];
    assert_eq!(told(&server, &hangs, 0).await, twice);
    let alerts = server.get("/api/alerts").await.json["items"].clone();
    assert_eq!(alerts.as_array().unwrap().len(), 2, "{alerts}");
    is_free(&server).await;
    all_is_well(&server, &["ada", "bo"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_an_hour_logs_nobody_out_and_ends_links_by_the_clock() {
    const HOUR_MS: i64 = 3_600_000;
    let test = TestPorts::obliging();
    let world = test.world.clone();
    let server = TestServer::start_on(test, narrow).await;
    server.persona("Ada").await;
    let (cookie, link) = (server.login().await, server.link().await);
    let sees = async || {
        let asked = server.ask(reqwest::Method::GET, "/api/personas").header("Cookie", &cookie);
        asked.send().await.unwrap().status()
    };
    for by_ms in [HOUR_MS, -2 * HOUR_MS, HOUR_MS] {
        world.set_clock(by_ms, false);
        assert_eq!(sees().await, 200, "a login lasts twelve hours");
        let done = at_rest(&server, &give(&server, "ada", note()).await).await;
        assert_eq!(done["attempts"], 1, "{done}");
        let run =
            server.get(&format!("/api/runs?goal={}", done["id"].as_str().unwrap())).await.json["items"][0].clone();
        assert!(run["waited_ms"].as_i64().unwrap() >= 0, "{run}");
    }
    world.set_clock(HOUR_MS, false);
    let late = server.form("/login", format!("token={link}")).header("Origin", &server.base).send().await.unwrap();
    assert_eq!(late.headers()["location"], "/login?refused=1", "a link lasts a quarter of an hour");
    assert_eq!(sees().await, 200);
    is_free(&server).await;
    all_is_well(&server, &["ada"]).await;
    server.stop().await;
}
