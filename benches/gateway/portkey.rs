//! Portkey's gateway, the version that `portkey/package-lock.json` pins, in a Node process of its own.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::load::{self, Target};

const FILES: [(&str, &str); 2] = [
    ("package.json", include_str!("../portkey/package.json")),
    ("package-lock.json", include_str!("../portkey/package-lock.json")),
];
const INSTALLING: Duration = Duration::from_secs(120);
const STARTING: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The gateway while it runs; killed when dropped.
pub(super) struct Portkey {
    _node: Child,
    url: String,
}

impl Portkey {
    /// The error says why there is nothing to compare with.
    pub(super) async fn start(mock: &str) -> anyhow::Result<Self> {
        let folder = install().await?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let node = Command::new("node")
            .arg(folder.join("node_modules/@portkey-ai/gateway/build/start-server.js"))
            .args([&format!("--port={port}"), "--headless"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("node could not be started")?;
        let started = Self { _node: node, url: format!("http://127.0.0.1:{port}") };
        let (target, began) = (started.target(mock)?, Instant::now());
        loop {
            let tried = load::run(&target, 1, Duration::from_millis(1)).await;
            if tried.errors == 0 {
                return Ok(started);
            }
            if began.elapsed() > STARTING {
                bail!("it does not answer");
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    pub(super) fn target(&self, mock: &str) -> anyhow::Result<Target> {
        let headers = [
            (HeaderName::from_static("x-portkey-provider"), HeaderValue::from_static("openai")),
            (HeaderName::from_static("x-portkey-custom-host"), mock.parse()?),
            (AUTHORIZATION, HeaderValue::from_static("Bearer any")),
        ];
        Target::new(format!("{}/v1/chat/completions", self.url), "small-1", HeaderMap::from_iter(headers))
    }
}

/// Puts the pinned version beside what cargo builds; nothing to do when it is there.
async fn install() -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("portkey");
    std::fs::create_dir_all(&folder)?;
    let fresh =
        FILES.iter().any(|(name, text)| std::fs::read_to_string(folder.join(name)).ok().as_deref() != Some(text));
    if folder.join("node_modules/@portkey-ai/gateway/package.json").exists() && !fresh {
        return Ok(folder);
    }
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text)?;
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status();
    let ended = timeout(INSTALLING, npm).await.context("npm did not end")?.context("npm could not be started")?;
    ensure!(ended.success(), "npm could not install @portkey-ai/gateway ({ended})");
    Ok(folder)
}
