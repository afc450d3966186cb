//! Where a replay and the record part. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    domain::{Body, Draft, Receipt, StepIndex},
    evidence::canonical,
};

/// The first thing that did not come out again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The receipt on record; none: the replay goes on where the record ends.
    pub seq: Option<i64>,
    /// The step that it is about, from 0; none: it is about the run.
    pub step: Option<StepIndex>,
    /// What differs, each as it is on record. Null: there is nothing on record.
    pub recorded: Value,
    /// The same as the replay has it. Null: the replay ends here.
    pub replayed: Value,
}

/// Everything but what is by nature the writer's (its place in the chain, its links, its salt and its node) and the time,
/// which a replay is told.
fn of_draft(draft: &Draft) -> Value {
    json!({
        "kind": draft.kind, "phase": draft.phase, "state": draft.state, "tool": draft.tool, "effect": draft.effect,
        "goal": draft.goal, "run": draft.run, "step": draft.step, "replay_of": draft.replay_of, "trace": draft.trace,
        "project": draft.project, "units": draft.units, "body": text(&draft.body),
    })
}

fn of_receipt(receipt: &Receipt) -> Value {
    json!({
        "kind": receipt.kind, "phase": receipt.phase, "state": receipt.state, "tool": receipt.tool,
        "effect": receipt.effect, "goal": receipt.goal, "run": receipt.run, "step": receipt.step,
        "replay_of": receipt.replay_of, "trace": receipt.trace, "project": receipt.project, "units": receipt.units,
        "body": receipt.body.as_ref().map(text),
    })
}

/// The body's exact bytes.
fn text(body: &Body) -> String {
    canonical::body_text(body)
}

/// How a receipt that comes out again differs from the one on record; none: it does not.
pub(super) fn between(receipt: &Receipt, draft: &Draft) -> Option<Difference> {
    let (recorded, replayed) = apart(of_receipt(receipt), of_draft(draft));
    let differs = !recorded.is_empty() || !replayed.is_empty();
    differs.then(|| Difference {
        seq: Some(receipt.seq),
        step: receipt.step.or(draft.step),
        recorded: opened(recorded),
        replayed: opened(replayed),
    })
}

/// A receipt on record that does not come out again: this comes instead.
pub(super) fn instead(receipt: &Receipt, what: Value) -> Difference {
    let recorded = opened(as_map(of_receipt(receipt)));
    Difference { seq: Some(receipt.seq), step: receipt.step, recorded, replayed: what }
}

/// It would come next, and the record is at its end.
pub(super) fn beyond(step: Option<StepIndex>, what: Value) -> Difference {
    Difference { seq: None, step, recorded: Value::Null, replayed: what }
}

/// What would be written, for people.
pub(super) fn said(draft: &Draft) -> Value {
    opened(as_map(of_draft(draft)))
}

/// Only the fields that differ.
fn apart(one: Value, other: Value) -> (Map<String, Value>, Map<String, Value>) {
    let (mut one, mut other) = (as_map(one), as_map(other));
    let same: Vec<String> =
        one.iter().filter(|(key, value)| other.get(*key) == Some(*value)).map(|(key, _)| key.clone()).collect();
    for key in same {
        one.remove(&key);
        other.remove(&key);
    }
    (one, other)
}

fn as_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// With the body as JSON again, to be read.
fn opened(mut fields: Map<String, Value>) -> Value {
    let body = fields.get("body").and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
    if let Some(body) = body {
        fields.insert("body".to_owned(), body);
    }
    Value::Object(fields)
}
