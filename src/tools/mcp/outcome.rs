//! What came of a call. Whoever cannot know whether something irreversible happened says so.

use actors::domain::{ArtifactKind, Effect, Ended, NewArtifact, Outcome, StepError};
use serde_json::{Value, json};

use super::source::{Answer, Fault};

/// An answer up to this stands in the receipt; a longer one is an artifact, cut at its bound.
const MOST_VALUE_BYTES: usize = 8 << 10;
const MOST_KEPT_BYTES: usize = 1 << 20;

/// A call that was sent.
pub(super) fn outcome(name: &str, effect: Effect, answered: Result<Answer, Fault>) -> Outcome {
    match answered {
        Ok(answer) => told(name, effect, answer),
        Err(fault) => {
            let text = format!("{name}: {fault}");
            let error = StepError::retryable(text.clone());
            let data = json!({"step": name, "ok": false});
            match fault {
                _ if !effect.needs_intent() => Outcome::does_not_hold(text, data, error),
                // It did not take the call.
                Fault::Declined(_) => Outcome { data, ..Outcome::not_begun(text, error) },
                _ => Outcome { data, ..Outcome::unknown(text, error) },
            }
        }
    }
}

/// What a tool says of itself is its word: the call ended, and that is all that is known.
fn told(name: &str, effect: Effect, answer: Answer) -> Outcome {
    let mut data = json!({"step": name, "ok": !answer.failed, "said_by": "the server"});
    if !answer.left_out.is_empty() {
        data["left_out"] = json!(answer.left_out);
    }
    let value = answer.structured.clone().unwrap_or_else(|| Value::String(answer.text.clone()));
    let whole = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut artifact = None;
    if whole.len() <= MOST_VALUE_BYTES {
        data["value"] = value;
    } else {
        let cut = (0..=MOST_KEPT_BYTES.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
        data["bytes"] = whole.len().into();
        data["cut"] = (cut < whole.len()).into();
        artifact = Some(NewArtifact {
            kind: ArtifactKind::Text,
            name: format!("{name}.txt"),
            media_type: "text/plain; charset=utf-8",
            bytes: whole.as_bytes()[..cut].to_vec(),
        });
    }
    let outcome = match answer.failed {
        false => Outcome::done(format!("called {name}"), data),
        true => {
            let said: String = answer.text.chars().take(300).collect();
            let error = StepError::retryable(format!("{name} says that it failed: {said}"));
            let failed = Outcome::does_not_hold(format!("called {name}, which failed"), data, error);
            // It may have failed half way.
            if effect.needs_intent() { Outcome { ended: Ended::Unknown, ..failed } } else { failed }
        }
    };
    match artifact {
        Some(artifact) => outcome.with_artifact(artifact),
        None => outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_may_have_happened_is_unknown_and_what_was_not_taken_did_not() {
        let ended = |effect, fault| outcome("t", effect, Err(fault)).ended;
        for fault in
            [Fault::Gone("x".into()), Fault::TooLate(Duration::ZERO), Fault::Stopped, Fault::Failed("x".into())]
        {
            assert_eq!(ended(Effect::Irreversible, fault.clone()), Ended::Unknown);
            assert_eq!(ended(Effect::Idempotent, fault.clone()), Ended::Unknown);
            assert_eq!(ended(Effect::Read, fault), Ended::Done);
        }
        assert_eq!(ended(Effect::Irreversible, Fault::Declined("no".into())), Ended::NotBegun);
    }

    /// Recorded as ended, a retry would leave it out as done.
    #[test]
    fn what_says_of_itself_that_it_failed_may_have_done_half() {
        let failed = || Answer { failed: true, text: "the printer is on fire".into(), ..Answer::default() };
        let ended = |effect| outcome("t", effect, Ok(failed())).ended;
        assert_eq!((ended(Effect::Irreversible), ended(Effect::Idempotent)), (Ended::Unknown, Ended::Unknown));
        assert_eq!(ended(Effect::Read), Ended::Done);
    }

    #[test]
    fn a_long_answer_is_kept_beside_the_receipt_and_cut() {
        let text = "ä".repeat(MOST_KEPT_BYTES);
        let told = outcome("t", Effect::Read, Ok(Answer { text, ..Answer::default() }));
        assert!(told.holds() && told.data["cut"] == true && told.data.get("value").is_none());
        assert_eq!(told.artifacts[0].bytes.len(), MOST_KEPT_BYTES);
    }
}
