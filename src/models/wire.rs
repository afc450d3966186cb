//! How providers are spoken to. Pure: a talk in, bytes out; bytes in, an answer out.

mod anthropic;
mod events;
mod openai;
mod passed;

use actors::domain::{ChatRequest, Finish, ToolCall};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

pub(super) use events::Events;
pub(super) use passed::{Embeddings, embedding, embeddings};

use super::price::Usage;
use crate::config::{OutputLimitField, ProviderKind};

/// Bytes of an answer (texts and arguments, decoded) that are taken.
pub(super) const MOST_ANSWER_BYTES: usize = 4 << 20;
/// Calls of one answer that are taken.
const MOST_CALLS: usize = 128;
/// What a provider calls its model is kept up to this.
const MOST_MODEL_CHARS: usize = 200;
/// No provider takes a longer name of a tool.
const MOST_NAME_CHARS: usize = 64;

/// A talk as one model of one provider is to be asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub request: &'a ChatRequest,
    /// The same as a program wrote it in OpenAI's form: what providers of that form are sent.
    pub raw: Option<&'a Map<String, Value>>,
    pub model: &'a str,
    pub temperature_thousandths: Option<u16>,
    pub output_limit_field: OutputLimitField,
    pub streaming: bool,
}

/// What came back, as far as it matters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub finish: Finish,
    /// The model that answered, when it says so.
    pub model: Option<String>,
    pub usage: Option<Usage>,
}

/// Why something that came is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// Not JSON, or not of the expected form.
    #[error("not the expected JSON at `{path}`: {reason}")]
    Unreadable { path: String, reason: String },
    /// A part that must be there is not.
    #[error("{0}")]
    Missing(&'static str),
    /// A stream said things in an order that makes no sense.
    #[error("out of order: {0}")]
    OutOfOrder(&'static str),
    /// Part of a call, and never the rest.
    #[error("half a tool call: {0}")]
    HalfCall(&'static str),
    /// The stream ended before the answer did.
    #[error("the stream ended before the answer did")]
    Cut,
    /// More of something than is taken.
    #[error("more than is taken: {0}")]
    TooMuch(&'static str),
    /// A longer answer than is taken.
    #[error("a longer answer than is taken")]
    TooLarge,
    /// An error instead of (the rest of) an answer.
    #[error("{reason}")]
    Said { status: u16, reason: String },
}

impl ProviderKind {
    /// Behind the base address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::OpenAi => "/chat/completions",
            Self::Anthropic => "/messages",
        }
    }

    /// The request's body.
    pub(super) fn body(self, asked: &Asked<'_>) -> Vec<u8> {
        match self {
            Self::OpenAi => openai::body(asked),
            Self::Anthropic => anthropic::body(asked),
        }
    }

    /// Behind the base address, for embeddings; none: it makes none.
    pub(super) const fn embeddings_path(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("/embeddings"),
            Self::Anthropic => None,
        }
    }

    /// Reads a whole answer.
    pub(super) fn read(self, body: &[u8], request: &ChatRequest) -> Result<Answer, Malformed> {
        match self {
            Self::OpenAi => openai::read(body),
            Self::Anthropic => anthropic::read(body, request),
        }
        .map(Answer::fit_to_keep)
    }
}

/// Puts a streamed answer together.
pub(super) enum Listener {
    OpenAi(openai::Listener),
    Anthropic(anthropic::Listener),
}

impl Listener {
    /// For the answer to this request.
    pub(super) fn new(kind: ProviderKind, request: &ChatRequest) -> Self {
        match kind {
            ProviderKind::OpenAi => Self::OpenAi(openai::Listener::default()),
            ProviderKind::Anthropic => Self::Anthropic(anthropic::Listener::new(request)),
        }
    }

    /// Takes one event's data; what it adds to the text, if anything.
    pub(super) fn hear(&mut self, data: &str) -> Result<Option<String>, Malformed> {
        match self {
            Self::OpenAi(listener) => listener.hear(data),
            Self::Anthropic(listener) => listener.hear(data),
        }
    }

    /// Nothing more is to come.
    pub(super) const fn is_over(&self) -> bool {
        match self {
            Self::OpenAi(listener) => listener.is_over(),
            Self::Anthropic(listener) => listener.is_over(),
        }
    }

    /// The answer, if it came to its end.
    pub(super) fn finish(self) -> Result<Answer, Malformed> {
        match self {
            Self::OpenAi(listener) => listener.finish(),
            Self::Anthropic(listener) => listener.finish(),
        }
        .map(Answer::fit_to_keep)
    }
}

impl Answer {
    /// Receipts hold what a provider calls its model, and the next request what a model called a tool: both are made to
    /// fit there.
    fn fit_to_keep(self) -> Self {
        let name = |call: ToolCall| ToolCall {
            name: in_plain_letters(&call.name).chars().take(MOST_NAME_CHARS).collect(),
            ..call
        };
        let model = self.model.map(|model| model.chars().take(MOST_MODEL_CHARS).collect());
        Self { model, calls: self.calls.into_iter().map(name).collect(), ..self }
    }
}

/// Names and ids hold nothing else in any form; what other providers or models made up may.
fn in_plain_letters(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect()
}

/// Arguments must be an object; what a model wrote that is none is shown to it as what it was.
fn object(arguments: &str) -> Value {
    let written = serde_json::from_str::<Value>(arguments).ok().filter(Value::is_object);
    written.unwrap_or_else(|| match arguments.trim() {
        "" => json!({}),
        _ => json!({ "arguments": arguments }),
    })
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        Malformed::Unreadable { path, reason: error.into_inner().to_string() }
    })
}

#[cfg(test)]
mod tests;
