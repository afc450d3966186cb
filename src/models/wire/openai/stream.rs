//! A streamed chat completion, put together.

use std::collections::BTreeMap;

use actors::domain::ToolCall;
use serde::Deserialize;

use super::{Counted, Envelope, SaidFunction, finish, named_call, said};
use crate::models::{
    price::Usage,
    wire::{Answer, MOST_ANSWER_BYTES, MOST_CALLS, Malformed, from_json},
};

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallPart>>,
}

#[derive(Deserialize)]
struct CallPart {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<SaidFunction>,
}

#[derive(Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

/// Listens to one answer.
#[derive(Default)]
pub(in crate::models) struct Listener {
    text: String,
    refused: bool,
    calls: BTreeMap<u32, Call>,
    /// Bytes of all arguments.
    argument_bytes: usize,
    finish_reason: Option<String>,
    model: Option<String>,
    usage: Option<Usage>,
    over: bool,
}

impl Listener {
    /// Takes one event's data; what it adds to the text, if anything.
    pub(in crate::models::wire) fn hear(&mut self, data: &str) -> Result<Option<String>, Malformed> {
        if self.over || data.trim().is_empty() {
            return Ok(None);
        }
        if data.trim() == "[DONE]" {
            self.over = true;
            return Ok(None);
        }
        let chunk: Envelope<Choice> = from_json(data.as_bytes())?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(said(&error));
        }
        self.model = chunk.model.filter(|model| !model.is_empty()).or_else(|| self.model.take());
        // The last chunk counts the tokens and has no choices.
        self.usage = chunk.usage.and_then(Counted::usage).or(self.usage);
        let mut added = String::new();
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            added.push_str(&self.choice(choice)?);
        }
        Ok((!added.is_empty()).then_some(added))
    }

    /// Nothing more is to come.
    pub(in crate::models::wire) const fn is_over(&self) -> bool {
        self.over
    }

    /// The answer, if it came to its end.
    pub(in crate::models::wire) fn finish(self) -> Result<Answer, Malformed> {
        let Some(reason) = self.finish_reason else { return Err(Malformed::Cut) };
        let calls = self.calls.into_values().enumerate();
        let calls = calls.map(|(index, call)| named_call(index, call.id, Some(call.name), call.arguments));
        let calls: Vec<ToolCall> = calls.collect::<Result<_, _>>()?;
        let finish = finish(Some(&reason), !calls.is_empty(), self.refused);
        Ok(Answer { text: self.text, calls, finish, model: self.model, usage: self.usage })
    }

    fn choice(&mut self, choice: Choice) -> Result<String, Malformed> {
        let mut added = String::new();
        if let Some(delta) = choice.delta {
            added = delta.content.unwrap_or_default();
            if let Some(refusal) = delta.refusal.filter(|refusal| !refusal.is_empty()) {
                self.refused = true;
                added.push_str(&refusal);
            }
            let parts = delta.tool_calls.unwrap_or_default();
            if self.finish_reason.is_some() && !(added.is_empty() && parts.is_empty()) {
                return Err(Malformed::OutOfOrder("more of the answer after its end"));
            }
            self.text.push_str(&added);
            parts.into_iter().try_for_each(|part| self.call(part))?;
        }
        if self.text.len() + self.argument_bytes > MOST_ANSWER_BYTES {
            return Err(Malformed::TooLarge);
        }
        self.finish_reason = choice.finish_reason.or_else(|| self.finish_reason.take());
        Ok(added)
    }

    /// Parts of one call have its index; name and id come once, or empty, or again.
    fn call(&mut self, part: CallPart) -> Result<(), Malformed> {
        if self.calls.len() == MOST_CALLS && !self.calls.contains_key(&part.index) {
            return Err(Malformed::TooMuch("calls in one answer"));
        }
        let call = self.calls.entry(part.index).or_default();
        let id = part.id.unwrap_or_default();
        if !id.is_empty() && !call.id.is_empty() && id != call.id {
            return Err(Malformed::OutOfOrder("a second call under the index of the first"));
        }
        if call.id.is_empty() {
            call.id = id;
        }
        let Some(function) = part.function else { return Ok(()) };
        let name = function.name.unwrap_or_default();
        if name != call.name {
            self.argument_bytes += name.len();
            call.name.push_str(&name);
        }
        let arguments = function.arguments.unwrap_or_default();
        self.argument_bytes += arguments.len();
        call.arguments.push_str(&arguments);
        Ok(())
    }
}
