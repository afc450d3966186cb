//! Receipts of decisions: what a person, or the company itself, decided about a persona or a goal.

use serde_json::{Map, Value};

use super::By;
use crate::{
    domain::{Body, ChainId, Draft, GoalId, NodeName, Phase, ReceiptKind},
    ports::World,
};

/// A decision on a chain; `data` is an object to which the one who decided is added.
pub(super) fn decision(
    node: &NodeName,
    world: &dyn World,
    chain: ChainId,
    by: &By,
    summary: String,
    data: Value,
) -> Draft {
    let mut fields = Map::from_iter([("by".to_owned(), Value::from(by.who.as_str()))]);
    if let Value::Object(more) = data {
        fields.extend(more);
    }
    Draft {
        phase: Some(Phase::Decision),
        trace: Some(by.trace),
        ..Draft::new(
            chain,
            world.now_ms(),
            node.clone(),
            ReceiptKind::Decision,
            world.salt(),
            Body { summary, data: Value::Object(fields), ..Body::default() },
        )
    }
}

/// The same about a goal, and what it became.
pub(super) fn about(draft: Draft, goal: GoalId, project: Option<String>, state: Option<&'static str>) -> Draft {
    Draft { goal: Some(goal), project, state, ..draft }
}
