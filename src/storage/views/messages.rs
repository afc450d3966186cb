//! Messages.

use actors::domain::{Message, MessageId, MessageState, PersonaId};
use diesel::prelude::*;

use super::at_most;
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::message::MessageRow,
    schema::messages,
};

impl Db {
    /// One message.
    pub async fn message(&self, id: MessageId) -> Result<Option<Message>, DbError> {
        let id = id.as_bytes().to_vec();
        let row: Option<MessageRow> = on_db!(self, one:
            messages::table.filter(messages::id.eq(id.clone())).select(MessageRow::as_select()));
        row.map(Message::try_from).transpose()
    }

    /// A persona's newest messages, newest first; `before`: only older ones than this; `state`: only these.
    pub async fn messages(
        &self,
        persona: PersonaId,
        limit: u32,
        before: Option<MessageId>,
        state: Option<MessageState>,
    ) -> Result<Vec<Message>, DbError> {
        let rows: Vec<MessageRow> = on_db!(self, all: {
            let query = messages::table
                .filter(messages::persona.eq(persona.as_bytes().to_vec()))
                .order(messages::id.desc())
                .limit(at_most(limit))
                .select(MessageRow::as_select())
                .into_boxed();
            let query = match state {
                Some(state) => query.filter(messages::state.eq(state.as_str())),
                None => query,
            };
            match before {
                Some(before) => query.filter(messages::id.lt(before.as_bytes().to_vec())),
                None => query,
            }
        });
        rows.into_iter().map(Message::try_from).collect()
    }
}
