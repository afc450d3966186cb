//! A question in a room, killed at every boundary between the message, the intention, the floor and the answer.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{
    place::Database::{self, Postgres, Sqlite},
    say,
    server::Server,
    stage::Stage,
};

/// The question; the same one however often it is asked.
fn question(server: &Server) -> RequestBuilder {
    let request = server.request(Method::POST, "/api/rooms/Hall/messages").header("Idempotency-Key", "the-question");
    request.json(&json!({"text": "@Jason, what is next?"}))
}

async fn room(stage: &Stage, stop_at: &str) -> Server {
    let server = stage.begin(stop_at).await;
    server.post("/api/rooms", &json!({"name": "Hall", "personas": ["jason"]})).await;
    server
}

/// The talk, the newest first, once the question is answered and nothing is open.
async fn answered(server: &Server) -> Vec<Value> {
    let mut live = server.live().await;
    loop {
        let said = server.get("/api/rooms/Hall/messages").await["items"].as_array().unwrap().clone();
        let is_open = |turn: &Value| ["asked", "meant", "granted"].contains(&turn["state"].as_str().unwrap());
        let open = said.iter().flat_map(|one| one["turns"].as_array().unwrap()).any(is_open);
        if said.len() >= 2 && !open {
            return said;
        }
        live.saw("the answer", |_| true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_boundary_a_question_gets_its_one_answer() {
    for database in [Sqlite, Postgres] {
        is_answered_once(database).await;
    }
}

async fn is_answered_once(database: Database) {
    let stage = Stage::open(database).await;
    let server = room(&stage, "").await;
    assert_eq!(server.ask(question(&server)).await.0, 201);
    answered(&server).await;
    let boundaries = stage.close(server).await;
    assert!(boundaries.len() >= 14, "the message, the intention, the floor, the work, the answer: {boundaries:#?}");
    let count = boundaries.len();
    for boundary in boundaries {
        dies_at(database, &boundary).await;
    }
    say(&format!("{count} boundaries of a question in a room on {}", database.name()));
}

async fn dies_at(database: Database, boundary: &str) {
    let stage = Stage::open(database).await;
    let mut server = room(&stage, boundary).await;
    // Whoever asks may wait for ever where the writer stands still: it is killed meanwhile.
    let asking = tokio::spawn(question(&server).send());
    server.passes(boundary).await;
    server.kill().await;
    let _ = asking.await.unwrap();
    let server = stage.server(None).await;
    let (status, text) = server.ask(question(&server)).await;
    assert!([200, 201].contains(&status), "{boundary}: {status} {text}");
    let said = answered(&server).await;
    let people = said.iter().filter(|one| one["author"]["kind"] == "person").count();
    assert_eq!((said.len(), people), (2, 1), "{boundary}: one question, one answer: {said:#?}");
    let turns = said[1]["turns"].as_array().unwrap();
    assert_eq!((turns.len(), &turns[0]["state"]), (1, &json!("spoke")), "{boundary}");
    assert_eq!((&said[0]["goal"], &said[0]["reply_to"]), (&turns[0]["goal"], &said[1]["id"]), "{boundary}");
    let goals = server.get("/api/goals").await;
    assert_eq!(goals["items"].as_array().unwrap().len(), 1, "{boundary}");
    stage.close(server).await;
}
