//! A hundred thousand messages to one persona: the server stays small, others are served in time, nothing vanishes.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query,
    sql_types::{BigInt, Text},
};
use futures::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{
    place::Database::Sqlite,
    say,
    server::{Caller, Server},
    stage::Stage,
};

const FLOOD: usize = 100_000;
const AT_ONCE: usize = 64;
/// The most it may take to be sent.
const FLOOD_PATIENCE: Duration = Duration::from_secs(1_200);
/// So often somebody else is wanted urgently.
const URGENT_EVERY: usize = 5_000;
/// The most an urgent message waits, in milliseconds.
const IN_TIME_MS: i64 = 10_000;
/// What a flood may cost at most: caches of the database, and what is in hand; not what waits.
const MOST_BYTES: u64 = 192 << 20;
/// As the defaults say, and the tenth more that is allowed for a moment.
const MOST_WAITING: i64 = 11_000;
/// So large that all of them in memory would show.
const TEXT_BYTES: usize = 1_000;

/// Sends one message; none: it was refused. A connection may end between two requests: then nobody knows whether it
/// was taken, and the same key asks again.
async fn sent(caller: &Caller, persona: &str, key: &str, body: &Value) -> Option<Value> {
    loop {
        let request = caller.request(Method::POST, &format!("/api/personas/{persona}/messages"));
        let answer = match request.header("Idempotency-Key", key).json(body).send().await {
            Ok(answer) => answer,
            Err(gone) if gone.is_connect() => panic!("the server is gone: {gone:?}"),
            Err(_) => continue,
        };
        let status = answer.status();
        assert!(status.is_success() || status == 503, "{status}");
        let Ok(body) = answer.json().await else { continue };
        return status.is_success().then_some(body);
    }
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
    what: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The store of a server that has ended, asked directly.
fn ask(stage: &Stage, query: &str) -> BTreeMap<String, i64> {
    let file = stage.place().data_root.join("greenroom.db");
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let counts: Vec<Count> = sql_query(query).load(&mut conn).unwrap();
    counts.into_iter().map(|Count { what, count }| (what, count)).collect()
}

/// Every message that was taken is in one state, its goal stands there too, and what was dropped is listed once.
fn accounts_for(stage: &Stage, taken: i64) {
    let states = ask(stage, "SELECT state AS what, count(*) AS count FROM messages GROUP BY state");
    say(&format!("after the flood: {states:?}"));
    assert_eq!(states.values().sum::<i64>(), taken, "{states:?}");
    let waiting = states["waiting"] + states.get("running").copied().unwrap_or(0);
    assert!(waiting <= MOST_WAITING, "{states:?}");
    let strays = "SELECT m.state || ' / ' || g.state AS what, count(*) AS count FROM messages m \
        LEFT JOIN goals g ON g.id = m.goal GROUP BY 1";
    for (pair, count) in ask(stage, strays) {
        let fits = ["waiting / pending", "running / running", "dropped / cancelled", "done / done"];
        assert!(fits.contains(&pair.as_str()), "{count} messages and their goals are {pair}");
    }
    let listed = "SELECT CAST(m.value ->> 0 AS TEXT) AS what, count(*) AS count \
        FROM receipts r, json_each(CAST(r.body AS TEXT), '$.data.dropped_messages_and_goals') m \
        WHERE r.phase = 'dropped' GROUP BY 1";
    let listed = ask(stage, listed);
    assert!(listed.values().all(|count| *count == 1), "each drop is told once");
    assert_eq!(i64::try_from(listed.len()).unwrap(), states["dropped"], "and none is left out");
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
    let flood = stream::iter(0..FLOOD)
        .map(|number| {
            let (caller, taken, text) = (&caller, &taken, &text);
            async move {
                let flood = json!({ "text": format!("{number} {text}") });
                let is_taken = sent(caller, "jason", &number.to_string(), &flood).await.is_some();
                taken.fetch_add(usize::from(is_taken), Ordering::Relaxed);
                if number % URGENT_EVERY != 0 {
                    return None;
                }
                let persona = if number % (2 * URGENT_EVERY) == 0 { "ada" } else { "bo" };
                let urgent = json!({ "text": "now!", "priority": 0.95 });
                let asked = sent(caller, persona, &number.to_string(), &urgent).await.unwrap();
                Some(asked["goal"].clone())
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(async |wanted| wanted)
        .collect();
    let wanted: Vec<Value> = timeout(FLOOD_PATIENCE, flood).await.expect("the server takes the flood");
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
    assert!(most < before + MOST_BYTES, "{} MB became {} MB", mb(before), mb(most));
    assert!(waits.len() == FLOOD / URGENT_EVERY && waits.iter().all(|wait| *wait < IN_TIME_MS), "{waits:?}");
    let taken = i64::try_from(taken.load(Ordering::Relaxed) + wanted.len()).unwrap();
    server.end().await;
    accounts_for(&stage, taken);
    let (code, verified) = stage.verb(&["receipts", "verify"]).await;
    assert_eq!((code, &verified["ok"]), (0, &json!(true)), "{verified:#}");
}
