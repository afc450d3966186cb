//! The bare loop on SQLite: rows one by one in an immediate transaction, with the settings of the product.

use actors::evidence::chain::Linked;
use anyhow::Context as _;
use diesel::{connection::SimpleConnection, prelude::*};
use tokio::time::Instant;

use super::{
    super::{place::Place, workload::Rate},
    SPAN, Source, tiny_rows,
};

/// As the product's writer has them, but that nobody moves the WAL beside it: it does so itself, as often as SQLite does
/// by default. The size of pages is the file's.
const SETTINGS: &str = "PRAGMA busy_timeout = 1000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
    PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 1000;";

diesel::table! {
    receipts (pos) {
        node -> Text,
        pos -> BigInt,
        chain -> Binary,
        seq -> BigInt,
        header -> Text,
        hash -> Binary,
        salt -> Binary,
        body -> Text,
        at_ms -> BigInt,
        kind -> Text,
        phase -> Nullable<Text>,
        run -> Nullable<Binary>,
    }
}

diesel::table! {
    tiny (id) {
        id -> BigInt,
        text -> Text,
    }
}

pub fn receipts(place: &Place, source: &mut Source) -> anyhow::Result<f64> {
    let mut conn = open(place)?;
    let mut rate = Rate::over(SPAN);
    while rate.goes_on() {
        let drafts = source.drafts();
        let rows = drafts.len();
        let began = Instant::now();
        let (batch, linked) = source.link(drafts);
        conn.immediate_transaction(|conn| linked.iter().try_for_each(|row| insert(conn, row)))?;
        batch.commit();
        rate.turn(rows, began);
    }
    Ok(rate.per_second())
}

fn insert(conn: &mut SqliteConnection, row: &Linked) -> QueryResult<()> {
    let draft = &row.draft;
    let columns = (
        receipts::node.eq(draft.node.as_str()),
        receipts::pos.eq(row.pos),
        receipts::chain.eq(draft.chain.to_bytes()),
        receipts::seq.eq(row.seq),
        receipts::header.eq(&row.header),
        receipts::hash.eq(&row.hash.0[..]),
        receipts::salt.eq(&draft.salt[..]),
        receipts::body.eq(&row.body),
        receipts::at_ms.eq(draft.at_ms),
        receipts::kind.eq(draft.kind.as_str()),
        receipts::phase.eq(draft.phase.map(|phase| phase.as_str())),
        receipts::run.eq(draft.run.as_ref().map(|run| &run.as_bytes()[..])),
    );
    diesel::insert_into(receipts::table).values(columns).execute(conn).map(drop)
}

pub fn tiny(place: &Place, batch: usize) -> anyhow::Result<f64> {
    let mut conn = open(place)?;
    conn.batch_execute("CREATE TABLE tiny (id INTEGER PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT")?;
    let (mut rate, mut ids) = (Rate::over(SPAN), 0);
    while rate.goes_on() {
        let rows = tiny_rows(&mut ids, batch);
        let began = Instant::now();
        conn.immediate_transaction(|conn| {
            rows.iter().try_for_each(|(id, text)| {
                diesel::insert_into(tiny::table).values((tiny::id.eq(id), tiny::text.eq(text))).execute(conn).map(drop)
            })
        })?;
        rate.turn(batch, began);
    }
    Ok(rate.per_second())
}

fn open(place: &Place) -> anyhow::Result<SqliteConnection> {
    let file = place.folder().join("greenroom.db");
    let mut conn = SqliteConnection::establish(file.to_str().context("a path in UTF-8")?)?;
    conn.batch_execute(SETTINGS)?;
    Ok(conn)
}
