//! Anthropic's messages: the system text stands apart, calls and their results are blocks of the talk.
//!
//! **Structured output.** A schema is offered as one more tool, whose use is forced: what the model hands to it is the
//! answer's text. Beside other tools some tool must be used, so that it can still make calls. This holds for every model,
//! unlike the newer native way; a schema whose root is no object is wrapped in one.

mod encode;
mod stream;

use actors::domain::{ChatRequest, Finish, ToolCall};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) use self::encode::body;
pub(in crate::models) use self::stream::Listener;
use super::{Answer, MOST_CALLS, Malformed, from_json};
use crate::models::price::Usage;

/// The property that holds an answer which is no object itself.
const WRAPPED: &str = "answer";

/// The tool that takes the answer, when a schema was given.
#[derive(Debug, Clone)]
pub(super) struct AnswerTool {
    name: String,
    wrapped: bool,
}

impl AnswerTool {
    /// Named like none of the tools that are offered.
    fn of(request: &ChatRequest) -> Option<Self> {
        let schema = request.answer_schema.as_ref()?;
        let mut name = "final_answer".to_owned();
        while request.tools.iter().any(|tool| tool.name == name) {
            name.push('_');
        }
        Some(Self { name, wrapped: schema.get("type").and_then(Value::as_str) != Some("object") })
    }

    fn schema(&self, schema: &Value) -> Value {
        match self.wrapped {
            true => json!({ "type": "object", "properties": { WRAPPED: schema }, "required": [WRAPPED] }),
            false => schema.clone(),
        }
    }

    /// The answer's text out of what the tool was given. What cannot be unwrapped is left as it is.
    fn text(&self, arguments: String) -> String {
        if !self.wrapped {
            return arguments;
        }
        let object: Option<Map<String, Value>> = serde_json::from_str(&arguments).ok();
        object.and_then(|mut object| object.remove(WRAPPED)).map_or(arguments, |answer| answer.to_string())
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    content: Option<Vec<Value>>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Option<Counted>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
struct Use {
    id: String,
    name: String,
    #[serde(default)]
    input: Value,
}

/// Tokens as the provider counted them. What was written to or read from its cache was input too.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Counted {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
}

impl Counted {
    /// Later counts stand for the whole answer so far.
    fn then(self, later: Self) -> Self {
        Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            cache_creation_input_tokens: later.cache_creation_input_tokens.or(self.cache_creation_input_tokens),
            cache_read_input_tokens: later.cache_read_input_tokens.or(self.cache_read_input_tokens),
            output_tokens: later.output_tokens.or(self.output_tokens),
        }
    }
}

impl Counted {
    /// Half a count is none: the other half would cost nothing.
    fn usage(self) -> Option<Usage> {
        let cached = [self.cache_creation_input_tokens, self.cache_read_input_tokens];
        let input = cached.into_iter().flatten().fold(self.input_tokens?, u64::saturating_add);
        Some(Usage { input, output: self.output_tokens? })
    }
}

/// Reads a whole answer.
pub(super) fn read(body: &[u8], request: &ChatRequest) -> Result<Answer, Malformed> {
    let envelope: Envelope = from_json(body)?;
    if let Some(error) = &envelope.error {
        return Err(said(error));
    }
    let mut parts = Parts::new(request);
    for block in envelope.content.ok_or(Malformed::Missing("`content` is missing"))? {
        let unreadable = |reason: serde_json::Error| Malformed::Unreadable {
            path: "content".to_owned(),
            reason: reason.to_string(),
        };
        match block.get("type").and_then(Value::as_str) {
            Some("text") => parts.text.push_str(&serde_json::from_value::<Text>(block).map_err(unreadable)?.text),
            Some("tool_use") => {
                let Use { id, name, input } = serde_json::from_value(block).map_err(unreadable)?;
                parts.call(id, name, input.to_string())?;
            }
            // Thinking and what may come to be: not part of the answer.
            _ => {}
        }
    }
    parts.answer(envelope.stop_reason.as_deref(), envelope.model, envelope.usage)
}

/// What an answer is put together from, in either way of sending it.
struct Parts {
    answer_tool: Option<AnswerTool>,
    text: String,
    /// What the answer tool was given.
    structured: Option<String>,
    calls: Vec<ToolCall>,
}

impl Parts {
    fn new(request: &ChatRequest) -> Self {
        Self { answer_tool: AnswerTool::of(request), text: String::new(), structured: None, calls: Vec::new() }
    }

    /// A whole call: one of the model's, or the answer itself, whose text is returned.
    fn call(&mut self, id: String, name: String, arguments: String) -> Result<Option<String>, Malformed> {
        match &self.answer_tool {
            Some(tool) if tool.name == name => {
                let text = tool.text(arguments);
                self.structured = Some(text.clone());
                return Ok(Some(text));
            }
            _ if name.is_empty() => return Err(Malformed::HalfCall("it has no name")),
            _ if id.is_empty() => return Err(Malformed::HalfCall("it has no id")),
            _ if self.calls.len() == MOST_CALLS => return Err(Malformed::TooMuch("calls in one answer")),
            _ => self.calls.push(ToolCall { id, name, arguments }),
        }
        Ok(None)
    }

    fn answer(
        self,
        stop_reason: Option<&str>,
        model: Option<String>,
        usage: Option<Counted>,
    ) -> Result<Answer, Malformed> {
        let finish = match stop_reason {
            None => return Err(Malformed::Missing("`stop_reason` is missing")),
            Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
            Some("refusal") => Finish::Filtered,
            _ if !self.calls.is_empty() => Finish::Calls,
            _ => Finish::Stop,
        };
        let text = self.structured.unwrap_or(self.text);
        Ok(Answer { text, calls: self.calls, finish, model, usage: usage.and_then(Counted::usage) })
    }
}

/// An error in place of an answer, with the status that it would have had.
fn said(error: &Value) -> Malformed {
    let status = match error.get("type").and_then(Value::as_str) {
        Some("invalid_request_error") => 400,
        Some("authentication_error") => 401,
        Some("permission_error") => 403,
        Some("not_found_error") => 404,
        Some("request_too_large") => 413,
        Some("rate_limit_error") => 429,
        Some("overloaded_error") => 529,
        _ => 500,
    };
    let text = error.get("message").unwrap_or(error);
    Malformed::Said { status, reason: text.as_str().map_or_else(|| text.to_string(), str::to_owned) }
}
