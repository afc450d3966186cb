//! Steps of a plan and the proof of a goal, in words, and whether they hold.

use actors::domain::{ArtifactKind, Assertion, Goal, GoalState, Phase, Receipt, Step, StepIndex};
use serde_json::Value;

use super::show;

/// A step in a few words: the action and what it acts on.
pub fn describe(step: &Step) -> String {
    let object = match step {
        Step::Goto { url, .. } => url.trim_start_matches("https://").trim_start_matches("http://"),
        Step::Type { selector, .. }
        | Step::Click { selector, .. }
        | Step::Select { selector, .. }
        | Step::WaitFor { selector, .. }
        | Step::Extract { selector, .. } => selector,
        Step::Evaluate { script, .. } => script,
        Step::Snapshot {} => "",
        Step::Screenshot { caption, file, .. } => caption.as_deref().or(file.as_deref()).unwrap_or_default(),
        Step::ExpectTitle { contains, .. } => return format!("expect title contains “{}”", show::clip(contains, 60)),
        Step::ExpectSelector { selector, .. } => return format!("expect {}", show::clip(selector, 60)),
        Step::ExpectText { contains, .. } => return format!("expect text “{}”", show::clip(contains, 60)),
        Step::WriteFile { path, .. } | Step::AppendCsv { path, .. } => path,
        Step::Compose { prompt, .. } => prompt,
        Step::DailyReport { .. } => "",
    };
    format!("{} {}", action(step), show::clip(object, 80)).trim_end().to_owned()
}

const fn action(step: &Step) -> &'static str {
    match step {
        Step::Goto { .. } => "goto",
        Step::Type { .. } => "type into",
        Step::Click { .. } => "click",
        Step::Select { .. } => "select in",
        Step::WaitFor { .. } => "wait for",
        Step::Extract { .. } => "extract",
        Step::Evaluate { .. } => "evaluate",
        Step::Snapshot {} => "snapshot",
        Step::Screenshot { .. } => "screenshot",
        Step::ExpectTitle { .. } | Step::ExpectSelector { .. } | Step::ExpectText { .. } => "expect",
        Step::WriteFile { .. } => "write",
        Step::AppendCsv { .. } => "append to",
        Step::Compose { .. } => "compose",
        Step::DailyReport { .. } => "count the day",
    }
}

/// One thing a goal must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofLine {
    pub text: String,
    pub holds: Holds,
}

/// Whether it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Yes,
    No,
    /// The goal is not over: it may still be shown.
    NotYet,
}

impl Holds {
    /// `✓`, `✗` or `…`.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Yes => "✓",
            Self::No => "✗",
            Self::NotYet => "…",
        }
    }

    /// The same for those who listen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "holds",
            Self::No => "does not hold",
            Self::NotYet => "not shown yet",
        }
    }

    /// A class of `.badge`.
    pub const fn tone(self) -> &'static str {
        match self {
            Self::Yes => "ok",
            Self::No => "bad",
            Self::NotYet => "",
        }
    }
}

/// Everything a goal must show, judged by its receipts (of all its runs).
pub fn proof(goal: &Goal, receipts: &[Receipt]) -> Vec<ProofLine> {
    let steps = goal.payload.steps();
    let holds = |shown: bool| match (shown, goal.state) {
        (true, _) | (_, GoalState::Done) => Holds::Yes,
        (_, state) if state.is_over() => Holds::No,
        _ => Holds::NotYet,
    };
    let mut lines: Vec<ProofLine> = Vec::new();
    let mut add = |text: String, shown: bool| {
        if !lines.iter().any(|line| line.text == text) {
            lines.push(ProofLine { text, holds: holds(shown) });
        }
    };
    for (index, step) in (0..).zip(&steps).filter(|(_, step)| step.is_expect()) {
        add(expected(step), held(receipts, index));
    }
    for assertion in &goal.proof.assertions {
        let shown = (0..).zip(&steps).any(|(index, step)| shows(step, assertion) && held(receipts, index));
        add(asserted(assertion), shown);
    }
    for kind in &goal.proof.artifacts {
        add(format!("{} kept", kind_words(*kind)), kept(receipts, *kind));
    }
    if let Some(look) = &goal.proof.read_back {
        let text = format!("read back: {} shows “{}”", look.url, show::clip(&look.contains, 60));
        // The look at the end is written behind the last step of the plan.
        let behind = |receipt: &&Receipt| receipt.step.is_some_and(|step| step as usize >= steps.len());
        add(text, receipts.iter().filter(behind).any(receipt_holds));
    }
    lines
}

fn expected(step: &Step) -> String {
    match step {
        Step::ExpectTitle { contains, .. } => format!("title contains “{}”", show::clip(contains, 60)),
        Step::ExpectSelector { selector, .. } => format!("page has {}", show::clip(selector, 60)),
        Step::ExpectText { contains, .. } => format!("page shows “{}”", show::clip(contains, 60)),
        other => describe(other),
    }
}

fn asserted(assertion: &Assertion) -> String {
    match assertion {
        Assertion::TitleContains(text) => format!("title contains “{}”", show::clip(text, 60)),
        Assertion::Selector(selector) => format!("page has {}", show::clip(selector, 60)),
        Assertion::TextContains(text) => format!("page shows “{}”", show::clip(text, 60)),
        Assertion::File(path) => format!("file {path} written"),
    }
}

fn shows(step: &Step, assertion: &Assertion) -> bool {
    match (step, assertion) {
        (Step::ExpectTitle { contains, .. }, Assertion::TitleContains(text)) => contains == text,
        (Step::ExpectSelector { selector, .. }, Assertion::Selector(asked)) => selector == asked,
        (Step::ExpectText { contains, .. }, Assertion::TextContains(text)) => contains == text,
        (Step::WriteFile { path, .. } | Step::AppendCsv { path, .. }, Assertion::File(asked)) => path == asked,
        _ => false,
    }
}

const fn kind_words(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::Screenshot => "screenshot",
        ArtifactKind::Thumbnail => "small picture",
        ArtifactKind::File => "file",
        ArtifactKind::CsvRow => "CSV row",
        ArtifactKind::Text => "text",
    }
}

fn kept(receipts: &[Receipt], kind: ArtifactKind) -> bool {
    let bodies = receipts.iter().filter_map(|receipt| receipt.body.as_ref());
    bodies.flat_map(|body| &body.artifacts).any(|artifact| artifact.kind == kind && !artifact.missing)
}

fn held(receipts: &[Receipt], index: StepIndex) -> bool {
    receipts.iter().filter(|receipt| receipt.step == Some(index)).any(receipt_holds)
}

/// An outcome without an error.
pub fn receipt_holds(receipt: &Receipt) -> bool {
    let said_no = |data: &Value| data.get("ok").and_then(Value::as_bool) == Some(false);
    receipt.phase == Some(Phase::Outcome)
        && receipt.body.as_ref().is_some_and(|body| body.error.is_none() && !said_no(&body.data))
}
