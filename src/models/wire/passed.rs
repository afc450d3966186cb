//! What a program sent in OpenAI's form and a provider of that form is sent: the same, but for what decides about money.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Asked, MOST_MODEL_CHARS, Malformed, from_json};
use crate::{config::OutputLimitField, models::price::Usage};

/// Fields that are handed on as they came. Others are left out: they could cost what nobody counted, or belong to the
/// gateway.
const CHAT: [&str; 15] = [
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "reasoning_effort",
    "verbosity",
    "user",
];
const EMBEDDINGS: [&str; 4] = ["input", "dimensions", "encoding_format", "user"];

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(flatten)]
    fields: Picked<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
}

struct Picked<'a>(&'a Map<String, Value>, &'static [&'static str]);

impl Serialize for Picked<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_map(self.0.iter().filter(|(name, value)| self.1.contains(&name.as_str()) && !value.is_null()))
    }
}

/// The body of a chat completion.
pub(super) fn chat(raw: &Map<String, Value>, asked: &Asked<'_>) -> Vec<u8> {
    let limit = |field| (asked.output_limit_field == field).then_some(asked.request.max_output_tokens);
    let body = Body {
        model: asked.model,
        fields: Picked(raw, &CHAT),
        max_tokens: limit(OutputLimitField::MaxTokens),
        max_completion_tokens: limit(OutputLimitField::MaxCompletionTokens),
        stream: asked.streaming,
        stream_options: asked.streaming.then(|| serde_json::json!({ "include_usage": true })),
    };
    // Texts, numbers and JSON values always have a JSON form.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The body of a request for embeddings.
pub(in crate::models) fn embeddings(raw: &Map<String, Value>, model: &str) -> Vec<u8> {
    let fields = Picked(raw, &EMBEDDINGS);
    let body =
        Body { model, fields, max_tokens: None, max_completion_tokens: None, stream: false, stream_options: None };
    serde_json::to_vec(&body).unwrap_or_default()
}

/// Embeddings as they came.
#[derive(Debug, Clone)]
pub(in crate::models) struct Embeddings {
    /// The list, as the provider wrote it.
    pub data: Value,
    pub model: Option<String>,
    pub usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Counted>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Counted {
    /// Who does not say counts as one who did not answer in full: the worst case holds.
    #[serde(default)]
    prompt_tokens: Option<u64>,
}

/// Reads an answer with embeddings.
pub(in crate::models) fn embedding(body: &[u8]) -> Result<Embeddings, Malformed> {
    let Envelope { data, model, usage, error } = from_json(body)?;
    let missing = || error.as_ref().map_or(Malformed::Missing("`data` is missing"), super::openai::said);
    let data = data.ok_or_else(missing)?;
    let model = model.map(|model: String| model.chars().take(MOST_MODEL_CHARS).collect());
    let usage = usage.and_then(|counted| Some(Usage { input: counted.prompt_tokens?, output: 0 }));
    Ok(Embeddings { data, model, usage })
}
