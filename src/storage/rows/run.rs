//! `runs`.

use actors::domain::Run;
use diesel::prelude::*;

use super::{Columns, counter, text};
use crate::storage::{db::DbError, schema::runs};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = runs, treat_none_as_default_value = false)]
pub(in crate::storage) struct RunRow {
    pub id: Vec<u8>,
    pub goal: Vec<u8>,
    pub persona: Vec<u8>,
    pub attempt: i32,
    pub state: String,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    pub error: Option<String>,
    pub trace: Vec<u8>,
    pub waited_ms: i64,
    pub first_seq: i64,
    pub last_seq: Option<i64>,
}

impl From<Run> for RunRow {
    fn from(run: Run) -> Self {
        Self {
            id: run.id.as_bytes().to_vec(),
            goal: run.goal.as_bytes().to_vec(),
            persona: run.persona.as_bytes().to_vec(),
            attempt: counter(run.attempt),
            state: run.state.to_string(),
            started_ms: run.started_ms,
            ended_ms: run.ended_ms,
            error: run.error.map(text),
            trace: run.trace.as_bytes().to_vec(),
            waited_ms: run.waited_ms,
            first_seq: run.first_seq,
            last_seq: run.last_seq,
        }
    }
}

impl TryFrom<RunRow> for Run {
    type Error = DbError;

    fn try_from(row: RunRow) -> Result<Self, DbError> {
        let read = Columns("runs");
        Ok(Self {
            id: read.id(&row.id)?,
            goal: read.id(&row.goal)?,
            persona: read.id(&row.persona)?,
            attempt: read.count(row.attempt)?,
            state: read.word(&row.state)?,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            error: row.error,
            trace: read.id(&row.trace)?,
            waited_ms: row.waited_ms,
            first_seq: row.first_seq,
            last_seq: row.last_seq,
        })
    }
}
