//! What an own tool runs in. Whoever calls one does not care which it is.

use std::sync::Arc;

use actors::{domain::PersonaId, ports::World};
use async_trait::async_trait;
use tokio::{sync::OnceCell, task::spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::{
    containers::{self, Containers, Home},
    own::{self, Manifest, OwnTool, Whose},
    registry,
    sandbox::{Held, Job, NoSandbox, Ran, Sandbox},
};
use crate::config::{Config, Isolation};

/// Runs commands cut off from everything else.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Makes the workspace one in which this command can work. Before anybody looks at what lies there.
    async fn ready(&self, job: &Job<'_>) -> Result<(), NoSandbox>;

    /// Runs a command to its end, or until its limit or `stop`. When this returns, no process of it is left.
    async fn run(&self, job: &Job<'_>, stop: &CancellationToken) -> Result<Ran, NoSandbox>;

    /// Looks from inside, and says what is held and what is not.
    async fn report(&self) -> Result<Vec<Held>, NoSandbox>;
}

#[async_trait]
impl Runner for Sandbox {
    async fn ready(&self, job: &Job<'_>) -> Result<(), NoSandbox> {
        let Some(workspace) = job.workspace.filter(|_| job.may_write) else { return Ok(()) };
        let workspace = workspace.to_owned();
        Ok(spawn_blocking(move || containers::take_back(&workspace)).await.map_err(std::io::Error::other)??)
    }

    async fn run(&self, job: &Job<'_>, stop: &CancellationToken) -> Result<Ran, NoSandbox> {
        Sandbox::run(self, job, stop).await
    }

    async fn report(&self) -> Result<Vec<Held>, NoSandbox> {
        Sandbox::report(self).await
    }
}

/// Whether an own tool of this persona's (none: of everyone's) runs in a container. Blocks.
pub fn wants_container(config: &Config, whose: Option<Whose<'_>>) -> bool {
    let tools = registry::own_tools(&config.data_root, whose).tools;
    let wanted = |tool: &OwnTool| tool.manifest.isolation.unwrap_or(config.tools.isolation);
    tools.iter().any(|tool| wanted(tool) == Isolation::Container)
}

/// Whether an own tool of anybody's does. Blocks.
pub fn anybody_wants_container(config: &Config) -> bool {
    let everyone = wants_container(config, None);
    let folders = own::folders(&config.data_root.join("personas"));
    // Which of them is a slug and which an id is no matter: each is looked into.
    everyone
        || folders.iter().any(|(slug, _)| wants_container(config, Some(Whose { id: PersonaId::from([0; 16]), slug })))
}

/// Everything that own tools can run in. Cheap to clone.
#[derive(Clone)]
pub struct Isolations {
    /// Looked for when the first own tool is called.
    sandbox: Arc<OnceCell<Sandbox>>,
    pub containers: Containers,
    /// Of tools that do not say it.
    usual: Isolation,
    least_free_mb: u64,
}

impl Isolations {
    /// Looks for nothing yet.
    pub fn new(config: &Config, world: Arc<dyn World>) -> Self {
        Self {
            sandbox: Arc::default(),
            containers: Containers::new(config, world),
            usual: config.tools.isolation,
            least_free_mb: config.storage.min_free_mb,
        }
    }

    /// What a tool asks for, or what holds for all. It is never another one than that.
    pub fn wanted(&self, asks: Option<Isolation>) -> Isolation {
        asks.unwrap_or(self.usual)
    }

    /// Where this tool runs.
    pub async fn of(&self, tool: &Manifest, home: Home) -> Result<Box<dyn Runner>, NoSandbox> {
        match self.wanted(tool.isolation) {
            Isolation::Bubblewrap => Ok(Box::new(self.sandbox().await?.clone())),
            Isolation::Container => Ok(Box::new(self.containers.of(home, &tool.name))),
        }
    }

    async fn sandbox(&self) -> Result<&Sandbox, NoSandbox> {
        let found = || async { Sandbox::find().map(|sandbox| sandbox.leaving_free_mb(self.least_free_mb)) };
        self.sandbox.get_or_try_init(found).await
    }
}
