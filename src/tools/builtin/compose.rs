//! `compose`: a text in the persona's voice.

use std::time::Duration;

use actors::{
    domain::{ArtifactKind, Cost, Length, NewArtifact, Outcome, Persona, StepError},
    evidence::canonical,
};
use serde_json::json;

use crate::models::{ModelError, Models, Request, composing, drift, in_style};

/// The text that is wanted.
pub(in crate::tools) struct Wanted<'a> {
    pub persona: &'a Persona,
    pub prompt: &'a str,
    pub save_as: &'a str,
    pub length: Length,
}

/// Has it written. The text is the outcome's `value` and its artifact.
pub(in crate::tools) async fn compose(models: &Models, wanted: Wanted<'_>, limit: Duration) -> Outcome {
    let Wanted { persona, prompt, save_as, length } = wanted;
    let request = Request { persona, prompt, length, limit };
    let asked = json!(composing(&request)).to_string();
    let composed = match models.compose(request).await {
        Ok(composed) => composed,
        Err(error) => return failed("compose", &error),
    };
    let Persona { profile, .. } = persona;
    let aim = profile.length.words(length);
    let text = if profile.hold_to_style { in_style(profile, &composed.text, aim) } else { composed.text.clone() };
    let words = text.split_whitespace().count();
    let mut data = json!({
        "step": format!("compose {save_as}"), "ok": true, "details": format!("{words} words by {}", composed.provider),
        "value": text, "provider": composed.provider, "model": composed.model, "drift": drift(profile, &text, aim),
        "prompt": canonical::sha256(asked.as_bytes()),
    });
    if !composed.tried.is_empty() {
        data["tried"] = composed.tried.into();
    }
    let held = text != composed.text;
    if held {
        data["styled"] = "brought to the style of the profile; what was written is kept beside it".into();
    }
    let summary = format!("composed {save_as}, {words} words by {}", composed.provider);
    let outcome = Outcome::done(summary, data).with_artifact(kept(format!("{save_as}.txt"), text));
    let outcome = match held {
        true => outcome.with_artifact(kept(format!("{save_as}.as-written.txt"), composed.text)),
        false => outcome,
    };
    Outcome { cost: composed.cost, ..outcome }
}

fn kept(name: String, text: String) -> NewArtifact {
    NewArtifact { kind: ArtifactKind::Text, name, media_type: "text/plain", bytes: text.into_bytes() }
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
