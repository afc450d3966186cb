//! A talk as Anthropic takes it.

use actors::domain::{ToolCall, ToolOffer, Turn};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::AnswerTool;
use crate::models::wire::{Asked, in_plain_letters, object};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: &'a str },
    ToolUse { id: String, name: &'a str, input: Value },
    ToolResult { tool_use_id: String, content: &'a str },
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: Value,
}

/// The request's body.
pub(in crate::models::wire) fn body(asked: &Asked<'_>) -> Vec<u8> {
    let request = asked.request;
    let answer = AnswerTool::of(request);
    let mut tools: Vec<Tool<'_>> = request.tools.iter().map(tool).collect();
    if let (Some(answer), Some(schema)) = (&answer, &request.answer_schema) {
        let description = "Takes your final answer. Use it once, when you have nothing more to call.";
        tools.push(Tool { name: &answer.name, description, input_schema: answer.schema(schema) });
    }
    let tool_choice = match &answer {
        _ if chosen(asked.raw).is_some() => chosen(asked.raw),
        Some(answer) if request.tools.is_empty() || request.must_answer => {
            Some(json!({ "type": "tool", "name": answer.name }))
        }
        Some(_) => Some(json!({ "type": "any" })),
        None => (request.must_answer && !request.tools.is_empty()).then(|| json!({ "type": "none" })),
    };
    let tool_choice = one_at_a_time(tool_choice, asked.raw, !tools.is_empty());
    let (temperature, top_p) = chance(asked);
    let body = Body {
        model: asked.model,
        max_tokens: request.max_output_tokens,
        system: system(&request.turns),
        messages: messages(&request.turns),
        tools,
        tool_choice,
        temperature,
        top_p,
        stop_sequences: stops(asked.raw),
        stream: asked.streaming,
    };
    // Texts, numbers and JSON values always have a JSON form.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// Temperature and `top_p`, never both: newer models refuse that. What the program asked for goes before the persona's own
/// temperature, and of two that it asked for its temperature goes first.
fn chance(asked: &Asked<'_>) -> (Option<f64>, Option<f64>) {
    let wish = |name| asked.raw.and_then(|raw| raw.get(name)?.as_f64());
    let top_p = wish("top_p").filter(|_| wish("temperature").is_none());
    // It takes 0 to 1, others 0 to 2.
    let temperature = asked.temperature_thousandths.map(|thousandths| f64::from(thousandths.min(1000)) / 1000.0);
    (temperature.filter(|_| top_p.is_none()), top_p)
}

/// The tool, or any, that a program wants called; none: it leaves that to the model, or wants none.
fn chosen(raw: Option<&Map<String, Value>>) -> Option<Value> {
    let choice = raw?.get("tool_choice")?;
    match choice["function"]["name"].as_str() {
        Some(name) => Some(json!({ "type": "tool", "name": name })),
        None => (choice.as_str() == Some("required")).then(|| json!({ "type": "any" })),
    }
}

/// The choice with a program's wish for one call at a time.
fn one_at_a_time(choice: Option<Value>, raw: Option<&Map<String, Value>>, has_tools: bool) -> Option<Value> {
    let wished = has_tools && raw.is_some_and(|raw| raw.get("parallel_tool_calls") == Some(&Value::Bool(false)));
    match choice {
        choice if !wished => choice,
        Some(choice) if choice["type"] == "none" => Some(choice),
        choice => {
            let mut choice = choice.unwrap_or_else(|| json!({ "type": "auto" }));
            choice["disable_parallel_tool_use"] = true.into();
            Some(choice)
        }
    }
}

/// Where a program wants the answer to end.
fn stops(raw: Option<&Map<String, Value>>) -> Vec<&str> {
    match raw.and_then(|raw| raw.get("stop")) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn tool(offer: &ToolOffer) -> Tool<'_> {
    Tool { name: &offer.name, description: &offer.description, input_schema: offer.parameters.clone() }
}

fn system(turns: &[Turn]) -> String {
    let texts = turns.iter().filter_map(|turn| match turn {
        Turn::System { text } => Some(text.as_str()),
        _ => None,
    });
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Turns of the same side become one message: results must all stand in the message behind their calls.
fn messages(turns: &[Turn]) -> Vec<Message<'_>> {
    let mut messages: Vec<Message<'_>> = Vec::new();
    for turn in turns {
        let (role, blocks): (_, Vec<_>) = match turn {
            Turn::System { .. } => continue,
            Turn::User { text } => ("user", text_block(text).into_iter().collect()),
            Turn::Assistant { text, calls } => {
                ("assistant", text_block(text).into_iter().chain(calls.iter().map(call)).collect())
            }
            Turn::Tool { call, text, .. } => {
                ("user", vec![Block::ToolResult { tool_use_id: in_plain_letters(call), content: text }])
            }
        };
        match messages.last_mut() {
            Some(last) if last.role == role => last.content.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => messages.push(Message { role, content: blocks }),
        }
    }
    messages
}

/// Empty texts are refused there.
fn text_block(text: &str) -> Option<Block<'_>> {
    (!text.trim().is_empty()).then_some(Block::Text { text })
}

fn call(call: &ToolCall) -> Block<'_> {
    Block::ToolUse { id: in_plain_letters(&call.id), name: &call.name, input: object(&call.arguments) }
}
