//! Chooses an option of a list.

use serde_json::json;

use crate::browser::{act::Act, fault::Fault, found::Found, session::Session};

pub(super) async fn select(session: &mut Session, act: &Act<'_>, selector: &str, value: &str) -> Result<Found, Fault> {
    let place = session.locate(act, selector).await?;
    let args = place.args_and([json!({ "value": value })]);
    let seen = session.page(act)?.wait(act.until, "choose", &args).await?.or_fault(selector)?;
    Ok(Found::at(&seen))
}
