//! The steps by playwright-core, the version that `playwright/package-lock.json` pins, in a Node process of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{Run, site::Site};

const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../playwright/package.json")),
    ("package-lock.json", include_str!("../playwright/package-lock.json")),
    ("twenty_steps.mjs", include_str!("../playwright/twenty_steps.mjs")),
];

/// The flags of our own Chromium that cost or save time. Where both set the same one, Playwright's stands.
const FLAGS: [&str; 4] =
    ["--disable-gpu", "--disable-quic", "--disable-component-update", "--disk-cache-size=52428800"];

const INSTALLING: Duration = Duration::from_secs(120);
const LONGEST: Duration = Duration::from_secs(60);

/// Node with a Chromium at hand.
pub(super) struct Playwright {
    node: Child,
    ask: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Playwright {
    /// The error says why there is nothing to compare with.
    pub(super) async fn start(chromium: &Path, site: &Site) -> anyhow::Result<Self> {
        let folder = install().await?;
        let mut node = Command::new("node")
            .arg(folder.join("twenty_steps.mjs"))
            .arg(chromium)
            .arg(site.folder("playwright"))
            .arg(format!("http://{}", site.addr()))
            .args(FLAGS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node could not be started")?;
        let (ask, answers) = (node.stdin.take(), node.stdout.take().context("node has no output")?);
        let mut started = Self { node, ask, answers: BufReader::new(answers).lines() };
        // Whatever is missing shows now.
        started.run().await.context("the steps do not go through")?;
        Ok(started)
    }

    /// Once through the steps.
    pub(super) async fn run(&mut self) -> anyhow::Result<Run> {
        let Some(ask) = &mut self.ask else { bail!("it has ended") };
        ask.write_all(b"run\n").await?;
        let answer = timeout(LONGEST, self.answers.next_line()).await.context("it does not answer")??;
        Ok(serde_json::from_str(&answer.context("it ended by itself")?)?)
    }

    pub(super) async fn end(&mut self) {
        // The end of its input tells it to close its browser.
        self.ask = None;
        if timeout(LONGEST, self.node.wait()).await.is_err() {
            let _ = self.node.kill().await;
        }
    }
}

/// Puts the pinned version beside what cargo builds; nothing to do when it is there.
async fn install() -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("playwright");
    std::fs::create_dir_all(&folder)?;
    let fresh =
        FILES.iter().any(|(name, text)| std::fs::read_to_string(folder.join(name)).ok().as_deref() != Some(text));
    let installed = folder.join("node_modules/playwright-core/package.json").exists();
    if installed && !fresh {
        return Ok(folder);
    }
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text)?;
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status();
    let ended = timeout(INSTALLING, npm).await.context("npm did not end")?.context("npm could not be started")?;
    ensure!(ended.success(), "npm could not install playwright-core ({ended})");
    Ok(folder)
}
