//! Calendars and big threes: what is written of them, and what guards ask.

use actors::{domain::Schedule, ports::Change};
use diesel::{
    QueryResult,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text},
    sqlite::Sqlite,
};
use diesel_async::AsyncPgConnection;

use super::{
    Failed,
    changes::Transaction,
    facts::{Facts, Wanted},
    statements::statement,
};
use crate::storage::{
    rows::{Columns, counter, json, text},
    schema::{big_threes, schedules},
};

statement! {
    /// A line of a calendar, new or changed.
    SetSchedule<'a> {
        id: &'a [u8] => Binary,
        persona: &'a [u8] => Binary,
        name: &'a str => Text,
        cron: &'a str => Text,
        starts: &'a str => Text,
        active: bool => Bool,
        version: i64 => BigInt,
        handled_ms: i64 => BigInt,
        last_due_ms: Option<i64> => Nullable<BigInt>,
        last_goal: Option<&'a [u8]> => Nullable<Binary>,
        last_missed: Option<i32> => Nullable<Integer>,
        created_by: &'a str => Text,
        created_ms: i64 => BigInt,
        updated_ms: i64 => BigInt,
    }
    "INSERT INTO schedules (id, persona, name, cron, starts, active, version, handled_ms, last_due_ms, last_goal, \
     last_missed, created_by, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, cron = excluded.cron, starts = excluded.starts, \
     active = excluded.active, version = excluded.version, handled_ms = excluded.handled_ms, \
     last_due_ms = excluded.last_due_ms, last_goal = excluded.last_goal, last_missed = excluded.last_missed, \
     updated_ms = excluded.updated_ms"
}

statement! {
    /// A line of a calendar goes.
    RemoveSchedule<'a> { id: &'a [u8] => Binary, }
    "DELETE FROM schedules WHERE id = ?"
}

statement! {
    /// What a persona does first in an hour.
    SetBigThree<'a> { persona: &'a [u8] => Binary, hour_ms: i64 => BigInt, goals: &'a str => Text, }
    "INSERT INTO big_threes (persona, hour_ms, goals) VALUES (?, ?, ?) \
     ON CONFLICT (persona) DO UPDATE SET hour_ms = excluded.hour_ms, goals = excluded.goals"
}

/// Carries out a change of a calendar or of big threes.
pub(super) async fn apply(change: &Change, to: &mut impl Transaction) -> QueryResult<usize> {
    match change {
        Change::ScheduleSet(line) => set_schedule(line, to).await,
        Change::ScheduleRemoved(id) => to.run(RemoveSchedule { id: id.as_bytes() }).await,
        Change::BigThreeChosen(three) => {
            let (persona, hour_ms) = (three.persona.as_bytes(), three.hour_ms);
            to.run(SetBigThree { persona, hour_ms, goals: &json(&three.goals) }).await
        }
        _ => Ok(0),
    }
}

async fn set_schedule(line: &Schedule, to: &mut impl Transaction) -> QueryResult<usize> {
    to.run(SetSchedule {
        id: line.id.as_bytes(),
        persona: line.persona.as_bytes(),
        name: &text(line.name.clone()),
        cron: line.cron.as_str(),
        starts: &text(json(&line.starts)),
        active: line.on,
        version: line.version,
        handled_ms: line.handled_ms,
        last_due_ms: line.last.map(|last| last.due_ms),
        last_goal: line.last.as_ref().map(|last| &last.goal.as_bytes()[..]),
        last_missed: line.last.map(|last| counter(last.missed)),
        created_by: &text(line.created_by.clone()),
        created_ms: line.created_ms,
        updated_ms: line.updated_ms,
    })
    .await
}

/// What is not known yet, on SQLite's write connection.
pub(super) fn read_here(conn: &mut SqliteConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    for id in &wanted.schedules {
        let row = schedules::table.find(&id.as_bytes()[..]).select(schedules::version);
        if let Some(version) = row.get_result::<i64>(conn).optional()? {
            facts.schedules.insert(*id, version);
        }
    }
    for id in &wanted.big_threes {
        let row = big_threes::table.find(&id.as_bytes()[..]).select(big_threes::hour_ms);
        if let Some(hour_ms) = row.get_result::<i64>(conn).optional()? {
            facts.big_threes.insert(*id, hour_ms);
        }
    }
    Ok(())
}

/// The same on PostgreSQL, a query for each table.
pub(super) async fn read(conn: &mut AsyncPgConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    if !wanted.schedules.is_empty() {
        let ids: Vec<_> = wanted.schedules.iter().map(|id| id.as_bytes().to_vec()).collect();
        let query = schedules::table.filter(schedules::id.eq_any(ids)).select((schedules::id, schedules::version));
        let rows: Vec<(Vec<u8>, i64)> = diesel_async::RunQueryDsl::get_results(query, conn).await?;
        for (id, version) in rows {
            facts.schedules.insert(Columns("schedules").id(&id)?, version);
        }
    }
    if !wanted.big_threes.is_empty() {
        let ids: Vec<_> = wanted.big_threes.iter().map(|id| id.as_bytes().to_vec()).collect();
        let query = big_threes::table.filter(big_threes::persona.eq_any(ids));
        let query = query.select((big_threes::persona, big_threes::hour_ms));
        let rows: Vec<(Vec<u8>, i64)> = diesel_async::RunQueryDsl::get_results(query, conn).await?;
        for (id, hour_ms) in rows {
            facts.big_threes.insert(Columns("big_threes").id(&id)?, hour_ms);
        }
    }
    Ok(())
}
