//! Steps that only look: wait for an element, read one.

use serde_json::json;

use crate::browser::{act::Act, fault::Fault, found::Found, session::Session};

pub(super) async fn wait_for(session: &mut Session, act: &Act<'_>, selector: &str) -> Result<Found, Fault> {
    let place = session.locate(act, selector).await?;
    let seen = session.page(act)?.wait(act.until, "present", &place.args()).await?.or_fault(selector)?;
    Ok(Found::at(&seen))
}

pub(super) async fn extract(
    session: &mut Session,
    act: &Act<'_>,
    selector: &str,
    attribute: Option<&str>,
) -> Result<Found, Fault> {
    let place = session.locate(act, selector).await?;
    let args = place.args_and([json!({ "value": attribute })]);
    let seen = session.page(act)?.wait(act.until, "read", &args).await?.or_fault(selector)?;
    Ok(Found::at(&seen).field("value", seen.text("value")))
}
