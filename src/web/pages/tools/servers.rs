//! MCP servers as the page shows them: how each stands, its tools, and what changed since somebody confirmed them.

use actors::domain::Persona;
use serde_json::json;

use super::{
    difference::{self, Line},
    row::tone,
};
use crate::{
    tools::mcp::{ServerState, ServerView, ToolState, ToolView},
    web::pages::show::When,
};

/// A server.
#[derive(Debug, Clone)]
pub struct ServerPanel {
    pub id: String,
    pub name: String,
    /// Slug and name of the persona whose own it is; none: everyone's.
    pub owner: Option<(String, String)>,
    pub transport: &'static str,
    pub state: String,
    pub tone: &'static str,
    pub seen: Option<When>,
    pub error: Option<String>,
    pub looked: bool,
    pub tools: Vec<OfferedTool>,
    /// For whom it can be started: slug and name.
    pub personas: Vec<(String, String)>,
    /// `DELETE /api/mcp/desk`
    pub removal: String,
}

/// A tool of a server.
#[derive(Debug, Clone)]
pub struct OfferedTool {
    pub id: String,
    pub tool: String,
    /// As personas call it.
    pub name: String,
    pub state: &'static str,
    pub tone: &'static str,
    pub effect: String,
    pub effect_tone: &'static str,
    /// Of what the server says now.
    pub hash: String,
    /// Of what was confirmed, where that is another one.
    pub pinned: Option<String>,
    pub confirmed: Option<(String, When)>,
    /// What the server says of it.
    pub text: String,
    /// Instead of the text, where it is not what was confirmed.
    pub difference: Vec<Line>,
    pub error: Option<String>,
    /// What is sent to confirm it as it stands here; none: it cannot be.
    pub confirmation: Option<String>,
    /// What is sent to take that back; none: nobody confirmed it.
    pub withdrawal: Option<String>,
}

impl ServerPanel {
    /// Prepares a server, as seen from now.
    pub fn new(view: ServerView, owner: Option<&Persona>, personas: &[(String, String)], now_ms: i64) -> Self {
        let slug = owner.map(|persona| persona.slug.to_string());
        let whose = slug.as_ref().map(|slug| format!("?persona={slug}")).unwrap_or_default();
        let id = format!("server-{}{}", view.name, slug.as_ref().map(|slug| format!("-{slug}")).unwrap_or_default());
        let (state, tone) = match view.state {
            ServerState::Broken => ("cannot be used".to_owned(), "bad"),
            ServerState::Failing => ("not reached".to_owned(), "bad"),
            ServerState::Open => (format!("open for {}", view.open_for), "ok"),
            ServerState::Seen => ("closed".to_owned(), ""),
            ServerState::Unseen => ("not looked at yet".to_owned(), "warn"),
        };
        let seen = view.seen_ms_ago.and_then(|ago| i64::try_from(ago).ok());
        Self {
            tools: view.tools.into_iter().map(|tool| OfferedTool::new(tool, &id, slug.as_deref(), now_ms)).collect(),
            removal: format!("DELETE /api/mcp/{}{whose}", view.name),
            personas: match owner {
                Some(persona) => vec![(persona.slug.to_string(), persona.name.clone())],
                None => personas.to_vec(),
            },
            owner: owner.map(|persona| (persona.slug.to_string(), persona.name.clone())),
            transport: view.transport.unwrap_or(""),
            state,
            tone,
            seen: seen.map(|ago| When::at(now_ms - ago, now_ms)),
            error: view.error.or(view.last_error),
            looked: view.looked,
            name: view.name,
            id,
        }
    }
}

impl OfferedTool {
    fn new(view: ToolView, server: &str, persona: Option<&str>, now_ms: i64) -> Self {
        let (state, tone_of) = match view.state {
            ToolState::Confirmed => ("confirmed", "ok"),
            ToolState::New => ("new", "live"),
            ToolState::Changed => ("changed", "warn"),
            ToolState::Gone => ("gone", "bad"),
            ToolState::Refused => ("refused", "bad"),
        };
        let can_be_confirmed = matches!(view.state, ToolState::New | ToolState::Changed);
        let seen = json!({"persona": persona, "tools": [{"tool": view.tool, "hash": view.hash}]});
        let confirmed = view.confirmed_by.clone().zip(view.confirmed_ms);
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        Self {
            id: format!("{server}-{}", view.tool),
            state,
            tone: tone_of,
            effect: view.effect.to_string(),
            effect_tone: tone(view.effect),
            hash: short(&view.hash),
            pinned: view.confirmed.as_ref().map(|confirmed| short(&confirmed.hash)),
            withdrawal: confirmed.as_ref().map(|_| json!({"persona": persona, "tool": view.tool}).to_string()),
            confirmed: confirmed.map(|(by, at_ms)| (by, When::at(at_ms, now_ms))),
            text: difference::text(&view.description, &view.parameters),
            difference: view.confirmed.as_ref().map(|old| difference::lines(old, &view)).unwrap_or_default(),
            confirmation: can_be_confirmed.then(|| seen.to_string()),
            error: view.error,
            name: view.name,
            tool: view.tool,
        }
    }
}
