//! `mcp_pins`.

use actors::domain::McpPin;
use diesel::prelude::*;

use super::Columns;
use crate::storage::{db::DbError, schema::mcp_pins};

#[derive(Queryable, Selectable)]
#[diesel(table_name = mcp_pins)]
pub(in crate::storage) struct McpPinRow {
    server: String,
    tool: String,
    definition: String,
    hash: Vec<u8>,
    confirmed_by: String,
    confirmed_ms: i64,
}

impl TryFrom<McpPinRow> for McpPin {
    type Error = DbError;

    fn try_from(row: McpPinRow) -> Result<Self, DbError> {
        let McpPinRow { server, tool, definition, hash, confirmed_by, confirmed_ms } = row;
        let hash = Columns("mcp_pins").hash(&hash)?;
        Ok(Self { server, tool, definition, hash, confirmed_by, confirmed_ms })
    }
}
