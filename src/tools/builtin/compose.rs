//! `compose`: a text in the persona's voice.

use actors::{
    domain::{ChatRequest, Cost, Ended, NewArtifact, Outcome, Persona, StepError},
    evidence::canonical,
};
use serde_json::json;
use tracing::error;

use crate::models::{Drift, ModelError, Models, Request, apply_persona_style, composing, drift};

/// A longer text is neither brought to its persona's style nor compared with it.
const MOST_JUDGED_BYTES: usize = 64 << 10;

/// Has it written. The text is the outcome's `value` and its artifact.
pub(in crate::tools) async fn compose(models: &Models, request: Request<'_>, save_as: &str) -> Outcome {
    let Request { persona, length, .. } = request;
    let asked = json!(composing(&request)).to_string();
    let composed = match models.compose(request).await {
        Ok(composed) => composed,
        Err(error) => return failed("compose", &error),
    };
    let (text, drift) = judged(persona, &composed.text, persona.profile.length.words(length)).await;
    let words = text.split_whitespace().count();
    let mut data = json!({
        "step": format!("compose {save_as}"), "ok": true, "details": format!("{words} words by {}", composed.provider),
        "value": text, "provider": composed.provider, "model": composed.model,
        "prompt": canonical::sha256(asked.as_bytes()),
    });
    match drift {
        Ok(drift) => {
            data["drift"] = json!(drift);
            if let Some(limit) = persona.profile.drift_limit {
                data["drift_limit"] = json!(limit);
            }
        }
        Err(why) => data["drift_skipped"] = why.into(),
    }
    if !composed.tried.is_empty() {
        data["tried"] = composed.tried.into();
    }
    let held = text != composed.text;
    if held {
        data["styled"] = "brought to the style of the profile; what was written is kept beside it".into();
    }
    let summary = format!("composed {save_as}, {words} words by {}", composed.provider);
    let outcome = Outcome::done(summary, data).with_artifact(NewArtifact::text(format!("{save_as}.txt"), text));
    let outcome = match held {
        true => outcome.with_artifact(NewArtifact::text(format!("{save_as}.as-written.txt"), composed.text)),
        false => outcome,
    };
    Outcome { cost: composed.cost, ..outcome }
}

/// The text as the persona holds it, at most so many words long where it holds itself to a length, and its drift, or why
/// it was not looked at.
async fn judged(persona: &Persona, text: &str, aim: u32) -> (String, Result<Drift, String>) {
    if text.len() > MOST_JUDGED_BYTES {
        return (text.to_owned(), Err(format!("longer than {MOST_JUDGED_BYTES} bytes")));
    }
    let (id, mut persona, written) = (persona.id, persona.clone(), text.to_owned());
    // No text of it is to be longer than this one was wanted.
    persona.profile.length.long = aim;
    let judge = move || {
        let held = persona.profile.hold_to_style.then(|| apply_persona_style(&persona, &written));
        let text = held.unwrap_or(written);
        let drift = drift(&persona.profile, &text, aim);
        (text, Ok(drift))
    };
    // Hundreds of words are looked for in every place: too long for a thread that answers others.
    tokio::task::spawn_blocking(judge).await.unwrap_or_else(|fallen| {
        error!(persona = %id, "a text of persona {id} was not compared with its style: {fallen}");
        (text.to_owned(), Err(format!("looking at its style failed: {fallen}")))
    })
}

/// With what a model was asked, whole, unless it has that or nobody was asked. Behind what came of it: whoever looks for a
/// text finds that first.
pub(in crate::tools) fn with_prompt(outcome: Outcome, asked: &ChatRequest) -> Outcome {
    if outcome.ended == Ended::NotBegun || outcome.artifacts.iter().any(|kept| kept.name == ChatRequest::FILE) {
        return outcome;
    }
    outcome.with_artifact(NewArtifact::json(ChatRequest::FILE, json!(asked).to_string().into_bytes()))
}

/// A model did not answer; `step` is what it was asked for.
pub(super) fn failed(step: &str, error: &ModelError) -> Outcome {
    let text = error.to_string();
    let why = match () {
        () if error.is_throttled() => StepError::throttled(text),
        () if error.is_retryable() => StepError::retryable(text),
        () => StepError::permanent(text),
    };
    match () {
        () if error.is_not_begun() => Outcome::not_begun("no model was asked", why),
        () if error.is_unknown() => Outcome::unknown("the model's answer did not arrive", why),
        () => {
            let data = json!({ "step": step, "ok": false, "details": why.text });
            let cost = error.is_free().then(Cost::default);
            Outcome { cost, ..Outcome::does_not_hold("the model gave no answer", data, why) }
        }
    }
}
