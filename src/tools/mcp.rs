//! Tools of MCP servers: commands in the sandbox, or addresses behind the persona's own host rules.
//!
//! Nothing that a server says is trusted. Its tools are irreversible unless the operator's manifest says otherwise, its
//! words are offered as data, and what may be called is exactly what a person confirmed: name, description and schema by
//! their hash, looked at anew before every call. Whoever says something else is asked about again.

mod definition;
mod http;
mod known;
mod manifest;
mod outcome;
mod rmcp_client;
mod schema;
mod sessions;
mod shelf;
mod source;
mod stdio;
mod view;

use std::{path::PathBuf, sync::Arc, time::Duration};

use actors::{
    domain::{Call, McpPin, McpSighting, Outcome, Persona, PersonaId, StepError, host_of},
    ports::BoxError,
};
use async_trait::async_trait;
use tokio::{
    sync::OnceCell,
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use definition::Definition;
use known::KnownServers;
use manifest::Manifest;
pub(super) use manifest::{FILE, check_new};
use schema::Validators;
use sessions::{Sessions, Source};
use shelf::Found;
use source::{Announced, NotOpened};
pub use view::{Described, NotConfirmed, NotLooked, ServerState, ServerView, ToolState, ToolView};

use super::{
    OwnCall,
    folder::Folder,
    own::{OwnTool, Whose},
    sandbox::Sandbox,
};
use crate::{
    egress::{Egress, Errand, Kept},
    models::Keyring,
    storage::Db,
};

/// A server that is begun has this long to introduce itself.
const INTRODUCING: Duration = Duration::from_secs(20);

/// Where it stands what people confirmed.
#[async_trait]
pub trait PinBook: Send + Sync {
    /// What may be called of these servers.
    async fn pins(&self, servers: &[String]) -> Result<Vec<McpPin>, BoxError>;
}

#[async_trait]
impl PinBook for Db {
    async fn pins(&self, servers: &[String]) -> Result<Vec<McpPin>, BoxError> {
        Ok(self.mcp_pins(servers).await?)
    }
}

/// What servers are reached with.
#[derive(Clone)]
pub struct McpDeps {
    pub pins: Arc<dyn PinBook>,
    pub egress: Egress,
    pub keyring: Arc<dyn Keyring>,
    pub data_root: PathBuf,
}

/// Every MCP server of this machine. Cheap to clone.
#[derive(Clone)]
pub struct Mcp {
    shared: Arc<Shared>,
}

struct Shared {
    deps: McpDeps,
    sandbox: OnceCell<Sandbox>,
    sessions: Sessions,
    known: KnownServers,
    validators: Validators,
}

/// A confirmed tool, its server, and how it is offered.
struct Usable {
    found: Found,
    manifest: Manifest,
    pin: McpPin,
    offer: OwnTool,
}

impl Mcp {
    /// Starts nothing yet.
    pub fn new(deps: McpDeps) -> Self {
        let (sandbox, sessions, known) = (OnceCell::new(), Sessions::default(), KnownServers::default());
        Self { shared: Arc::new(Shared { deps, sandbox, sessions, known, validators: Validators::default() }) }
    }

    /// What a persona may be offered: tools that people confirmed, as they stood then. Starts no server.
    pub async fn offered(&self, persona: Option<&Persona>) -> Vec<OwnTool> {
        match self.usable(persona).await {
            Ok(tools) => tools.into_iter().map(|tool| tool.offer).collect(),
            Err(error) => {
                tracing::warn!("tools of MCP servers are not offered now: {error}");
                Vec::new()
            }
        }
    }

    async fn usable(&self, persona: Option<&Persona>) -> Result<Vec<Usable>, BoxError> {
        let servers = self.servers(persona).await;
        let keys: Vec<String> = servers.iter().map(|found| found.key.clone()).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let (pins, shared) = (self.shared.deps.pins.pins(&keys).await?, self.shared.clone());
        Ok(spawn_blocking(move || usable(&servers, pins, &shared.validators)).await?)
    }

    /// Reads folders, so it is done beside.
    async fn servers(&self, persona: Option<&Persona>) -> Vec<Found> {
        let root = self.shared.deps.data_root.clone();
        let whose = persona.map(|persona| (persona.id, persona.slug.to_string()));
        let found =
            spawn_blocking(move || shelf::find(&root, whose.as_ref().map(|(id, slug)| Whose { id: *id, slug })));
        found.await.unwrap_or_default()
    }

    /// Calls a confirmed tool, if its server still offers exactly that.
    pub(super) async fn call(
        &self,
        persona: &Persona,
        call: &Call,
        asked: OwnCall<'_>,
        stop: &CancellationToken,
    ) -> Outcome {
        let not_begun = |error| Outcome::not_begun(format!("did not call {}", asked.name), error);
        let tool = match self.wanted(persona, &asked).await {
            Ok(tool) => tool,
            Err(error) => return not_begun(error),
        };
        let limit = tool.manifest.timeout.min(call.limit);
        let until = Instant::now() + limit;
        let left = || until.saturating_duration_since(Instant::now());
        let ready = tokio::select! {
            biased;
            () = stop.cancelled() => Err(StepError::retryable("the run was stopped")),
            opened = timeout(limit, self.opened(persona, &tool, limit)) => opened.unwrap_or_else(|_| {
                Err(StepError::retryable(format!("{} was not ready within {} ms", tool.pin.server, limit.as_millis())))
            }),
        };
        let source = match ready {
            Ok(source) => source,
            Err(error) => return not_begun(error),
        };
        // How it answers in the little time that its beginning left would say nothing of it.
        if left() < limit / 2 {
            let text = format!("{} took long to begin; it is open now", tool.pin.server);
            return not_begun(StepError::retryable(text));
        }
        // Who waited until the end would have no time to hear what came of it.
        if let Err(error) = self.admitted(persona, &tool, left() / 2, stop).await {
            return not_begun(error);
        }
        if let Err(error) = self.checked(persona, &tool, &source, left(), stop).await {
            return not_begun(error);
        }
        if left().is_zero() {
            return not_begun(StepError::retryable(format!("there was no time left for {}", asked.name)));
        }
        let answered = source.call(&tool.pin.tool, asked.args, left(), stop).await;
        self.shared.sessions.heard(persona.id, &tool.pin.server, &source, &answered).await;
        outcome::outcome(asked.name, asked.effect, answered)
    }

    /// The confirmed tool, if the call is as it may be.
    async fn wanted(&self, persona: &Persona, asked: &OwnCall<'_>) -> Result<Usable, StepError> {
        let usable = self.usable(Some(persona)).await.map_err(|error| StepError::retryable(error.to_string()))?;
        let Some(tool) = usable.into_iter().find(|tool| tool.offer.manifest.name == asked.name) else {
            let text = format!("{} is not confirmed; `greenroom mcp list` says what there is", asked.name);
            return Err(StepError::denied(text));
        };
        if let Some(text) = asked.differs(&tool.offer.manifest, "operator") {
            return Err(StepError::permanent(text));
        }
        let (offer, args) = (tool.offer.clone(), asked.args.clone());
        let misfit = spawn_blocking(move || offer.misfit(&args)).await;
        match misfit.map_err(|error| StepError::retryable(error.to_string()))? {
            Some(reason) => Err(StepError::permanent(format!("the arguments of {} do not fit: {reason}", asked.name))),
            None => Ok(tool),
        }
    }

    /// The server, open.
    async fn opened(&self, persona: &Persona, tool: &Usable, limit: Duration) -> Result<Source, StepError> {
        let opened_as = format!("{:?} {:?}", tool.manifest, persona.hosts);
        let open = async {
            // Whoever sees less than the whole list asks for too much of a line that is dead.
            let opened = self.open(persona, &tool.found, &tool.manifest, limit.min(INTRODUCING)).await;
            opened.map(|connected| Arc::new(connected) as Source)
        };
        let (key, server) = (&tool.pin.server, &tool.manifest.name);
        let source = self.shared.sessions.get(persona.id, key, &opened_as, open).await;
        source.map_err(|error| {
            self.shared.known.failed(key, &error.to_string());
            not_opened(server, &error)
        })
    }

    /// Waits for its turn on the server's host, by that host's policy or the usual pace.
    async fn admitted(
        &self,
        persona: &Persona,
        tool: &Usable,
        limit: Duration,
        stop: &CancellationToken,
    ) -> Result<(), StepError> {
        let Some(host) = tool.manifest.url.as_deref().and_then(host_of) else { return Ok(()) };
        let errand = Errand { persona: persona.id, tool: tool.offer.manifest.name.clone(), only: None };
        let late = || StepError::retryable(format!("the pace of {host} lets {} act there only later", errand.tool));
        let admitted = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(StepError::retryable("the run was stopped")),
            admitted = timeout(limit, self.shared.deps.egress.admit(&errand, &host)) => admitted.map_err(|_| late())?,
        };
        admitted.map_err(|kept| match kept {
            Kept::Forbidden { .. } | Kept::Elsewhere { .. } => StepError::denied(kept.to_string()),
            Kept::TooFast { .. } | Kept::Unread { .. } => StepError::retryable(kept.to_string()),
        })
    }

    /// Whether the server still says what was confirmed.
    async fn checked(
        &self,
        persona: &Persona,
        tool: &Usable,
        source: &Source,
        limit: Duration,
        stop: &CancellationToken,
    ) -> Result<(), StepError> {
        let (key, server) = (&tool.pin.server, &tool.manifest.name);
        let said = source.tools(limit, stop).await;
        // That it lists its tools does not say that it answers calls.
        if let Err(fault) = &said {
            self.shared.known.failed(key, &fault.to_string());
            self.shared.sessions.heard(persona.id, key, source, &said).await;
        }
        let said = said.map_err(|fault| StepError::retryable(format!("{server}: {fault}")))?;
        let said = self.remember(key, server, said).await;
        let now: Vec<&Definition> = said.iter().filter(|now| now.tool == tool.pin.tool).collect();
        match now.as_slice() {
            [now] if now.hash == tool.pin.hash => Ok(()),
            [] => Err(StepError::denied(format!("the MCP server {server} has no tool {} any more", tool.pin.tool))),
            _ => Err(StepError::denied(format!(
                "the MCP server {server} describes {} otherwise than was confirmed: an owner must look at it again \
                 (`greenroom mcp list`)",
                tool.pin.tool
            ))),
        }
    }

    async fn remember(&self, key: &str, server: &str, said: Vec<Announced>) -> Vec<Definition> {
        let (shared, server) = (self.shared.clone(), server.to_owned());
        let defined = move |one| Definition::of(one, &server, &shared.validators);
        let said = spawn_blocking(move || said.into_iter().map(defined).collect::<Vec<_>>()).await;
        let said = said.unwrap_or_default();
        self.shared.known.said(key, said.clone());
        said
    }

    /// Waits until a server says something that it did not say before.
    pub async fn news(&self) {
        self.shared.known.news().await;
    }

    /// What servers say now of the tools that people confirmed, as far as they were asked.
    pub async fn sightings(&self) -> Result<Vec<McpSighting>, BoxError> {
        let heard = self.shared.known.heard();
        let keys: Vec<String> = heard.iter().map(|(key, _)| key.clone()).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let sighting = |McpPin { server, tool, hash: pinned, .. }: McpPin| {
            let (_, said) = heard.iter().find(|(key, _)| *key == server)?;
            let mut of_name = said.iter().filter(|now| now.tool == tool);
            let seen = of_name.next().filter(|_| of_name.next().is_none()).map(|now| now.hash);
            Some(McpSighting { server, tool, pinned, seen })
        };
        Ok(self.shared.deps.pins.pins(&keys).await?.into_iter().filter_map(sighting).collect())
    }

    /// The server is taken away: it ends, and what was seen of it is forgotten.
    pub fn forget(&self, key: &str) {
        self.shared.sessions.end(key);
        self.shared.known.forget(key);
    }

    async fn open(
        &self,
        persona: &Persona,
        found: &Found,
        manifest: &Manifest,
        limit: Duration,
    ) -> Result<rmcp_client::Connected, NotOpened> {
        let deps = &self.shared.deps;
        if manifest.url.is_some() {
            return http::open(&deps.egress, &*deps.keyring, persona, manifest, limit).await;
        }
        let failed = |error: &dyn ToString| NotOpened::Failed(error.to_string());
        let sandbox = self.shared.sandbox.get_or_try_init(|| async { Sandbox::find() }).await;
        let sandbox = sandbox.map_err(|error| failed(&error))?;
        let workspace = manifest.workspace.then(|| Folder::place(&deps.data_root, persona.id));
        if let Some(folder) = &workspace {
            tokio::fs::create_dir_all(folder).await.map_err(|error| failed(&error))?;
        }
        stdio::open(sandbox, manifest, &found.folder, workspace.as_deref(), limit).await
    }

    /// The persona sleeps: its servers end.
    pub(super) fn release(&self, persona: PersonaId) {
        self.shared.sessions.release(persona);
    }
}

/// What is confirmed, of these servers. Makes what checks arguments, so it is done beside.
fn usable(servers: &[Found], pins: Vec<McpPin>, validators: &Validators) -> Vec<Usable> {
    let mut usable: Vec<Usable> = Vec::new();
    for pin in pins {
        let Some(found) = servers.iter().find(|found| found.key == pin.server) else { continue };
        let Ok(manifest) = found.manifest.clone() else { continue };
        let offer = Definition::confirmed(&pin).and_then(|tool| tool.offer(&manifest, validators));
        let Some(offer) = offer else { continue };
        // Two names of a server that personas could not tell apart: the first one stands.
        if usable.iter().all(|other| other.offer.manifest.name != offer.manifest.name) {
            usable.push(Usable { found: found.clone(), manifest, pin, offer });
        }
    }
    usable
}

fn not_opened(server: &str, error: &NotOpened) -> StepError {
    let text = format!("the MCP server {server} could not be reached: {error}");
    match error {
        NotOpened::Denied(_) => StepError::denied(text),
        NotOpened::Failed(_) => StepError::retryable(text),
    }
}
