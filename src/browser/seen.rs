//! What a function of `page.js` saw.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fault::Fault;

/// The answer of one look at the page.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    ok: bool,
    #[serde(default)]
    why: String,
    /// Waiting longer cannot help.
    #[serde(default)]
    fatal: bool,
    #[serde(default)]
    pub(super) url: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Seen {
    pub(super) fn holds(&self) -> bool {
        self.ok
    }

    /// Waiting longer would not have helped.
    pub(super) fn is_fatal(&self) -> bool {
        self.fatal
    }

    pub(super) fn why(&self) -> &str {
        &self.why
    }

    pub(super) fn value(&self, field: &str) -> &Value {
        self.more.get(field).unwrap_or(&Value::Null)
    }

    pub(super) fn text(&self, field: &str) -> &str {
        self.more.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn number(&self, field: &str) -> f64 {
        self.more.get(field).and_then(Value::as_f64).unwrap_or_default()
    }

    pub(super) fn flag(&self, field: &str) -> bool {
        self.more.get(field).and_then(Value::as_bool).unwrap_or_default()
    }

    /// It is as wanted, or why not.
    pub(super) fn or_fault(self, element: &str) -> Result<Self, Fault> {
        if self.ok {
            return Ok(self);
        }
        let text = format!("`{element}` {}", self.why);
        Err(if self.fatal { Fault::permanent(text) } else { Fault::retryable(text) })
    }
}
