//! Where people try own tools: what steps run them in, in a persona's folder or in one that is thrown away.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use actors::domain::{Effect, Ended, Persona, is_outreach};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{
    network::{Going, way_out},
    outcome,
    run::{Input, NotTried, Tried, Workspace, try_out},
    shelf::OwnTool,
};
use crate::{
    egress::{Egress, LONGEST_WAIT},
    secrets::Hidden,
    tools::{
        containers::Home,
        isolation::Isolations,
        sandbox::{Held, Within, way_out::WayOut},
    },
};

/// Tries tools.
pub struct Bench {
    data_root: PathBuf,
    isolations: Isolations,
    /// None: nobody's hosts are known here.
    egress: Option<Egress>,
}

/// One try.
#[derive(Clone, Copy)]
pub struct Trying<'a> {
    pub arguments: &'a Map<String, Value>,
    /// In whose folder, and with whose hosts; none: in an empty one that is thrown away, without network.
    pub persona: Option<&'a Persona>,
    /// What that persona may use and nobody is to read.
    pub known: &'a Hidden,
    /// Drawn for this try: no two have the same.
    pub mark: &'a str,
}

/// A try as people and programs read it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TriedView {
    pub tool: String,
    pub ok: bool,
    /// What it answered.
    #[schema(value_type = Option<Object>)]
    pub value: Option<Value>,
    /// Why that is no answer.
    pub error: Option<String>,
    /// Its exit code, or `timed out`, `stopped`, `disk full`.
    #[schema(value_type = Object)]
    pub exit: Value,
    /// None: it ran in a sandbox of its own.
    pub container: Option<TriedIn>,
    pub took_ms: u64,
    /// Limits it ran into: `memory`, `processes`, `disk`.
    pub limits_hit: Vec<&'static str>,
    /// Files that it wrote, by their paths in the folder.
    pub files: Vec<String>,
    /// To whom something of a tool with network got through: `host:port`.
    pub reached: Vec<String>,
    /// Where it was not let, in words.
    pub refused: Vec<String>,
    /// Why a tool with network was tried without it.
    pub no_network: Option<&'static str>,
    pub stderr: String,
    pub limits: Limits,
}

/// The container that it ran in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TriedIn {
    pub image: String,
    pub runtime: String,
}

/// What it was held to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Limits {
    pub timeout_ms: u64,
    pub memory_mb: u64,
    pub in_force: Vec<Held>,
}

impl Bench {
    /// Looks for nothing yet.
    pub const fn new(data_root: PathBuf, isolations: Isolations, egress: Option<Egress>) -> Self {
        Self { data_root, isolations, egress }
    }

    /// Runs a tool once. While it works in a persona's folder, no step writes there.
    pub async fn try_out(&self, tool: &OwnTool, trying: Trying<'_>) -> Result<(Tried, TriedView), NotTried> {
        let root = &self.data_root;
        let stop = CancellationToken::new();
        // Before it has the folder: whoever waits for a turn holds up nobody.
        let way_out = self.way_out(tool, &trying, &stop).await?;
        let (place, home) = match trying.persona {
            Some(persona) => (Place::Persona(Workspace::of(root, persona.id).await?), Home::of(root, persona.into())),
            None => {
                let emptied = Emptied::new(root, trying.mark)?;
                let home = Home::to_try(root, &emptied.folder);
                (Place::ThrownAway(emptied), home)
            }
        };
        let runner = self.isolations.of(&tool.manifest, home).await?;
        let held = runner.report().await?;
        let (limit, way_out) = (tool.manifest.timeout, way_out.as_ref());
        let told = Input { arguments: trying.arguments, key: trying.mark, limit, way_out };
        let mut tried = try_out(&*runner, tool, &told, place.path(), &stop).await?;
        tried.hide(trying.known);
        let no_network = self.no_network(tool, trying.persona);
        let view = TriedView { no_network, ..TriedView::new(tool, &tried, held) };
        Ok((tried, view))
    }

    /// As a run has it; none: without network.
    async fn way_out(
        &self,
        tool: &OwnTool,
        trying: &Trying<'_>,
        stop: &CancellationToken,
    ) -> Result<Option<WayOut>, NotTried> {
        let shut = self.no_network(tool, trying.persona).is_some();
        let (Some(egress), Some(persona), false) = (&self.egress, trying.persona, shut) else { return Ok(None) };
        let going = Going { persona, tool, arguments: trying.arguments };
        way_out(egress, going, LONGEST_WAIT, stop).await.map_err(|error| NotTried::NoWayOut(error.text))
    }

    /// Why a tool with network has none here, and what to do.
    fn no_network(&self, tool: &OwnTool, persona: Option<&Persona>) -> Option<&'static str> {
        let manifest = &tool.manifest;
        match persona {
            _ if !manifest.network => None,
            _ if self.egress.is_none() => {
                Some("no server runs here; start one, and name a persona whose hosts it may reach")
            }
            None => Some("it was tried for nobody; name a persona whose hosts it may reach"),
            // Whether it may write to somebody is judged in a run, by the policy of the host.
            Some(_) if manifest.outreach || is_outreach(&manifest.name) => {
                Some("it writes to strangers, which only a goal may have it do; give a persona one")
            }
            Some(_) => None,
        }
    }
}

impl Tried {
    /// Whether it is known what became of it, as a run would say it.
    pub fn is_known(&self, effect: Effect) -> bool {
        self.ended(effect) != Ended::Unknown
    }

    /// What was observed, for a receipt: an object.
    pub fn data(&self) -> Value {
        let mut data = outcome::observed(self, &[]);
        data["ok"] = self.value.is_ok().into();
        if let Ok(value) = &self.value {
            let text = value.to_string();
            if text.len() <= outcome::MOST_VALUE_BYTES {
                data["value"] = value.clone();
            } else {
                let hash = hex::encode(Sha256::digest(text.as_bytes()));
                data["long_value"] = json!({ "bytes": text.len(), "sha256": hash });
            }
        }
        data
    }
}

impl TriedView {
    fn new(tool: &OwnTool, tried: &Tried, in_force: Vec<Held>) -> Self {
        let (ran, manifest) = (&tried.ran, &tool.manifest);
        let whole = |ms: u128| u64::try_from(ms).unwrap_or(u64::MAX);
        Self {
            tool: manifest.name.clone(),
            ok: tried.value.is_ok(),
            value: tried.value.as_ref().ok().cloned(),
            error: tried.fault(),
            exit: ran.end.told(),
            container: ran.container.as_ref().map(TriedIn::from),
            took_ms: whole(ran.took.as_millis()),
            limits_hit: ran.hit.clone(),
            files: tried.files().to_vec(),
            reached: tried.reached().to_vec(),
            refused: tried.refused().to_vec(),
            no_network: None,
            stderr: ran.texts().1,
            limits: Limits { timeout_ms: whole(manifest.timeout.as_millis()), memory_mb: manifest.memory_mb, in_force },
        }
    }
}

impl From<&Within> for TriedIn {
    fn from(within: &Within) -> Self {
        Self { image: within.image.clone(), runtime: within.runtime.clone() }
    }
}

/// Where a tool is tried.
enum Place {
    Persona(Workspace),
    ThrownAway(Emptied),
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::Persona(workspace) => workspace.place(),
            Self::ThrownAway(emptied) => &emptied.workspace,
        }
    }
}

/// A folder with a workspace; both are gone when it is dropped.
struct Emptied {
    folder: PathBuf,
    workspace: PathBuf,
}

impl Emptied {
    fn new(data_root: &Path, mark: &str) -> io::Result<Self> {
        let folder = data_root.join("tries").join(mark);
        let workspace = folder.join("workspace");
        fs::create_dir_all(&workspace)?;
        Ok(Self { folder, workspace })
    }
}

impl Drop for Emptied {
    fn drop(&mut self) {
        // Left behind, it harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
