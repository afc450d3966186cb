//! Talk with a model, in no provider's own form. A run keeps it whole as an artifact, so that it can be read again.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::words::words;

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatRequest {
    /// A configured model's or route's name; none: the persona's, else the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    pub turns: Vec<Turn>,
    /// What the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolOffer>,
    /// It may make no calls, though what it could call is named: some providers want that for calls made before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_answer: bool,
    /// Tokens of the answer at most: without it no worst case could be named.
    pub max_output_tokens: u32,
    /// Sampling temperature, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_thousandths: Option<u16>,
    /// JSON Schema that the text of the answer must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_schema: Option<Value>,
}

/// One contribution to a talk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case", deny_unknown_fields)]
pub enum Turn {
    /// Who the model is and what holds throughout. Only the runtime writes it.
    System {
        text: String,
    },
    User {
        text: String,
    },
    Assistant {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<ToolCall>,
    },
    /// What came of a call: data, never instruction.
    Tool {
        call: String,
        name: String,
        text: String,
    },
}

/// What is left of a result when a talk has become too long: one line, with the number of the receipt that has it whole.
pub fn in_brief(result: &str) -> String {
    const MOST_CHARS: usize = 120;
    let cut = |text: &str| match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    let Ok(Value::Object(said)) = serde_json::from_str(result) else { return cut(result) };
    let kept = |key: &str| {
        let value = match said.get(key)? {
            Value::String(text) => cut(text).into(),
            value @ (Value::Bool(_) | Value::Number(_)) => value.clone(),
            _ => return None,
        };
        Some((key.to_owned(), value))
    };
    let mut brief: Map<_, _> = ["ok", "receipt", "summary", "error"].into_iter().filter_map(kept).collect();
    brief.insert("shortened".to_owned(), true.into());
    Value::Object(brief).to_string()
}

/// A call that a model wants made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// As the provider named it; results refer to it.
    pub id: String,
    pub name: String,
    /// As the model wrote them: meant to be a JSON object, and not checked yet.
    pub arguments: String,
}

/// A tool as a model is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolOffer {
    pub name: String,
    pub description: String,
    /// JSON Schema of its arguments: an object.
    pub parameters: Value,
}

impl ChatRequest {
    /// File name of the artifact that holds what a model was asked.
    pub const FILE: &'static str = "prompt.json";
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatAnswer {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    pub finish: Finish,
}

impl ChatAnswer {
    /// File name of the artifact that holds its text alone.
    pub const FILE: &'static str = "text.txt";
}

words! {
    /// Why a model stopped.
    Finish("reason to stop") {
        /// It was done.
        Stop = "stop",
        /// It wants its calls made.
        Calls = "calls",
        /// No more tokens were allowed: the answer is cut.
        Length = "length",
        /// The provider held it back.
        Filtered = "filtered",
    }
}
