//! Answers in OpenAI's form, whole and as the events of a stream.

use actix_web::web::Bytes;
use actors::domain::{ChatAnswer, Cost, Finish, ToolCall};
use serde_json::{Value, json};
use uuid::Uuid;

/// What every part of one answer says of itself.
#[derive(Clone)]
pub(super) struct Label {
    id: String,
    created: i64,
    model: String,
}

impl Label {
    /// Of an answer that begins now.
    pub(super) fn new(id: Uuid, now_ms: i64, model: &str) -> Self {
        Self { id: format!("chatcmpl-{}", id.simple()), created: now_ms / 1_000, model: model.to_owned() }
    }

    /// A whole answer.
    pub(super) fn completion(&self, answer: &ChatAnswer, cost: Option<Cost>) -> Value {
        let mut message = json!({ "role": "assistant", "content": answer.text, "refusal": null });
        if !answer.calls.is_empty() {
            message["tool_calls"] = answer.calls.iter().map(call).collect();
            if answer.text.is_empty() {
                message["content"] = Value::Null;
            }
        }
        let choice =
            json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": reason(answer.finish) });
        let mut whole = json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model, "choices": [choice],
        });
        if let Some(cost) = cost {
            whole["usage"] = usage(cost);
        }
        whole
    }

    /// The first event.
    pub(super) fn begin(&self) -> Bytes {
        self.chunk(json!({ "role": "assistant", "content": "" }), None)
    }

    /// More of the text.
    pub(super) fn text(&self, text: &str) -> Bytes {
        self.chunk(json!({ "content": text }), None)
    }

    /// A call, whole.
    pub(super) fn call(&self, index: usize, called: &ToolCall) -> Bytes {
        let mut called = call(called);
        called["index"] = index.into();
        self.chunk(json!({ "tool_calls": [called] }), None)
    }

    /// Why it stopped; behind it what was used, if that was asked for and is known; and the end.
    pub(super) fn end(&self, finish: Finish, used: Option<Cost>) -> Bytes {
        let mut events = self.chunk(json!({}), Some(reason(finish))).to_vec();
        if let Some(cost) = used {
            let last = json!({
                "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
                "choices": [], "usage": usage(cost),
            });
            events.extend_from_slice(&event(&last));
        }
        events.extend_from_slice(b"data: [DONE]\n\n");
        events.into()
    }

    fn chunk(&self, delta: Value, finish: Option<&str>) -> Bytes {
        event(&json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }],
        }))
    }
}

/// One event.
pub(super) fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

/// Tokens as OpenAI counts them out.
pub(super) fn usage(cost: Cost) -> Value {
    let (input, output) = (cost.input_tokens, cost.output_tokens);
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output) })
}

fn call(call: &ToolCall) -> Value {
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } })
}

const fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Calls => "tool_calls",
        Finish::Length => "length",
        Finish::Filtered => "content_filter",
    }
}
