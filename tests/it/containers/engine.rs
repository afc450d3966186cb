//! The engine that all tests of containers share, and what other hands than ours can do with it.

use std::{env, io::Write as _, process::Command, sync::OnceLock, time::Duration};

use bollard::{API_DEFAULT_VERSION, Docker, query_parameters::WaitContainerOptionsBuilder};
use futures::StreamExt as _;
use tokio::time::timeout;

use super::container_engine::{self, Engine};
use crate::sandbox::MAY_SKIP;

pub(super) use container_engine::IMAGE;

/// The most anything that must come may take.
const PATIENCE: Duration = Duration::from_secs(60);

static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();

/// None: this machine runs none, and whoever runs the tests has said that they may be left out.
pub(super) fn of_this_machine() -> Option<&'static Engine> {
    let why = match ENGINE.get_or_init(|| Engine::start().map_err(|error| format!("{error:#}"))) {
        Ok(engine) => return Some(engine),
        Err(why) => why,
    };
    let allowed = env::var(MAY_SKIP).unwrap_or_default();
    let may = allowed.split(',').any(|allowed| allowed.trim() == "containers");
    assert!(may, "no container engine: {why}; to leave these tests out, set {MAY_SKIP}=containers");
    let unproven = "containers: SKIPPED, so nothing is proven of their time-outs, limits, walls, leash and sweep";
    let _ = writeln!(std::io::stderr(), "{unproven}, as {MAY_SKIP} allows: {why}");
    None
}

impl Engine {
    /// The engine's own command, by other hands than ours.
    pub(super) fn docker(&self, args: &[&str]) -> String {
        let host = format!("unix://{}", self.socket.display());
        let ran = Command::new("docker").args(["--host", &host]).args(args).output().unwrap();
        assert!(ran.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    /// Waits until a container is gone, which it is a moment after its end.
    pub(super) async fn removed(&self, id: &str) {
        let engine = Docker::connect_with_unix(self.socket.to_str().unwrap(), 60, API_DEFAULT_VERSION).unwrap();
        let engine = engine.negotiate_version().await.unwrap();
        let options = WaitContainerOptionsBuilder::default().condition("removed").build();
        // With its code, or because there is none by this name any more.
        let gone = timeout(PATIENCE, engine.wait_container(id, Some(options)).next()).await;
        assert!(gone.is_ok(), "{id} goes on");
    }

    /// Ids of the containers with this label, at work or not.
    pub(super) fn labelled(&self, label: &str) -> Vec<String> {
        let found = self.docker(&["ps", "--all", "--no-trunc", "--quiet", "--filter", &format!("label={label}")]);
        found.lines().map(str::to_owned).collect()
    }
}
