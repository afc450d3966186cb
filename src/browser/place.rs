//! An element as a step names it, ready to be handed to a function of `page.js`.

use serde_json::{Value, json};

/// A CSS selector, looked up anew each time, or one node of a snapshot.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As the step wrote it.
    pub(super) name: String,
    object: Option<String>,
}

impl Place {
    pub(super) fn css(selector: &str) -> Self {
        Self { name: selector.to_owned(), object: None }
    }

    pub(super) fn node(selector: &str, object: String) -> Self {
        Self { name: selector.to_owned(), object: Some(object) }
    }

    /// The two arguments (selector, node) every such function takes.
    pub(super) fn args(&self) -> [Value; 2] {
        match &self.object {
            Some(object) => [json!({ "value": null }), json!({ "objectId": object })],
            None => [json!({ "value": self.name }), json!({ "value": null })],
        }
    }

    /// The two arguments followed by others.
    pub(super) fn args_and(&self, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
        self.args().into_iter().chain(more).collect()
    }
}
