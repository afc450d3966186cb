//! What a batch needs to know beforehand, read in as few queries as there are tables.

mod rooms;

use std::collections::{BTreeMap, BTreeSet};

use actors::{
    domain::{ChainId, QuotaUse},
    evidence::chain::{Head, Heads},
};
use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_query,
    sql_types::{self, Array},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{
    super::{Failed, approvals, calendar, facts::Facts, ledger, quotas::taken_by_others},
    Wanted,
};
use crate::storage::{
    rows::{Columns, quota::QuotaUseRow, text},
    schema::{alerts, goals, messages, personas, quota_uses, runs, standing_waits},
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

/// The newest receipt of each chain: one look into the key each, all on one way to the server.
struct NewestOf(Vec<Vec<u8>>);

impl QueryId for NewestOf {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for NewestOf {
    type SqlType = (sql_types::Binary, sql_types::BigInt, sql_types::Binary);
}

impl QueryFragment<Pg> for NewestOf {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT asked.chain, newest.seq, newest.hash FROM unnest(");
        out.push_bind_param::<Array<sql_types::Binary>, _>(&self.0)?;
        out.push_sql(
            ") AS asked(chain) CROSS JOIN LATERAL (SELECT seq, hash FROM receipts \
             WHERE receipts.chain = asked.chain ORDER BY seq DESC LIMIT 1) AS newest",
        );
        Ok(())
    }
}

/// Reads the heads of chains that are not known yet.
pub(super) async fn learn_heads(
    conn: &mut AsyncPgConnection,
    heads: &mut Heads,
    chains: BTreeSet<ChainId>,
) -> Result<(), Failed> {
    if chains.is_empty() {
        return Ok(());
    }
    let rows: Vec<(Vec<u8>, i64, Vec<u8>)> =
        NewestOf(chains.iter().map(ChainId::to_bytes).collect()).get_results(conn).await?;
    let mut newest = BTreeMap::new();
    for (chain, seq, hash) in rows {
        newest.insert(chain, Head { seq, hash: Columns("receipts").hash(&hash)? });
    }
    for chain in chains {
        let head = newest.remove(&chain.to_bytes()).unwrap_or(Head::START);
        heads.learn(chain, head);
    }
    Ok(())
}

/// What the batch's guards look at and is not known yet.
pub(super) async fn facts(conn: &mut AsyncPgConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    read_personas(conn, wanted, facts).await?;
    read_messages(conn, wanted, facts).await?;
    read_work(conn, wanted, facts).await?;
    rooms::read_facts(conn, &wanted.rooms, &mut facts.rooms).await?;
    ledger::read(conn, &wanted.ledger, &mut facts.ledger).await?;
    approvals::read(conn, &wanted.approvals, &mut facts.approvals).await?;
    calendar::read(conn, wanted, facts).await
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

/// Which of the asked correlations are taken, by their place in the question, from 1.
struct Taken {
    personas: Vec<Vec<u8>>,
    keys: Vec<String>,
}

impl QueryId for Taken {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Taken {
    type SqlType = sql_types::BigInt;
}

impl QueryFragment<Pg> for Taken {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT asked.place FROM unnest(");
        out.push_bind_param::<Array<sql_types::Binary>, _>(&self.personas)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<sql_types::Text>, _>(&self.keys)?;
        out.push_sql(
            ") WITH ORDINALITY AS asked(persona, correlation, place) WHERE EXISTS (SELECT 1 FROM messages \
             WHERE messages.persona = asked.persona AND messages.correlation = asked.correlation)",
        );
        Ok(())
    }
}

async fn read_messages(conn: &mut AsyncPgConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    let read = Columns("messages");
    if !wanted.correlations.is_empty() {
        let asked = &wanted.correlations;
        let personas = bytes(asked.iter().map(|(persona, _)| persona.as_bytes()));
        let keys = asked.iter().map(|(_, key)| text(key.clone())).collect();
        let taken: BTreeSet<i64> = Taken { personas, keys }.get_results(conn).await?.into_iter().collect();
        let keys = (1..).zip(asked).filter(|(place, _)| taken.contains(place));
        facts.correlations.extend(keys.map(|(_, key)| key.clone()));
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
    read_quotas(conn, wanted, facts).await?;
    read_standing(conn, wanted, facts).await
}

async fn read_quotas(conn: &mut AsyncPgConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    if !wanted.uses.is_empty() {
        let rows: Vec<QuotaUseRow> = quota_uses::table
            .filter(quota_uses::goal.eq_any(bytes(wanted.uses.iter().map(|id| id.as_bytes()))))
            .select(QuotaUseRow::as_select())
            .get_results(conn)
            .await?;
        for row in rows {
            let taken = QuotaUse::try_from(row)?;
            facts.uses.insert(taken.goal, taken);
        }
    }
    for left in &wanted.quotas {
        let taken: Option<i64> = taken_by_others!(left).get_result(conn).await?;
        facts.lost(*left, Columns("quota_uses").count(taken.unwrap_or(0))?);
    }
    Ok(())
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
