//! May this persona use this tool? Asked before anything of a step begins.

use serde_json::Value;

use super::{
    attempt::{Attempt, Halt},
    plan,
};
use crate::domain::{Autonomy, Ended, Phase, Step, StepError};

impl Attempt<'_> {
    /// Why it may not; none: it may. What was granted or revoked since the run began counts.
    pub(super) fn not_granted(&self, step: &Step) -> Option<StepError> {
        let (kind, tool, slug) = (step.kind()?, step.tool(), &self.persona.slug);
        if self.runner.broker.evidence.may_use(&self.persona, &tool, kind) {
            let gives_work = matches!(step, Step::Delegate { .. } | Step::Schedule { .. });
            let only_looks = gives_work && self.persona.permissions.autonomy == Autonomy::ReadOnly;
            let why = || format!("`{tool}` gives work, and {slug} is readonly: it only looks");
            return only_looks.then(|| StepError::denied(why()));
        }
        Some(StepError::denied(format!(
            "{tool} is not granted to {slug}: an operator may say `greenroom tool grant {slug} {tool}`, or grant it on the \
             persona's Settings page"
        )))
    }

    /// A receipt says that it was denied; a model is told and may go another way, a plan has failed.
    pub(super) async fn refuse(&mut self, at: usize, step: &Step, error: StepError) -> Result<(), Halt> {
        let mut draft = self.step_draft(at, step, Phase::Denied, format!("denied {}", plan::label(step)), Value::Null);
        draft.state = Some(Ended::NotBegun.as_str());
        draft.body.error = Some(error.text.clone());
        self.write_step(draft).await?;
        if self.is_agent() {
            return Ok(());
        }
        Err(Halt::Verdict(self.verdict_on(at, step, error)))
    }
}
