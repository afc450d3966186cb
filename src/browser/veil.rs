//! Keeps secrets out of pictures: what shows one is made invisible while a picture is taken.
//!
//! The page is read from outside, by one question to Chromium that also answers for closed shadow roots and frames of the
//! same site; no secret is handed to the page. What is not seen: text that is drawn (canvas, images, video), text in frames
//! of other sites, and text that the page has changed beyond the forms that are hidden in texts, too.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::{fault::Fault, tab::Tab};
use crate::secrets::Hidden;

const ELEMENT: i64 = 1;
const TEXT: i64 = 3;
/// Attributes that a page shows as text.
const SHOWN: [&str; 6] = ["value", "placeholder", "alt", "title", "label", "content"];

/// Elements that are invisible until it is lifted.
pub(super) struct Veil {
    /// By the browser's numbers.
    nodes: BTreeSet<i64>,
    /// Their objects, and their own style as it was.
    objects: Vec<Value>,
    styles: Value,
}

impl Veil {
    /// Over everything that shows a secret now.
    pub(super) async fn over(tab: &Tab, hidden: &Hidden, limit: Duration) -> Result<Self, Fault> {
        let until = Instant::now() + limit;
        let nodes = showing(tab, hidden, limit).await?;
        let mut objects = Vec::with_capacity(nodes.len());
        for node in &nodes {
            objects.push(json!({ "objectId": tab.resolve(*node).await? }));
        }
        let mut styles = Value::Null;
        if !objects.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            styles = tab.call("veil", objects.clone(), left).await?.value("styles").clone();
        }
        Ok(Self { nodes, objects, styles })
    }

    /// The page is as it was. An error: it showed a secret meanwhile that was not covered, or was left.
    pub(super) async fn lift(self, tab: &Tab, hidden: &Hidden, limit: Duration) -> Result<(), Fault> {
        let now = showing(tab, hidden, limit).await;
        if !self.objects.is_empty() {
            let args = std::iter::once(json!({ "value": self.styles })).chain(self.objects).collect();
            tab.call("unveil", args, limit).await?;
        }
        if now?.is_subset(&self.nodes) {
            return Ok(());
        }
        Err(Fault::retryable("the page showed a secret while the picture was taken, so it was thrown away"))
    }
}

/// Elements of the page's own document that show a secret; a frame stands for what is in it.
async fn showing(tab: &Tab, hidden: &Hidden, limit: Duration) -> Result<BTreeSet<i64>, Fault> {
    if hidden.is_empty() {
        return Ok(BTreeSet::new());
    }
    let snapshot = tab.ask("DOMSnapshot.captureSnapshot", json!({ "computedStyles": [] }), limit).await?;
    Ok(elements(&snapshot, hidden))
}

fn elements(snapshot: &Value, hidden: &Hidden) -> BTreeSet<i64> {
    let strings = list(&snapshot["strings"]);
    let documents: Vec<_> = list(&snapshot["documents"]).iter().map(|all| Document::of(all, strings)).collect();
    let mut found: Vec<BTreeSet<usize>> = documents.iter().map(|document| document.showing(hidden)).collect();
    // Frames come after the document that they stand in.
    for (number, document) in documents.iter().enumerate().rev() {
        for (owner, within) in &document.frames {
            if found.get(*within).is_some_and(|shows| *within > number && !shows.is_empty()) {
                found[number].insert(*owner);
            }
        }
    }
    let page = documents.first().zip(found.first());
    page.map(|(page, shows)| shows.iter().filter_map(|node| page.nodes["backendNodeId"][*node].as_i64()).collect())
        .unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// One document of a snapshot. Nodes go by their place in it.
struct Document<'a> {
    nodes: &'a Value,
    strings: &'a [Value],
    layout: &'a Value,
    /// Parts that Chromium itself builds into fields, and text that styles add: their element stands for them.
    built_in: BTreeSet<usize>,
    frames: HashMap<usize, usize>,
}

impl<'a> Document<'a> {
    fn of(document: &'a Value, strings: &'a [Value]) -> Self {
        let nodes = &document["nodes"];
        let pairs = |field: &str| {
            let (nodes, values) = (list(&nodes[field]["index"]), list(&nodes[field]["value"]));
            nodes.iter().zip(values).filter_map(|(node, value)| Some((number(node)?, number(value)?)))
        };
        let text = |at: usize| strings.get(at).and_then(Value::as_str).unwrap_or_default();
        let shadows = pairs("shadowRootType").filter(|(_, sort)| text(*sort) == "user-agent").map(|(node, _)| node);
        let built_in = shadows.chain(pairs("pseudoType").map(|(node, _)| node)).collect();
        Self { nodes, strings, layout: &document["layout"], built_in, frames: pairs("contentDocumentIndex").collect() }
    }

    fn string(&self, at: &Value) -> &'a str {
        number(at).and_then(|at| self.strings.get(at)).and_then(Value::as_str).unwrap_or_default()
    }

    fn sort(&self, node: usize) -> Option<i64> {
        self.nodes["nodeType"][node].as_i64()
    }

    /// The element that a node belongs to.
    fn element(&self, node: usize) -> Option<usize> {
        let (mut found, mut next) = (None, Some(node));
        while let Some(at) = next {
            if self.built_in.contains(&at) {
                found = None;
            } else if found.is_none() && self.sort(at) == Some(ELEMENT) {
                found = Some(at);
            }
            next = self.nodes["parentIndex"].get(at).and_then(number);
        }
        found
    }

    fn showing(&self, hidden: &Hidden) -> BTreeSet<usize> {
        let shows = |text: &str| !hidden.found_in(text).is_empty();
        let mut nodes = self.in_texts(hidden);
        for field in ["textValue", "inputValue"] {
            let held = list(&self.nodes[field]["index"]).iter().zip(list(&self.nodes[field]["value"]));
            nodes.extend(held.filter(|(_, text)| shows(self.string(text))).filter_map(|(node, _)| number(node)));
        }
        for (node, attributes) in list(&self.nodes["attributes"]).iter().enumerate() {
            let mut pairs = list(attributes).chunks_exact(2);
            if pairs.any(|pair| SHOWN.contains(&self.string(&pair[0])) && shows(self.string(&pair[1]))) {
                nodes.insert(node);
            }
        }
        // As it is drawn: with what styles add, or make of it.
        let drawn = list(&self.layout["nodeIndex"]).iter().zip(list(&self.layout["text"]));
        nodes.extend(drawn.filter(|(_, text)| shows(self.string(text))).filter_map(|(node, _)| number(node)));
        nodes.into_iter().filter_map(|node| self.element(node)).collect()
    }

    /// Text nodes that a secret stands in, also where it goes through several.
    fn in_texts(&self, hidden: &Hidden) -> BTreeSet<usize> {
        let (mut whole, mut begins) = (String::new(), BTreeMap::new());
        for (node, text) in list(&self.nodes["nodeValue"]).iter().enumerate() {
            if self.sort(node) == Some(TEXT) {
                begins.insert(whole.len(), node);
                whole.push_str(self.string(text));
            }
        }
        let mut nodes = BTreeSet::new();
        for at in hidden.found_in(&whole) {
            let first = begins.range(..=at.start).next_back().map(|(_, node)| *node);
            nodes.extend(first.into_iter().chain(begins.range(at).map(|(_, node)| *node)));
        }
        nodes
    }
}

/// A place in a list; Chromium says -1 for none.
fn number(value: &Value) -> Option<usize> {
    usize::try_from(value.as_i64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::SecretText;

    #[test]
    fn what_shows_a_secret_is_found_in_texts_fields_and_frames() {
        let mut hidden = Hidden::default();
        hidden.hold("key", SecretText::new("abcdef".to_owned()));
        // 0 document, 1 <p> with 2 "abc" and 3 <b> with 4 "def", 5 <input> with a built-in part 6 and its <div> 7, 8 <iframe>.
        let snapshot = json!({
            "strings": ["abc", "def", "user-agent", "xABCDEFx", "nothing"],
            "documents": [
                { "nodes": {
                    "parentIndex": [-1, 0, 1, 1, 3, 0, 5, 6, 0],
                    "nodeType": [9, 1, 3, 1, 3, 1, 11, 1, 1],
                    "nodeValue": [-1, -1, 0, -1, 1, -1, -1, -1, -1],
                    "backendNodeId": [10, 11, 12, 13, 14, 15, 16, 17, 18],
                    "shadowRootType": { "index": [6], "value": [2] },
                    "contentDocumentIndex": { "index": [8], "value": [1] },
                }, "layout": { "nodeIndex": [7], "text": [3] } },
                { "nodes": {
                    "parentIndex": [-1, 0], "nodeType": [9, 1], "nodeValue": [-1, -1], "backendNodeId": [20, 21],
                    "inputValue": { "index": [1], "value": [3] },
                }, "layout": { "nodeIndex": [], "text": [] } },
            ],
        });
        assert_eq!(elements(&snapshot, &hidden), BTreeSet::from([11, 13, 15, 18]));
        let mut other = Hidden::default();
        other.hold("key", SecretText::new("ghijkl".to_owned()));
        assert_eq!(elements(&snapshot, &other), BTreeSet::new());
    }
}
