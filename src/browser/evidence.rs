//! What an act leaves behind for its receipt: where the page is then, what it says, what it looks like.

use std::time::Duration;

use actors::domain::{ArtifactKind, StepError};
use url::Url;

use super::{act::Act, actions::Capture, fault::Fault, found::Found, session::Session, settle::Rest};

const LONGEST_TEXT: usize = 4_000;
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// An act that was decided for a page is not carried out on another site's.
pub(super) fn same_origin(act: &Act<'_>, origin: &str) -> Result<(), Fault> {
    let Some(page) = act.call.page.as_deref().filter(|_| act.is_bound()) else { return Ok(()) };
    let expected = Url::parse(page).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    if expected == origin {
        return Ok(());
    }
    let text = format!("this was decided for a page of {expected}, but the page is now one of {origin}; not done");
    Err(Fault::Step(StepError::retryable(text)))
}

/// The page after an act. The act is done whatever comes of this, so a failure here is only noted.
pub(super) async fn after(session: &mut Session, act: &Act<'_>, rest: Rest) -> Result<Found, Fault> {
    if rest.navigated {
        session.save_cookies().await;
    }
    let longest = if act.is_effect() { LONGEST_TEXT } else { 0 };
    let tab = session.page(act)?;
    let look = tab.here(longest, LOOK_LIMIT.min(act.left())).await;
    let mut found = match look {
        Ok(seen) if longest > 0 => Found::at(&seen).field("page_text", seen.text("text")),
        Ok(seen) => Found::at(&seen),
        Err(Fault::PageCrashed) => return Err(Fault::PageCrashed),
        Err(fault) => Found::default().detail(format!("the page could not be read then: {}", fault.into_error().text)),
    };
    if rest.restless {
        found = found.detail("the page was still loading");
    }
    if act.is_effect() {
        let capture = Capture::default();
        match capture.take(session, act, LOOK_LIMIT.min(act.left())).await {
            Ok(bytes) => {
                found.artifacts.push(capture.artifact(ArtifactKind::Screenshot, &capture.file_name(act, None), bytes));
            }
            Err(fault) => found = found.detail(format!("no screenshot: {}", fault.into_error().text)),
        }
    }
    Ok(found)
}
