//! `schedules` and `big_threes`.

use actors::domain::{BigThree, Schedule, Started};
use diesel::prelude::*;

use super::Columns;
use crate::storage::{
    db::DbError,
    schema::{big_threes, schedules},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = schedules)]
pub(in crate::storage) struct ScheduleRow {
    pub id: Vec<u8>,
    pub persona: Vec<u8>,
    pub name: String,
    pub cron: String,
    pub starts: String,
    pub active: bool,
    pub version: i64,
    pub handled_ms: i64,
    pub last_due_ms: Option<i64>,
    pub last_goal: Option<Vec<u8>>,
    pub last_missed: Option<i32>,
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = big_threes)]
pub(in crate::storage) struct BigThreeRow {
    pub persona: Vec<u8>,
    pub hour_ms: i64,
    pub goals: String,
}

impl TryFrom<ScheduleRow> for Schedule {
    type Error = DbError;

    fn try_from(row: ScheduleRow) -> Result<Self, DbError> {
        let read = Columns("schedules");
        let last = match (row.last_due_ms, row.last_goal, row.last_missed) {
            (Some(due_ms), Some(goal), Some(missed)) => {
                Some(Started { due_ms, goal: read.id(&goal)?, missed: read.count(missed)? })
            }
            _ => None,
        };
        Ok(Self {
            id: read.id(&row.id)?,
            persona: read.id(&row.persona)?,
            name: row.name,
            cron: read.word(&row.cron)?,
            starts: read.json(&row.starts)?,
            on: row.active,
            version: row.version,
            handled_ms: row.handled_ms,
            last,
            created_by: row.created_by,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
        })
    }
}

impl TryFrom<BigThreeRow> for BigThree {
    type Error = DbError;

    fn try_from(row: BigThreeRow) -> Result<Self, DbError> {
        let read = Columns("big_threes");
        Ok(Self { persona: read.id(&row.persona)?, hour_ms: row.hour_ms, goals: read.json(&row.goals)? })
    }
}
