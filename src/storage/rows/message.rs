//! `messages`.

use actors::domain::{Message, MessageState, Priority};
use diesel::prelude::*;

use super::{Columns, counter, text};
use crate::storage::{db::DbError, schema::messages};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
pub(in crate::storage) struct MessageRow {
    pub id: Vec<u8>,
    pub persona: Vec<u8>,
    pub kind: String,
    pub sender: String,
    pub text: String,
    pub goal: Vec<u8>,
    pub priority: i32,
    pub state: String,
    pub received_ms: i64,
    pub serve_by_ms: i64,
    pub trace: Vec<u8>,
    pub correlation: Option<String>,
    pub project: Option<String>,
    pub scored: bool,
    pub falls: i32,
    pub coalescing: Option<String>,
    pub optional: bool,
    pub begun: bool,
    pub lane: i32,
    pub deadline_ms: i64,
}

impl From<Message> for MessageRow {
    fn from(message: Message) -> Self {
        let lane = message.lane().into();
        Self {
            id: message.id.as_bytes().to_vec(),
            persona: message.persona.as_bytes().to_vec(),
            kind: message.kind.to_string(),
            sender: text(message.sender),
            text: text(message.text),
            goal: message.goal.as_bytes().to_vec(),
            lane,
            priority: message.priority.thousandths().into(),
            state: message.state.to_string(),
            received_ms: message.received_ms,
            serve_by_ms: message.serve_by_ms,
            trace: message.trace.as_bytes().to_vec(),
            correlation: message.correlation.map(text),
            project: message.project.map(text),
            scored: message.scored,
            falls: counter(message.falls),
            coalescing: message.coalescing.map(text),
            optional: message.optional,
            begun: message.state == MessageState::Running,
            deadline_ms: message.deadline_ms,
        }
    }
}

impl TryFrom<MessageRow> for Message {
    type Error = DbError;

    fn try_from(row: MessageRow) -> Result<Self, DbError> {
        let read = Columns("messages");
        Ok(Self {
            id: read.id(&row.id)?,
            persona: read.id(&row.persona)?,
            kind: read.word(&row.kind)?,
            sender: row.sender,
            text: row.text,
            goal: read.id(&row.goal)?,
            priority: Priority::try_from(read.count::<u16>(row.priority)?).map_err(|error| read.corrupt(error))?,
            state: read.word(&row.state)?,
            received_ms: row.received_ms,
            serve_by_ms: row.serve_by_ms,
            trace: read.id(&row.trace)?,
            correlation: row.correlation,
            project: row.project,
            scored: row.scored,
            falls: read.count(row.falls)?,
            coalescing: row.coalescing,
            optional: row.optional,
            deadline_ms: row.deadline_ms,
        })
    }
}
