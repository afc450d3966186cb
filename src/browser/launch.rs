//! Starts Chromium with the flags that were measured, and tells when it has ended.

use std::{path::Path, sync::Arc, time::Duration};

use chromiumoxide::{Browser, BrowserConfig, Handler, error::CdpError, handler::viewport::Viewport};
use futures::StreamExt;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    cdp::ask_browser,
    process::{Ended, ProcessMark},
};

/// Size of every page, in CSS pixels.
pub(super) const VIEW: (u32, u32) = (1280, 800);

const CLOSE_LIMIT: Duration = Duration::from_secs(5);
const CACHE_BYTES: u32 = 50 * 1024 * 1024;

/// Features that talk to somebody, get in the way of http pages, or cost memory.
const WITHOUT: &str = "Translate,MediaRouter,OptimizationHints,AutofillServerCommunication,DialMediaRouteProvider,\
                       WebRtcHideLocalIpsWithMdns,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,\
                       SpareRendererForSitePerProcess";

const FLAGS: [&str; 9] = [
    // Saves the extra tab that is opened otherwise.
    "no-startup-window",
    "disable-gpu",
    "disable-quic",
    "disable-component-update",
    "disable-domain-reliability",
    "no-pings",
    "disable-crash-reporter",
    "no-default-browser-check",
    "disable-search-engine-choice-screen",
];

/// A running Chromium.
pub(super) struct Chromium {
    pub(super) browser: Arc<Browser>,
    /// Fires when the process has ended or the connection to it is lost.
    pub(super) gone: CancellationToken,
    pub(super) mark: ProcessMark,
    ended: Arc<Ended>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

/// Chromium did not come up.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error("Chromium did not start: {0}")]
    Config(String),
    #[error("Chromium did not start: {}", explain(.0))]
    Start(#[from] CdpError),
    #[error("Chromium ended as soon as it had started")]
    Ended,
}

/// The last line of what Chromium said is the one that explains.
fn explain(error: &CdpError) -> String {
    let stderr = match error {
        CdpError::LaunchExit(_, stderr) | CdpError::LaunchTimeout(stderr) | CdpError::LaunchIo(_, stderr) => stderr,
        other => return other.to_string(),
    };
    let said = String::from_utf8_lossy(stderr.as_slice());
    let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    let line: String = line.chars().take(300).collect();
    match error {
        CdpError::LaunchExit(status, _) => format!("it ended with {status}: {line}"),
        _ => format!("it did not open its control port in time (`browser.start_limit`): {line}"),
    }
}

/// Starts Chromium on a profile; the flags leave it the gate as its only way out.
pub(super) async fn launch(
    executable: &Path,
    data: &Path,
    cache: &Path,
    mut flags: Vec<(&'static str, String)>,
    start_limit: Duration,
) -> Result<Chromium, LaunchError> {
    flags.push(("disk-cache-dir", cache.display().to_string()));
    let config = config(executable, data, flags, start_limit).map_err(LaunchError::Config)?;
    let (mut browser, handler) = Box::pin(Browser::launch(config)).await?;
    let pid = browser.get_mut_child().and_then(|child| child.as_mut_inner().id()).ok_or(LaunchError::Ended)?;
    let pid = i32::try_from(pid).map_err(|_| LaunchError::Ended)?;
    let (Some(mark), Some(ended)) = (ProcessMark::of(pid), Ended::watch(pid)) else {
        return Err(LaunchError::Ended);
    };
    let (gone, ended) = (CancellationToken::new(), Arc::new(ended));
    let tasks = [
        AbortOnDropHandle::new(tokio::spawn(converse(handler, gone.clone()))),
        AbortOnDropHandle::new(tokio::spawn(watch_end(ended.clone(), gone.clone()))),
    ];
    Ok(Chromium { browser: Arc::new(browser), gone, mark, ended, _tasks: tasks })
}

fn config(
    executable: &Path,
    data: &Path,
    flags: Vec<(&'static str, String)>,
    start_limit: Duration,
) -> Result<BrowserConfig, String> {
    let (width, height) = VIEW;
    let viewport = Viewport {
        width,
        height,
        device_scale_factor: None,
        emulating_mobile: false,
        is_landscape: false,
        has_touch: false,
    };
    let mut builder = BrowserConfig::builder()
        .chrome_executable(executable)
        .new_headless_mode()
        .user_data_dir(data)
        .respect_https_errors()
        .viewport(viewport)
        .window_size(width, height)
        .launch_timeout(start_limit)
        // A backstop only: every call has its own limit.
        .request_timeout(Duration::from_secs(60))
        .args(FLAGS)
        .arg(("disable-features", WITHOUT))
        .arg(("disk-cache-size", CACHE_BYTES.to_string().as_str()));
    for (name, value) in &flags {
        builder = builder.arg((*name, value.as_str()));
    }
    if runs_as_root() {
        builder = builder.no_sandbox();
    }
    builder.build()
}

/// Chromium refuses to run its sandbox for root.
pub(super) fn runs_as_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Carries the conversation with Chromium until it breaks; the driver may panic inside, which ends it too.
async fn converse(mut handler: Handler, gone: CancellationToken) {
    let _gone = gone.drop_guard();
    while let Some(Ok(())) = handler.next().await {}
}

/// A lost connection is not always noticed by the conversation; the end of the process is.
async fn watch_end(ended: Arc<Ended>, gone: CancellationToken) {
    ended.wait().await;
    gone.cancel();
}

impl Chromium {
    /// It has ended by itself, also when nobody was told of it yet.
    pub(super) fn is_over(&self) -> bool {
        self.gone.is_cancelled() || self.ended.is_over()
    }

    /// Closes it so that its profile is whole; kills it when it does not close. Says whether it was clean.
    pub(super) async fn close(&self) -> bool {
        // The answer may get lost in the closing; the end of the process is what counts.
        let _ = ask_browser(&self.browser, "Browser.close", json!({}), CLOSE_LIMIT).await;
        let clean = timeout(CLOSE_LIMIT, self.ended.wait()).await.is_ok();
        if !clean {
            self.kill().await;
        }
        clean
    }

    /// Ends it at once.
    pub(super) async fn kill(&self) {
        self.ended.kill();
        // Nothing can be done about a process that does not even die.
        let _ = timeout(CLOSE_LIMIT, self.ended.wait()).await;
    }
}
