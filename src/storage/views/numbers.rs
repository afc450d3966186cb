//! Counts for cards, status and metrics.

use std::collections::HashMap;

use actors::domain::{Body, ChainId, GoalState, PersonaId, RunState, Unit};
use diesel::{
    dsl::{count, count_star, sum},
    prelude::*,
    sql_query, sql_types,
};
use serde::Serialize;

use crate::storage::{
    db::{Db, DbError, on_db},
    rows::{Columns, goal::OPEN_GOAL},
    schema::{goals, messages, quota_uses, receipts, runs},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What a persona's card shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PersonaNumbers {
    pub waiting: u64,
    pub running: u64,
    pub goals_done: u64,
    pub goals_failed: u64,
    /// Carried out or answered, and not proven: no failure.
    pub goals_unconfirmed: u64,
    /// Since midnight, UTC.
    pub receipts_today: u64,
    /// Its newest receipt, in one line.
    pub last_summary: Option<String>,
    pub last_at_ms: Option<i64>,
}

/// Goals that are not over, over all personas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct QueueDepths {
    pub waiting: u64,
    pub running: u64,
    pub parked: u64,
}

/// What came of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Today {
    /// Posts proven.
    pub posts: u64,
    /// Messages received.
    pub messages: u64,
    /// Proposals proven.
    pub proposals: u64,
    /// Deliverables proven.
    pub deliverables: u64,
    /// Runs that failed within the last 24 hours.
    pub errors_24h: u64,
}

/// The newest receipt of a persona.
#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = sql_types::Binary)]
    persona: Vec<u8>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    body: Option<String>,
    #[diesel(sql_type = sql_types::BigInt)]
    at_ms: i64,
}

/// One seek per persona in the index of chains.
const NEWEST: &str = "SELECT p.id AS persona, r.body AS body, r.at_ms AS at_ms FROM personas p \
    JOIN receipts r ON r.chain = p.id AND r.seq = (SELECT max(seq) FROM receipts WHERE chain = p.id)";

impl Db {
    /// The numbers on every persona's card.
    pub async fn persona_numbers(&self) -> Result<HashMap<PersonaId, PersonaNumbers>, DbError> {
        let mut numbers: HashMap<PersonaId, PersonaNumbers> = HashMap::new();
        let read = Columns("goals");
        let by_state: Vec<(Vec<u8>, String, i64)> = on_db!(self, all:
            goals::table.group_by((goals::state, goals::persona)).select((goals::persona, goals::state, count_star())));
        for (persona, state, count) in by_state {
            let (of_persona, count) = (numbers.entry(read.id(&persona)?).or_default(), read.count::<u64>(count)?);
            match read.word(&state)? {
                GoalState::Pending | GoalState::Parked => of_persona.waiting += count,
                GoalState::Running => of_persona.running += count,
                GoalState::Done => of_persona.goals_done += count,
                GoalState::Failed => of_persona.goals_failed += count,
                GoalState::Unconfirmed => of_persona.goals_unconfirmed += count,
                GoalState::Cancelled => {}
            }
        }
        let newest: Vec<Newest> = on_db!(self, all: sql_query(NEWEST));
        for Newest { persona, body, at_ms } in newest {
            let of_persona = numbers.entry(read.id(&persona)?).or_default();
            of_persona.last_at_ms = Some(at_ms);
            of_persona.last_summary =
                body.and_then(|body| serde_json::from_str::<Body>(&body).ok()).map(|body| body.summary);
        }
        let now_ms = self.world.now_ms();
        for (chain, count) in self.receipts_since(now_ms - now_ms.rem_euclid(DAY_MS)).await? {
            if let ChainId::Persona(id) = chain {
                numbers.entry(id).or_default().receipts_today = count;
            }
        }
        Ok(numbers)
    }

    /// How many receipts each chain got since a moment.
    async fn receipts_since(&self, since_ms: i64) -> Result<Vec<(ChainId, u64)>, DbError> {
        let mut counts = Vec::new();
        for node in self.logs() {
            let from = self.position_at(node.clone(), since_ms).await?;
            let of_node: Vec<(Vec<u8>, i64)> = on_db!(self, all: {
                let query = receipts::table
                    .group_by(receipts::chain)
                    .select((receipts::chain, count_star()))
                    .filter(receipts::pos.ge(from))
                    .into_boxed();
                match node.clone() { Some(node) => query.filter(receipts::node.eq(node)), None => query }
            });
            counts.extend(of_node);
        }
        let read = Columns("receipts");
        let count = |(chain, count): (Vec<u8>, i64)| -> Result<_, DbError> {
            Ok((ChainId::from_bytes(&chain).map_err(|error| read.corrupt(error))?, read.count(count)?))
        };
        counts.into_iter().map(count).collect()
    }

    /// The first position at or after a moment, found by halving: positions grow with time and there is no index.
    async fn position_at(&self, node: Option<String>, since_ms: i64) -> Result<i64, DbError> {
        let (mut low, mut high) = (1, self.receipt_head().await? + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let node = node.clone();
            let found: Option<(i64, i64)> = on_db!(self, one: {
                let query = receipts::table
                    .filter(receipts::pos.ge(middle))
                    .order(receipts::pos.asc())
                    .limit(1)
                    .select((receipts::pos, receipts::at_ms))
                    .into_boxed();
                match node.clone() { Some(node) => query.filter(receipts::node.eq(node)), None => query }
            });
            match found {
                Some((pos, at_ms)) if at_ms < since_ms => low = pos + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Goals that are not over.
    pub async fn queue_depths(&self) -> Result<QueueDepths, DbError> {
        let counts: Vec<(String, i64)> = on_db!(self, all:
            goals::table
                .filter(goals::state.eq_any(OPEN_GOAL))
                .group_by(goals::state)
                .select((goals::state, count_star())));
        let read = Columns("goals");
        let mut depths = QueueDepths::default();
        for (state, count) in counts {
            match read.word(&state)? {
                GoalState::Running => depths.running = read.count(count)?,
                GoalState::Parked => depths.parked = read.count(count)?,
                _ => depths.waiting = read.count(count)?,
            }
        }
        Ok(depths)
    }

    /// What came of the time since a moment, as `/metrics` says it.
    pub async fn today(&self, since_ms: i64) -> Result<Today, DbError> {
        let read = Columns("goals");
        let received: Option<i64> = on_db!(self, one:
            messages::table.filter(messages::received_ms.ge(since_ms)).select(count_star()));
        let day_ago = self.world.now_ms() - DAY_MS;
        let failed: Option<i64> = on_db!(self, one:
            runs::table
                .filter(runs::ended_ms.ge(day_ago).and(runs::state.eq(RunState::Failed.as_str())))
                .select(count_star()));
        Ok(Today {
            posts: self.proven_since(since_ms, Unit::Post).await?,
            messages: read.count(received.unwrap_or(0))?,
            proposals: self.proven_since(since_ms, Unit::Proposal).await?,
            deliverables: self.proven_since(since_ms, Unit::Deliverable).await?,
            errors_24h: read.count(failed.unwrap_or(0))?,
        })
    }

    async fn proven_since(&self, since_ms: i64, unit: Unit) -> Result<u64, DbError> {
        let counts: Option<(i64, i64, Option<i64>)> = on_db!(self, one:
            goals::table
                .left_join(quota_uses::table.on(quota_uses::goal.eq(goals::id)))
                .filter(goals::unit.eq(unit.as_str()).and(goals::updated_ms.ge(since_ms)))
                .filter(goals::state.eq(GoalState::Done.as_str()))
                .select((count_star(), count(quota_uses::goal.nullable()), sum(quota_uses::units.nullable()))));
        let (goals, with_units, units) = counts.unwrap_or_default();
        Columns("goals").count(goals - with_units + units.unwrap_or(0))
    }
}
