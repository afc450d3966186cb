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
            phase,
            goal: Some(self.goal.id),
            run: self.run,
            trace: Some(self.goal.trace),
            project: self.goal.project.clone(),
            ..Draft::new(
                ChainId::Persona(self.goal.persona),
                self.world.now_ms(),
                self.node.clone(),
                kind,
                self.world.salt(),
                Body { summary: summary.into(), data, ..Body::default() },
            )
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
