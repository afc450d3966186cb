//! `speak`: a text in the persona's voice, kept as a sound.

use std::{error::Error as _, time::Duration};

use actors::domain::{ArtifactKind, Bound, NewArtifact, Outcome, Persona, StepError};
use serde_json::json;

use crate::voice::{Spoken, Voice, VoiceError};

/// The most that saying it can take.
pub(in crate::tools) fn bound(voice: &dyn Voice, persona: &Persona, text: &str) -> Result<Bound, StepError> {
    voice.bound(persona, text).map_err(|error| why(&error))
}

/// Says it. The inner error of `voice`: why there is none.
pub(in crate::tools) async fn speak(
    voice: Result<&dyn Voice, &'static str>,
    persona: &Persona,
    text: &str,
    limit: Duration,
) -> Outcome {
    let voice = match voice {
        Ok(voice) => voice,
        Err(lack) => return Outcome::not_begun("said nothing", StepError::permanent(lack)),
    };
    let Spoken { bytes, media_type, lasts_ms, by, cost } = match voice.speak(persona, text, limit).await {
        Ok(spoken) => spoken,
        Err(error @ VoiceError::Lost(_)) => return Outcome::unknown("said something that did not arrive", why(&error)),
        Err(error) => return Outcome::not_begun("said nothing", why(&error)),
    };
    let data = json!({"step": "speak", "ok": true, "by": by, "lasts_ms": lasts_ms, "bytes": bytes.len()});
    let said = Outcome::done(format!("said {} characters, by {by}", text.chars().count()), data);
    let name = format!("speech.{}", extension(media_type));
    let sound = NewArtifact { kind: ArtifactKind::File, name, media_type, bytes };
    Outcome { cost, ..said.with_artifact(sound) }
}

fn extension(media_type: &str) -> &'static str {
    match media_type {
        "audio/mpeg" => "mp3",
        "audio/wav" => "wav",
        "audio/ogg" => "ogg",
        _ => "bin",
    }
}

fn why(error: &VoiceError) -> StepError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let text = format!("{error}{cause}");
    match error {
        VoiceError::Unavailable(_) | VoiceError::Lost(_) => StepError::retryable(text),
        VoiceError::Refused(_) => StepError::permanent(text),
    }
}
