//! Waits until what an act set off has come to rest: a page it opened, requests it sent.
//!
//! The listeners are set up before the act, so nothing it sets off can be missed; that is what makes this wait free
//! of the race in the driver's own `wait_for_navigation`.

use std::{collections::HashSet, time::Duration};

use chromiumoxide::{
    Page,
    cdp::browser_protocol::{
        network::{EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent, RequestId, ResourceType},
        page::{EventFrameStartedLoading, EventFrameStoppedLoading, EventLifecycleEvent},
    },
    listeners::EventStream,
};
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::{fault::Fault, tab::Tab};

/// A page that keeps asking for something is not waited for longer.
const QUIET_LIMIT: Duration = Duration::from_secs(2);
/// Pictures of a page that an act opened may take this long.
const LOAD_LIMIT: Duration = Duration::from_secs(2);
/// Pages that send on to other pages are followed this often.
const MOST_HOPS: u32 = 5;

/// What an act set off.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Rest {
    /// A new page was opened.
    pub(super) navigated: bool,
    /// It still loads or asks for something.
    pub(super) restless: bool,
}

/// Listens from before an act until the page is at rest.
pub(super) struct Settling {
    main: String,
    started: EventStream<EventFrameStartedLoading>,
    stopped: EventStream<EventFrameStoppedLoading>,
    life: EventStream<EventLifecycleEvent>,
    sent: EventStream<EventRequestWillBeSent>,
    finished: EventStream<EventLoadingFinished>,
    failed: EventStream<EventLoadingFailed>,
}

impl Settling {
    pub(super) async fn begin(tab: &Tab) -> Result<Self, Fault> {
        async fn listen<T: chromiumoxide::cdp::IntoEventKind + Unpin>(page: &Page) -> Result<EventStream<T>, Fault> {
            page.event_listener::<T>().await.map_err(|error| Fault::from_cdp("event listener", error))
        }
        let page = &tab.page;
        Ok(Self {
            main: tab.main_frame().to_owned(),
            started: listen(page).await?,
            stopped: listen(page).await?,
            life: listen(page).await?,
            sent: listen(page).await?,
            finished: listen(page).await?,
            failed: listen(page).await?,
        })
    }

    /// Follows what was set off. `thorough`: waits for requests and pictures too, for a while.
    pub(super) async fn rest(mut self, tab: &Tab, until: Instant, thorough: bool) -> Result<Rest, Fault> {
        let mut rest = Rest::default();
        for _ in 0..MOST_HOPS {
            if !self.begins_to_load(tab, until).await? {
                if !thorough || self.quiet(until).await {
                    break;
                }
                if !self.has_started() {
                    rest.restless = true;
                    break;
                }
            }
            rest.navigated = true;
            let arrived = timeout_at(until, tab.unless_crashed(self.arrives())).await;
            arrived.map_err(|_| Fault::Slow("the page that was opened by it"))??;
        }
        if rest.navigated && thorough {
            let by = until.min(Instant::now() + LOAD_LIMIT);
            rest.restless |= !tab.wait(by, "loaded", &[]).await?.holds();
        }
        Ok(rest)
    }

    /// Lets the page take two turns, then knows whether it is leaving.
    async fn begins_to_load(&mut self, tab: &Tab, until: Instant) -> Result<bool, Fault> {
        for _ in 0..2 {
            let left = until.saturating_duration_since(Instant::now());
            // The second call brings in the events that were on their way beside the answer of the first.
            match tab.call("turn", Vec::new(), left).await {
                Ok(_) | Err(Fault::PageChanged) => {}
                Err(other) => return Err(other),
            }
            if self.has_started() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_started(&mut self) -> bool {
        while let Some(Some(event)) = self.started.next().now_or_never() {
            if *event.frame_id.inner() == self.main {
                return true;
            }
        }
        false
    }

    /// The new document is there, or the page gave the navigation up.
    async fn arrives(&mut self) {
        loop {
            tokio::select! {
                Some(event) = self.life.next() => {
                    if *event.frame_id.inner() == self.main && event.name == "DOMContentLoaded" {
                        return;
                    }
                }
                Some(event) = self.stopped.next() => {
                    if *event.frame_id.inner() == self.main {
                        return;
                    }
                }
                else => return,
            }
        }
    }

    /// Waits until every request sent since the act has come to its end; false when that takes too long, or a new
    /// page begins to load.
    async fn quiet(&mut self, until: Instant) -> bool {
        let by = until.min(Instant::now() + QUIET_LIMIT);
        let mut open: HashSet<RequestId> = HashSet::new();
        loop {
            while let Some(Some(event)) = self.sent.next().now_or_never() {
                if counts(event.r#type.as_ref()) {
                    open.insert(event.request_id.clone());
                }
            }
            while let Some(Some(event)) = self.finished.next().now_or_never() {
                open.remove(&event.request_id);
            }
            while let Some(Some(event)) = self.failed.next().now_or_never() {
                open.remove(&event.request_id);
            }
            if open.is_empty() {
                return true;
            }
            let next = async {
                tokio::select! {
                    Some(event) = self.finished.next() => { open.remove(&event.request_id); }
                    Some(event) = self.failed.next() => { open.remove(&event.request_id); }
                    else => {}
                }
            };
            if timeout_at(by, next).await.is_err() {
                return false;
            }
        }
    }
}

/// Whether a request has an end worth waiting for.
fn counts(kind: Option<&ResourceType>) -> bool {
    !matches!(
        kind,
        Some(ResourceType::EventSource | ResourceType::WebSocket | ResourceType::Ping | ResourceType::Media)
    )
}
