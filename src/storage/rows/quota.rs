//! `quota_uses`.

use actors::domain::QuotaUse;
use diesel::prelude::*;

use super::Columns;
use crate::storage::{db::DbError, schema::quota_uses};

#[derive(Queryable, Selectable)]
#[diesel(table_name = quota_uses)]
pub(in crate::storage) struct QuotaUseRow {
    goal: Vec<u8>,
    persona: Vec<u8>,
    unit: String,
    units: i32,
    at_ms: i64,
    begun: bool,
}

impl TryFrom<QuotaUseRow> for QuotaUse {
    type Error = DbError;

    fn try_from(row: QuotaUseRow) -> Result<Self, DbError> {
        let read = Columns("quota_uses");
        Ok(Self {
            goal: read.id(&row.goal)?,
            persona: read.id(&row.persona)?,
            unit: read.word(&row.unit)?,
            units: read.count(row.units)?,
            at_ms: row.at_ms,
            begun: row.begun,
        })
    }
}
