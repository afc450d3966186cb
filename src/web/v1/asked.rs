//! A chat completion as a program asks for it: read loosely where OpenAI's clients send more than is needed, strictly
//! where it decides what is asked and what it may cost.

use std::time::Duration;

use actix_web::web;
use actors::{
    domain::{ChatRequest, Hash, ToolCall, ToolOffer, Turn},
    evidence::canonical::sha256,
};
use futures::StreamExt;
use serde_json::{Map, Value};

use super::{Place, errors::Refusal};
use crate::models::schema_fault;

/// Bytes of a body.
pub(super) const BODY_LIMIT: usize = 4 << 20;
const BODY_TIME_S: u64 = 30;
const MOST_MESSAGES: usize = 4_096;
const MOST_TOOLS: usize = 128;
/// Tokens of an answer when the program does not say: without a limit no worst case could be named.
const ORDINARY_OUTPUT: u32 = 4_096;

/// What a program wants answered.
pub(super) struct Asked {
    pub how: How,
    pub request: ChatRequest,
    /// As it came.
    pub raw: Map<String, Value>,
}

/// By whom it is to be answered, and in what form.
pub(super) struct How {
    /// As the program named it.
    pub model: String,
    pub stream: bool,
    /// The last event of a stream counts the tokens.
    pub include_usage: bool,
    /// SHA-256 of the body: what the receipts name.
    pub digest: Hash,
    pub bytes: usize,
}

/// The body, whole and bounded.
pub(super) async fn body(mut payload: web::Payload, place: &mut Place) -> Result<Vec<u8>, Refusal> {
    let read = async {
        let mut body = Vec::new();
        while let Some(part) = payload.next().await {
            let part = part.map_err(|error| Refusal::malformed(format!("The body broke off: {error}.")))?;
            if body.len() + part.len() > BODY_LIMIT {
                return Err(Refusal::too_large(BODY_LIMIT));
            }
            place.hold(body.len() + part.len())?;
            body.extend_from_slice(&part);
        }
        Ok(body)
    };
    let limit = Duration::from_secs(BODY_TIME_S);
    tokio::time::timeout(limit, read).await.unwrap_or_else(|_| Err(Refusal::too_slow(BODY_TIME_S)))
}

/// A JSON object, and the model that it names.
pub(super) fn object(body: &[u8]) -> Result<(Map<String, Value>, String), Refusal> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| Refusal::malformed(format!("The body is not JSON: {error}.")))?;
    let Value::Object(raw) = value else { return Err(Refusal::malformed("The body must be a JSON object.")) };
    let model = raw.get("model").and_then(Value::as_str).filter(|model| !model.is_empty() && model.len() <= 200);
    let model = model.ok_or_else(|| Refusal::field("model", "must be the name of a model"))?.to_owned();
    Ok((raw, model))
}

impl Asked {
    /// Reads it, and refuses what cannot be answered or bounded.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let (raw, model) = object(body)?;
        one_answer(&raw)?;
        let tools = tools(&raw)?;
        tool_choice(&raw, &tools)?;
        let request = ChatRequest {
            model: Some(model.clone()),
            turns: turns(&raw)?,
            tools,
            max_output_tokens: output_limit(&raw)?,
            temperature_thousandths: temperature(&raw)?,
            answer_schema: answer_schema(&raw)?,
            must_answer: raw.get("tool_choice").and_then(Value::as_str) == Some("none"),
        };
        let stream = flag(&raw, "stream")?;
        let options = raw.get("stream_options").and_then(Value::as_object);
        let include_usage = options.is_some_and(|options| options.get("include_usage") == Some(&Value::Bool(true)));
        Ok(Self { how: How { model, stream, include_usage, digest: sha256(body), bytes: body.len() }, request, raw })
    }
}

/// What would cost what nobody counted, or comes back in a form that is not handed on.
fn one_answer(raw: &Map<String, Value>) -> Result<(), Refusal> {
    let given = |name: &str| raw.get(name).filter(|value| !value.is_null());
    if given("n").is_some_and(|n| n.as_u64() != Some(1)) {
        return Err(Refusal::field("n", "must be 1: ask again for another answer"));
    }
    for old in ["functions", "function_call"] {
        if given(old).is_some() {
            return Err(Refusal::field(old, "is of an old form: use `tools` and `tool_choice`"));
        }
    }
    let is_text = |modes: &Value| modes.as_array().is_some_and(|modes| modes.iter().all(|mode| mode == "text"));
    if given("modalities").is_some_and(|modes| !is_text(modes)) || given("audio").is_some() {
        return Err(Refusal::field("modalities", "may hold `text` only"));
    }
    Ok(())
}

fn flag(raw: &Map<String, Value>, name: &str) -> Result<bool, Refusal> {
    match raw.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal::field(name, "must be true or false")),
    }
}

fn output_limit(raw: &Map<String, Value>) -> Result<u32, Refusal> {
    for name in ["max_completion_tokens", "max_tokens"] {
        let Some(limit) = raw.get(name).filter(|limit| !limit.is_null()) else { continue };
        let limit = limit.as_u64().and_then(|limit| u32::try_from(limit).ok()).filter(|limit| *limit > 0);
        return limit.ok_or_else(|| Refusal::field(name, "must be a whole number above 0"));
    }
    Ok(ORDINARY_OUTPUT)
}

fn temperature(raw: &Map<String, Value>) -> Result<Option<u16>, Refusal> {
    let Some(given) = raw.get("temperature").filter(|value| !value.is_null()) else { return Ok(None) };
    let temperature = given.as_f64().filter(|temperature| (0.0..=2.0).contains(temperature));
    let temperature = temperature.ok_or_else(|| Refusal::field("temperature", "must be a number from 0 to 2"))?;
    Ok(Some((temperature * 1_000.0).round() as u16))
}

fn answer_schema(raw: &Map<String, Value>) -> Result<Option<Value>, Refusal> {
    let Some(format) = raw.get("response_format").filter(|format| !format.is_null()) else { return Ok(None) };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(serde_json::json!({ "type": "object" }))),
        Some("json_schema") => match &format["json_schema"]["schema"] {
            schema @ Value::Object(_) => match schema_fault(schema) {
                Some(fault) => Err(Refusal::field("response_format.json_schema.schema", fault)),
                None => Ok(Some(schema.clone())),
            },
            _ => Err(Refusal::field("response_format.json_schema.schema", "must be a JSON Schema")),
        },
        _ => Err(Refusal::field("response_format.type", "must be `text`, `json_object` or `json_schema`")),
    }
}

fn tools(raw: &Map<String, Value>) -> Result<Vec<ToolOffer>, Refusal> {
    let tools = match raw.get("tools") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(tools)) if tools.len() <= MOST_TOOLS => tools,
        Some(_) => return Err(Refusal::field("tools", format!("must be a list of at most {MOST_TOOLS}"))),
    };
    let offer = |(at, tool): (usize, &Value)| {
        let wrong = |field: &str, reason: &str| Refusal::field(format!("tools[{at}].{field}"), reason);
        if tool["type"] != "function" {
            return Err(wrong("type", "must be `function`"));
        }
        let function = &tool["function"];
        let name = function["name"].as_str().filter(|name| !name.is_empty());
        let parameters = match &function["parameters"] {
            Value::Null => serde_json::json!({ "type": "object", "properties": {} }),
            parameters @ Value::Object(_) => parameters.clone(),
            _ => return Err(wrong("function.parameters", "must be a JSON Schema")),
        };
        Ok(ToolOffer {
            name: name.ok_or_else(|| wrong("function.name", "must be a name"))?.to_owned(),
            description: function["description"].as_str().unwrap_or_default().to_owned(),
            parameters,
        })
    };
    tools.iter().enumerate().map(offer).collect()
}

/// Only what every provider can be told in its own form.
fn tool_choice(raw: &Map<String, Value>, tools: &[ToolOffer]) -> Result<(), Refusal> {
    let Some(choice) = raw.get("tool_choice").filter(|choice| !choice.is_null()) else { return Ok(()) };
    let wrong = |reason: &str| Err(Refusal::field("tool_choice", reason));
    match (choice.as_str(), choice["function"]["name"].as_str()) {
        (Some("none" | "auto"), _) => Ok(()),
        (Some("required"), _) if tools.is_empty() => wrong("is `required`, and there are no `tools`"),
        (Some("required"), _) => Ok(()),
        (None, Some(name)) if tools.iter().any(|tool| tool.name == name) => Ok(()),
        (None, Some(_)) => wrong("names a function that is not among `tools`"),
        _ => wrong("must be `none`, `auto`, `required` or a function by its name"),
    }
}

fn turns(raw: &Map<String, Value>) -> Result<Vec<Turn>, Refusal> {
    let messages = raw.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Refusal::field("messages", "must be a list with at least one message"))?;
    if messages.len() > MOST_MESSAGES {
        return Err(Refusal::field("messages", format!("must hold at most {MOST_MESSAGES}")));
    }
    let mut turns = Vec::with_capacity(messages.len());
    for (at, message) in messages.iter().enumerate() {
        turns.push(turn(at, message, &turns)?);
    }
    Ok(turns)
}

fn turn(at: usize, message: &Value, before: &[Turn]) -> Result<Turn, Refusal> {
    let wrong = |field: &str, reason: &str| Refusal::field(format!("messages[{at}].{field}"), reason);
    let said = || text(&message["content"]).map_err(|reason| wrong("content", reason));
    let needed = || match &message["content"] {
        Value::Null => Err(wrong("content", "is missing")),
        _ => said(),
    };
    Ok(match message["role"].as_str() {
        Some("system" | "developer") => Turn::System { text: needed()? },
        Some("user") => Turn::User { text: needed()? },
        Some("assistant") => {
            let calls = calls(&message["tool_calls"]).map_err(|reason| wrong("tool_calls", reason))?;
            Turn::Assistant { text: said()?, calls }
        }
        Some("tool") => {
            let call = message["tool_call_id"].as_str().ok_or_else(|| wrong("tool_call_id", "is missing"))?;
            Turn::Tool { call: call.to_owned(), name: called(before, call), text: needed()? }
        }
        _ => return Err(wrong("role", "must be `system`, `developer`, `user`, `assistant` or `tool`")),
    })
}

/// A text, whole or in parts. Pictures and sounds have no price by their bytes, so no worst case.
fn text(content: &Value) -> Result<String, &'static str> {
    match content {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            let part = |part: &Value| match part["type"].as_str() {
                Some("text") => part["text"].as_str().map(str::to_owned).ok_or("holds a part without its text"),
                Some("refusal") => Ok(part["refusal"].as_str().unwrap_or_default().to_owned()),
                _ => Err("may hold texts only: what pictures, sounds and files cost cannot be bounded"),
            };
            parts.iter().map(part).collect()
        }
        _ => Err("must be a text, or a list of parts"),
    }
}

fn calls(given: &Value) -> Result<Vec<ToolCall>, &'static str> {
    let list = match given {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) if list.len() <= MOST_TOOLS => list,
        _ => return Err("must be a list of calls"),
    };
    let call = |call: &Value| {
        let part = |value: &Value| value.as_str().map(str::to_owned);
        let function = &call["function"];
        let (id, name) = (part(&call["id"]), part(&function["name"]));
        let arguments = part(&function["arguments"]).unwrap_or_default();
        Some(ToolCall { id: id?, name: name?, arguments })
    };
    list.iter().map(call).collect::<Option<_>>().ok_or("holds a call without id or function")
}

/// The name of the call that a result belongs to.
fn called(before: &[Turn], id: &str) -> String {
    let name = before.iter().rev().find_map(|turn| match turn {
        Turn::Assistant { calls, .. } => calls.iter().find(|call| call.id == id).map(|call| call.name.clone()),
        _ => None,
    });
    name.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refused(change: Value) -> Value {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = Asked::read(&serde_json::to_vec(&body).unwrap()).err().map(|refusal| refusal.json());
        refused.map_or(Value::Null, |json| json["error"]["param"].clone())
    }

    #[test]
    fn what_has_no_worst_case_is_refused_by_name() {
        assert_eq!(refused(json!({"n": 2})), "n");
        assert_eq!(refused(json!({"modalities": ["text", "audio"]})), "modalities");
        let picture = json!([{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]);
        assert_eq!(refused(json!({"messages": [{"role": "user", "content": picture}]})), "messages[0].content");
        assert_eq!(refused(json!({"max_tokens": 0})), "max_tokens");
        assert_eq!(refused(json!({"max_completion_tokens": 1.5})), "max_completion_tokens");
        assert_eq!(refused(json!({"temperature": 3})), "temperature");
        assert_eq!(refused(json!({"messages": []})), "messages");
        assert_eq!(refused(json!({"tools": [{"type": "web_search"}]})), "tools[0].type");
        assert_eq!(refused(json!({"response_format": {"type": "xml"}})), "response_format.type");
    }

    #[test]
    fn what_clients_send_beside_it_is_tolerated() {
        let more =
            json!({"n": 1, "store": false, "metadata": {"a": "b"}, "service_tier": "auto", "x": [1], "audio": null});
        assert_eq!(refused(more), Value::Null);
    }

    #[test]
    fn results_name_the_call_they_belong_to() {
        let call = json!({"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}});
        let body = json!({"model": "m", "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "be "}, {"type": "text", "text": "short"}]},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
        ]});
        let asked = Asked::read(&serde_json::to_vec(&body).unwrap()).ok().unwrap();
        assert_eq!(asked.request.turns[0], Turn::System { text: "be short".into() });
        let result = Turn::Tool { call: "c1".into(), name: "look".into(), text: "42".into() };
        assert_eq!(asked.request.turns[2], result);
        assert_eq!(asked.request.max_output_tokens, ORDINARY_OUTPUT);
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Asked::read(&bytes).is_err());
        }
    }
}
