//! What changes about tools of MCP servers.

use crate::domain::McpPin;

/// Whether a tool of a server may be called.
#[derive(Debug, Clone, PartialEq)]
pub enum McpChange {
    /// It may, as it stands here; this replaces what was confirmed before.
    Confirmed(Box<McpPin>),
    /// It may not any more.
    Withdrawn { server: String, tool: String },
}
