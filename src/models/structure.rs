//! Answers in a form that was asked for: whether they have it, and how a model is asked once more when its answer has not.

use actors::domain::{ChatAnswer, ChatRequest, Finish, Turn};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

/// Bytes of a schema that answers are held to.
const MOST_SCHEMA_BYTES: usize = 64 << 10;
const MOST_PATTERN_BYTES: usize = 1 << 20;
/// Characters of an answer that are shown to the model again, and of what is wrong with it.
const MOST_SHOWN: usize = 600;
const MOST_REASON: usize = 200;
/// Bytes that asking once more adds to a request, at most: what is shown, written as JSON.
pub(super) const ADDED_BYTES: usize = 4 * (MOST_SHOWN + MOST_REASON) + 512;

/// Why answers cannot be held to this schema.
pub fn schema_fault(schema: &Value) -> Option<String> {
    validator(schema).err()
}

fn validator(schema: &Value) -> Result<Validator, String> {
    if schema.to_string().len() > MOST_SCHEMA_BYTES {
        return Err(format!("has more than {MOST_SCHEMA_BYTES} bytes"));
    }
    // Patterns in linear time: whoever asks chooses both the pattern and, through the model, the text.
    let patterns = PatternOptions::regex().size_limit(MOST_PATTERN_BYTES);
    let made = jsonschema::options().with_pattern_options(patterns).build(schema);
    made.map_err(|error| format!("is no JSON Schema that answers can be held to: {}", short(&error, MOST_REASON)))
}

fn short(text: &impl ToString, most: usize) -> String {
    // What takes up more room as JSON says nothing.
    text.to_string().chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why a whole answer has not the form that was asked for. One that was cut off, kept back, or calls a tool is none yet.
pub(super) fn misfit(request: &ChatRequest, answer: &ChatAnswer) -> Option<String> {
    let schema = request.answer_schema.as_ref()?;
    if answer.finish != Finish::Stop || !answer.calls.is_empty() {
        return None;
    }
    let validator = match validator(schema) {
        Ok(validator) => validator,
        Err(fault) => return Some(format!("its schema {fault}")),
    };
    match serde_json::from_str::<Value>(&answer.text) {
        Err(error) => Some(format!("it is not JSON: {error}")),
        Ok(value) => {
            let error = validator.validate(&value).err()?;
            let place = error.instance_path().to_string();
            let at = if place.is_empty() { "the whole".to_owned() } else { place };
            Some(format!("{}: {}", short(&at, 60), short(&error, MOST_REASON)))
        }
    }
}

/// The same talk with the answer and what is wrong with it; also as a program wrote it, if one did.
pub(super) fn asked_again(
    request: &ChatRequest,
    raw: Option<&Map<String, Value>>,
    answer: &str,
    why: &str,
) -> (ChatRequest, Option<Map<String, Value>>) {
    let (shown, why) = (short(&answer, MOST_SHOWN), short(&why, MOST_REASON));
    let shown = if shown.trim().is_empty() { "(nothing)".to_owned() } else { shown };
    let note =
        format!("That answer does not fit the schema: {why}. Answer again, with JSON that fits and nothing else.");
    let raw = raw.map(|raw| {
        let mut raw = raw.clone();
        if let Some(Value::Array(messages)) = raw.get_mut("messages") {
            messages.push(json!({ "role": "assistant", "content": shown }));
            messages.push(json!({ "role": "user", "content": note }));
        }
        raw
    });
    let mut request = request.clone();
    request.turns.push(Turn::Assistant { text: shown, calls: Vec::new() });
    request.turns.push(Turn::User { text: note });
    (request, raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(schema: Value) -> ChatRequest {
        ChatRequest {
            model: None,
            turns: vec![Turn::User { text: "How many?".into() }],
            tools: Vec::new(),
            must_answer: false,
            max_output_tokens: 100,
            temperature_thousandths: None,
            answer_schema: Some(schema),
        }
    }

    fn said(text: &str, finish: Finish) -> ChatAnswer {
        ChatAnswer { text: text.into(), calls: Vec::new(), finish }
    }

    #[test]
    fn an_answer_has_the_form_or_it_is_said_where_not() {
        let schema = json!({"type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}}});
        let request = request(schema);
        let why = |text: &str| misfit(&request, &said(text, Finish::Stop));
        assert_eq!(why(r#"{"count": 3}"#), None);
        assert!(why("Three.").unwrap().contains("not JSON"));
        assert!(why(r#"{"count": "three"}"#).unwrap().starts_with("/count: "));
        assert_eq!(misfit(&request, &said("{\"cou", Finish::Length)), None, "it says itself that it was cut off");
    }

    #[test]
    fn asking_again_adds_no_more_than_is_reserved() {
        let request = request(json!({"type": "object"}));
        let raw = json!({"messages": [{"role": "user", "content": "How many?"}]});
        for worst in ["\u{1}", "\"", "\u{1f600}"].map(|one| one.repeat(MOST_SHOWN * 2)) {
            let (again, raw_again) = asked_again(&request, raw.as_object(), &worst, &worst);
            let raw_again = Value::from(raw_again.unwrap());
            assert_eq!((again.turns.len(), raw_again["messages"].as_array().unwrap().len()), (3, 3));
            assert!(raw_again.to_string().len() - raw.to_string().len() <= ADDED_BYTES);
        }
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        assert_eq!(schema_fault(&json!({"type": "object"})), None);
        assert!(schema_fault(&json!({"type": "letters"})).unwrap().contains("no JSON Schema"));
        assert!(schema_fault(&json!({"pattern": "(?=a)(a|a)*b"})).is_some(), "no pattern that may never end");
        assert!(schema_fault(&json!({"description": "x".repeat(MOST_SCHEMA_BYTES)})).unwrap().contains("bytes"));
    }
}
