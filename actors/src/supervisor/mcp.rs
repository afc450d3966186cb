//! Tools of MCP servers are confirmed by people, and withdrawn. A server that says something else of a confirmed one
//! raises an alert, which is resolved when somebody decides about the tool or the server says again what was confirmed.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::{
    By, CommandError, Company,
    desk::{Desk, invalid, refused},
};
use crate::{
    domain::{Alert, AlertId, AlertKind, McpPin, McpSighting, TraceId},
    ports::{Change, Commit, Guard, McpChange, Unavailable},
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

    /// What servers say now of confirmed tools: alerts are raised and resolved by it.
    pub async fn saw_mcp(&self, sightings: Vec<McpSighting>) -> Result<(), CommandError> {
        let by = By { who: "system".to_owned(), trace: TraceId(self.desk.world().new_id()) };
        self.carry_out(&by, move |desk, by| async move { desk.saw_mcp(sightings, &by).await }).await
    }
}

impl Desk {
    async fn confirm_mcp(&self, pins: Vec<McpPin>, by: &By) -> Result<(), CommandError> {
        if pins.is_empty() || pins.len() > MOST {
            return Err(invalid("tools", format!("must be 1 to {MOST}")));
        }
        let _turn = self.strays.lock().await;
        let open = self.strayed().await?;
        let mut commit = Commit::default();
        for pin in pins {
            let definition: Value = serde_json::from_str(&pin.definition)
                .map_err(|error| invalid("tools", format!("the definition of {} is no JSON: {error}", pin.tool)))?;
            let data = json!({"server": pin.server, "tool": pin.tool, "hash": pin.hash, "definition": definition});
            let said = format!("confirmed {} of the MCP server {}, by {}", pin.tool, pin.server, by.who);
            commit.receipts.push(self.system_decision(by, said, data));
            commit.changes.extend(about(&open, &pin.server, &pin.tool).map(|id| self.closes(id)));
            let pin = McpPin { confirmed_by: by.who.clone(), confirmed_ms: self.now_ms(), ..pin };
            commit.changes.push(Change::Mcp(McpChange::Confirmed(Box::new(pin))));
        }
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        Ok(())
    }

    async fn withdraw_mcp(&self, server: String, tool: String, by: &By) -> Result<(), CommandError> {
        let _turn = self.strays.lock().await;
        let open = self.strayed().await?;
        let said = format!("withdrew {tool} of the MCP server {server}, by {}", by.who);
        let receipts = vec![self.system_decision(by, said, json!({"server": server, "tool": tool}))];
        let mut changes: Vec<Change> = about(&open, &server, &tool).map(|id| self.closes(id)).collect();
        changes.push(Change::Mcp(McpChange::Withdrawn { server, tool }));
        self.write(Commit { changes, receipts, ..Commit::default() }).await?.map_err(|outdated| refused(&outdated))?;
        Ok(())
    }

    async fn saw_mcp(&self, sightings: Vec<McpSighting>, by: &By) -> Result<(), CommandError> {
        let _turn = self.strays.lock().await;
        let open = self.strayed().await?;
        for seen in sightings {
            let known: Vec<AlertId> = about(&open, &seen.server, &seen.tool).collect();
            match (seen.stands(), known.is_empty()) {
                (true, true) | (false, false) => {}
                (false, true) => self.raise_stray(&seen, by).await?,
                (true, false) => self.resolve_strays(&seen, &known, by).await?,
            }
        }
        Ok(())
    }

    async fn raise_stray(&self, seen: &McpSighting, by: &By) -> Result<(), CommandError> {
        let McpSighting { server, tool, pinned, seen: now } = seen;
        let (whose, name) =
            server.split_once('/').map_or((None, server.as_str()), |(id, name)| (id.parse().ok(), name));
        let what = match now {
            Some(_) => format!("The MCP server {name} describes {tool} otherwise than was confirmed"),
            None => format!("The MCP server {name} has no tool {tool} any more, which was confirmed"),
        };
        let raised_ms = self.now_ms();
        let alert = Alert {
            id: stray_id(server, tool, raised_ms),
            kind: AlertKind::McpChanged,
            persona: whose,
            goal: None,
            text: format!("{what}. Nobody can call it until an owner has looked at the difference and confirmed it."),
            raised_ms,
            resolved_ms: None,
        };
        let data = json!({"alert": alert.id, "server": server, "tool": tool, "confirmed": pinned, "seen": now});
        let receipts = vec![self.system_decision(by, format!("an alert: {what}"), data)];
        let changes = vec![Change::AlertRaised(Box::new(alert))];
        self.write(Commit { changes, receipts, ..Commit::default() }).await?.map_err(|outdated| refused(&outdated))?;
        Ok(())
    }

    async fn resolve_strays(&self, seen: &McpSighting, known: &[AlertId], by: &By) -> Result<(), CommandError> {
        let McpSighting { server, tool, pinned, .. } = seen;
        let said = format!("the MCP server {server} describes {tool} again as it was confirmed");
        let data = json!({"alerts": known, "server": server, "tool": tool, "confirmed": pinned});
        let commit = Commit {
            guards: known.iter().map(|id| Guard::AlertOpen(*id)).collect(),
            changes: known.iter().map(|id| self.closes(*id)).collect(),
            receipts: vec![self.system_decision(by, said, data)],
        };
        // A person who resolved it meanwhile was faster.
        let _ = self.write(commit).await?;
        Ok(())
    }

    async fn strayed(&self) -> Result<Vec<Alert>, Unavailable> {
        self.ports.records.open_alerts_of(AlertKind::McpChanged).await
    }

    fn closes(&self, id: AlertId) -> Change {
        Change::AlertResolved(id, self.now_ms())
    }
}

/// The open alerts about one tool.
fn about<'a>(open: &'a [Alert], server: &'a str, tool: &'a str) -> impl Iterator<Item = AlertId> + 'a {
    open.iter().filter(move |alert| alert.id == stray_id(server, tool, alert.raised_ms)).map(|alert| alert.id)
}

/// An alert names its tool by its id: what is left of the moment is the tool's.
fn stray_id(server: &str, tool: &str, raised_ms: i64) -> AlertId {
    let digest = Sha256::digest(format!("mcp {server} {tool}"));
    let mut tail = [0; 10];
    tail.copy_from_slice(&digest[..10]);
    AlertId(Builder::from_unix_timestamp_millis(raised_ms.unsigned_abs(), &tail).into_uuid())
}
