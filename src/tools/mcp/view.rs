//! What people see of servers, and what they confirm.

use actors::{
    domain::{Effect, McpPin, Persona},
    ports::BoxError,
};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{Definition, INTRODUCING, Mcp, known::Known, manifest::Manifest, shelf::Found, source::ToolSource as _};
use crate::tools::own::Origin;

/// A server, and its tools as far as they are known.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServerView {
    pub name: String,
    /// `shared` (everyone's) or `persona` (this persona's own).
    pub from: &'static str,
    /// `stdio` or `http`; none: it cannot be used.
    pub transport: Option<&'static str>,
    /// Why it cannot be used, with file and field.
    pub error: Option<String>,
    pub state: ServerState,
    /// How many personas have it open now.
    pub open_for: usize,
    /// Milliseconds since it last said what it offers; none: not since this server began.
    pub seen_ms_ago: Option<u64>,
    /// Why it could not be asked the last time; none: it could, or was not asked.
    pub last_error: Option<String>,
    /// Whether it was looked at since this server began; else only what was confirmed is known.
    pub looked: bool,
    pub tools: Vec<ToolView>,
}

/// How a server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// Its manifest cannot be used.
    Broken,
    /// It could not be asked the last time.
    Failing,
    /// Some persona has it open.
    Open,
    /// It answered when it was asked, and is closed.
    Seen,
    /// Nobody has asked it since this server began.
    Unseen,
}

/// What a server says of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Described {
    pub hash: String,
    pub description: String,
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
}

/// A tool of a server. What it says of itself is the server's text: data, no instruction.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ToolView {
    /// As the server calls it.
    pub tool: String,
    /// As personas call it.
    pub name: String,
    pub state: ToolState,
    /// What it does to the world, by the operator's manifest.
    #[schema(value_type = String)]
    pub effect: Effect,
    /// Of name, description and schema: what is confirmed is this.
    pub hash: String,
    pub description: String,
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// Why nobody can be allowed to call it.
    pub error: Option<String>,
    pub confirmed_by: Option<String>,
    pub confirmed_ms: Option<i64>,
    /// What was confirmed, where it is not this.
    pub confirmed: Option<Described>,
}

/// Whether it may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolState {
    /// As it stands here.
    Confirmed,
    /// Nobody has confirmed it yet.
    New,
    /// It was confirmed, and the server says something else since.
    Changed,
    /// It was confirmed, and the server has it no more.
    Gone,
    /// It cannot be confirmed.
    Refused,
}

/// A server that was not looked at.
#[derive(Debug, thiserror::Error)]
pub enum NotLooked {
    #[error("there is no MCP server `{0}`")]
    None(String),
    #[error("{0}")]
    Failed(String),
    #[error("what was confirmed could not be read: {0}")]
    Pins(#[from] BoxError),
}

/// A tool that was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum NotConfirmed {
    #[error("there is no MCP server `{0}`")]
    NoServer(String),
    /// By the tool's name, why.
    #[error("{1}")]
    Tool(String, String),
}

impl Mcp {
    /// Every server: everyone's, and one persona's. Starts none.
    pub async fn list(&self, persona: Option<&Persona>) -> Result<Vec<ServerView>, BoxError> {
        let servers = self.servers(persona).await;
        let keys: Vec<String> = servers.iter().map(|found| found.key.clone()).collect();
        let pins = self.shared.deps.pins.pins(&keys).await?;
        Ok(servers.into_iter().map(|found| self.view(found, &pins)).collect())
    }

    /// Starts a server for a persona, reads what it offers, and ends it.
    pub async fn look(&self, persona: &Persona, name: &str) -> Result<ServerView, NotLooked> {
        let found = self.servers(Some(persona)).await.into_iter().find(|found| found.name == name);
        let found = found.ok_or_else(|| NotLooked::None(name.to_owned()))?;
        let manifest = found.manifest.clone().map_err(NotLooked::Failed)?;
        let failed = |error: &dyn ToString| {
            self.shared.known.failed(&found.key, &error.to_string());
            NotLooked::Failed(format!("{name}: {}", error.to_string()))
        };
        let source = self.open(persona, &found, &manifest, INTRODUCING).await.map_err(|error| failed(&error))?;
        let said = source.tools(INTRODUCING, &CancellationToken::new()).await.map_err(|fault| failed(&fault))?;
        self.remember(&found.key, name, said).await;
        let pins = self.shared.deps.pins.pins(std::slice::from_ref(&found.key)).await?;
        Ok(self.view(found, &pins))
    }

    /// What is to be confirmed: tools with the hashes that somebody saw. A part of one would do for two texts that a
    /// server has made to begin alike.
    pub async fn to_confirm(
        &self,
        persona: Option<&Persona>,
        name: &str,
        tools: &[(String, String)],
    ) -> Result<Vec<McpPin>, NotConfirmed> {
        let found = self.servers(persona).await.into_iter().find(|found| found.name == name);
        let found = found.ok_or_else(|| NotConfirmed::NoServer(name.to_owned()))?;
        let seen = self.shared.known.of(&found.key).said.unwrap_or_default();
        let pin = |(tool, hash): &(String, String)| {
            let refused = |why: String| Err(NotConfirmed::Tool(tool.clone(), why));
            let mut of_name = seen.iter().filter(|definition| definition.tool == *tool);
            let (Some(definition), None) = (of_name.next(), of_name.next()) else {
                return refused(format!("{name} was not seen to offer one tool `{tool}`: look at it first"));
            };
            if definition.hash.to_string() != *hash {
                return refused(format!("{tool} is another one now than {hash}: look at it again"));
            }
            if let Some(fault) = definition.fault.clone().or_else(|| twin(definition, &seen, name)) {
                return refused(format!("{tool} cannot be confirmed: {fault}"));
            }
            Ok(McpPin {
                server: found.key.clone(),
                tool: tool.clone(),
                definition: definition.text.clone(),
                hash: definition.hash,
                confirmed_by: String::new(),
                confirmed_ms: 0,
            })
        };
        tools.iter().map(pin).collect()
    }

    /// What pins call a server.
    pub async fn key(&self, persona: Option<&Persona>, name: &str) -> Option<String> {
        self.servers(persona).await.into_iter().find(|found| found.name == name).map(|found| found.key)
    }

    fn view(&self, found: Found, pins: &[McpPin]) -> ServerView {
        let known = self.shared.known.of(&found.key);
        let pins: Vec<&McpPin> = pins.iter().filter(|pin| pin.server == found.key).collect();
        let (transport, error, tools) = match &found.manifest {
            Ok(manifest) => {
                let transport = if manifest.url.is_some() { "http" } else { "stdio" };
                (Some(transport), None, tools(manifest, known.said.as_deref(), &pins))
            }
            Err(error) => (None, Some(error.clone()), Vec::new()),
        };
        let open_for = self.shared.sessions.open_for(&found.key);
        let state = match &known {
            _ if error.is_some() => ServerState::Broken,
            Known { error: Some(_), .. } => ServerState::Failing,
            _ if open_for > 0 => ServerState::Open,
            Known { said: Some(_), .. } => ServerState::Seen,
            _ => ServerState::Unseen,
        };
        ServerView {
            name: found.name,
            from: whose(found.from),
            transport,
            error,
            state,
            open_for,
            seen_ms_ago: known.said_at.map(|at| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX)),
            last_error: known.error,
            looked: known.said.is_some(),
            tools,
        }
    }
}

const fn whose(from: Origin) -> &'static str {
    match from {
        Origin::Persona => "persona",
        Origin::Shared | Origin::Mcp => "shared",
    }
}

impl Described {
    fn of(tool: Definition) -> Self {
        Self { hash: tool.hash.to_string(), description: tool.description, parameters: tool.schema }
    }
}

/// Another tool that personas would call the same.
fn twin(definition: &Definition, seen: &[Definition], server: &str) -> Option<String> {
    let name = definition.local_name(server);
    let twin = seen.iter().find(|other| other.tool != definition.tool && other.local_name(server) == name)?;
    Some(format!("personas could not tell it from {}", twin.tool))
}

fn tools(manifest: &Manifest, seen: Option<&[Definition]>, pins: &[&McpPin]) -> Vec<ToolView> {
    let server = manifest.name.as_str();
    let shown = |tool: &Definition, state: ToolState, error: Option<String>, pin: Option<&&McpPin>| ToolView {
        tool: tool.tool.clone(),
        name: tool.local_name(server),
        state,
        effect: manifest.effect(&tool.tool),
        hash: tool.hash.to_string(),
        description: tool.description.clone(),
        parameters: tool.schema.clone(),
        error,
        confirmed_by: pin.map(|pin| pin.confirmed_by.clone()),
        confirmed_ms: pin.map(|pin| pin.confirmed_ms),
        confirmed: pin
            .filter(|pin| pin.hash != tool.hash)
            .and_then(|pin| Some(Described::of(Definition::confirmed(pin)?))),
    };
    let Some(seen) = seen else {
        let confirmed = pins.iter().filter_map(|pin| Some((Definition::confirmed(pin)?, pin)));
        return confirmed.map(|(tool, pin)| shown(&tool, ToolState::Confirmed, None, Some(pin))).collect();
    };
    let now = seen.iter().map(|tool| {
        let pin = pins.iter().find(|pin| pin.tool == tool.tool);
        let fault = tool.fault.clone().or_else(|| twin(tool, seen, server));
        let state = match (&fault, pin) {
            (Some(_), _) => ToolState::Refused,
            (None, Some(pin)) if pin.hash == tool.hash => ToolState::Confirmed,
            (None, Some(_)) => ToolState::Changed,
            (None, None) => ToolState::New,
        };
        shown(tool, state, fault, pin)
    });
    let gone = pins.iter().filter(|pin| seen.iter().all(|tool| tool.tool != pin.tool));
    let gone = gone.filter_map(|pin| Some(shown(&Definition::confirmed(pin)?, ToolState::Gone, None, Some(pin))));
    now.chain(gone).collect()
}
