//! Runs a script in the page itself.

use actors::domain::StepError;
use serde_json::{Value, json};

use crate::browser::{
    act::Act,
    evidence,
    fault::Fault,
    found::Found,
    session::Session,
    settle::Settling,
    tab::{SHORT, Tab, thrown_text},
};

const LONGEST_RESULT: usize = 20_000;

pub(super) async fn evaluate(session: &mut Session, act: &Act<'_>, script: &str) -> Result<Found, Fault> {
    let tab = session.page(act)?;
    check_syntax(tab, script).await?;
    if act.is_effect() {
        let here = tab.here(0, SHORT).await?;
        evidence::same_origin(act, here.text("origin"))?;
    }
    let settling = Settling::begin(tab).await?;
    act.sent();
    let left = act.until.saturating_duration_since(tokio::time::Instant::now());
    let params = json!({
        "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true,
    });
    let answer = match tab.ask("Runtime.evaluate", params, left).await {
        // The script opened another page, which took its answer along.
        Err(Fault::PageChanged) => json!({}),
        other => other?,
    };
    let thrown = answer.get("exceptionDetails").map(thrown_text);
    if let (Some(thrown), true) = (&thrown, act.is_effect()) {
        let text = format!("the script failed on its way, after it may have done something: {thrown}");
        return Err(Fault::Step(StepError::retryable(text)));
    }
    let rest = settling.rest(tab, act.deadline, act.is_effect()).await?;
    let found = evidence::after(session, act, rest).await?;
    if let Some(thrown) = thrown {
        return Ok(found.lacks(StepError::retryable(format!("the script failed: {thrown}"))));
    }
    with_value(found, answer["result"]["value"].clone())
}

fn with_value(found: Found, value: Value) -> Result<Found, Fault> {
    let bytes = value.to_string().len();
    if bytes > LONGEST_RESULT {
        let text = format!("the script returned {bytes} bytes; at most {LONGEST_RESULT} are kept, return less");
        return Ok(found.lacks(StepError::permanent(text)));
    }
    Ok(found.field("value", value))
}

/// A script that cannot even be read has done nothing; one that fails later may have.
async fn check_syntax(tab: &Tab, script: &str) -> Result<(), Fault> {
    let params = json!({ "expression": script, "sourceURL": "", "persistScript": false });
    let answer = tab.ask("Runtime.compileScript", params, SHORT).await?;
    match answer.get("exceptionDetails") {
        Some(details) => Err(Fault::permanent(format!("the script cannot be read: {}", thrown_text(details)))),
        None => Ok(()),
    }
}
