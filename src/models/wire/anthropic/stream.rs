//! A streamed message, put together.

use std::collections::BTreeMap;

use actors::domain::ChatRequest;
use serde::Deserialize;
use serde_json::Value;

use super::{Counted, Parts, said};
use crate::models::wire::{Answer, MOST_ANSWER_BYTES, MOST_CALLS, Malformed, from_json};

/// What an event says, by its `type`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Started,
    },
    ContentBlockStart {
        index: u32,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u32,
        delta: Delta,
    },
    ContentBlockStop {
        index: u32,
    },
    MessageDelta {
        delta: Ended,
        #[serde(default)]
        usage: Option<Counted>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    /// `ping`, and what may come to be.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Started {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Counted>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    ToolUse {
        #[serde(default)]
        id: String,
        #[serde(default)]
        name: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Ended {
    #[serde(default)]
    stop_reason: Option<String>,
}

/// A block that has begun and not ended.
enum Open {
    Text,
    Call { id: String, name: String, arguments: String },
    Other,
}

/// Listens to one answer.
pub(in crate::models) struct Listener {
    parts: Parts,
    begun: bool,
    open: BTreeMap<u32, Open>,
    bytes: usize,
    stop_reason: Option<String>,
    model: Option<String>,
    usage: Option<Counted>,
    over: bool,
}

impl Listener {
    pub(in crate::models::wire) fn new(request: &ChatRequest) -> Self {
        let (begun, open, bytes, over) = (false, BTreeMap::new(), 0, false);
        Self { parts: Parts::new(request), begun, open, bytes, stop_reason: None, model: None, usage: None, over }
    }

    /// Takes one event's data; what it adds to the text, if anything.
    pub(in crate::models::wire) fn hear(&mut self, data: &str) -> Result<Option<String>, Malformed> {
        if self.over || data.trim().is_empty() {
            return Ok(None);
        }
        let event = from_json(data.as_bytes())?;
        match event {
            Event::Error { error } => return Err(said(&error)),
            Event::Other => return Ok(None),
            Event::MessageStart { .. } if self.begun => return Err(Malformed::OutOfOrder("a second message")),
            Event::MessageStart { message } => {
                self.begun = true;
                // What it has put out by now is no count of the answer.
                let usage = message.usage.map(|counted| Counted { output_tokens: None, ..counted });
                (self.model, self.usage) = (message.model, usage);
            }
            _ if !self.begun => return Err(Malformed::OutOfOrder("part of a message that has not begun")),
            Event::ContentBlockStart { index, content_block } => return self.block_begins(index, content_block),
            Event::ContentBlockDelta { index, delta } => return self.block_goes_on(index, delta),
            Event::ContentBlockStop { index } => return self.block_ends(index),
            Event::MessageDelta { delta, usage } => {
                self.stop_reason = delta.stop_reason.or_else(|| self.stop_reason.take());
                self.usage = usage.map(|later| self.usage.unwrap_or_default().then(later)).or(self.usage);
            }
            Event::MessageStop => self.over = true,
        }
        Ok(None)
    }

    /// Nothing more is to come.
    pub(in crate::models::wire) const fn is_over(&self) -> bool {
        self.over
    }

    /// The answer, if it came to its end.
    pub(in crate::models::wire) fn finish(self) -> Result<Answer, Malformed> {
        if !self.over {
            return Err(Malformed::Cut);
        }
        if self.open.values().any(|open| matches!(open, Open::Call { .. })) {
            return Err(Malformed::HalfCall("the message ended inside it"));
        }
        self.parts.answer(self.stop_reason.as_deref(), self.model, self.usage)
    }

    fn block_begins(&mut self, index: u32, block: Block) -> Result<Option<String>, Malformed> {
        let (open, text) = match block {
            Block::Text { text } => (Open::Text, text),
            Block::ToolUse { id, name } => (Open::Call { id, name, arguments: String::new() }, String::new()),
            Block::Other => (Open::Other, String::new()),
        };
        if self.open.len() == MOST_CALLS {
            return Err(Malformed::TooMuch("open blocks in one answer"));
        }
        if self.open.insert(index, open).is_some() {
            return Err(Malformed::OutOfOrder("a block that begins twice"));
        }
        self.text(text)
    }

    fn block_goes_on(&mut self, index: u32, delta: Delta) -> Result<Option<String>, Malformed> {
        match (self.open.get_mut(&index), delta) {
            (None, _) => Err(Malformed::OutOfOrder("part of a block that is not open")),
            (Some(Open::Text), Delta::Text { text }) => self.text(text),
            (Some(Open::Call { arguments, .. }), Delta::InputJson { partial_json }) => {
                arguments.push_str(&partial_json);
                self.count(partial_json.len()).map(|()| None)
            }
            (Some(Open::Other), _) | (_, Delta::Other) => Ok(None),
            _ => Err(Malformed::OutOfOrder("a part that is not of its block's kind")),
        }
    }

    fn block_ends(&mut self, index: u32) -> Result<Option<String>, Malformed> {
        match self.open.remove(&index) {
            None => Err(Malformed::OutOfOrder("the end of a block that is not open")),
            Some(Open::Call { id, name, arguments }) => {
                // A call without arguments streams none.
                let arguments = if arguments.is_empty() { "{}".to_owned() } else { arguments };
                self.parts.call(id, name, arguments)
            }
            Some(Open::Text | Open::Other) => Ok(None),
        }
    }

    fn text(&mut self, text: String) -> Result<Option<String>, Malformed> {
        self.count(text.len())?;
        self.parts.text.push_str(&text);
        // Where a schema is asked for, only what fits it is the answer.
        Ok((!text.is_empty() && self.parts.answer_tool.is_none()).then_some(text))
    }

    fn count(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.bytes += bytes;
        if self.bytes > MOST_ANSWER_BYTES { Err(Malformed::TooLarge) } else { Ok(()) }
    }
}
