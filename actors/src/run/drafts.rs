//! Drafts of a run's receipts: everything the run knows is on each of them.

use serde_json::Value;

use crate::{
    domain::{Body, ChainId, Draft, Goal, NodeName, Phase, ReceiptKind, RunId, StepIndex},
    ports::World,
};

/// For whom and for what receipts are written.
pub(super) struct About<'a> {
    pub node: &'a NodeName,
    pub world: &'a dyn World,
    pub goal: &'a Goal,
    pub run: Option<RunId>,
}

impl About<'_> {
    /// A receipt on the persona's chain.
    pub fn draft(&self, kind: ReceiptKind, phase: Option<Phase>, summary: impl Into<String>, data: Value) -> Draft {
        Draft {
            chain: ChainId::Persona(self.goal.persona),
            at_ms: self.world.now_ms(),
            node: self.node.clone(),
            kind,
            phase,
            state: None,
            tool: None,
            effect: None,
            goal: Some(self.goal.id),
            run: self.run,
            step: None,
            replay_of: None,
            trace: Some(self.goal.trace),
            project: self.goal.project.clone(),
            units: None,
            salt: self.world.salt(),
            rendered: None,
            body: Body { summary: summary.into(), data, ..Body::default() },
        }
    }

    /// A receipt about one step.
    pub fn step(
        &self,
        step: StepIndex,
        kind: ReceiptKind,
        phase: Phase,
        summary: impl Into<String>,
        data: Value,
    ) -> Draft {
        Draft { step: Some(step), ..self.draft(kind, Some(phase), summary, data) }
    }
}
