//! Steps that are not carried out now: behind the run, done by an earlier attempt, answered by the record, or left out.

use serde_json::{Value, json};

use super::{
    attempt::{Attempt, Halt, failed},
    history::{Key, Recorded},
    plan,
};
use crate::{
    domain::{Draft, Ended, Phase, Step, StepError},
    ports::Commit,
};

/// Why a step was left out.
pub(super) const PAGE_LOST: &str = "the page behind the effect was lost: open an address and look before you go on";
pub(super) const TIME_IS_UP: &str = "there is no time left for it";
pub(super) const FAILED_BEFORE: &str = "an earlier call of the same answer failed";

impl Attempt<'_> {
    /// The step is behind this run: only what it saved counts.
    pub(super) fn recall(&mut self, at: usize, step: &Step) {
        let recorded = match self.history.key(self.steps.index(at)) {
            Key::Done(recorded) => Some(recorded),
            _ => self.history.newest(self.steps.index(at)).or_else(|| self.history.skipped(self.steps.index(at))),
        };
        if let Some(recorded) = recorded {
            self.remember(step, &recorded);
        }
    }

    fn remember(&mut self, step: &Step, recorded: &Recorded) {
        if let Some(body) = &recorded.body {
            self.saved.keep(step, &body.data);
        }
        if let Some(url) = recorded.text("url") {
            self.page = Some(url.to_owned());
        }
    }

    /// An earlier attempt did it for good.
    pub(super) async fn skip(&mut self, at: usize, step: &Step, recorded: &Recorded) -> Result<(), Halt> {
        self.remember(step, recorded);
        let data = json!({"step": plan::label(step), "ok": true, "done_at_seq": recorded.seq});
        self.note(at, step, Phase::Skipped, format!("did not repeat {}: it is done", plan::label(step)), data).await
    }

    /// The recorded page behind a done effect answers an expect or gives the picture.
    pub(super) async fn answer(&mut self, at: usize, step: &Step, recorded: &Recorded) -> Result<(), Halt> {
        let filled = self.filled(step).await.map_err(failed)?;
        let (key, wanted) = match &filled {
            Step::ExpectTitle { contains, .. } => ("title", Some(contains)),
            Step::ExpectText { contains, .. } => ("page_text", Some(contains)),
            _ => ("url", None),
        };
        let seen = recorded.text(key).unwrap_or_default();
        let holds = wanted.is_none_or(|wanted| seen.contains(wanted.as_str()));
        let label = plan::label(&filled);
        let error = (!holds).then(|| format!("the page showed {key} “{seen}” right after the effect"));
        let data = json!({"step": label, "ok": holds, "details": "answered by what was recorded right after the effect",
            "recorded_at_seq": recorded.seq, "url": recorded.text("url"), "title": recorded.text("title")});
        let mut draft = self.step_draft(at, step, Phase::Outcome, format!("answered {label} from the record"), data);
        draft.state = Some(Ended::Done.as_str());
        draft.body.error.clone_from(&error);
        if matches!(step, Step::Screenshot { .. }) {
            draft.body.artifacts = recorded.body.as_ref().map(|body| body.artifacts.clone()).unwrap_or_default();
        }
        self.write_step(draft).await?;
        match error {
            None => Ok(()),
            // The model is told what is not as it wanted.
            Some(_) if self.agent.is_some() => Ok(()),
            Some(text) => Err(Halt::Verdict(self.verdict_on(at, step, StepError::permanent(text)))),
        }
    }

    pub(super) async fn leave_out(&mut self, at: usize, step: &Step, why: &str) -> Result<(), Halt> {
        let label = plan::label(step);
        let data = json!({"step": label, "ok": false, "details": why});
        let mut draft = self.step_draft(at, step, Phase::Skipped, format!("left out {label}: {why}"), data);
        draft.state = Some(Ended::NotBegun.as_str());
        draft.body.error = Some(format!("not done: {why}"));
        self.write_step(draft).await
    }

    /// A receipt about a step that nothing was done for.
    async fn note(&mut self, at: usize, step: &Step, phase: Phase, summary: String, data: Value) -> Result<(), Halt> {
        let draft = self.step_draft(at, step, phase, summary, data);
        self.write_step(draft).await
    }

    pub(super) fn step_draft(&self, at: usize, step: &Step, phase: Phase, summary: String, data: Value) -> Draft {
        let draft = self.about().step(self.steps.index(at), step.receipt_kind(), phase, summary, data);
        Draft { tool: Some(step.tool()), effect: Some(step.effect()), ..draft }
    }

    pub(super) async fn write_step(&mut self, draft: Draft) -> Result<(), Halt> {
        let receipt = self.runner.broker.write(Commit { receipts: vec![draft], ..Commit::default() }).await?;
        self.history.extend([receipt]);
        Ok(())
    }
}
