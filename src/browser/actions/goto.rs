//! Opens an address and waits until its page is there.

use std::time::Duration;

use actors::domain::StepError;
use chromiumoxide::{
    cdp::browser_protocol::{
        network::{EventLoadingFailed, ResourceType},
        page::EventLifecycleEvent,
    },
    error::CdpError,
    listeners::EventStream,
};
use futures::StreamExt;
use serde_json::json;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, timeout_at},
};

use crate::{
    browser::{
        act::Act,
        fault::Fault,
        found::Found,
        session::Session,
        tab::{SHORT, Tab},
    },
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
    let before = session.gate.last_refusal();
    let run = act.call.run;
    let mut downloads = session.watch.downloads.clone();
    downloads.mark_unchanged();
    let tab = session.tab_to_navigate().await?;
    tab.run = Some(run);
    let arrival = navigate(tab, url.as_str(), act.until, downloads).await?;
    let found = match arrival {
        Arrival::Loaded => arrived(session.page(act)?, act).await?,
        Arrival::StillLoading => arrived(session.page(act)?, act).await?.detail("the page was still loading"),
        Arrival::Failed(error) => return Err(Fault::Step(why_failed(&session.gate, before, &error))),
        Arrival::Nothing => {
            let text = "the address brought no page: it is a download (refused), or was answered without content";
            return Err(Fault::permanent(text));
        }
        Arrival::TooLate => {
            let text = "the page did not load in time; raise `timeout_ms`, or try again later";
            return Err(session
                .gate
                .refusals_since(before)
                .first()
                .map_or_else(|| Fault::retryable(text), |refused| Fault::retryable(format!("{text}; {refused}"))));
        }
    };
    Ok(found)
}

/// Sends the tab off and waits for what comes of it. The driver's own navigation call waits for the load event of
/// every frame and cannot be taken back, so it runs beside this wait.
async fn navigate(
    tab: &mut Tab,
    url: &str,
    until: Instant,
    mut downloads: watch::Receiver<u64>,
) -> Result<Arrival, Fault> {
    let listen = |error| Fault::from_cdp("event listener", error);
    let mut life = tab.page.event_listener::<EventLifecycleEvent>().await.map_err(listen)?;
    let mut failures = tab.page.event_listener::<EventLoadingFailed>().await.map_err(listen)?;
    let (done, mut loaded) = oneshot::channel();
    let (page, url) = (tab.page.clone(), url.to_owned());
    tab.unfinished = Some(tokio::spawn(async move {
        // Nobody waits any more when the address was given up.
        let _ = done.send(page.goto(url).await.map(|_| ()));
    }));
    let main = tab.main_frame().to_owned();
    let waiting = async {
        let (mut committed, mut there, mut ends) = (false, false, until);
        loop {
            tokio::select! {
                biased;
                result = &mut loaded => return finished(result),
                event = life.next() => match event {
                    Some(event) if *event.frame_id.inner() == main => {
                        committed |= event.name == "commit" || event.name == "init";
                        if committed && event.name == "DOMContentLoaded" {
                            there = true;
                            ends = until.min(Instant::now() + LOAD_GRACE);
                        }
                    }
                    Some(_) => {}
                    None => return Arrival::Failed("the connection to the browser was lost".to_owned()),
                },
                () = aborted(&mut failures), if !committed => return Arrival::Nothing,
                Ok(()) = downloads.changed() => return Arrival::Nothing,
                () = tokio::time::sleep_until(ends) => {
                    return if there { Arrival::StillLoading } else { Arrival::TooLate };
                }
            }
        }
    };
    tab.unless_crashed(waiting).await
}

fn finished(result: Result<Result<(), CdpError>, oneshot::error::RecvError>) -> Arrival {
    match result {
        Ok(Ok(())) => Arrival::Loaded,
        Ok(Err(CdpError::Timeout)) => Arrival::TooLate,
        Ok(Err(error)) => Arrival::Failed(error.to_string()),
        Err(_) => Arrival::Failed("the navigation broke off".to_owned()),
    }
}

/// Comes back when a document was given up before it came to be one.
async fn aborted(failures: &mut EventStream<EventLoadingFailed>) {
    while let Some(failed) = failures.next().await {
        if failed.r#type == ResourceType::Document && failed.error_text == "net::ERR_ABORTED" {
            return;
        }
    }
    std::future::pending().await
}

/// Where the page is and what the server said.
async fn arrived(tab: &Tab, act: &Act<'_>) -> Result<Found, Fault> {
    let looking = tab.call("here", vec![json!({ "value": 0 })], SHORT);
    let seen = timeout_at(act.deadline, looking).await.map_err(|_| Fault::Slow("the new page"))??;
    let status = seen.number("status");
    let found = Found::at(&seen);
    Ok(if status >= 400.0 { found.detail(format!("the server answered {status}")) } else { found })
}

/// The gate knows why better than the browser does.
fn why_failed(gate: &Gate, before: u64, error: &str) -> StepError {
    let refused = gate.refusals_since(before);
    let of_page = refused.iter().rev().find(|refused| !crate::egress::is_own_errand(&refused.host));
    match of_page {
        Some(refused) if refused.why.is_rule() => {
            StepError::denied(format!("{refused}; add it to the persona's hosts if it should be reached"))
        }
        Some(refused) => StepError::retryable(refused.to_string()),
        None => StepError::retryable(format!("the page did not open: {error}")),
    }
}
