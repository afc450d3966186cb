//! Tools of MCP servers are confirmed by people, and withdrawn.

use serde_json::{Value, json};

use super::{
    By, CommandError, Company,
    desk::{Desk, invalid, refused},
};
use crate::{
    domain::McpPin,
    ports::{Change, Commit, McpChange},
};

/// Tools confirmed at once.
const MOST: usize = 64;

impl Company {
    /// Lets personas call these tools of MCP servers, exactly as they stand here. By whom and when is filled in.
    pub async fn confirm_mcp(&self, pins: Vec<McpPin>, by: &By) -> Result<(), CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.confirm_mcp(pins, &by).await }).await
    }

    /// Takes a confirmation back.
    pub async fn withdraw_mcp(&self, server: String, tool: String, by: &By) -> Result<(), CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.withdraw_mcp(server, tool, &by).await }).await
    }
}

impl Desk {
    async fn confirm_mcp(&self, pins: Vec<McpPin>, by: &By) -> Result<(), CommandError> {
        if pins.is_empty() || pins.len() > MOST {
            return Err(invalid("tools", format!("must be 1 to {MOST}")));
        }
        let mut commit = Commit::default();
        for pin in pins {
            let definition: Value = serde_json::from_str(&pin.definition).unwrap_or_default();
            let data = json!({"server": pin.server, "tool": pin.tool, "hash": pin.hash, "definition": definition});
            let said = format!("confirmed {} of the MCP server {}, by {}", pin.tool, pin.server, by.who);
            commit.receipts.push(self.system_decision(by, said, data));
            let pin = McpPin { confirmed_by: by.who.clone(), confirmed_ms: self.now_ms(), ..pin };
            commit.changes.push(Change::Mcp(McpChange::Confirmed(Box::new(pin))));
        }
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        Ok(())
    }

    async fn withdraw_mcp(&self, server: String, tool: String, by: &By) -> Result<(), CommandError> {
        let said = format!("withdrew {tool} of the MCP server {server}, by {}", by.who);
        let receipts = vec![self.system_decision(by, said, json!({"server": server, "tool": tool}))];
        let changes = vec![Change::Mcp(McpChange::Withdrawn { server, tool })];
        self.write(Commit { changes, receipts, ..Commit::default() }).await?.map_err(|outdated| refused(&outdated))?;
        Ok(())
    }
}
