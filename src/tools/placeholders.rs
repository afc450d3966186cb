//! `${secret:name}`: filled in on the way to the browser, taken out of everything on the way back.
//!
//! Only what a person or template wrote into the plan is filled. A page or a mail that says `${secret:…}` and gets into a
//! step through a `{{placeholder}}` is text like any other, else it could talk a persona out of its secrets.

use std::collections::BTreeMap;

use actors::domain::{Outcome, Step, StepError};
use serde_json::Value;
use url::Url;

use crate::secrets::{Hidden, in_script};

const OPEN: &str = "${secret:";
const MOST_NAME: usize = 64;

/// Whether a step mentions any secret.
pub(super) fn mentions_secret(step: &Step) -> bool {
    may_hold(step).is_some_and(|text| text.contains(OPEN))
}

/// Fills the secrets of a step that types or runs a script. `written` is the step as it stands in the plan: a secret it
/// does not name is not filled. Where only the name would reach the browser, it is refused.
pub(super) fn fill(mut step: Step, written: Option<&Step>, known: &Hidden) -> Result<Step, StepError> {
    let named = written.and_then(may_hold).map(names).transpose()?.unwrap_or_default();
    match &mut step {
        _ if named.is_empty() => {}
        Step::Type { text, .. } => *text = fill_in(text, &named, known, str::to_owned)?,
        Step::Evaluate { script, .. } => *script = fill_in(script, &named, known, in_script)?,
        _ => {
            let text = "`${secret:…}` is filled in only in `type` and `evaluate` steps; use one of those";
            return Err(StepError::permanent(text));
        }
    }
    Ok(step)
}

/// Whether an agent may have the secrets typed that its step names: `allowed` has the host for each, `page` is the
/// address that is open. The browser refuses to type them anywhere else.
pub(super) fn check_agent(
    step: &Step,
    allowed: &BTreeMap<String, String>,
    page: Option<&str>,
) -> Result<(), StepError> {
    let host = page.and_then(|page| Url::parse(page).ok()).and_then(|url| url.host_str().map(str::to_owned));
    for name in may_hold(step).map(names).transpose()?.unwrap_or_default() {
        match (step, allowed.get(name)) {
            (Step::Type { .. }, Some(there)) if host.as_ref() == Some(there) => {}
            (Step::Type { .. }, Some(there)) => {
                return Err(StepError::permanent(format!("the secret `{name}` may be typed on {there} only")));
            }
            _ => return Err(StepError::permanent(format!("the goal does not let you use the secret `{name}` there"))),
        }
    }
    Ok(())
}

/// The text of a step that goes to a page.
fn may_hold(step: &Step) -> Option<&str> {
    match step {
        Step::Type { text, .. } | Step::Goto { url: text, .. } | Step::Select { value: text, .. } => Some(text),
        Step::Evaluate { script, .. } => Some(script),
        _ => None,
    }
}

/// The secrets that a text names.
fn names(text: &str) -> Result<Vec<&str>, StepError> {
    let name = |after: &'_ str| -> Option<usize> { after.find('}').filter(|end| is_name(&after[..*end])) };
    text.split(OPEN)
        .skip(1)
        .map(|after| {
            let bad = "`${secret:` must be followed by a name (letters, digits, `_`, `-`, `.`) and `}`";
            name(after).map(|end| &after[..end]).ok_or_else(|| StepError::permanent(bad))
        })
        .collect()
}

/// A text of the operator's with its secrets filled in.
pub(super) fn filled(text: &str, known: &Hidden) -> Result<String, StepError> {
    fill_in(text, &names(text)?, known, str::to_owned)
}

fn fill_in(text: &str, named: &[&str], known: &Hidden, form: fn(&str) -> String) -> Result<String, StepError> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        filled.push_str(before);
        match after.split_once('}').filter(|(name, _)| named.contains(name)) {
            Some((name, after)) => {
                let value = known.value(name).ok_or_else(|| {
                    StepError::permanent(format!(
                        "the secret `{name}` is set neither for this persona nor for the instance; store it under that \
                         name"
                    ))
                })?;
                filled.push_str(&form(value.reveal()));
                rest = after;
            }
            None => {
                filled.push_str(OPEN);
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The outcome with every secret replaced by its name. Pictures and sounds stay as they are.
pub(super) fn masked(mut outcome: Outcome, hidden: &Hidden) -> Outcome {
    if hidden.is_empty() {
        return outcome;
    }
    hidden.mask(&mut outcome.summary);
    match &mut outcome.data {
        // The names in the first row are ours.
        Value::Object(fields) => fields.values_mut().for_each(|value| hidden.mask_value(value)),
        other => hidden.mask_value(other),
    }
    if let Some(error) = &mut outcome.error {
        hidden.mask(&mut error.text);
    }
    outcome.artifacts.iter_mut().for_each(|artifact| hidden.mask_artifact(artifact));
    outcome
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=MOST_NAME).contains(&name.len()) && name.chars().all(fits)
}
