//! Chat completions, as OpenAI made them and most servers speak them.

mod stream;

use actors::domain::{Finish, ToolCall, ToolOffer, Turn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(in crate::models) use self::stream::Listener;
use super::{Answer, Asked, MOST_CALLS, Malformed, from_json, object, passed};
use crate::{config::OutputLimitField, models::price::Usage};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Message<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        /// Null beside calls.
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: CalledFunction<'a>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: String,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: &'a ToolOffer,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    json_schema: NamedSchema<'a>,
}

#[derive(Serialize)]
struct NamedSchema<'a> {
    name: &'static str,
    schema: &'a Value,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// An answer, or a part of one that is streamed.
#[derive(Deserialize)]
struct Envelope<C> {
    #[serde(default)]
    model: Option<String>,
    #[serde(default = "Vec::new")]
    choices: Vec<C>,
    #[serde(default)]
    usage: Option<Counted>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<SaidCall>>,
}

#[derive(Deserialize)]
struct SaidCall {
    #[serde(default)]
    id: Option<String>,
    function: SaidFunction,
}

#[derive(Deserialize)]
struct SaidFunction {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

/// Tokens as the provider counted them.
#[derive(Clone, Copy, Deserialize)]
struct Counted {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

impl Counted {
    /// Half a count is none: the other half would cost nothing.
    fn usage(self) -> Option<Usage> {
        Some(Usage { input: self.prompt_tokens?, output: self.completion_tokens? })
    }
}

/// The request's body.
pub(super) fn body(asked: &Asked<'_>) -> Vec<u8> {
    if let Some(raw) = asked.raw {
        return passed::chat(raw, asked);
    }
    let request = asked.request;
    let limit = |field| (asked.output_limit_field == field).then_some(request.max_output_tokens);
    let json_schema = |schema| NamedSchema { name: "answer", schema };
    let body = Body {
        model: asked.model,
        messages: request.turns.iter().map(message).collect(),
        tools: request.tools.iter().map(|offer| Tool { r#type: "function", function: offer }).collect(),
        tool_choice: (request.must_answer && !request.tools.is_empty()).then_some("none"),
        max_tokens: limit(OutputLimitField::MaxTokens),
        max_completion_tokens: limit(OutputLimitField::MaxCompletionTokens),
        temperature: asked.temperature_thousandths.map(|thousandths| f64::from(thousandths) / 1000.0),
        response_format: request
            .answer_schema
            .as_ref()
            .map(|schema| Format { r#type: "json_schema", json_schema: json_schema(schema) }),
        stream: asked.streaming,
        stream_options: asked.streaming.then_some(StreamOptions { include_usage: true }),
    };
    // Texts, numbers and JSON values always have a JSON form.
    serde_json::to_vec(&body).unwrap_or_default()
}

fn message(turn: &Turn) -> Message<'_> {
    match turn {
        Turn::System { text } => Message::System { content: text },
        Turn::User { text } => Message::User { content: text },
        Turn::Assistant { text, calls } => Message::Assistant {
            content: (!text.is_empty() || calls.is_empty()).then_some(text),
            tool_calls: calls.iter().map(call).collect(),
        },
        Turn::Tool { call, text, .. } => Message::Tool { tool_call_id: call, content: text },
    }
}

fn call(call: &ToolCall) -> Call<'_> {
    let function = CalledFunction { name: &call.name, arguments: object(&call.arguments).to_string() };
    Call { id: &call.id, r#type: "function", function }
}

/// Reads a whole answer.
pub(super) fn read(body: &[u8]) -> Result<Answer, Malformed> {
    let envelope: Envelope<Choice> = from_json(body)?;
    let missing = || Malformed::Missing("`choices` is missing or empty");
    let choice = envelope.choices.into_iter().next();
    let choice = choice.ok_or_else(|| envelope.error.as_ref().map_or_else(missing, said))?;
    let calls = choice.message.tool_calls.unwrap_or_default();
    if calls.len() > MOST_CALLS {
        return Err(Malformed::TooMuch("calls in one answer"));
    }
    let calls = calls.into_iter().enumerate().map(|(index, call)| {
        named_call(index, call.id.unwrap_or_default(), call.function.name, call.function.arguments.unwrap_or_default())
    });
    let calls = calls.collect::<Result<Vec<_>, _>>()?;
    let refused = choice.message.refusal.filter(|refusal| !refusal.is_empty());
    let finish = finish(choice.finish_reason.as_deref(), !calls.is_empty(), refused.is_some());
    let text = choice.message.content.filter(|text| !text.is_empty()).or(refused).unwrap_or_default();
    Ok(Answer { text, calls, finish, model: envelope.model, usage: envelope.usage.and_then(Counted::usage) })
}

/// A call with a name; small servers leave the id out, and results must refer to something.
fn named_call(index: usize, id: String, name: Option<String>, arguments: String) -> Result<ToolCall, Malformed> {
    let name = name.filter(|name| !name.is_empty()).ok_or(Malformed::HalfCall("it has no name"))?;
    let id = if id.is_empty() { format!("call_{index}") } else { id };
    Ok(ToolCall { id, name, arguments })
}

fn finish(reason: Option<&str>, calls: bool, refused: bool) -> Finish {
    match reason {
        Some("length") => Finish::Length,
        Some("content_filter") => Finish::Filtered,
        // Some servers say "stop" beside calls.
        _ if calls => Finish::Calls,
        _ if refused => Finish::Filtered,
        _ => Finish::Stop,
    }
}

/// An error in place of an answer; proxies put the upstream's status into `code`.
pub(super) fn said(error: &Value) -> Malformed {
    let code = error.get("code").and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    let status = code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
    let text = error.get("message").unwrap_or(error);
    let reason = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
    Malformed::Said { status: status.unwrap_or(500), reason }
}
