//! What an act would be about, for whoever is asked to approve it: the page, the element, what the form holds.
//!
//! The same is looked at before the act and once more when it may begin, so it holds nothing that a page makes anew each
//! time: no fragment, no hidden token. A secret stands by its name; what else a password field holds is masked.

use actors::domain::Step;
use serde_json::{Value, json};

use crate::browser::{act::Act, fault::Fault, session::Session, tab::SHORT};

/// Stands for what is typed into a password field and is no known secret.
const MASKED: &str = "(masked)";

/// What the page shows of it now.
pub(in crate::browser) async fn subject(session: &mut Session, act: &Act<'_>) -> Result<Value, Fault> {
    let seen = match act.step {
        Step::Click { selector, .. }
        | Step::Message { send: selector, .. }
        | Step::Type { selector, .. }
        | Step::Select { selector, .. }
        | Step::WaitFor { selector, .. }
        | Step::Extract { selector, .. } => {
            let place = session.locate(act, selector).await?;
            session.page(act)?.wait(act.until, "subject", &place.args()).await?.or_fault(selector)?
        }
        _ => {
            let nothing = vec![json!({ "value": 0 }), json!({ "value": null }), json!({ "value": null })];
            session.page(act)?.call("subject", nothing, SHORT).await?.or_fault("the page")?
        }
    };
    let mut subject = seen.value("subject").clone();
    act.hidden.mask_value(&mut subject);
    for field in subject["form"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let secret = field.remove("secret").is_some_and(|secret| secret == true);
        let held = field.get("value").and_then(Value::as_str).unwrap_or_default();
        if secret && !held.is_empty() && !held.contains("${secret:") {
            field.insert("value".to_owned(), MASKED.into());
        }
    }
    Ok(subject)
}
