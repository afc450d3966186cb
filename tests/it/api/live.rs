//! The live stream: resumed without a hole or a double, gaps said, nobody in who may not be.

use std::time::Duration;

use actors::{
    domain::{Alert, AlertId, AlertKind, TraceId},
    ports::{Change, Commit},
    supervisor::By,
};
use async_tungstenite::{
    WebSocketStream,
    tokio::{TokioAdapter, client_async},
    tungstenite::{Error, Message, client::IntoClientRequest},
};
use futures::StreamExt;
use greenroom::web::cursor::Cursor;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};

use super::harness::TestServer;

type Live = WebSocketStream<TokioAdapter<TcpStream>>;

async fn open_as(server: &TestServer, query: &str, headers: &[(&'static str, &str)]) -> Result<Live, u16> {
    let host = server.base.trim_start_matches("http://").to_owned();
    let mut request = format!("ws://{host}/ws/evidence?{query}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let socket = TcpSocket::new_v4().unwrap();
    // Small, so that a reader who does not read is soon a slow one.
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let stream = socket.connect(host.parse().unwrap()).await.unwrap();
    match client_async(request, stream).await {
        Ok((live, _)) => Ok(live),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn open(server: &TestServer, query: &str) -> Live {
    let ticket = server.ticket().await;
    open_as(server, &format!("ticket={ticket}{query}"), &[]).await.unwrap()
}

/// The next frame of a kind; others are left out.
async fn next(live: &mut Live, kind: &str) -> Value {
    let wait = async {
        loop {
            let Message::Text(text) = live.next().await.unwrap().unwrap() else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == kind {
                return frame;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("no {kind} frame came"))
}

async fn hashes(server: &TestServer, query: &str) -> Vec<Value> {
    let page = server.get(&format!("/api/receipts?order=oldest&limit=500{query}")).await.json;
    page["items"].as_array().unwrap().iter().map(|receipt| receipt["hash"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_comes_back_sees_every_receipt_once() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let first = server.get("/api/receipts?order=oldest&limit=1").await.json["items"][0]["cursor"].clone();
    server.persona("Bo").await;
    let mut live = open(&server, &format!("&since={}", first.as_str().unwrap())).await;
    server.persona("Cy").await;
    let wanted = hashes(&server, &format!("&cursor={}", first.as_str().unwrap())).await;
    let mut seen = Vec::new();
    while seen.len() < wanted.len() {
        seen.push(next(&mut live, "receipt").await["receipt"]["hash"].clone());
    }
    assert_eq!(seen, wanted);

    let message = server.post("/api/personas/ada/messages", &json!({"text": "Hello"})).await;
    assert_eq!(message.status, 201, "{}", message.json);
    let frame = next(&mut live, "receipt").await;
    assert!(!seen.contains(&frame["receipt"]["hash"]), "the next one is new");
    assert_eq!(frame["persona"]["slug"], "ada");
    assert_eq!(frame["cursor"], frame["receipt"]["cursor"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_persona_is_watched_without_the_others() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    server.persona("Bo").await;
    let mut live = open(&server, "&since=r0&persona=bo").await;
    assert_eq!(next(&mut live, "receipt").await["persona"]["slug"], "bo");
    server.post("/api/personas/ada/pause", &json!({})).await;
    server.post("/api/personas/bo/pause", &json!({})).await;
    let wanted = hashes(&server, "&persona=bo").await;
    for hash in &wanted[1..] {
        assert_eq!(next(&mut live, "receipt").await["receipt"]["hash"], *hash);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roster_is_told_whole_and_then_by_its_changes() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let mut live = open(&server, "").await;
    let whole = next(&mut live, "actors").await;
    assert_eq!((&whole["whole"], &whole["figures"]["registered"]), (&json!(true), &json!(1)));
    assert_eq!(whole["actors"][0]["slug"], "ada");
    server.post("/api/personas/ada/pause", &json!({})).await;
    loop {
        let change = next(&mut live, "actors").await;
        assert_eq!(change["whole"], false);
        if change["actors"][0]["state"] == "paused" {
            break;
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_told_when_raised_and_when_resolved() {
    let server = TestServer::start().await;
    let alert = Alert {
        id: AlertId(server.world.new_id()),
        kind: AlertKind::Reconcile,
        persona: None,
        goal: None,
        text: "Say whether the proposal was sent.".to_owned(),
        raised_ms: server.world.now_ms(),
        resolved_ms: None,
    };
    let mut live = open(&server, "").await;
    let commit = Commit { changes: vec![Change::AlertRaised(Box::new(alert.clone()))], ..Commit::default() };
    server.storage.journal.write(vec![commit]).await.unwrap().remove(0).unwrap();
    server.persona("Ada").await;
    let raised = next(&mut live, "alert").await;
    assert_eq!((&raised["alert"]["text"], &raised["alert"]["resolved_ms"]), (&json!(alert.text), &Value::Null));
    assert_eq!(server.get("/api/alerts").await.json["items"].as_array().unwrap().len(), 1);
    let done = server.post(&format!("/api/alerts/{}/resolve", alert.id), &json!({})).await;
    assert_eq!(done.status, 204, "{}", done.json);
    assert!(next(&mut live, "alert").await["alert"]["resolved_ms"].is_i64());
    assert_eq!(server.get("/api/alerts").await.json["items"], json!([]));
    assert_eq!(server.get("/api/alerts?resolved=true").await.json["items"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_told_what_it_missed() {
    let server = TestServer::start().await;
    let mut live = open(&server, "").await;
    // Bigger than every buffer between us, though nobody reads yet.
    let filler = "x".repeat(20_000);
    let by = By { who: "test".to_owned(), trace: TraceId(server.world.new_id()) };
    for n in 0..1_500 {
        server.company.record_act(format!("act {n}"), json!({ "filler": filler }), &by).await.unwrap();
    }
    let last = server.storage.db.receipt_head().await.unwrap();
    let (mut expected, mut gaps) = (None, 0);
    let pos = |value: &Value| value.as_str().unwrap().parse::<Cursor>().unwrap().0;
    loop {
        let Message::Text(text) = live.next().await.unwrap().unwrap() else { continue };
        let frame: Value = serde_json::from_str(&text).unwrap();
        let (from, to) = match frame["type"].as_str().unwrap() {
            "receipt" => (pos(&frame["cursor"]), pos(&frame["cursor"])),
            "gap" => {
                gaps += 1;
                (pos(&frame["from"]), pos(&frame["to"]))
            }
            _ => continue,
        };
        assert_eq!(from, expected.unwrap_or(from), "nothing is left out unsaid, nothing comes twice");
        expected = Some(to + 1);
        if to >= last {
            break;
        }
    }
    assert!(gaps >= 1, "the reader was slow");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_socket_from_our_own_pages() {
    let server = TestServer::start().await;
    let ticket = server.ticket().await;
    let query = format!("ticket={ticket}");
    assert_eq!(open_as(&server, &query, &[("origin", "https://evil.example")]).await.err(), Some(403));
    assert_eq!(open_as(&server, "ticket=guess", &[]).await.err(), Some(401));
    let without = server.get("/ws/evidence").await;
    assert_eq!(
        (without.status, &without.json["errors"][0]["field"]),
        (reqwest::StatusCode::UNPROCESSABLE_ENTITY, &json!("ticket")),
        "{}",
        without.json
    );
    assert!(without.json["detail"].as_str().unwrap().contains("POST /api/auth/ticket"), "{}", without.json);
    assert_eq!(open_as(&server, "since=r0", &[]).await.err(), Some(422));
    let own = server.base.clone();
    let _open = open_as(&server, &query, &[("origin", &own)]).await.unwrap();
    assert_eq!(open_as(&server, &query, &[("origin", &own)]).await.err(), Some(401), "used up");
    let ticket = server.ticket().await;
    assert_eq!(open_as(&server, &format!("ticket={ticket}&persona=nobody"), &[]).await.err(), Some(404));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_bound_to_its_session() {
    let server = TestServer::start().await;
    let (cookie, other) = (server.login().await, server.login().await);
    let ticket = async || {
        let call = server.ask(Method::POST, "/api/auth/ticket").header("Cookie", &cookie);
        let made: Value =
            call.header("Origin", &server.base).json(&json!({})).send().await.unwrap().json().await.unwrap();
        format!("ticket={}", made["ticket"].as_str().unwrap())
    };
    assert_eq!(open_as(&server, &ticket().await, &[]).await.err(), Some(401));
    assert_eq!(open_as(&server, &ticket().await, &[("cookie", &other)]).await.err(), Some(401));
    assert!(open_as(&server, &ticket().await, &[("cookie", &cookie)]).await.is_ok());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_says_good_bye() {
    let server = TestServer::start().await;
    let mut live = open(&server, "").await;
    let reader = tokio::spawn(async move {
        while let Some(Ok(message)) = live.next().await {
            if let Message::Close(Some(frame)) = message {
                return Some(u16::from(frame.code));
            }
        }
        None
    });
    server.stop().await;
    assert_eq!(reader.await.unwrap(), Some(1001));
}
