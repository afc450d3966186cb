//! Tools of MCP servers that people confirmed.

use actors::domain::McpPin;
use diesel::prelude::*;

use crate::storage::{
    db::{Db, DbError, on_db},
    rows::mcp::McpPinRow,
    schema::mcp_pins,
};

impl Db {
    /// What may be called of these servers, by server and tool.
    pub async fn mcp_pins(&self, servers: &[String]) -> Result<Vec<McpPin>, DbError> {
        let servers = servers.to_vec();
        let rows: Vec<McpPinRow> = on_db!(self, all:
            mcp_pins::table
                .filter(mcp_pins::server.eq_any(servers))
                .order((mcp_pins::server, mcp_pins::tool))
                .select(McpPinRow::as_select()));
        rows.into_iter().map(McpPin::try_from).collect()
    }
}
