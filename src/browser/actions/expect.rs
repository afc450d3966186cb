//! Assertions: they wait for what should be so, and say what is so instead.

use actors::domain::StepError;
use serde_json::json;

use crate::browser::{act::Act, fault::Fault, found::Found, place::Place, seen::Seen, session::Session};

pub(super) async fn title(session: &mut Session, act: &Act<'_>, contains: &str) -> Result<Found, Fault> {
    let seen = session.page(act)?.wait(act.until, "titled", &[json!({ "value": contains })]).await?;
    Ok(judged(&seen, || format!("the title is \"{}\", without \"{contains}\"", seen.text("actual"))))
}

pub(super) async fn selector(session: &mut Session, act: &Act<'_>, selector: &str) -> Result<Found, Fault> {
    let place = session.locate(act, selector).await?;
    let seen = session.page(act)?.wait(act.until, "present", &place.args()).await?;
    if seen.is_fatal() {
        return seen.or_fault(selector).map(|seen| Found::at(&seen));
    }
    Ok(judged(&seen, || format!("`{selector}` {}", seen.why())))
}

pub(super) async fn text(
    session: &mut Session,
    act: &Act<'_>,
    contains: &str,
    selector: Option<&str>,
) -> Result<Found, Fault> {
    let place = match selector {
        Some(selector) => Some(session.locate(act, selector).await?),
        None => None,
    };
    let nowhere = || [json!({ "value": null }), json!({ "value": null })];
    let [css, node] = place.as_ref().map_or_else(nowhere, Place::args);
    let seen = session.page(act)?.wait(act.until, "shows", &[css, node, json!({ "value": contains })]).await?;
    let name = selector.map_or_else(|| "the page".to_owned(), |selector| format!("`{selector}`"));
    if seen.is_fatal() {
        return seen.or_fault(selector.unwrap_or("the page")).map(|seen| Found::at(&seen));
    }
    Ok(judged(&seen, || match (seen.why(), seen.text("actual")) {
        ("", "") => format!("{name} shows no text at all, so not \"{contains}\""),
        ("", actual) => format!("{name} does not show \"{contains}\"; it shows: {actual}"),
        (why, _) => format!("{name} {why}"),
    }))
}

fn judged(seen: &Seen, why: impl FnOnce() -> String) -> Found {
    let found = Found::at(seen);
    if seen.holds() { found } else { found.lacks(StepError::retryable(why())) }
}
