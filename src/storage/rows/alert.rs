//! `alerts`.

use actors::domain::Alert;
use diesel::prelude::*;

use super::{Columns, text};
use crate::storage::{db::DbError, schema::alerts};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = alerts, treat_none_as_default_value = false)]
pub(in crate::storage) struct AlertRow {
    pub id: Vec<u8>,
    pub kind: String,
    pub persona: Option<Vec<u8>>,
    pub goal: Option<Vec<u8>>,
    pub text: String,
    pub raised_ms: i64,
    pub resolved_ms: Option<i64>,
}

impl From<Alert> for AlertRow {
    fn from(alert: Alert) -> Self {
        Self {
            id: alert.id.as_bytes().to_vec(),
            kind: alert.kind.to_string(),
            persona: alert.persona.map(|id| id.as_bytes().to_vec()),
            goal: alert.goal.map(|id| id.as_bytes().to_vec()),
            text: text(alert.text),
            raised_ms: alert.raised_ms,
            resolved_ms: alert.resolved_ms,
        }
    }
}

impl TryFrom<AlertRow> for Alert {
    type Error = DbError;

    fn try_from(row: AlertRow) -> Result<Self, DbError> {
        let read = Columns("alerts");
        Ok(Self {
            id: read.id(&row.id)?,
            kind: read.word(&row.kind)?,
            persona: read.optional_id(row.persona.as_deref())?,
            goal: read.optional_id(row.goal.as_deref())?,
            text: row.text,
            raised_ms: row.raised_ms,
            resolved_ms: row.resolved_ms,
        })
    }
}
