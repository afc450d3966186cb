//! Tools of MCP servers: what people confirmed.

use actors::ports::McpChange;
use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Text},
    sqlite::Sqlite,
};

use super::{changes::Transaction, statements::statement};
use crate::storage::rows::text;

statement! {
    /// What may be called, in place of what could be before.
    ConfirmTool<'a> {
        server: &'a str => Text,
        tool: &'a str => Text,
        definition: &'a str => Text,
        hash: &'a [u8] => Binary,
        confirmed_by: &'a str => Text,
        confirmed_ms: i64 => BigInt,
    }
    "INSERT INTO mcp_pins (server, tool, definition, hash, confirmed_by, confirmed_ms) VALUES (?, ?, ?, ?, ?, ?) \
     ON CONFLICT (server, tool) DO UPDATE SET definition = excluded.definition, hash = excluded.hash, \
     confirmed_by = excluded.confirmed_by, confirmed_ms = excluded.confirmed_ms"
}

statement! {
    /// It may not be called any more.
    WithdrawTool<'a> { server: &'a str => Text, tool: &'a str => Text, }
    "DELETE FROM mcp_pins WHERE server = ? AND tool = ?"
}

/// Carries out a change of what may be called.
pub(super) async fn apply(change: &McpChange, to: &mut impl Transaction) -> QueryResult<usize> {
    match change {
        McpChange::Confirmed(pin) => {
            let confirm = ConfirmTool {
                server: &text(pin.server.clone()),
                tool: &text(pin.tool.clone()),
                definition: &text(pin.definition.clone()),
                hash: &pin.hash.0,
                confirmed_by: &text(pin.confirmed_by.clone()),
                confirmed_ms: pin.confirmed_ms,
            };
            to.run(confirm).await
        }
        McpChange::Withdrawn { server, tool } => {
            to.run(WithdrawTool { server: &text(server.clone()), tool: &text(tool.clone()) }).await
        }
    }
}
