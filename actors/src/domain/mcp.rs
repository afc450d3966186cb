//! A tool of an MCP server, as a person confirmed it.

use super::Hash;

/// What may be called: exactly this, until the server says something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpPin {
    /// `<name>` for everyone's server, `<persona id>/<name>` for a persona's own.
    pub server: String,
    /// As the server calls it.
    pub tool: String,
    /// Name, description and schema of its arguments, as JSON with sorted keys.
    pub definition: String,
    /// SHA-256 of the definition.
    pub hash: Hash,
    pub confirmed_by: String,
    pub confirmed_ms: i64,
}

/// What a server said of a confirmed tool when it was looked at last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpSighting {
    /// As pins call it.
    pub server: String,
    /// As the server calls it.
    pub tool: String,
    pub pinned: Hash,
    /// None: it has no such tool, or more than one.
    pub seen: Option<Hash>,
}

impl McpSighting {
    /// It is what was confirmed.
    pub fn stands(&self) -> bool {
        self.seen == Some(self.pinned)
    }
}
