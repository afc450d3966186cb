//! Lists: pages by cursor, without a hole or a double.

use actors::{
    domain::{Call, Outcome},
    testing::{Act, TestPorts},
};
use serde_json::{Value, json};

use super::harness::TestServer;

/// Walks a list to its end.
async fn walk(server: &TestServer, path: &str) -> (Vec<Value>, usize) {
    let (mut items, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = server.get(&format!("{path}{cursor}")).await;
        assert_eq!(page.status, 200, "{path}{cursor}: {}", page.json);
        items.extend(page.json["items"].as_array().unwrap().clone());
        pages += 1;
        match page.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (items, pages),
        }
    }
}

fn column<'a>(items: &'a [Value], field: &str) -> Vec<&'a str> {
    items.iter().map(|item| item[field].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn goals_and_messages_come_newest_first_in_pages() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    server.persona("Bo").await;
    for n in 0..5 {
        for persona in ["ada", "bo"] {
            let goal = json!({"persona": persona, "kind": "ai", "title": format!("{persona} {n}"), "payload": {"prompt": "x"}});
            assert_eq!(server.post("/api/goals", &goal).await.status, 201);
        }
    }
    let (all, pages) = walk(&server, "/api/goals?limit=3").await;
    assert_eq!((all.len(), pages), (10, 4));
    assert_eq!(column(&all, "title")[..2], ["bo 4", "ada 4"]);
    for path in ["/api/goals?limit=2&persona=ada", "/api/personas/ada/goals?limit=2"] {
        let (his, pages) = walk(&server, path).await;
        assert_eq!(column(&his, "title"), ["ada 4", "ada 3", "ada 2", "ada 1", "ada 0"], "{path}");
        assert_eq!((pages, &his[0]["persona"]), (3, &json!("ada")));
    }
    let (messages, _) = walk(&server, "/api/personas/bo/messages?limit=2").await;
    assert_eq!(column(&messages, "text"), ["bo 4", "bo 3", "bo 2", "bo 1", "bo 0"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_come_in_both_orders_and_between_two_cursors() {
    let server = TestServer::start().await;
    for name in ["Ada", "Bo", "Cy"] {
        server.persona(name).await;
    }
    let (oldest, _) = walk(&server, "/api/receipts?order=oldest&limit=2").await;
    let (newest, _) = walk(&server, "/api/receipts?limit=2").await;
    assert!(oldest.len() >= 3);
    let forth = column(&oldest, "hash");
    let mut back = column(&newest, "hash");
    back.reverse();
    assert_eq!(forth, back);
    let cursors = column(&oldest, "cursor");
    let path = format!("/api/receipts?order=oldest&cursor={}&until={}", cursors[0], cursors[2]);
    assert_eq!(column(server.get(&path).await.json["items"].as_array().unwrap(), "hash"), forth[1..=2]);
    let (ada, _) = walk(&server, "/api/receipts?persona=ada&limit=1").await;
    assert!(!ada.is_empty() && ada.len() < oldest.len());
    assert!(column(&ada, "chain").iter().all(|chain| *chain == ada[0]["chain"]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_come_newest_first_in_pages() {
    let answer = json!({"url": "http://board.example/"});
    let server =
        TestServer::start_on(TestPorts::new(move |_: &Call| Outcome::done("did it", answer.clone())), |_| {}).await;
    server.persona("Ada").await;
    let mut receipts = server.company.receipts();
    for _ in 0..3 {
        let steps =
            json!([{"action": "goto", "url": "http://board.example/"}, {"action": "click", "selector": "#send"}]);
        let goal = json!({"kind": "browser", "title": "Send", "payload": {"steps": steps}});
        assert_eq!(server.post("/api/personas/ada/goals", &goal).await.status, 201);
    }
    let asked = |receipt: &actors::domain::Receipt| {
        receipt.body.as_ref().is_some_and(|body| body.summary.starts_with("asked whether it may"))
    };
    for _ in 0..3 {
        let put = async { while !asked(&receipts.recv().await.unwrap()) {} };
        tokio::time::timeout(std::time::Duration::from_secs(60), put).await.unwrap();
    }
    for path in ["/api/approvals?limit=2", "/api/approvals?limit=1&state=waiting&persona=ada"] {
        let (all, pages) = walk(&server, path).await;
        let ids = column(&all, "id");
        assert_eq!((ids.len(), pages > 1), (3, true), "{path}");
        assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn personas_come_by_slug_and_deleted_ones_only_when_asked_for() {
    let server = TestServer::start().await;
    for name in ["Cy", "Ada", "Bo"] {
        server.persona(name).await;
    }
    let (all, pages) = walk(&server, "/api/personas?limit=2").await;
    assert_eq!((column(&all, "slug"), pages), (vec!["ada", "bo", "cy"], 2));
    let gone = server.local(reqwest::Method::DELETE, "/api/personas/bo").send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(column(&walk(&server, "/api/personas?limit=9").await.0, "slug"), ["ada", "cy"]);
    assert_eq!(walk(&server, "/api/personas?limit=9&deleted=true").await.0.len(), 3);
    assert_eq!(server.get("/api/personas/bo").await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persona_is_paused_resumed_and_restarted_and_every_act_has_its_receipt() {
    let server = TestServer::start().await;
    let id = server.persona("Ada").await["id"].as_str().unwrap().to_owned();
    assert_eq!(server.post("/api/personas/ada/pause", &json!({})).await.json["status"], "paused");
    assert_eq!(server.post(&format!("/api/personas/{id}/resume"), &json!({})).await.json["status"], "active");
    assert_eq!(server.post("/api/personas/ada/restart", &json!({})).await.status, 200);
    assert_eq!(server.post("/api/admin/actors/ada/restart", &json!({})).await.status, 200);
    let actors = server.get("/api/admin/actors").await.json;
    assert_eq!(actors["items"][0]["slug"], "ada");
    let receipts = server.get("/api/receipts").await.json["items"].to_string();
    for act in ["pause", "resume", "restart"] {
        assert!(receipts.contains(act), "{act}: {receipts}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_big_three_of_an_hour_say_why() {
    let test = TestPorts::new(|_: &Call| Act::UntilStopped(Outcome::done("wrote", json!({"value": "A line."}))));
    let calls = test.performer.clone();
    let server = TestServer::start_on(test, |_| {}).await;
    server.persona("Ada").await;
    assert_eq!(server.post("/api/personas/ada/pause", &json!({})).await.status, 200);
    let mut ids = Vec::new();
    for priority in [0.2, 0.6, 0.4, 0.7, 0.5] {
        let goal = json!({"kind": "ai", "title": "Write", "payload": {"prompt": "x"}, "priority": priority});
        let made = server.post("/api/personas/ada/goals", &goal).await;
        assert_eq!((made.status.as_u16(), &made.json["big_three"]), (201, &Value::Null), "{}", made.json);
        ids.push(made.json["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(server.post("/api/personas/ada/resume", &json!({})).await.status, 200);
    // The first is at work: all five are open, and she has chosen.
    tokio::time::timeout(std::time::Duration::from_secs(60), calls.called(1)).await.unwrap();
    let chosen = [None, Some((2, "priority 0.600")), None, Some((1, "priority 0.700")), Some((3, "priority 0.500"))];
    for (id, chosen) in ids.iter().zip(chosen) {
        let goal = server.get(&format!("/api/goals/{id}")).await.json;
        let three = &goal["big_three"];
        let Some((place, why)) = chosen else {
            assert!(three.is_null(), "{goal}");
            continue;
        };
        assert_eq!(three["place"], place, "{goal}");
        assert!(three["because"].as_str().unwrap().contains(why), "{goal}");
    }
    server.stop().await;
}
