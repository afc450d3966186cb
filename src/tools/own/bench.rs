//! Where people try own tools: the sandbox that steps run in, in a persona's folder or in one that is thrown away.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use actors::domain::{Effect, PersonaId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{
    outcome,
    run::{Input, NotTried, Tried, Workspace, try_out},
    shelf::OwnTool,
};
use crate::tools::sandbox::{End, Held, Sandbox};

/// Tries tools. What the sandbox holds them to is looked at once.
pub struct Bench {
    data_root: PathBuf,
    min_free_mb: u64,
    ready: OnceCell<(Sandbox, Vec<Held>)>,
}

/// One try.
#[derive(Debug, Clone, Copy)]
pub struct Trying<'a> {
    pub arguments: &'a Map<String, Value>,
    /// In whose folder; none: in an empty one that is thrown away.
    pub persona: Option<PersonaId>,
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
    pub took_ms: u64,
    /// Limits it ran into: `memory`, `processes`, `disk`.
    pub limits_hit: Vec<&'static str>,
    /// Files that it wrote, by their paths in the folder.
    pub files: Vec<String>,
    pub stderr: String,
    pub limits: Limits,
}

/// What it was held to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Limits {
    pub timeout_ms: u64,
    pub memory_mb: u64,
    pub in_force: Vec<Held>,
}

impl Bench {
    /// Looks for nothing yet. A try ends when less than this is free on the disk.
    pub const fn new(data_root: PathBuf, min_free_mb: u64) -> Self {
        Self { data_root, min_free_mb, ready: OnceCell::const_new() }
    }

    /// Runs a tool once. While it works in a persona's folder, no step writes there.
    pub async fn try_out(&self, tool: &OwnTool, trying: Trying<'_>) -> Result<(Tried, TriedView), NotTried> {
        let place = match trying.persona {
            Some(persona) => Place::Persona(Workspace::of(&self.data_root, persona).await?),
            None => Place::ThrownAway(Emptied::new(&self.data_root, trying.mark)?),
        };
        let (sandbox, held) = self.ready.get_or_try_init(|| self.look()).await?;
        let told = Input { arguments: trying.arguments, key: trying.mark, limit: tool.manifest.timeout };
        let tried = try_out(sandbox, tool, &told, place.path(), &CancellationToken::new()).await?;
        let view = TriedView::new(tool, &tried, held.clone());
        Ok((tried, view))
    }

    async fn look(&self) -> Result<(Sandbox, Vec<Held>), NotTried> {
        let sandbox = Sandbox::find()?.leaving_free_mb(self.min_free_mb);
        let held = sandbox.report().await?;
        Ok((sandbox, held))
    }
}

impl Tried {
    /// Whether it is known what became of it; half a change is not.
    pub fn is_known(&self, effect: Effect) -> bool {
        self.value.is_ok() || !effect.needs_intent() || self.left.is_none()
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
        let exit = match ran.end {
            End::Exit(code) => json!(code),
            End::TimedOut => json!("timed out"),
            End::Stopped => json!("stopped"),
            End::DiskFull => json!("disk full"),
        };
        let whole = |ms: u128| u64::try_from(ms).unwrap_or(u64::MAX);
        Self {
            tool: manifest.name.clone(),
            ok: tried.value.is_ok(),
            value: tried.value.as_ref().ok().cloned(),
            error: tried.value.as_ref().err().cloned(),
            exit,
            took_ms: whole(ran.took.as_millis()),
            limits_hit: ran.hit.clone(),
            files: tried.files().to_vec(),
            stderr: ran.texts().1,
            limits: Limits { timeout_ms: whole(manifest.timeout.as_millis()), memory_mb: manifest.memory_mb, in_force },
        }
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
            Self::ThrownAway(Emptied(folder)) => folder,
        }
    }
}

/// A workspace that is gone when it is dropped.
struct Emptied(PathBuf);

impl Emptied {
    fn new(data_root: &Path, mark: &str) -> io::Result<Self> {
        let folder = data_root.join("tries").join(mark);
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Emptied {
    fn drop(&mut self) {
        // Left behind, it harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
