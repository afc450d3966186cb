//! `goals`.

use actors::domain::{Goal, GoalState};
use diesel::prelude::*;

use super::{Columns, counter, json, text};
use crate::storage::{db::DbError, schema::goals};

/// States of a goal at which something may be done.
pub(in crate::storage) const OPEN_GOAL: [&str; 3] =
    [GoalState::Pending.as_str(), GoalState::Running.as_str(), GoalState::Parked.as_str()];

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = goals, treat_none_as_default_value = false)]
pub(in crate::storage) struct GoalRow {
    pub id: Vec<u8>,
    pub persona: Vec<u8>,
    pub title: String,
    pub payload: String,
    pub proof: String,
    pub state: String,
    pub parked_on: Option<String>,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub result: Option<String>,
    pub due_ms: Option<i64>,
    pub version: i64,
    pub trace: Vec<u8>,
    pub correlation: Option<String>,
    pub project: Option<String>,
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub first_seq: i64,
    pub last_seq: i64,
    pub unit: Option<String>,
}

impl GoalRow {
    /// A new goal whose receipts begin at `first_seq`.
    pub(in crate::storage) fn new(goal: Goal, first_seq: i64, last_seq: i64) -> Self {
        Self {
            id: goal.id.as_bytes().to_vec(),
            persona: goal.persona.as_bytes().to_vec(),
            title: text(goal.title),
            payload: json(&goal.payload),
            proof: json(&goal.proof),
            state: goal.state.to_string(),
            parked_on: goal.parked_on.map(|reason| reason.to_string()),
            attempts: counter(goal.attempts),
            last_error: goal.last_error.map(text),
            result: goal.result.map(text),
            due_ms: goal.due_ms,
            version: goal.version,
            trace: goal.trace.as_bytes().to_vec(),
            correlation: goal.correlation.map(text),
            project: goal.project.map(text),
            created_by: text(goal.created_by),
            created_ms: goal.created_ms,
            updated_ms: goal.updated_ms,
            first_seq,
            last_seq,
            unit: goal.proof.counts_as.map(|unit| unit.to_string()),
        }
    }
}

impl TryFrom<GoalRow> for Goal {
    type Error = DbError;

    fn try_from(row: GoalRow) -> Result<Self, DbError> {
        let read = Columns("goals");
        Ok(Self {
            id: read.id(&row.id)?,
            persona: read.id(&row.persona)?,
            title: row.title,
            payload: read.json(&row.payload)?,
            proof: read.json(&row.proof)?,
            state: read.word(&row.state)?,
            parked_on: read.optional_word(row.parked_on.as_deref())?,
            attempts: read.count(row.attempts)?,
            last_error: row.last_error,
            result: row.result,
            due_ms: row.due_ms,
            version: row.version,
            trace: read.id(&row.trace)?,
            correlation: row.correlation,
            project: row.project,
            created_by: row.created_by,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
        })
    }
}
