//! `compose`: a text in the persona's voice.

use std::time::Duration;

use actors::domain::{ArtifactKind, Cost, Length, NewArtifact, Outcome, Persona, StepError};
use serde_json::json;

use crate::models::{ModelError, Models, Request};

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
    let composed = match models.compose(Request { persona, prompt, length, limit }).await {
        Ok(composed) => composed,
        Err(error) => return failed("compose", &error),
    };
    let words = composed.text.split_whitespace().count();
    let mut data = json!({
        "step": format!("compose {save_as}"), "ok": true, "details": format!("{words} words by {}", composed.provider),
        "value": composed.text, "provider": composed.provider, "model": composed.model,
    });
    if !composed.tried.is_empty() {
        data["tried"] = composed.tried.into();
    }
    let name = format!("{save_as}.txt");
    let bytes = composed.text.into_bytes();
    let artifact = NewArtifact { kind: ArtifactKind::Text, name, media_type: "text/plain", bytes };
    let summary = format!("composed {save_as}, {words} words by {}", composed.provider);
    Outcome { cost: composed.cost, ..Outcome::done(summary, data).with_artifact(artifact) }
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
