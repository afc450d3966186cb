//! Containers as they are: a real engine, real limits, and commands that mean harm.

#![cfg(test)]

#[path = "../container_engine.rs"]
mod container_engine;
mod engine;
mod harm;
mod lives;
mod walls;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actors::{domain::PersonaId, testing::TestWorld};
use greenroom::{
    config::Config,
    tools::{
        containers::{Contained, Containers, Home},
        isolation::Runner as _,
        own::Whose,
        sandbox::{End, Job, Ran},
    },
};
use rustix::fs::{CWD, FileType, mknodat};
use tokio::{io::AsyncReadExt as _, net::unix::pipe};
use tokio_util::sync::CancellationToken;

use container_engine::Engine;

/// A data root with two personas, and its containers.
struct Place {
    root: tempfile::TempDir,
    config: Config,
    containers: Containers,
    engine: &'static Engine,
}

const ADA: [u8; 16] = [7; 16];

impl Place {
    /// None: left out.
    fn new() -> Option<Self> {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Option<Self> {
        let engine = engine::of_this_machine()?;
        let root = tempfile::tempdir().unwrap();
        let mut config = Config::for_test(root.path());
        config.tools.container.socket = engine.socket.clone();
        config.tools.container.image = engine::IMAGE.to_owned();
        change(&mut config);
        let containers = Containers::new(&config, Arc::new(TestWorld::new(3)));
        let place = Self { root, config, containers, engine };
        fs::create_dir_all(place.workspace()).unwrap();
        fs::create_dir_all(place.root.path().join("tools")).unwrap();
        fs::create_dir_all(place.root.path().join("keys")).unwrap();
        fs::write(place.root.path().join("keys/secrets.key"), "the key").unwrap();
        Some(place)
    }

    fn home(&self) -> Home {
        Home::of(self.root.path(), Whose { id: PersonaId::from(ADA), slug: "ada" })
    }

    fn ada(&self) -> Contained {
        self.containers.of(self.home(), "tried")
    }

    fn workspace(&self) -> PathBuf {
        self.root.path().join("personas").join(PersonaId::from(ADA).to_string()).join("files")
    }

    async fn run(&self, job: Job<'_>) -> Ran {
        let ada = self.ada();
        ada.ready(&job).await.unwrap();
        ada.run(&job, &CancellationToken::new()).await.unwrap()
    }

    /// A line for the shell, by whoever may write in the workspace.
    async fn sh(&self, line: &str) -> Ran {
        let (command, workspace) = (sh(line), self.workspace());
        self.run(Job { may_write: true, workspace: Some(&workspace), ..Job::new(&command) }).await
    }

    /// Ids of this data root's containers.
    fn there(&self) -> Vec<String> {
        self.engine.labelled(&format!("greenroom.data-root={}", self.root.path().display()))
    }
}

/// A pipe in a workspace, through which a tool says that it has begun.
struct Begun(pipe::Receiver);

impl Begun {
    fn lay(workspace: &Path) -> Self {
        let place = workspace.join("begun");
        mknodat(CWD, &place, FileType::Fifo, 0o666.into(), 0).unwrap();
        // Held at both ends, so that nobody waits for the other to open it.
        Self(pipe::OpenOptions::new().read_write(true).open_receiver(place).unwrap())
    }

    async fn comes(mut self) {
        assert!(self.0.read_u8().await.is_ok());
    }
}

fn sh(line: &str) -> [String; 3] {
    ["sh", "-c", line].map(str::to_owned)
}

/// What it said, when it ended well.
fn said(ran: &Ran) -> String {
    let (output, errors) = ran.texts();
    assert_eq!(ran.end, End::Exit(0), "{output}\n{errors}");
    output
}

const LONG: Duration = Duration::from_secs(600);
