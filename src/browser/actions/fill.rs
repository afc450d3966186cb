//! Fills a field: clears it, types, and looks whether the text is really there.

use actors::domain::StepError;
use serde_json::json;

use crate::browser::{act::Act, evidence, fault::Fault, found::Found, seen::Seen, session::Session, tab::SHORT};

pub(super) async fn fill(session: &mut Session, act: &Act<'_>, selector: &str, text: &str) -> Result<Found, Fault> {
    let place = session.locate(act, selector).await?;
    let tab = session.page(act)?;
    let several_lines = json!({ "value": text.contains(['\n', '\r']) });
    let focused = tab.wait(act.until, "focus", &place.args_and([several_lines])).await?.or_fault(selector)?;
    evidence::same_origin(act, focused.text("origin"))?;
    // What a letter's fields hold is not sent yet.
    if !act.is_effect() {
        act.sent();
    }
    if focused.flag("set") {
        // Dates, colours and sliders take a value, not keys.
        tab.call("assign", place.args_and([json!({ "value": text })]), SHORT).await?;
    } else if text.is_empty() {
        tab.call("clear", Vec::new(), SHORT).await?;
    } else {
        tab.ask("Input.insertText", json!({ "text": text }), SHORT).await?;
    }
    let held = tab.call("held", place.args().into(), SHORT).await?.or_fault(selector)?;
    Ok(judged(&held, selector, text, focused.flag("secret")))
}

/// A page may format what is typed (spaces in a number), but not lose it.
fn judged(held: &Seen, selector: &str, text: &str, secret: bool) -> Found {
    let found = Found::at(held);
    let (has, wanted) = (held.text("value").replace("\r\n", "\n"), text.replace("\r\n", "\n"));
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    if has.trim_end() == wanted.trim_end() {
        return found;
    }
    let count = |text: &str| text.chars().count();
    if !letters(&wanted).is_empty() && letters(&has) == letters(&wanted) {
        return found.detail("the page wrote the text in its own form");
    }
    let why = if secret {
        format!("`{selector}` does not hold what was typed")
    } else {
        format!("`{selector}` holds {} characters instead of the {} that were typed", count(&has), count(&wanted))
    };
    found.lacks(StepError::retryable(format!("{why}; the page changes or limits the field")))
}
