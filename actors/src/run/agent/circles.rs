//! Does a model go in circles? Pure. The same call is one too many only when it brings the same again.

use serde_json::Value;

use crate::{
    domain::{ArtifactKind, Hash, Receipt, Step},
    run::{
        broker::NOTED,
        history::{History, is_left_out},
        steps::Steps,
    },
};

/// Of the steps before this place that are this very call: how many brought what the newest of them brought.
pub(super) fn repeats(steps: &Steps, history: &History, step: &Step, before: usize) -> usize {
    if step.is_thought() {
        return 0;
    }
    let equal = steps.iter().take(before).enumerate().filter(|(_, earlier)| *earlier == step);
    let made = equal.filter_map(|(at, _)| history.came_of(steps.index(at))).filter(|receipt| !is_left_out(receipt));
    let brought: Vec<_> = made.map(Brought::of).collect();
    brought.last().map_or(0, |newest| brought.iter().filter(|earlier| *earlier == newest).count())
}

/// What came of a call, without how long it took and what it cost.
#[derive(PartialEq)]
struct Brought<'a> {
    error: Option<&'a str>,
    data: Vec<(&'a str, &'a Value)>,
    kept: Vec<(ArtifactKind, Hash)>,
}

impl<'a> Brought<'a> {
    fn of(receipt: &'a Receipt) -> Self {
        let body = receipt.body.as_ref();
        let fields = body.and_then(|body| body.data.as_object()).into_iter().flatten();
        let is_measured = |name: &str| name.ends_with("_ms") || name == "charged" || name == NOTED;
        Self {
            error: body.and_then(|body| body.error.as_deref()),
            data: fields.map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| !is_measured(name)).collect(),
            kept: body
                .map(|body| body.artifacts.iter().map(|kept| (kept.kind, kept.hash)).collect())
                .unwrap_or_default(),
        }
    }
}
