//! Boundaries as the server announces them: `before execution/browser_click/intent/18/-#1`.

use actors::domain::{Effect, Step};
use serde_json::Value;

/// Before a receipt is written, or after its COMMIT but before anyone has heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

/// Where a process can die.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Boundary {
    /// As announced.
    pub(super) name: String,
    pub(super) when: When,
    pub(super) kind: String,
    pub(super) phase: String,
    pub(super) step: Option<usize>,
    pub(super) state: String,
    /// Which one of that name, from 1.
    pub(super) count: usize,
}

impl Boundary {
    pub(super) fn parse(name: &str) -> Self {
        let (when, receipt) = name.split_once(' ').unwrap();
        let (receipt, count) = receipt.rsplit_once('#').unwrap();
        let parts: Vec<_> = receipt.split('/').collect();
        let [kind, _tool, phase, step, state] = parts[..] else { panic!("no boundary: {name}") };
        let when = match when {
            "before" => When::Before,
            "after" => When::After,
            other => panic!("no moment: {other}"),
        };
        let (step, count) = (step.parse().ok(), count.parse().unwrap());
        let [kind, phase, state] = [kind, phase, state].map(str::to_owned);
        Self { name: name.to_owned(), when, kind, phase, step, state, count }
    }

    pub(super) fn is(&self, when: When, phase: &str, step: usize) -> bool {
        self.when == when && self.phase == phase && self.step == Some(step)
    }

    /// A goal came in and is now in this state.
    pub(super) fn is_arrival(&self, when: When, state: &str) -> bool {
        self.when == when && self.kind == "log" && self.state == state
    }

    /// What was decided about a whole goal.
    pub(super) fn decides(&self, state: &str) -> bool {
        self.kind == "decision" && self.step.is_none() && self.state == state
    }
}

/// Whether the receipt is about a step before this one.
pub(super) fn is_of_step_before(name: &str, step: usize) -> bool {
    name.split('/').nth(3).is_some_and(|of| of.parse().is_ok_and(|of: usize| of < step))
}

/// Where in the plan the things happen that the rules speak of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    /// The last click that cannot be taken back; behind the end when there is none.
    pub(super) submit: usize,
    /// The first such click, where there is one before that.
    pub(super) sign_in: Option<usize>,
    /// The row that can be added again with its key; behind the end when there is none.
    pub(super) row: usize,
    /// Steps of the plan; those of the read-back follow.
    pub(super) steps: usize,
}

impl Places {
    pub(super) fn of(steps: &[Step]) -> Self {
        let is_final = |step: &Step| step.effect() == Effect::Irreversible;
        let submit = steps.iter().rposition(is_final).unwrap_or(steps.len());
        let sign_in = steps.iter().position(is_final).filter(|first| *first < submit);
        let row = steps.iter().position(|step| matches!(step, Step::AppendCsv { .. })).unwrap_or(steps.len());
        Self { submit, sign_in, row, steps: steps.len() }
    }
}

/// What receipts must have been announced as, in their order.
pub(super) fn of_receipts(receipts: &[Value]) -> Vec<String> {
    let mut seen = std::collections::HashMap::new();
    let names = receipts.iter().map(|receipt| {
        let text = |key: &str| receipt[key].as_str().unwrap_or("-");
        let step = receipt["step"].as_u64().map_or_else(|| "-".to_owned(), |step| step.to_string());
        let name = format!("{}/{}/{}/{step}/{}", text("kind"), text("tool"), text("phase"), text("state"));
        let count = seen.entry(name.clone()).and_modify(|count| *count += 1).or_insert(1);
        format!("{name}#{count}")
    });
    names.flat_map(|name| [format!("before {name}"), format!("after {name}")]).collect()
}
