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

const NO_PROOF: &str = "the goal declares no proof, so nothing is proven: add an `expect_*` step or a `proof`";
const ONLY_ANSWERED: &str = "answered; nothing was proven: no receipt shows a deed that the answer tells of, and the goal \
    declares no `proof`";

impl Attempt<'_> {
    pub(super) fn stuck(&self, at: usize, step: &Step) -> Verdict {
        let text = format!(
            "{} (step {}) needs the page behind an effect that is done, and that page was lost; start it with a `goto`",
            plan::label(step),
            at + 1
        );
        let lines = proof::check(&self.goal, &self.steps, self.history.receipts());
        Verdict::Unconfirmed { lines, error: text, result: None }
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
    pub(super) async fn failed_step(&mut self, at: usize, step: &Step, mut error: StepError) -> Result<(), Halt> {
        if error.retryable {
            // Whoever stopped the run cut the step, too: that is no failure, and a resume does it again.
            self.goes_on()?;
        }
        let is_closed = matches!(self.history.key(self.steps.index(at)), Key::Done(done) if done.went_wrong());
        if step.effect() == Effect::Irreversible && is_closed {
            // It has happened, whatever it says of itself: no other attempt may do it.
            error.retryable = false;
        }
        let tries_again = error.retryable && self.pause_before_retry().is_some();
        let may_have_happened = matches!(self.history.key(self.steps.index(at)), Key::Unknown { .. });
        if step.effect().needs_intent() && may_have_happened && !tries_again {
            return self.ask(at).await;
        }
        Err(Halt::Verdict(self.verdict_on(at, step, error)))
    }

    /// It may have happened: a positive read-back that speaks of nothing else settles it, otherwise a person does.
    pub(super) async fn ask(&mut self, at: usize) -> Result<(), Halt> {
        if let Some(read_back) = self.goal.proof.read_back.clone()
            && self.speaks_only_of(at, &read_back)
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

    /// Whether what is read back can have come from this step only. It holds the goal's key, so nothing before the goal
    /// brought it there, and the page does not repeat it from its address; and of the effects since a step took the key
    /// into its hands no other has happened, or may have.
    fn speaks_only_of(&self, at: usize, read_back: &ReadBack) -> bool {
        let key = self.goal.id.to_string();
        let holds_key = |text: &str| self.saved.fill(text).is_ok_and(|filled| filled.contains(&key));
        let takes_key = |step: &Step| {
            let filled = if self.is_agent() { Ok(step.clone()) } else { self.fill(step) };
            filled.map_or(true, |filled| filled.to_args().to_string().contains(&key))
        };
        let Some(since) = self.steps[..=at].iter().position(takes_key) else { return false };
        let before = self.steps.index(0)..self.steps.index(since);
        let mut others = self.history.happened_outside().into_iter().filter(|step| *step != self.steps.index(at));
        holds_key(&read_back.contains) && !holds_key(&read_back.url) && others.all(|step| before.contains(&step))
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
        let mut answered = None;
        let mut is_proven = !lines.is_empty();
        let mut unproven = NO_PROOF;
        if let Some((said, held)) = self.claimed().await.map_err(failed)? {
            (answered, unproven) = (Some(said), ONLY_ANSWERED);
            is_proven |= held.shows_a_deed;
            lines.extend(held.lines);
        }
        let missing: Vec<&str> = lines.iter().filter(|line| !line.holds).map(|line| line.what.as_str()).collect();
        let error = match (missing.is_empty(), is_proven) {
            (false, _) => format!("not shown by any receipt: {}", missing.join("; ")),
            (true, false) => unproven.to_owned(),
            (true, true) => {
                let text = || self.saved.get("text").map(str::to_owned);
                let result = answered.or_else(text).unwrap_or_else(|| all_hold(lines.len()));
                return Ok(Verdict::Done { result, lines });
            }
        };
        Ok(Verdict::Unconfirmed { lines, error, result: answered })
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
            return Verdict::Unconfirmed { lines, error: error.text, result: None };
        }
        Verdict::Failed(error)
    }
}

fn all_hold(proofs: usize) -> String {
    if proofs == 1 { "its proof holds".to_owned() } else { format!("all {proofs} proofs hold") }
}
