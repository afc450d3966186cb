//! A store that somebody else holds locked for five seconds: what would begin is refused with the reason, what has
//! happened is kept and written once the lock is gone, and nobody has to do anything.

use std::{process::Stdio, time::Duration};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    time::{Instant, sleep_until},
};

use super::{
    left_behind::accounts_for,
    model::{self, Model},
    place::{Database, Place},
    server::{PATIENCE, Server},
    stage::{Stage, other_work},
};
use crate::postgres::psql;

const LOCKED_FOR: Duration = Duration::from_secs(5);

/// Somebody who holds the lock that every commit needs.
enum Holder {
    Sqlite(SqliteConnection),
    Postgres(Child),
}

impl Holder {
    async fn lock(place: &Place, database: Database) -> Self {
        match database {
            Database::Sqlite => {
                let file = place.data_root.join("greenroom.db");
                let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
                conn.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").unwrap();
                Self::Sqlite(conn)
            }
            Database::Postgres => {
                let mut psql = Command::from(psql(place.database_url()))
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .kill_on_drop(true)
                    .spawn()
                    .unwrap();
                let lock = b"BEGIN; LOCK TABLE receipts IN ACCESS EXCLUSIVE MODE;\n\\echo locked\n";
                psql.stdin.as_mut().unwrap().write_all(lock).await.unwrap();
                let mut said = BufReader::new(psql.stdout.as_mut().unwrap()).lines();
                assert_eq!(said.next_line().await.unwrap().as_deref(), Some("locked"));
                Self::Postgres(psql)
            }
        }
    }

    async fn let_go(self) {
        match self {
            Self::Sqlite(mut conn) => conn.batch_execute("ROLLBACK").unwrap(),
            Self::Postgres(mut psql) => {
                // The end of its input ends the session, and with it the transaction.
                drop(psql.stdin.take());
                assert!(psql.wait().await.unwrap().success());
            }
        }
    }
}

/// Asks `/readyz` until it says so; what it said.
async fn ready(server: &Server, wanted: u16) -> String {
    let asked = async {
        loop {
            let (status, text) = server.ask(server.request(Method::GET, "/readyz")).await;
            if status == wanted {
                return text;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("/readyz never said {wanted}"))
}

fn note(key: &str) -> Value {
    json!({ "kind": "io", "title": key, "correlation": key, "proof": { "assertions": [{ "file": "more.txt" }] },
        "payload": { "steps": [{ "action": "write_file", "path": "more.txt", "content": "hello" }] } })
}

async fn is_locked_for_five_seconds(database: Database, because: &str) {
    let place = Place::new(database).await;
    let mut model = Model::start();
    std::fs::create_dir(&place.data_root).unwrap();
    std::fs::write(place.data_root.join("greenroom.toml"), model::settings(model.addr)).unwrap();
    let stage = Stage::on(place).await;
    let server = stage.begin("").await;
    let ask = json!({ "kind": "ai", "title": "Write", "proof": { "artifacts": ["text"] },
        "payload": { "prompt": "locked", "file": "text.md" } });
    let writing = server.post("/api/personas/jason/goals", &ask).await;
    let asked = model.question("locked").await;

    let mut live = server.live().await;
    let (holder, since) = (Holder::lock(stage.place(), database).await, Instant::now());

    asked.answer("Said while nobody could write it down.");
    let (status, text) = server.ask(server.request(Method::POST, "/api/personas/jason/goals").json(&note("k"))).await;
    assert_eq!(status, 503, "{text}");
    let reason = ready(&server, 503).await;
    assert!(reason.contains(because), "{reason}");
    sleep_until(since + LOCKED_FOR).await;
    ready(&server, 503).await;
    holder.let_go().await;

    live.saw("the end of the outage", |receipt| {
        receipt["body"]["summary"] == "the store takes work again" && receipt["body"]["data"]["reason"].is_string()
    })
    .await;
    ready(&server, 200).await;
    let written = server.over(writing["id"].as_str().unwrap()).await;
    assert_eq!((&written["state"], &written["attempts"]), (&json!("done"), &json!(1)), "{written:#}");
    let receipts = server.receipts(writing["id"].as_str().unwrap()).await;
    let count = |phase: &str| receipts.iter().filter(|receipt| receipt["phase"] == phase).count();
    assert_eq!((count("outcome"), count("intent"), count("unknown")), (2, 2, 0), "once each: {receipts:#?}");

    let asked_again = server.post("/api/personas/jason/goals", &note("k")).await;
    let asked_again = server.over(asked_again["id"].as_str().unwrap()).await;
    assert_eq!(asked_again["state"], "done", "what was refused may be asked for again: {asked_again:#}");
    let other = other_work(&server).await;
    assert_eq!(server.get("/api/goals").await["items"].as_array().unwrap().len(), 3, "and was not there before");
    accounts_for(&server, [&written, &asked_again, &other].into_iter()).await;
    stage.close(server).await;
    model.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_locked_by_another_process_delays_and_loses_nothing() {
    is_locked_for_five_seconds(Database::Sqlite, "database is locked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_of_postgres_delays_and_loses_nothing() {
    is_locked_for_five_seconds(Database::Postgres, "lock timeout").await;
}
