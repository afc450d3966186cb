//! Runs an own tool once: its arguments are checked, it runs cut off from the rest, and what it did is looked at from outside.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use actors::domain::{Call, Effect, Outcome, PersonaId, StepError};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::{
    outcome,
    shelf::OwnTool,
    traces::{self, Difference, Seen},
};
use crate::{
    secrets::Hidden,
    tools::{
        folder::Folder,
        isolation::Runner,
        sandbox::{
            Job, NoSandbox, Ran,
            way_out::{WayOut, Went},
        },
    },
};

/// What was observed.
#[derive(Debug)]
pub struct Tried {
    pub ran: Ran,
    /// What it answered, or why that is no answer.
    pub value: Result<Value, String>,
    pub(super) left: Difference,
    /// None: it has no network.
    pub went: Option<Went>,
}

impl Tried {
    /// The files that it wrote, by their paths in the workspace.
    pub fn files(&self) -> &[String] {
        &self.left.files
    }

    /// `host:port` of every place to which something got through.
    pub fn reached(&self) -> &[String] {
        self.went.as_ref().map_or(&[], |went| &went.reached)
    }

    /// Where it was not let, in words.
    pub fn refused(&self) -> &[String] {
        self.went.as_ref().map_or(&[], |went| &went.refused)
    }

    /// Replaces every secret in what came of it by its name.
    pub(super) fn hide(&mut self, known: &Hidden) {
        match &mut self.value {
            Ok(value) => known.mask_value(value),
            Err(fault) => known.mask(fault),
        }
        known.mask_bytes(&mut self.ran.errors.bytes);
        let Difference { files, removed, others, .. } = &mut self.left;
        let left = [files, removed, others].into_iter().flatten();
        let went = self
            .went
            .iter_mut()
            .flat_map(|went| went.reached.iter_mut().chain(&mut went.refused).chain(&mut went.first));
        left.chain(went).for_each(|text| known.mask(text));
    }
}

/// It was not begun.
#[derive(Debug, thiserror::Error)]
pub enum NotTried {
    #[error("the arguments of {tool} do not fit: {reason}")]
    Arguments { tool: String, reason: String },
    #[error(transparent)]
    Sandbox(#[from] NoSandbox),
    #[error("{0}")]
    NoWayOut(String),
    #[error("the workspace could not be looked at: {0}")]
    Workspace(#[from] io::Error),
}

/// What one call is told.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    pub arguments: &'a Map<String, Value>,
    /// An idempotent tool is told the call by it.
    pub key: &'a str,
    pub limit: Duration,
    /// Of a tool with network.
    pub way_out: Option<&'a WayOut>,
}

/// A persona's own folder, held alone until it is dropped.
pub struct Workspace {
    pub(super) folder: Folder,
    place: PathBuf,
}

impl Workspace {
    /// Waits until nobody else writes there.
    pub async fn of(data_root: &Path, persona: PersonaId) -> io::Result<Self> {
        let (root, place) = (data_root.to_path_buf(), Folder::place(data_root, persona));
        let opened = spawn_blocking(move || Folder::open(&root, persona)).await;
        let folder = opened.map_err(io::Error::other)?.map_err(io::Error::other)?;
        Ok(Self { folder, place })
    }

    /// Where it lies.
    pub fn place(&self) -> &Path {
        &self.place
    }
}

/// Runs it once. The caller sees to it that nobody else writes in the workspace meanwhile.
pub async fn try_out(
    runner: &dyn Runner,
    tool: &OwnTool,
    told: &Input<'_>,
    workspace: &Path,
    stop: &CancellationToken,
) -> Result<Tried, NotTried> {
    let manifest = &tool.manifest;
    if let Some(reason) = tool.misfit(told.arguments) {
        return Err(NotTried::Arguments { tool: manifest.name.clone(), reason });
    }
    let mut input = told.arguments.clone();
    if manifest.effect == Effect::Idempotent {
        input.insert("key".to_owned(), told.key.into());
    }
    let input = Value::Object(input).to_string();
    let may_write = manifest.effect.needs_intent();
    let job = Job {
        input: input.as_bytes(),
        folder: Some(&tool.folder),
        workspace: (manifest.effect != Effect::Pure).then_some(workspace),
        may_write,
        way_out: told.way_out,
        limit: told.limit,
        memory_bytes: manifest.memory_mb << 20,
        ..Job::new(&manifest.command)
    };
    runner.ready(&job).await?;
    let before = if may_write { seen(workspace).await? } else { Seen::default() };
    let ran = runner.run(&job, stop).await?;
    let (value, went) = (outcome::answer(&ran, told.limit), told.way_out.map(WayOut::went));
    if !may_write {
        return Ok(Tried { value, ran, left: Difference::default(), went });
    }
    Ok(match seen(workspace).await {
        Ok(after) => Tried { value, ran, left: traces::difference(&before, &after), went },
        Err(error) => {
            let value = Err(format!("what it left cannot be looked at: {error}"));
            Tried { value, ran, left: Difference { unseen: true, ..Difference::default() }, went }
        }
    })
}

async fn seen(workspace: &Path) -> io::Result<Seen> {
    let workspace = workspace.to_path_buf();
    spawn_blocking(move || traces::look(&workspace)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// A step of a run: in the persona's own folder, which is held until it is over.
pub(in crate::tools) async fn perform(
    runner: &dyn Runner,
    tool: &OwnTool,
    arguments: &Map<String, Value>,
    call: &Call,
    data_root: &Path,
    way_out: Option<WayOut>,
    stop: &CancellationToken,
) -> Outcome {
    let workspace = match Workspace::of(data_root, call.persona).await {
        Ok(workspace) => workspace,
        Err(error) => return not_begun(call, StepError::retryable(error.to_string())),
    };
    let input =
        Input { arguments, key: &call.key, limit: tool.manifest.timeout.min(call.limit), way_out: way_out.as_ref() };
    match try_out(runner, tool, &input, workspace.place(), stop).await {
        Ok(tried) => {
            let name = tool.manifest.name.clone();
            let effect = tool.manifest.effect;
            let told = spawn_blocking(move || outcome::outcome(&name, effect, tried, &workspace.folder)).await;
            told.unwrap_or_else(|error| {
                let text = format!("what {} left could not be looked at: {error}", call.tool);
                Outcome::unknown(format!("ran {}", call.tool), StepError::retryable(text))
            })
        }
        Err(error @ NotTried::Arguments { .. }) => not_begun(call, StepError::permanent(error.to_string())),
        Err(error) => not_begun(call, StepError::retryable(error.to_string())),
    }
}

fn not_begun(call: &Call, error: StepError) -> Outcome {
    Outcome::not_begun(format!("did not run {}", call.tool), error)
}
