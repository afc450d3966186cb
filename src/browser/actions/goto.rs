//! Opens an address and waits until its page is there.

use std::{collections::HashSet, time::Duration};

use actors::domain::StepError;
use chromiumoxide::{
    cdp::browser_protocol::{
        network::EventLoadingFailed,
        page::{EventFrameStartedNavigating, EventLifecycleEvent},
    },
    error::CdpError,
    listeners::EventStream,
};
use futures::StreamExt;
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use crate::{
    browser::{act::Act, fault::Fault, found::Found, session::Session, tab::Tab},
    egress::Gate,
};

/// After the document is there, pictures and scripts may take this long before the page counts as open.
const LOAD_GRACE: Duration = Duration::from_secs(5);

/// How a navigation ended.
enum Arrival {
    Loaded,
    /// The document is there, something in it still loads.
    StillLoading,
    Failed(String),
    /// No page came of it: a download, or an answer without content.
    Nothing,
    TooLate,
}

pub(super) async fn goto(session: &mut Session, act: &Act<'_>, url: &str) -> Result<Found, Fault> {
    let url = session.gate.check_url(url).map_err(|refusal| Fault::Step(StepError::denied(refusal.to_string())))?;
    let before = *session.gate.newest_refusal().borrow();
    let run = act.call.run;
    let mut downloads = session.watch.downloads.clone();
    downloads.mark_unchanged();
    let tab = session.tab_to_navigate().await?;
    tab.run = Some(run);
    let arrival = navigate(tab, url.as_str(), act.until, downloads).await?;
    if matches!(arrival, Arrival::Loaded | Arrival::StillLoading) {
        // A site may have renewed a login; an older one must not come back after a crash.
        session.save_cookies().await;
    }
    let found = match arrival {
        Arrival::Loaded => arrived(session.page(act)?, act).await?,
        Arrival::StillLoading => arrived(session.page(act)?, act).await?.detail("the page was still loading"),
        Arrival::Failed(error) => return Err(Fault::Step(why_failed(&session.gate, before, &error))),
        Arrival::Nothing => {
            let text = "the address brought no page: it is a download (refused), or was answered without content";
            return Err(Fault::permanent(text));
        }
        Arrival::TooLate => {
            let page = format!("{}{}", url.host_str().unwrap_or_default(), url.path());
            return Err(Fault::retryable(format!(
                "{page} did not load in time; raise `timeout_ms`, or try again later"
            )));
        }
    };
    Ok(found)
}

/// Sends the tab off and waits for what comes of it. The driver's own navigation call waits for the load event of
/// every frame and cannot be taken back, so it runs beside this wait.
async fn navigate(tab: &mut Tab, url: &str, until: Instant, downloads: watch::Receiver<u64>) -> Result<Arrival, Fault> {
    let journey = Journey::listen(tab, downloads).await.map_err(|error| Fault::from_cdp("event listener", error))?;
    let (done, loaded) = oneshot::channel();
    let (page, url) = (tab.page.clone(), url.to_owned());
    tab.unfinished = Some(tokio::spawn(async move {
        // Nobody waits any more when the address was given up.
        let _ = done.send(page.goto(url).await.map(|_| ()));
    }));
    let arrival = tab.unless_crashed(journey.end(loaded, until)).await;
    tab.forget_world();
    arrival
}

/// What is heard while a tab is on its way. Events of different kinds come in no particular order.
struct Journey {
    main: String,
    started: EventStream<EventFrameStartedNavigating>,
    life: EventStream<EventLifecycleEvent>,
    failures: EventStream<EventLoadingFailed>,
    downloads: watch::Receiver<u64>,
    /// Documents this tab set out for.
    loaders: HashSet<String>,
    /// Requests that were given up; a document's request bears its loader's name.
    given_up: HashSet<String>,
}

impl Journey {
    async fn listen(tab: &Tab, downloads: watch::Receiver<u64>) -> Result<Self, CdpError> {
        Ok(Self {
            main: tab.main_frame().to_owned(),
            started: tab.page.event_listener().await?,
            life: tab.page.event_listener().await?,
            failures: tab.page.event_listener().await?,
            downloads,
            loaders: HashSet::new(),
            given_up: HashSet::new(),
        })
    }

    async fn end(mut self, mut loaded: oneshot::Receiver<Result<(), CdpError>>, until: Instant) -> Arrival {
        let (mut there, mut ends) = (false, until);
        loop {
            tokio::select! {
                biased;
                result = &mut loaded => return finished(result),
                Some(event) = self.started.next() => if *event.frame_id.inner() == self.main {
                    self.loaders.insert(event.loader_id.inner().clone());
                },
                Some(event) = self.life.next() => {
                    let ours = self.loaders.contains(event.loader_id.inner());
                    if ours && *event.frame_id.inner() == self.main && event.name == "DOMContentLoaded" {
                        there = true;
                        ends = until.min(Instant::now() + LOAD_GRACE);
                    }
                }
                Some(failed) = self.failures.next() => if failed.error_text == "net::ERR_ABORTED" {
                    self.given_up.insert(failed.request_id.inner().clone());
                },
                Ok(()) = self.downloads.changed() => return Arrival::Nothing,
                () = tokio::time::sleep_until(ends) => {
                    return if there { Arrival::StillLoading } else { Arrival::TooLate };
                }
            }
            if !there && !self.loaders.is_empty() && self.loaders.is_subset(&self.given_up) {
                return Arrival::Nothing;
            }
        }
    }
}

fn finished(result: Result<Result<(), CdpError>, oneshot::error::RecvError>) -> Arrival {
    match result {
        Ok(Ok(())) => Arrival::Loaded,
        Ok(Err(CdpError::Timeout)) => Arrival::TooLate,
        Ok(Err(error)) => Arrival::Failed(error.to_string()),
        Err(_) => Arrival::Failed("the navigation broke off".to_owned()),
    }
}

/// Where the page is and what the server said.
async fn arrived(tab: &Tab, act: &Act<'_>) -> Result<Found, Fault> {
    let seen = tab.here(0, act.left()).await?;
    let status = seen.number("status");
    let found = Found::at(&seen);
    Ok(if status >= 400.0 { found.detail(format!("the server answered {status}")) } else { found })
}

/// The gate knows why better than the browser does.
fn why_failed(gate: &Gate, before: u64, error: &str) -> StepError {
    let refused = gate.refusals_since(before);
    let of_page = refused.iter().rev().find(|refused| !crate::egress::is_own_errand(&refused.host));
    match of_page {
        Some(refused) if refused.why.is_rule() => StepError::denied(format!("{refused}{}", refused.advice())),
        Some(refused) => StepError::retryable(refused.to_string()),
        None => StepError::retryable(format!("the page did not open: {error}")),
    }
}
