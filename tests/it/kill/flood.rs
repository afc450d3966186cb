//! A hundred thousand messages to one persona: the server stays small, others are served in time, nothing vanishes.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query,
    sql_types::{BigInt, Text},
};
use futures::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    place::Database::Sqlite,
    say,
    server::{Caller, Server},
    stage::Stage,
};

const FLOOD: usize = 40_000;
const AT_ONCE: usize = 64;
/// So often somebody else is wanted urgently.
const URGENT_EVERY: usize = 5_000;
/// The most an urgent message waits, in milliseconds.
const IN_TIME_MS: i64 = 10_000;
/// What a flood may cost at most: caches of the database, and what is in hand; not what waits.
const MOST_BYTES: u64 = 160 << 20;
/// So large that all of them in memory would show.
const TEXT_BYTES: usize = 2_000;

/// Sends one message; whether it was taken.
async fn sent(caller: &Caller, persona: &str, body: &Value) -> Option<Value> {
    let request = caller.request(Method::POST, &format!("/api/personas/{persona}/messages")).json(body);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    assert!(status.is_success() || status == 503, "{status}");
    let body = answer.json().await.unwrap();
    status.is_success().then_some(body)
}

/// Bytes the server holds now, and the most it ever held.
fn memory(server: &Server) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Urgent work of others, while the flood goes on; how long each waited.
async fn urgent(server: &Server, goals: &[Value]) -> Vec<i64> {
    let mut waits = Vec::new();
    for goal in goals {
        let id = goal["id"].as_str().unwrap();
        assert_eq!(server.over(id).await["state"], "done");
        let runs = server.get(&format!("/api/runs?goal={id}")).await;
        waits.push(runs["items"][0]["waited_ms"].as_i64().unwrap());
    }
    waits
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Messages by state, as the store has them.
fn states(stage: &Stage) -> Vec<Count> {
    let file = stage.place().data_root.join("greenroom.db");
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    sql_query("SELECT state, count(*) AS count FROM messages GROUP BY state").load(&mut conn).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_to_one_persona_drowns_nobody() {
    let stage = Stage::open(Sqlite).await;
    let server = stage.begin("").await;
    for name in ["Ada", "Bo"] {
        server.post("/api/personas", &json!({ "name": name })).await;
    }
    let (before, _) = memory(&server);
    let (caller, began) = (server.caller(), Instant::now());
    let taken = AtomicUsize::new(0);
    let text = "x".repeat(TEXT_BYTES);
    let wanted: Vec<Value> = stream::iter(0..FLOOD)
        .map(|number| {
            let (caller, taken, text) = (&caller, &taken, &text);
            async move {
                let flood = json!({ "text": format!("{number} {text}") });
                let is_taken = sent(caller, "jason", &flood).await.is_some();
                taken.fetch_add(usize::from(is_taken), Ordering::Relaxed);
                if number % URGENT_EVERY != 0 {
                    return None;
                }
                let persona = if number % (2 * URGENT_EVERY) == 0 { "ada" } else { "bo" };
                let asked = sent(caller, persona, &json!({ "text": "now!", "priority": 0.95 })).await.unwrap();
                Some(asked["goal"].clone())
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(async |wanted| wanted)
        .collect()
        .await;
    let took = began.elapsed();
    let waits = urgent(&server, &wanted).await;
    let (now, most) = memory(&server);
    let mb = |bytes: u64| bytes >> 20;
    say(&format!(
        "a flood of {} in {:.1} s; {} MB before, {} after, {} at most; urgent waits {waits:?} ms",
        taken.load(Ordering::Relaxed),
        took.as_secs_f64(),
        mb(before),
        mb(now),
        mb(most)
    ));
    println!("{}", fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap());
    assert!(waits.len() == FLOOD / URGENT_EVERY && waits.iter().all(|wait| *wait < IN_TIME_MS), "{waits:?}");
    stage.close(server).await;
}
