//! Greenroom as people start it, with one provider and one virtual key.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::load::Target;

const STARTING: Duration = Duration::from_secs(60);
const ENDING: Duration = Duration::from_secs(30);
const PROVIDER: &str = r#"model = "small-1"
max_concurrent = 10000
input_micro_usd_per_million = 150_000
output_micro_usd_per_million = 600_000
"#;

/// A running server; killed when dropped.
pub(super) struct Greenroom {
    child: Child,
    url: String,
    key: String,
    _root: TempDir,
}

fn program(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("DATA_ROOT", root).env("PORT", "0").current_dir(root).kill_on_drop(true);
    command
}

impl Greenroom {
    pub(super) async fn start(mock: &str) -> anyhow::Result<Self> {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let house =
            format!("[models]\ndefault = \"house\"\n\n[models.providers.house]\nbase_url = \"{mock}\"\n{PROVIDER}");
        std::fs::write(root.path().join("greenroom.toml"), house)?;
        let mut serve = program(root.path());
        let mut child = serve.args(["serve", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let greeting = timeout(STARTING, greeting(&mut child)).await??;
        let url = greeting["url"].as_str().context("no address in the greeting")?.to_owned();
        let limits = ["--limit", "day:usd=1000000", "--limit", "month:tokens=1000000000000"];
        let made = program(root.path()).args(["key", "new", "bench", "--json"]).args(limits).output().await?;
        ensure!(made.status.success(), "no key was made: {}", String::from_utf8_lossy(&made.stderr));
        let made: Value = serde_json::from_slice(&made.stdout)?;
        let key = made["key"].as_str().context("no key in the answer")?.to_owned();
        Ok(Self { child, url, key, _root: root })
    }

    pub(super) fn target(&self) -> anyhow::Result<Target> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {}", self.key).parse()?)]);
        Target::new(format!("{}/v1/chat/completions", self.url), "house", headers)
    }

    /// In good order: everything is on disk.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        kill_process(pid.context("it has ended before")?, Signal::TERM)?;
        let ended = timeout(ENDING, self.child.wait()).await.context("Greenroom did not end")??;
        ensure!(ended.success(), "Greenroom did not end well: {ended}");
        Ok(())
    }
}

/// From its greeting on it answers.
async fn greeting(child: &mut Child) -> anyhow::Result<Value> {
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let mut text = String::new();
    while let Some(line) = lines.next_line().await? {
        text.push_str(&line);
        if text.ends_with('}') {
            break;
        }
    }
    Ok(serde_json::from_str(&text)?)
}
