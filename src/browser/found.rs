//! What a step brought, and how it becomes an outcome.

use actors::domain::{Ended, NewArtifact, Outcome, StepError};
use serde_json::{Map, Value, json};

use super::{act::Act, fault::Fault, label::Label, seen::Seen};

/// The result of a step that came to its end.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Address and title, where the step learned them anyway.
    pub(super) at: Option<(String, String)>,
    pub(super) details: Vec<String>,
    /// Fields of `data` besides those every step has.
    pub(super) fields: Map<String, Value>,
    pub(super) artifacts: Vec<NewArtifact>,
    /// It was carried out, but the answer is no.
    pub(super) lacks: Option<StepError>,
}

impl Found {
    pub(super) fn at(seen: &Seen) -> Self {
        Self { at: Some((seen.url.clone(), seen.title.clone())), ..Self::default() }
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    pub(super) fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn lacks(mut self, error: StepError) -> Self {
        self.lacks = Some(error);
        self
    }
}

/// What else is known when a step is over.
pub(super) struct Around {
    pub(super) at: Option<(String, String)>,
    /// Dialogs, popups, refused hosts.
    pub(super) notes: Vec<String>,
}

/// The outcome as the broker records it.
pub(super) fn outcome(label: &Label, act: &Act<'_>, result: Result<Found, Fault>, around: Around) -> Outcome {
    let stopped = matches!(result, Err(Fault::Stopped));
    let (ended, found, error) = match result {
        Ok(mut found) => {
            let lacks = found.lacks.take();
            (Ended::Done, found, lacks)
        }
        Err(fault) if act.was_sent() => (Ended::Unknown, Found::default(), Some(fault.into_error())),
        Err(fault) => (Ended::NotBegun, Found::default(), Some(fault.into_error())),
    };
    let summary = match (ended, &error) {
        (Ended::Done, None) => label.did.clone(),
        (Ended::Unknown, _) => format!("{}: it is not known how it ended", label.step),
        (Ended::NotBegun, _) if stopped => label.stopped(),
        _ => label.did_not.clone(),
    };
    let (url, title) = found.at.or(around.at).unwrap_or_default();
    let details = error.iter().map(|error| error.text.clone()).chain(found.details).chain(around.notes);
    let mut data = found.fields;
    data.insert("step".to_owned(), json!(label.step));
    data.insert("ok".to_owned(), json!(error.is_none()));
    data.insert("details".to_owned(), json!(details.collect::<Vec<_>>().join("; ")));
    data.insert("url".to_owned(), json!(url));
    data.insert("title".to_owned(), json!(title));
    Outcome { ended, summary, data: Value::Object(data), artifacts: found.artifacts, cost: None, error }
}
