//! Answers what a browser does by itself: popups are closed, downloads refused, dialogs dismissed, crashes told.

use std::{collections::HashSet, sync::Arc, time::Duration};

use chromiumoxide::{
    Browser, Page,
    cdp::browser_protocol::{
        browser::EventDownloadWillBegin,
        inspector,
        page::{DialogType, EventJavascriptDialogOpening},
        target::{EventTargetCreated, TargetId},
    },
    error::CdpError,
};
use futures::StreamExt;
use serde_json::json;
use tokio::sync::{Mutex, watch};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    cdp::{ask_browser, ask_page},
    notes::Notes,
};

const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The tabs we opened ourselves. Held while one is being opened, so that a new tab is not taken for a popup.
pub(super) type OwnTabs = Arc<Mutex<HashSet<TargetId>>>;

/// The watchers of one browser.
pub(super) struct BrowserWatch {
    /// How many downloads were refused so far.
    pub(super) downloads: watch::Receiver<u64>,
    _task: AbortOnDropHandle<()>,
}

/// Watches a whole browser.
pub(super) async fn watch_browser(
    browser: Arc<Browser>,
    own: OwnTabs,
    notes: Notes,
    keep_popups: bool,
) -> Result<BrowserWatch, CdpError> {
    let mut targets = browser.event_listener::<EventTargetCreated>().await?;
    let mut begun = browser.event_listener::<EventDownloadWillBegin>().await?;
    let (count, downloads) = watch::channel(0);
    let task = tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(target) = targets.next() => {
                    let info = &target.target_info;
                    if info.r#type == "page" && !keep_popups && !own.lock().await.contains(&info.target_id) {
                        let host = url::Url::parse(&info.url).ok().and_then(|url| url.host_str().map(str::to_owned));
                        notes.add(&format!("a popup was closed ({})", host.as_deref().unwrap_or("no address yet")));
                        close_target(&browser, &info.target_id).await;
                    }
                }
                Some(download) = begun.next() => {
                    notes.add(&format!("a download was refused: {}", download.suggested_filename));
                    count.send_modify(|count| *count += 1);
                }
                else => return,
            }
        }
    });
    Ok(BrowserWatch { downloads, _task: AbortOnDropHandle::new(task) })
}

/// Closes a tab or popup. It may have closed by itself.
pub(super) async fn close_target(browser: &Browser, target: &TargetId) {
    let _ = ask_browser(browser, "Target.closeTarget", json!({ "targetId": target }), ANSWER_LIMIT).await;
}

/// Watches one tab: an open dialog would block every call, and a call to a crashed page is never answered.
pub(super) async fn watch_tab(
    page: &Page,
    crashed: CancellationToken,
    notes: Notes,
) -> Result<AbortOnDropHandle<()>, CdpError> {
    let mut dialogs = page.event_listener::<EventJavascriptDialogOpening>().await?;
    let mut crashes = page.event_listener::<inspector::EventTargetCrashed>().await?;
    let page = page.clone();
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(dialog) = dialogs.next() => {
                    // Who is about to leave a page means it; every other question is answered no.
                    let leaving = dialog.r#type == DialogType::Beforeunload;
                    if !leaving {
                        let kind = dialog.r#type.as_ref();
                        notes.add(&format!("the page said ({kind}, dismissed): {}", dialog.message));
                    }
                    let answer = json!({ "accept": leaving });
                    let _ = ask_page(&page, "Page.handleJavaScriptDialog", answer, ANSWER_LIMIT).await;
                }
                Some(_) = crashes.next() => crashed.cancel(),
                else => return,
            }
        }
    })))
}
