//! Three bad personas on a running server: one panics whenever it works, one always hangs, one is flooded with urgent
//! messages. The others notice nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use actors::{
    domain::{Outcome, Payload, PersonaId, Priority, Proof, TraceId, WaitsFor},
    supervisor::{By, NewWork, Work},
    testing::{Act, TestPorts},
};
use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::harness::TestServer;

#[derive(Debug, Clone, Copy)]
enum Bad {
    Panics,
    Hangs,
}

const FLOOD: usize = 2_000;
const OTHERS: usize = 8;
const ROUNDS: usize = 12;
/// Urgent work is begun within this.
const LATE_MS: i64 = 10_000;

/// An urgent goal.
fn urgent(persona: PersonaId) -> NewWork {
    let payload = Payload::parse("ai".parse().unwrap(), json!({"prompt": "Write a line."})).unwrap();
    NewWork {
        persona,
        what: Work::Goal { title: "a line".to_owned(), payload, proof: Proof::default() },
        priority: Some(Priority::try_from(900).unwrap()),
        serve_by_ms: None,
        due_ms: None,
        correlation: None,
        project: None,
        waits_for: WaitsFor::default(),
    }
}

async fn deliver(server: &TestServer, personas: impl Iterator<Item = PersonaId>) {
    let by = By { who: "test".to_owned(), trace: TraceId(Uuid::now_v7()) };
    for sent in join_all(personas.map(|persona| server.company.deliver(urgent(persona), &by))).await {
        sent.unwrap();
    }
}

async fn named(server: &TestServer, name: &str) -> PersonaId {
    server.persona(name).await["id"].as_str().unwrap().parse().unwrap()
}

/// Waits until an answer is as wanted.
async fn until(server: &TestServer, path: &str, so: impl Fn(&Value) -> bool) -> Value {
    let mut receipts = server.company.receipts();
    let wait = async {
        loop {
            let said = server.get(path).await.json;
            if so(&said) {
                return said;
            }
            // Something happens all the time: there is a flood.
            let _ = receipts.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait).await.expect("it never became so")
}

/// From the arrival of each of a persona's goals to the start of its run, in milliseconds.
async fn waits(server: &TestServer, slug: &str) -> Vec<i64> {
    let goals = server.get(&format!("/api/goals?persona={slug}&limit=100")).await.json;
    let runs = server.get(&format!("/api/runs?persona={slug}&limit=100")).await.json;
    let goals = goals["items"].as_array().unwrap();
    let arrived_ms = |run: &Value| {
        let goal = goals.iter().find(|goal| goal["id"] == run["goal"]).unwrap();
        goal["created_ms"].as_i64().unwrap()
    };
    let runs = runs["items"].as_array().unwrap();
    runs.iter().map(|run| run["started_ms"].as_i64().unwrap() - arrived_ms(run)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_bad_personas_make_no_urgent_message_late() {
    let bad: Arc<Mutex<HashMap<PersonaId, Bad>>> = Arc::default();
    let seen = bad.clone();
    let ports = TestPorts::new(move |call| match seen.lock().unwrap().get(&call.persona) {
        Some(Bad::Panics) => Act::Panic("as the test asked"),
        Some(Bad::Hangs) => Act::Hang,
        None => Act::After(Duration::from_millis(5), Outcome::done("did it", json!({"value": "a line"}))),
    });
    let server = TestServer::start_on(ports, |config| {
        config.company.active_personas = 4.try_into().unwrap();
        config.company.retry_after.clear();
    })
    .await;
    let (panics, hangs, flooded) =
        (named(&server, "Panics").await, named(&server, "Hangs").await, named(&server, "Flooded").await);
    bad.lock().unwrap().extend([(panics, Bad::Panics), (hangs, Bad::Hangs)]);
    let mut others = Vec::new();
    for n in 0..OTHERS {
        others.push(named(&server, &format!("Other {n}")).await);
    }
    deliver(&server, [panics, hangs].into_iter().cycle().take(8)).await;
    for _ in 0..ROUNDS {
        deliver(&server, (0..FLOOD / ROUNDS).map(|_| flooded).chain(others.iter().copied())).await;
    }
    for n in 0..OTHERS {
        let over = |goals: &Value| {
            let goals = goals["items"].as_array().unwrap();
            goals.len() == ROUNDS
                && goals.iter().all(|goal| !["pending", "running"].contains(&goal["state"].as_str().unwrap()))
        };
        until(&server, &format!("/api/goals?persona=other-{n}"), over).await;
    }
    for n in 0..OTHERS {
        let waits = waits(&server, &format!("other-{n}")).await;
        assert_eq!(waits.len(), ROUNDS, "each began once");
        assert!(waits.iter().all(|waited_ms| *waited_ms <= LATE_MS), "other-{n} waited {waits:?} ms");
    }
    // What the flood keeps waiting behind itself is late, and is counted; that harms nobody else.
    let status = server.get("/status").await.json;
    assert!(status["turns"]["waits"][2]["grants"].as_u64().unwrap() >= (OTHERS * ROUNDS) as u64, "{status}");
    // Who fails again and again is paused, and a person is told; who hangs holds one slot of four.
    until(&server, "/api/personas/panics", |persona| persona["status"] == "paused").await;
    let alerts = server.get("/api/alerts").await.json;
    assert!(alerts["items"].as_array().unwrap().iter().any(|alert| alert["kind"] == "circuit_open"), "{alerts}");
    assert_eq!(server.get("/api/personas/hangs").await.json["actor"]["on_stage"], true);
    server.stop().await;
}
