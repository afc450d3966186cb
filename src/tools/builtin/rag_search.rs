//! `rag_search`: what the persona remembers about something. What is found is kept as a text; it is data, whatever it says.

use std::error::Error as _;

use actors::domain::{ArtifactKind, NewArtifact, Outcome, PersonaId, StepError};
use serde_json::{Value, json};

use crate::memory::{Memory, MemoryError, Passage};

const MOST_PASSAGES: usize = 8;
/// Characters of one passage that are kept.
const MOST_TEXT: usize = 8_000;

/// Looks, in its own memory only. `lack`: why there is none.
pub(in crate::tools) async fn search(
    memory: Result<&dyn Memory, &'static str>,
    persona: PersonaId,
    query: &str,
) -> Outcome {
    let memory = match memory {
        Ok(memory) => memory,
        Err(lack) => return Outcome::not_begun("remembered nothing", StepError::permanent(lack)),
    };
    let passages = match memory.search(persona, query, MOST_PASSAGES).await {
        Ok(passages) => passages,
        Err(error) => return Outcome::not_begun("remembered nothing", why(&error)),
    };
    let passages = &passages[..passages.len().min(MOST_PASSAGES)];
    let found: Vec<Value> = passages
        .iter()
        .map(|passage| json!({"source": cut(&passage.source, 200), "score_thousandths": passage.score_thousandths}))
        .collect();
    let summary = match found.len() {
        0 => "remembered nothing of it".to_owned(),
        1 => "remembered a passage".to_owned(),
        many => format!("remembered {many} passages"),
    };
    let outcome = Outcome::done(summary, json!({"step": "rag_search", "passages": found}));
    if passages.is_empty() {
        return outcome;
    }
    outcome.with_artifact(NewArtifact {
        kind: ArtifactKind::Text,
        name: "passages.txt".to_owned(),
        media_type: "text/plain; charset=utf-8",
        bytes: passages.iter().map(as_text).collect::<Vec<_>>().join("\n\n").into_bytes(),
    })
}

fn as_text(passage: &Passage) -> String {
    format!("[{}]\n{}", cut(&passage.source, 200), cut(&passage.text, MOST_TEXT))
}

fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}

fn why(error: &MemoryError) -> StepError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let text = format!("{error}{cause}");
    match error {
        MemoryError::Unavailable(_) => StepError::retryable(text),
        MemoryError::Refused(_) => StepError::permanent(text),
    }
}
