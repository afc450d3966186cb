//! Answers as the two kinds of provider write them.

use actix_web::web::Bytes;
use greenroom::config::ProviderKind;
use serde_json::{Value, json};

use super::USED;

const MODEL: &str = "small-1-0613";

/// A whole answer.
pub(super) fn whole(kind: ProviderKind, number: usize, text: &str, calls: &[(String, Value)]) -> Value {
    let called = calls.iter().enumerate();
    match kind {
        ProviderKind::OpenAi => {
            let calls: Vec<_> = called
                .map(|(index, (name, arguments))| {
                    json!({"id": id(number, index), "type": "function",
                           "function": {"name": name, "arguments": arguments.to_string()}})
                })
                .collect();
            let reason = if calls.is_empty() { "stop" } else { "tool_calls" };
            let mut message = json!({"role": "assistant", "content": (!text.is_empty()).then_some(text)});
            if !calls.is_empty() {
                message["tool_calls"] = calls.into();
            }
            json!({"id": "x", "object": "chat.completion", "model": MODEL,
                   "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage()})
        }
        ProviderKind::Anthropic => {
            let said = (!text.is_empty()).then(|| json!({"type": "text", "text": text}));
            let uses = called.map(|(index, (name, arguments))| {
                json!({"type": "tool_use", "id": id(number, index), "name": name, "input": arguments})
            });
            let content: Vec<_> = said.into_iter().chain(uses).collect();
            let reason = if calls.is_empty() { "end_turn" } else { "tool_use" };
            json!({"id": "x", "type": "message", "role": "assistant", "model": MODEL, "content": content,
                   "stop_reason": reason, "usage": {"input_tokens": USED.0, "output_tokens": USED.1}})
        }
    }
}

/// An error's body.
pub(super) fn error(kind: ProviderKind, reason: &str) -> Value {
    match kind {
        ProviderKind::OpenAi => json!({"error": {"message": reason, "type": "error"}}),
        ProviderKind::Anthropic => json!({"type": "error", "error": {"type": "error", "message": reason}}),
    }
}

/// A streamed answer, in parts that do not end where events do.
pub(super) fn streamed(kind: ProviderKind, number: usize, text: &str, calls: &[(String, Value)]) -> Vec<Bytes> {
    let mut events = beginning(kind);
    events.extend(words(text).map(|word| said(kind, word)));
    match kind {
        ProviderKind::OpenAi => openai_end(&mut events, number, calls),
        ProviderKind::Anthropic => anthropic_end(&mut events, number, calls),
    }
    cut(&events.concat())
}

/// The beginning of a streamed answer: whole events.
pub(super) fn begun(kind: ProviderKind, text: &str) -> Vec<Bytes> {
    let events = beginning(kind).into_iter().chain(words(text).map(|word| said(kind, word)));
    cut(&events.collect::<String>())
}

/// The beginning of one more event.
pub(super) fn half(kind: ProviderKind) -> Bytes {
    let event = said(kind, "lost");
    Bytes::copy_from_slice(&event.as_bytes()[..event.len() / 2])
}

/// One more event with text.
pub(super) fn more(kind: ProviderKind, text: &str) -> Bytes {
    said(kind, text).into()
}

fn beginning(kind: ProviderKind) -> Vec<String> {
    match kind {
        ProviderKind::OpenAi => vec![chunk(json!({"role": "assistant", "content": ""}), None)],
        ProviderKind::Anthropic => {
            let message = json!({"role": "assistant", "model": MODEL, "content": [],
                                 "usage": {"input_tokens": USED.0, "output_tokens": 1}});
            let text = json!({"type": "text", "text": ""});
            vec![
                event("message_start", json!({"message": message})),
                event("ping", json!({})),
                event("content_block_start", json!({"index": 0, "content_block": text})),
            ]
        }
    }
}

fn said(kind: ProviderKind, text: &str) -> String {
    match kind {
        ProviderKind::OpenAi => chunk(json!({"content": text}), None),
        ProviderKind::Anthropic => {
            event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": text}}))
        }
    }
}

fn openai_end(events: &mut Vec<String>, number: usize, calls: &[(String, Value)]) {
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let part = |call: Value| chunk(json!({"tool_calls": [call]}), None);
        let arguments = arguments.to_string();
        let (head, tail) = arguments.split_at(arguments.len() / 2);
        let function = json!({"name": name, "arguments": ""});
        events.push(part(json!({"index": index, "id": id(number, index), "type": "function", "function": function})));
        // As some servers do: an empty name beside every part.
        events.push(part(json!({"index": index, "function": {"name": "", "arguments": head}})));
        events.push(part(json!({"index": index, "function": {"name": "", "arguments": tail}})));
    }
    events.push(chunk(json!({}), Some(if calls.is_empty() { "stop" } else { "tool_calls" })));
    events.push(format!("data: {}\n\n", json!({"model": MODEL, "choices": [], "usage": usage()})));
    events.push("data: [DONE]\n\n".to_owned());
}

fn anthropic_end(events: &mut Vec<String>, number: usize, calls: &[(String, Value)]) {
    events.push(event("content_block_stop", json!({"index": 0})));
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let (block, arguments) = (index + 1, arguments.to_string());
        let (head, tail) = arguments.split_at(arguments.len() / 2);
        let call = json!({"type": "tool_use", "id": id(number, index), "name": name, "input": {}});
        events.push(event("content_block_start", json!({"index": block, "content_block": call})));
        for part in ["", head, tail] {
            let delta = json!({"type": "input_json_delta", "partial_json": part});
            events.push(event("content_block_delta", json!({"index": block, "delta": delta})));
        }
        events.push(event("content_block_stop", json!({"index": block})));
    }
    let reason = if calls.is_empty() { "end_turn" } else { "tool_use" };
    let usage = json!({"output_tokens": USED.1});
    events.push(event("message_delta", json!({"delta": {"stop_reason": reason}, "usage": usage})));
    events.push(event("message_stop", json!({})));
}

fn chunk(delta: Value, finish: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    format!(
        "data: {}\n\n",
        json!({"object": "chat.completion.chunk", "model": MODEL, "choices": [choice], "usage": null})
    )
}

fn event(name: &str, mut data: Value) -> String {
    data["type"] = name.into();
    format!("event: {name}\ndata: {data}\n\n")
}

fn usage() -> Value {
    json!({"prompt_tokens": USED.0, "completion_tokens": USED.1, "total_tokens": USED.0 + USED.1})
}

fn id(number: usize, index: usize) -> String {
    format!("call_{number}_{index}")
}

/// Word by word, with the space before each.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices(' ').map(|(at, _)| at).chain([text.len()]);
    let mut from = 0;
    starts.filter_map(move |at| {
        let word = &text[from..at];
        from = at;
        (!word.is_empty()).then_some(word)
    })
}

/// In parts of 61 bytes: inside words, inside characters, inside line ends.
fn cut(stream: &str) -> Vec<Bytes> {
    stream.as_bytes().chunks(61).map(Bytes::copy_from_slice).collect()
}
