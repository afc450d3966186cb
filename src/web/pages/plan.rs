//! Steps of a plan and the proof of a goal, in words, and whether they hold.

use std::collections::BTreeMap;

use actors::{
    domain::{Goal, Payload, Phase, Receipt, ReceiptKind, Step, StepIndex},
    run::proof as check,
};
use serde_json::Value;

use super::{evidence, show};

/// A step in a few words: the action and what it acts on.
pub fn describe(step: &Step) -> String {
    let object = match step {
        Step::Goto { url, .. } => url.trim_start_matches("https://").trim_start_matches("http://"),
        Step::Type { selector, .. }
        | Step::Click { selector, .. }
        | Step::Select { selector, .. }
        | Step::WaitFor { selector, .. }
        | Step::Extract { selector, .. } => selector,
        Step::Message { to, .. } => to,
        Step::Evaluate { script, .. } => script,
        Step::Snapshot {} => "",
        Step::Screenshot { caption, file, .. } => caption.as_deref().or(file.as_deref()).unwrap_or_default(),
        Step::ExpectTitle { contains, .. } => return format!("expect title contains “{}”", show::clip(contains, 60)),
        Step::ExpectSelector { selector, .. } => return format!("expect {}", show::clip(selector, 60)),
        Step::ExpectText { contains, .. } => return format!("expect text “{}”", show::clip(contains, 60)),
        Step::WriteFile { path, .. }
        | Step::AppendCsv { path, .. }
        | Step::RenderCaptions { path, .. }
        | Step::ReadFile { path, .. } => path,
        Step::ListFiles { path, .. } => path.as_deref().unwrap_or_default(),
        Step::Compose { prompt, .. } => prompt,
        Step::Tool { name, .. } | Step::ToolDescribe { name } => name,
        Step::ToolSearch { query } | Step::WebSearch { query, .. } | Step::RagSearch { query, .. } => query,
        Step::Speak { text } => text,
        Step::Fetch { url, .. } => url,
        Step::AskHuman { question, .. } => question,
        Step::Delegate { to, .. } => to,
        Step::Schedule { task, .. } => task,
        Step::DailyReport { .. } | Step::Think { .. } => "",
    };
    format!("{} {}", action(step), show::clip(object, 80)).trim_end().to_owned()
}

const fn action(step: &Step) -> &'static str {
    match step {
        Step::Goto { .. } => "goto",
        Step::Type { .. } => "type into",
        Step::Click { .. } => "click",
        Step::Message { .. } => "write to",
        Step::Select { .. } => "select in",
        Step::WaitFor { .. } => "wait for",
        Step::Extract { .. } => "extract",
        Step::Evaluate { .. } => "evaluate",
        Step::Snapshot {} => "snapshot",
        Step::Screenshot { .. } => "screenshot",
        Step::ExpectTitle { .. } | Step::ExpectSelector { .. } | Step::ExpectText { .. } => "expect",
        Step::WriteFile { .. } => "write",
        Step::AppendCsv { .. } => "append to",
        Step::RenderCaptions { .. } => "render captions",
        Step::ReadFile { .. } => "read",
        Step::ListFiles { .. } => "list files",
        Step::Compose { .. } => "compose",
        Step::DailyReport { .. } => "count the day",
        Step::Think { .. } => "think",
        Step::Tool { .. } => "use",
        Step::ToolSearch { .. } => "look for a tool",
        Step::ToolDescribe { .. } => "read about",
        Step::Fetch { post: None, .. } => "fetch",
        Step::Fetch { .. } => "post to",
        Step::WebSearch { .. } => "search for",
        Step::RagSearch { .. } => "remember",
        Step::Speak { .. } => "say",
        Step::AskHuman { .. } => "ask a person",
        Step::Delegate { .. } => "give work to",
        Step::Schedule { .. } => "plan",
    }
}

/// One thing a goal must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofLine {
    pub text: String,
    pub holds: Holds,
    /// The receipt that shows it.
    pub href: Option<String>,
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
    let holds = |shown: bool| match (shown, goal.state) {
        (true, _) => Holds::Yes,
        (false, state) if state.is_over() => Holds::No,
        (false, _) => Holds::NotYet,
    };
    let href = |seq: i64| receipts.iter().find(|receipt| receipt.seq == seq).map(evidence::anchor);
    let line = |line: check::Line| ProofLine {
        href: line.seq.and_then(href).map(|anchor| format!("#{anchor}")),
        text: show::clip(&line.what, 120),
        holds: holds(line.holds),
    };
    check::lines(goal, receipts).into_iter().map(line).collect()
}

/// What a run is to do, step by step, each with its number; the look at the end included. What an agent does is known
/// from its receipts.
pub fn steps(goal: &Goal, receipts: &[Receipt]) -> Vec<(StepIndex, String, ReceiptKind)> {
    if matches!(goal.payload, Payload::Agent(_)) {
        return taken(receipts);
    }
    (0..).zip(planned(goal)).map(|(index, (name, kind))| (index, name, kind)).collect()
}

fn taken(receipts: &[Receipt]) -> Vec<(StepIndex, String, ReceiptKind)> {
    let mut steps = BTreeMap::new();
    for receipt in receipts {
        let Some(index) = receipt.step else { continue };
        let said = receipt.body.as_ref().and_then(|body| body.data.get("step")).and_then(Value::as_str);
        let name = said.or(receipt.tool.as_deref()).unwrap_or("step");
        steps.insert(index, (show::clip(name, 80), receipt.kind));
    }
    steps.into_iter().map(|(index, (name, kind))| (index, name, kind)).collect()
}

fn planned(goal: &Goal) -> Vec<(String, ReceiptKind)> {
    let planned = goal.payload.steps();
    let mut steps: Vec<_> = planned.iter().map(|step| (describe(step), step.receipt_kind())).collect();
    if let Some(look) = &goal.proof.read_back {
        let address = look.url.trim_start_matches("https://").trim_start_matches("http://");
        steps.push((format!("read back {}", show::clip(address, 60)), ReceiptKind::Execution));
        steps.push((format!("read back “{}”", show::clip(&look.contains, 60)), ReceiptKind::Execution));
    }
    steps
}

/// An outcome without an error, or one that an earlier attempt already had.
pub fn receipt_holds(receipt: &Receipt) -> bool {
    let ended = matches!(receipt.phase, Some(Phase::Outcome | Phase::Skipped | Phase::Reconciled));
    ended && receipt.body.as_ref().is_some_and(|body| body.error.is_none())
}
