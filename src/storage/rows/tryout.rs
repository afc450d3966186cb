//! `tryouts`.

use actors::domain::Tryout;
use diesel::prelude::*;

use super::{Columns, text};
use crate::storage::{db::DbError, schema::tryouts};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = tryouts, treat_none_as_default_value = false)]
pub(in crate::storage) struct TryoutRow {
    id: Vec<u8>,
    tool: String,
    persona: Option<Vec<u8>>,
    effect: String,
    tried_by: String,
    trace: Vec<u8>,
    begun_ms: i64,
}

impl From<Tryout> for TryoutRow {
    fn from(tryout: Tryout) -> Self {
        Self {
            id: tryout.id.as_bytes().to_vec(),
            tool: text(tryout.tool),
            persona: tryout.persona.map(|id| id.as_bytes().to_vec()),
            effect: tryout.effect.to_string(),
            tried_by: text(tryout.by),
            trace: tryout.trace.as_bytes().to_vec(),
            begun_ms: tryout.begun_ms,
        }
    }
}

impl TryFrom<TryoutRow> for Tryout {
    type Error = DbError;

    fn try_from(row: TryoutRow) -> Result<Self, DbError> {
        let read = Columns("tryouts");
        Ok(Self {
            id: read.id(&row.id)?,
            tool: row.tool,
            persona: read.optional_id(row.persona.as_deref())?,
            effect: read.word(&row.effect)?,
            by: row.tried_by,
            trace: read.id(&row.trace)?,
            begun_ms: row.begun_ms,
        })
    }
}
