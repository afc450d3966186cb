//! What a batch needs to know beforehand, read in as few queries as there are tables.

use std::collections::BTreeSet;

use actors::{
    domain::ChainId,
    evidence::chain::{Head, Heads},
};
use diesel::{prelude::*, sql_query, sql_types};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{
    super::{Failed, facts::Facts},
    Wanted,
};
use crate::storage::{
    rows::{Columns, text},
    schema::{alerts, goals, messages, personas, receipts, runs, standing_waits},
};

#[derive(QueryableByName)]
struct Position {
    #[diesel(sql_type = sql_types::BigInt)]
    pos: i64,
}

/// Steps from node to node in the key; a new node goes on behind the highest of all.
const NEWEST: &str = "WITH RECURSIVE n(node) AS ( \
    SELECT (SELECT node FROM receipts ORDER BY node LIMIT 1) UNION ALL \
    SELECT (SELECT node FROM receipts WHERE node > n.node ORDER BY node LIMIT 1) FROM n WHERE n.node IS NOT NULL) \
    SELECT coalesce(max((SELECT max(pos) FROM receipts r WHERE r.node = n.node)), 0)::bigint AS pos FROM n";

/// The highest position in the log, 0 when it is empty.
pub(super) async fn newest_position(conn: &mut AsyncPgConnection) -> Result<i64, Failed> {
    let row: Position = sql_query(NEWEST).get_result(conn).await?;
    Ok(row.pos)
}

/// Reads the heads of chains that are not known yet.
pub(super) async fn learn_heads(
    conn: &mut AsyncPgConnection,
    heads: &mut Heads,
    chains: BTreeSet<ChainId>,
) -> Result<(), Failed> {
    for chain in chains {
        let newest: Option<(i64, Vec<u8>)> = receipts::table
            .filter(receipts::chain.eq(chain.to_bytes()))
            .order(receipts::seq.desc())
            .select((receipts::seq, receipts::hash))
            .limit(1)
            .get_result(conn)
            .await
            .optional()?;
        let head = match newest {
            Some((seq, hash)) => Head { seq, hash: Columns("receipts").hash(&hash)? },
            None => Head::START,
        };
        heads.learn(chain, head);
    }
    Ok(())
}

/// What the batch's guards look at and is not known yet.
pub(super) async fn facts(conn: &mut AsyncPgConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    read_personas(conn, wanted, facts).await?;
    read_messages(conn, wanted, facts).await?;
    read_work(conn, wanted, facts).await
}

fn bytes<'a>(ids: impl IntoIterator<Item = &'a [u8; 16]>) -> Vec<Vec<u8>> {
    ids.into_iter().map(|id| id.to_vec()).collect()
}

async fn read_personas(conn: &mut AsyncPgConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    let read = Columns("personas");
    if !wanted.slugs.is_empty() {
        let slugs: Vec<&str> = wanted.slugs.iter().map(|slug| slug.as_str()).collect();
        let rows: Vec<(String, Vec<u8>)> = personas::table
            .filter(personas::slug.eq_any(slugs))
            .order(personas::id)
            .select((personas::slug, personas::id))
            .get_results(conn)
            .await?;
        for (slug, id) in rows {
            facts.slugs.insert(read.word(&slug)?, read.id(&id)?);
        }
    }
    if !wanted.personas.is_empty() {
        let rows: Vec<(Vec<u8>, i64, String)> = personas::table
            .filter(personas::id.eq_any(bytes(wanted.personas.iter().map(|id| id.as_bytes()))))
            .order(personas::id)
            .select((personas::id, personas::version, personas::status))
            .get_results(conn)
            .await?;
        for (id, version, status) in rows {
            facts.personas.insert(read.id(&id)?, (version, read.word(&status)?));
        }
    }
    Ok(())
}

async fn read_messages(conn: &mut AsyncPgConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    let read = Columns("messages");
    for (persona, key) in &wanted.correlations {
        let same: Option<Vec<u8>> = messages::table
            .filter(messages::persona.eq(persona.as_bytes().to_vec()).and(messages::correlation.eq(text(key.clone()))))
            .select(messages::id)
            .get_result(conn)
            .await
            .optional()?;
        if same.is_some() {
            facts.correlations.insert((*persona, key.clone()));
        }
    }
    if !wanted.messages.is_empty() {
        let rows: Vec<(Vec<u8>, String)> = messages::table
            .filter(messages::id.eq_any(bytes(wanted.messages.iter().map(|id| id.as_bytes()))))
            .order(messages::id)
            .select((messages::id, messages::state))
            .get_results(conn)
            .await?;
        for (id, state) in rows {
            facts.messages.insert(read.id(&id)?, read.word(&state)?);
        }
    }
    Ok(())
}

async fn read_work(conn: &mut AsyncPgConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    if !wanted.goals.is_empty() {
        let read = Columns("goals");
        let rows: Vec<(Vec<u8>, i64, String)> = goals::table
            .filter(goals::id.eq_any(bytes(wanted.goals.iter().map(|id| id.as_bytes()))))
            .order(goals::id)
            .select((goals::id, goals::version, goals::state))
            .get_results(conn)
            .await?;
        for (id, version, state) in rows {
            facts.goals.insert(read.id(&id)?, (version, read.word(&state)?));
        }
    }
    if !wanted.runs.is_empty() {
        let read = Columns("runs");
        let rows: Vec<(Vec<u8>, String)> = runs::table
            .filter(runs::id.eq_any(bytes(wanted.runs.iter().map(|id| id.as_bytes()))))
            .order(runs::id)
            .select((runs::id, runs::state))
            .get_results(conn)
            .await?;
        for (id, state) in rows {
            facts.runs.insert(read.id(&id)?, read.word(&state)?);
        }
    }
    if !wanted.alerts.is_empty() {
        let read = Columns("alerts");
        let rows: Vec<(Vec<u8>, Option<i64>)> = alerts::table
            .filter(alerts::id.eq_any(bytes(wanted.alerts.iter().map(|id| id.as_bytes()))))
            .order(alerts::id)
            .select((alerts::id, alerts::resolved_ms))
            .get_results(conn)
            .await?;
        for (id, resolved_ms) in rows {
            facts.alerts.insert(read.id(&id)?, resolved_ms.is_none());
        }
    }
    read_standing(conn, wanted, facts).await
}

async fn read_standing(conn: &mut AsyncPgConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    if !wanted.standing.is_empty() {
        let read = Columns("standing_waits");
        let rows: Vec<(Vec<u8>, i64, Option<i64>)> = standing_waits::table
            .filter(standing_waits::id.eq_any(bytes(wanted.standing.iter().map(|id| id.as_bytes()))))
            .order(standing_waits::id)
            .select((standing_waits::id, standing_waits::seen_seq, standing_waits::ended_ms))
            .get_results(conn)
            .await?;
        for (id, seen_seq, ended_ms) in rows {
            facts.standing.insert(read.id(&id)?, ended_ms.is_none().then_some(seen_seq));
        }
    }
    Ok(())
}
