//! Waits until what an act set off has come to rest: a page it opened, requests it sent.
//!
//! The listeners are set up before the act, so nothing it sets off can be missed; that is what makes this wait free
//! of the race in the driver's own `wait_for_navigation`. Events of different kinds reach us in no particular order,
//! so they are matched by loader, request and address, never by sequence.

use std::{collections::HashSet, time::Duration};

use chromiumoxide::{
    Page,
    cdp::{
        IntoEventKind,
        browser_protocol::{
            network::{EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent, ResourceType},
            page::{
                EventFrameRequestedNavigation, EventFrameStartedNavigating, EventLifecycleEvent,
                FrameStartedNavigatingNavigationType as Kind,
            },
        },
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
/// Between a page's wish to leave and the browser's start lies a hop to another process.
const START_LIMIT: Duration = Duration::from_secs(1);
/// Pages that send on to other pages are followed this often.
const MOST_HOPS: u32 = 8;

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
    events: Events,
    state: State,
}

struct Events {
    wished: EventStream<EventFrameRequestedNavigation>,
    started: EventStream<EventFrameStartedNavigating>,
    life: EventStream<EventLifecycleEvent>,
    sent: EventStream<EventRequestWillBeSent>,
    finished: EventStream<EventLoadingFinished>,
    failed: EventStream<EventLoadingFailed>,
}

/// What is known from the events so far.
#[derive(Debug, Default)]
struct State {
    main: String,
    /// Addresses the page wants to go to, and those the browser began with.
    wished: HashSet<String>,
    begun: HashSet<String>,
    /// Loader of the newest document under way.
    under_way: Option<String>,
    /// Loaders whose document is there.
    arrived: HashSet<String>,
    /// Requests that came to no good; a document's request bears its loader's name.
    failed: HashSet<String>,
    open: HashSet<String>,
}

impl Settling {
    pub(super) async fn begin(tab: &Tab) -> Result<Self, Fault> {
        async fn listen<T: IntoEventKind + Unpin>(page: &Page) -> Result<EventStream<T>, Fault> {
            page.event_listener::<T>().await.map_err(|error| Fault::from_cdp("event listener", error))
        }
        let page = &tab.page;
        let events = Events {
            wished: listen(page).await?,
            started: listen(page).await?,
            life: listen(page).await?,
            sent: listen(page).await?,
            finished: listen(page).await?,
            failed: listen(page).await?,
        };
        Ok(Self { events, state: State { main: tab.main_frame().to_owned(), ..State::default() } })
    }

    /// Follows what was set off. `thorough`: waits for requests and pictures too, for a while.
    pub(super) async fn rest(mut self, tab: &Tab, until: Instant, thorough: bool) -> Result<Rest, Fault> {
        let mut rest = Rest::default();
        let quiet_by = until.min(Instant::now() + QUIET_LIMIT);
        for _ in 0..MOST_HOPS {
            self.take_turns(tab, until).await?;
            if self.state.is_leaving() {
                let by = until.min(Instant::now() + START_LIMIT);
                // A wish may come to nothing, then the page stays.
                let _ = timeout_at(by, tab.unless_crashed(self.until(|state| !state.is_leaving()))).await;
                self.state.wished.clear();
            } else if self.state.is_under_way() {
                let arriving = tab.unless_crashed(self.until(|state| !state.is_under_way()));
                timeout_at(until, arriving).await.map_err(|_| Fault::Slow("the page that was opened by it"))??;
                tab.forget_world();
            } else if thorough && !self.state.open.is_empty() {
                let moved = |state: &State| state.open.is_empty() || state.is_leaving() || state.is_under_way();
                if timeout_at(quiet_by, tab.unless_crashed(self.until(moved))).await.is_err() {
                    rest.restless = true;
                    break;
                }
            } else {
                break;
            }
        }
        rest.navigated = !self.state.arrived.is_empty();
        if rest.navigated && thorough {
            let by = until.min(Instant::now() + LOAD_LIMIT);
            rest.restless |= !tab.wait(by, "loaded", &[]).await?.holds();
        }
        Ok(rest)
    }

    /// Lets the page take its turns: what it does in answer to the act has begun then. The second call brings in the
    /// events that were on their way beside the answer of the first.
    async fn take_turns(&mut self, tab: &Tab, until: Instant) -> Result<(), Fault> {
        for _ in 0..2 {
            let left = until.saturating_duration_since(Instant::now());
            match tab.call("turn", Vec::new(), left).await {
                Ok(_) | Err(Fault::PageChanged) => {}
                Err(other) => return Err(other),
            }
            while self.events.next(&mut self.state).now_or_never().is_some_and(|more| more) {}
            if self.state.is_leaving() || self.state.is_under_way() {
                break;
            }
        }
        Ok(())
    }

    async fn until(&mut self, so: impl Fn(&State) -> bool) {
        while !so(&self.state) && self.events.next(&mut self.state).await {}
    }
}

impl Events {
    /// Takes in the next event; false: there will be none any more.
    async fn next(&mut self, state: &mut State) -> bool {
        tokio::select! {
            Some(event) = self.wished.next() => if *event.frame_id.inner() == state.main {
                state.wished.insert(event.url.clone());
            },
            Some(event) = self.started.next() => if *event.frame_id.inner() == state.main {
                state.begun.insert(event.url.clone());
                if is_new_document(&event.navigation_type) {
                    state.under_way = Some(event.loader_id.inner().clone());
                }
            },
            Some(event) = self.life.next() => {
                if *event.frame_id.inner() == state.main && event.name == "DOMContentLoaded" {
                    state.arrived.insert(event.loader_id.inner().clone());
                }
            }
            Some(event) = self.sent.next() => if has_an_end(event.r#type.as_ref()) {
                state.open.insert(event.request_id.inner().clone());
            },
            Some(event) = self.finished.next() => { state.open.remove(event.request_id.inner()); }
            Some(event) = self.failed.next() => {
                state.open.remove(event.request_id.inner());
                state.failed.insert(event.request_id.inner().clone());
            }
            else => return false,
        }
        true
    }
}

impl State {
    /// The page wants to go somewhere and the browser has not begun.
    fn is_leaving(&self) -> bool {
        !self.wished.is_subset(&self.begun)
    }

    fn is_under_way(&self) -> bool {
        self.under_way.as_ref().is_some_and(|loader| !self.arrived.contains(loader) && !self.failed.contains(loader))
    }
}

/// Whether a navigation brings another document, not another place in the same one.
pub(super) fn is_new_document(kind: &Kind) -> bool {
    !matches!(kind, Kind::SameDocument | Kind::HistorySameDocument)
}

/// Whether a request comes to an end that is worth waiting for.
fn has_an_end(kind: Option<&ResourceType>) -> bool {
    let endless = [ResourceType::EventSource, ResourceType::WebSocket, ResourceType::Ping, ResourceType::Media];
    !kind.is_some_and(|kind| endless.contains(kind))
}
