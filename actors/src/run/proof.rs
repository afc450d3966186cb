//! Does the proof hold? Pure: it looks at receipts and nothing else.

use super::{deed::left_a_trace, steps::Steps};
use crate::domain::{ArtifactKind, Assertion, Ended, Goal, GoalKind, Phase, Proof, Receipt, Step, ToolKind};
use serde::{Deserialize, Serialize};

/// One thing that had to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// For people: `title contains “Submitted”`.
    pub what: String,
    pub holds: bool,
    /// The receipt that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
}

/// What the goal has to show: its declared proof, or what its kind always shows.
pub fn required(goal: &Goal) -> Proof {
    if !goal.proof.is_empty() {
        return goal.proof.clone();
    }
    let artifacts = match goal.payload.kind() {
        GoalKind::Browser | GoalKind::Io => vec![],
        // What an agent says is held against its receipts (`claims.rs`).
        GoalKind::Agent => vec![],
        GoalKind::Ai => vec![ArtifactKind::Text],
        GoalKind::Report => vec![ArtifactKind::File],
    };
    Proof { artifacts, ..Proof::default() }
}

/// What the goal has to show, as its receipts tell it to people. Which statements of an agent hold is known when it has
/// come to its end, and its last receipt says it.
pub fn lines(goal: &Goal, receipts: &[Receipt]) -> Vec<Line> {
    let recorded = || {
        let proofs = receipts.iter().rev().find_map(|receipt| receipt.body.as_ref()?.data.get("proofs"))?;
        serde_json::from_value(proofs.clone()).ok()
    };
    let steps = Steps::planned(goal);
    if steps.grow()
        && let Some(lines) = recorded()
    {
        lines
    } else {
        check(goal, &steps, receipts)
    }
}

/// Every requirement of the goal, and whether a receipt of it shows that it holds.
/// No line at all: nothing was asked for, so nothing is proven.
pub(crate) fn check(goal: &Goal, steps: &Steps, receipts: &[Receipt]) -> Vec<Line> {
    let proof = required(goal);
    let mut lines: Vec<Line> = Vec::new();
    // An agent may have tried what did not hold, and gone on.
    let fixed = if steps.grow() { &[] } else { &**steps };
    for (at, step) in fixed.iter().enumerate().filter(|(_, step)| is_shown_by_its_step(step)) {
        let seq = shown_at(receipts, |receipt| receipt.step == Some(steps.index(at)));
        lines.push(Line { what: describe_step(step), holds: seq.is_some(), seq });
    }
    lines.extend(taken_back(goal, steps, receipts));
    for assertion in &proof.assertions {
        let what = describe(assertion);
        if lines.iter().any(|line| line.what == what) {
            continue;
        }
        let seq = shown_at(receipts, |receipt| {
            receipt.step.and_then(|step| steps.numbered(step)).is_some_and(|step| shows(step, assertion))
        });
        lines.push(Line { what, holds: seq.is_some(), seq });
    }
    for kind in &proof.artifacts {
        let seq = shown_at(receipts, |receipt| names_artifact(receipt, *kind));
        lines.push(Line { what: format!("{kind} kept"), holds: seq.is_some(), seq });
    }
    if let Some(read_back) = &proof.read_back {
        let find = steps.index(steps.looking_back() + 1);
        let seq = shown_at(receipts, |receipt| receipt.step == Some(find));
        lines.push(Line { what: format!("read back at {}", read_back.url), holds: seq.is_some(), seq });
    }
    lines
}

/// A rollback is shown by its one call: the answer of a server, or what an own tool was seen to change.
fn taken_back(goal: &Goal, steps: &Steps, receipts: &[Receipt]) -> Option<Line> {
    goal.payload.undoes()?;
    let call = steps.first()?;
    let is_seen = |receipt: &Receipt| call.kind() != Some(ToolKind::Own) || left_a_trace(receipt);
    let seq = shown_at(receipts, |receipt| receipt.step == Some(steps.index(0)) && is_seen(receipt));
    Some(Line { what: format!("{} was seen to take it back", call.tool()), holds: seq.is_some(), seq })
}

/// The newest receipt of a call that was carried out as wanted and fits.
pub(super) fn shown(receipts: &[Receipt], fits: impl Fn(&Receipt) -> bool) -> Option<&Receipt> {
    let holds = |receipt: &&Receipt| {
        receipt.phase == Some(Phase::Outcome)
            && receipt.state.as_deref() == Some(Ended::Done.as_str())
            && receipt.body.as_ref().is_some_and(|body| body.error.is_none())
    };
    receipts.iter().rev().filter(holds).find(|receipt| fits(receipt))
}

fn shown_at(receipts: &[Receipt], fits: impl Fn(&Receipt) -> bool) -> Option<i64> {
    shown(receipts, fits).map(|receipt| receipt.seq)
}

/// Steps that are part of the proof wherever they stand in a plan.
fn is_shown_by_its_step(step: &Step) -> bool {
    step.is_expect() || step.file_path().is_some()
}

/// What was asked of a model and what it answered is the runtime's own paper, and shows nothing that was done.
fn names_artifact(receipt: &Receipt, kind: ArtifactKind) -> bool {
    let is_thought = receipt.tool.as_deref() == Some("think");
    let mut kept = receipt.body.iter().flat_map(|body| &body.artifacts);
    !is_thought && kept.any(|artifact| artifact.kind == kind && !artifact.missing)
}

fn shows(step: &Step, assertion: &Assertion) -> bool {
    match (step, assertion) {
        (Step::ExpectTitle { contains, .. }, Assertion::TitleContains(text)) => contains.contains(text),
        (Step::ExpectSelector { selector, .. }, Assertion::Selector(wanted)) => selector == wanted,
        (Step::ExpectText { contains, .. }, Assertion::TextContains(text)) => contains.contains(text),
        (step, Assertion::File(wanted)) => step.file_path() == Some(wanted),
        _ => false,
    }
}

fn describe_step(step: &Step) -> String {
    match step {
        Step::ExpectTitle { contains, .. } => describe(&Assertion::TitleContains(contains.clone())),
        Step::ExpectSelector { selector, .. } => describe(&Assertion::Selector(selector.clone())),
        Step::ExpectText { contains, .. } => describe(&Assertion::TextContains(contains.clone())),
        Step::WriteFile { path, .. } | Step::RenderCaptions { path, .. } => describe(&Assertion::File(path.clone())),
        Step::AppendCsv { path, .. } => format!("row in {path}"),
        other => other.tool().into_owned(),
    }
}

fn describe(assertion: &Assertion) -> String {
    match assertion {
        Assertion::TitleContains(text) => format!("title contains “{text}”"),
        Assertion::Selector(selector) => format!("page shows {selector}"),
        Assertion::TextContains(text) => format!("page says “{text}”"),
        Assertion::File(path) => format!("file {path}"),
    }
}
