//! `standing_waits`.

use actors::domain::{Condition, StandingWait, WaitEnd};
use diesel::prelude::*;

use super::{Columns, counter, text};
use crate::storage::{db::DbError, schema::standing_waits};

#[derive(Queryable, Selectable)]
#[diesel(table_name = standing_waits)]
pub(in crate::storage) struct StandingWaitRow {
    pub id: Vec<u8>,
    pub waiter: Vec<u8>,
    pub watched: Vec<u8>,
    pub kind: Option<String>,
    pub tag: Option<String>,
    pub text: Option<String>,
    pub created_by: String,
    pub created_ms: i64,
    pub seen_seq: i64,
    pub told: i32,
    pub told_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub ended_because: Option<String>,
}

impl From<StandingWait> for StandingWaitRow {
    fn from(wait: StandingWait) -> Self {
        let Condition { kind, tag, text: about } = wait.condition;
        let (ended_ms, ended_because) = wait.ended.map(|end| (end.at_ms, text(end.because))).unzip();
        Self {
            id: wait.id.as_bytes().to_vec(),
            waiter: wait.waiter.as_bytes().to_vec(),
            watched: wait.watched.as_bytes().to_vec(),
            kind: kind.map(|kind| kind.to_string()),
            tag: tag.map(text),
            text: about.map(text),
            created_by: text(wait.created_by),
            created_ms: wait.created_ms,
            seen_seq: wait.seen_seq,
            told: counter(wait.told),
            told_ms: wait.told_ms,
            ended_ms,
            ended_because,
        }
    }
}

impl TryFrom<StandingWaitRow> for StandingWait {
    type Error = DbError;

    fn try_from(row: StandingWaitRow) -> Result<Self, DbError> {
        let read = Columns("standing_waits");
        let ended = row.ended_ms.map(|at_ms| WaitEnd { at_ms, because: row.ended_because.unwrap_or_default() });
        Ok(Self {
            id: read.id(&row.id)?,
            waiter: read.id(&row.waiter)?,
            watched: read.id(&row.watched)?,
            condition: Condition { kind: read.optional_word(row.kind.as_deref())?, tag: row.tag, text: row.text },
            created_by: row.created_by,
            created_ms: row.created_ms,
            seen_seq: row.seen_seq,
            told: read.count(row.told)?,
            told_ms: row.told_ms,
            ended,
        })
    }
}
