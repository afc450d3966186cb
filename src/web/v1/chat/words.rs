//! The words of a program's call, for a key that keeps them: artifacts like those of a persona's call, under the same names
//! and without the same secrets.

use actors::domain::{ChatAnswer, ChatRequest, NewArtifact, Thought};

use super::Calling;
use crate::{
    models::secrets_of,
    secrets::Hidden,
    web::{errors::Problem, v1::errors::Refusal},
};

/// What is kept of the words of one call; none of them without the secrets to take out.
#[derive(Default)]
pub(in crate::web::v1) struct Words(Option<Hidden>);

impl Calling {
    /// What is kept, beginning with what was asked, as the program wrote it.
    pub(in crate::web::v1) async fn words(&mut self) -> Result<(Words, Option<NewArtifact>), Refusal> {
        let Some(body) = self.body.take() else { return Ok((Words(None), None)) };
        let hidden = secrets_of(&self.deps.vault, self.key.persona).await.map_err(|error| {
            tracing::warn!("a call whose words are kept is refused, for the secrets could not be read: {error}");
            let why = "Words are kept without secrets, and those could not be read; see `greenroom doctor`. Nothing was sent.";
            Refusal::of_problem(&Problem::unavailable(why))
        })?;
        let words = Words(Some(hidden));
        let prompt = words.kept(NewArtifact::json(ChatRequest::FILE, body));
        Ok((words, prompt))
    }
}

impl Words {
    /// More of a streamed answer, remembered if it is kept.
    pub(in crate::web::v1) fn come(&self, answer: &mut ChatAnswer, text: &str) {
        if self.0.is_some() {
            answer.text.push_str(text);
        }
    }

    /// What was answered, as far as it came: its text, or the whole thought where it wants calls made.
    pub(in crate::web::v1) fn answer(&self, answer: &ChatAnswer) -> Option<NewArtifact> {
        self.0.as_ref()?;
        if answer.calls.is_empty() {
            let text = NewArtifact::text(ChatAnswer::FILE, answer.text.as_str());
            return self.kept(text).filter(|text| !text.bytes.is_empty());
        }
        // What is done about its calls is up to the program.
        let thought = Thought { answer: answer.clone(), chosen: Vec::new() };
        self.kept(NewArtifact::json(Thought::FILE, serde_json::to_vec(&thought).ok()?))
    }

    fn kept(&self, mut artifact: NewArtifact) -> Option<NewArtifact> {
        self.0.as_ref()?.mask_artifact(&mut artifact);
        Some(artifact)
    }
}
