//! What an attempt makes of a step whose end nobody saw, and of all its steps at the end: does the proof hold?

use serde_json::json;

use super::{
    attempt::{Attempt, Halt, failed},
    broker::Acted,
    history::Key,
    plan, proof,
    settle::Verdict,
};
use crate::domain::{Effect, Ended, Phase, ReadBack, Step, StepError};

impl Attempt<'_> {
    pub(super) fn stuck(&self, at: usize, step: &Step) -> Verdict {
        let text = format!(
            "{} (step {}) needs the page behind an effect that is done, and that page was lost; start it with a `goto`",
            plan::label(step),
            at + 1
        );
        Verdict::Unconfirmed { lines: proof::check(&self.goal, &self.steps, self.history.receipts()), error: text }
    }

    /// Nobody knows how it ended. What has a key is tried again as long as there are attempts; all else is asked for.
    pub(super) async fn doubt(&mut self, at: usize, step: &Step, error: Option<String>) -> Result<(), Halt> {
        if step.effect() != Effect::Idempotent {
            return self.ask(at).await;
        }
        self.goes_on()?;
        if self.pause_before_retry().is_none() {
            return self.ask(at).await;
        }
        let text = error.unwrap_or_else(|| format!("{} did not say how it ended", step.tool()));
        Err(Halt::Verdict(Verdict::Failed(StepError::retryable(text))))
    }

    /// It did not bring what was wanted. Where a try before it may have gone through, giving up is a person's to say.
    pub(super) async fn failed_step(&mut self, at: usize, step: &Step, error: StepError) -> Result<(), Halt> {
        if error.retryable {
            // Whoever stopped the run cut the step, too: that is no failure, and a resume does it again.
            self.goes_on()?;
        }
        let tries_again = error.retryable && self.pause_before_retry().is_some();
        let may_have_happened = matches!(self.history.key(self.steps.index(at)), Key::Unknown { .. });
        if step.effect().needs_intent() && may_have_happened && !tries_again {
            return self.ask(at).await;
        }
        Err(Halt::Verdict(self.verdict_on(at, step, error)))
    }

    /// It may have happened: a positive read-back settles it, otherwise a person does.
    pub(super) async fn ask(&mut self, at: usize) -> Result<(), Halt> {
        if let Some(read_back) = self.goal.proof.read_back.clone()
            && self.read_back(&read_back).await?
        {
            let step = self.steps[at].clone();
            let data = json!({"resolution": "done", "by": "read-back", "step": plan::label(&step)});
            let summary = format!("found by read-back that {} had happened", plan::label(&step));
            let mut draft = self.step_draft(at, &step, Phase::Reconciled, summary, data);
            draft.state = Some(Ended::Done.as_str());
            return self.write_step(draft).await;
        }
        Err(Halt::End(self.park_for_person(at).await))
    }

    /// Opens the address anew and looks for the text; receipts stand behind the plan's own steps.
    async fn read_back(&mut self, wanted: &ReadBack) -> Result<bool, Halt> {
        let filled = |text: &str| self.saved.fill(text).map_err(failed);
        let goto = Step::Goto { url: filled(&wanted.url)?, timeout_ms: None };
        let find = Step::ExpectText { contains: filled(&wanted.contains)?, selector: None, timeout_ms: None };
        let behind = self.steps.looking_back();
        for (at, step) in [(behind, goto), (behind + 1, find)] {
            self.say(Some(format!("reads back · {}", plan::label(&step))));
            self.renew_permissions().await?;
            self.renew_terms(&step).await?;
            self.keep_pace(&step).await?;
            match self.carry_out(at, &step, None).await? {
                Acted::Holds(receipt) => self.take_in(at, receipt),
                Acted::Fails(receipt, _) | Acted::Unknown(receipt) => {
                    self.take_in(at, receipt);
                    // One that was cut short found nothing out.
                    self.goes_on()?;
                    return Ok(false);
                }
                // A look takes no place in a day and costs nothing.
                Acted::Ended | Acted::Changed(_) | Acted::Unapproved | Acted::Full(_) | Acted::OverBudget(_) => {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The plan is carried out: does the proof hold?
    pub(super) async fn judge(&mut self) -> Result<Verdict, Halt> {
        if let Some(read_back) = self.goal.proof.read_back.clone() {
            // It opens a page of its own.
            let _ = self.offer_slice(0).await?;
            self.read_back(&read_back).await?;
        }
        let mut lines = proof::check(&self.goal, &self.steps, self.history.receipts());
        let mut answer = self.saved.get("text").map(str::to_owned);
        if let Some((said, claimed)) = self.claimed().await.map_err(failed)? {
            answer = Some(said);
            lines.extend(claimed);
        }
        let missing: Vec<&str> = lines.iter().filter(|line| !line.holds).map(|line| line.what.as_str()).collect();
        let error = match (lines.is_empty(), missing.is_empty()) {
            (true, _) => {
                "the goal declares no proof, so nothing is proven: add an `expect_*` step or a `proof`".to_owned()
            }
            (false, false) => format!("not shown by any receipt: {}", missing.join("; ")),
            (false, true) => {
                return Ok(Verdict::Done { result: answer.unwrap_or_else(|| all_hold(lines.len())), lines });
            }
        };
        Ok(Verdict::Unconfirmed { lines, error })
    }

    /// What a step that did not bring what was wanted means for the attempt.
    pub(super) fn verdict_on(&self, at: usize, step: &Step, error: StepError) -> Verdict {
        let acted = |before: usize| {
            self.steps[before].is_browser()
                && self.steps[before].effect().needs_intent()
                && matches!(self.history.key(self.steps.index(before)), Key::Done(_))
        };
        // Trying again could not bring the moment behind the effect back.
        if step.is_expect() && (0..at).any(acted) {
            let lines = proof::check(&self.goal, &self.steps, self.history.receipts());
            return Verdict::Unconfirmed { lines, error: error.text };
        }
        Verdict::Failed(error)
    }
}

fn all_hold(proofs: usize) -> String {
    if proofs == 1 { "its proof holds".to_owned() } else { format!("all {proofs} proofs hold") }
}
