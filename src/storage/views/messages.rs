//! Messages.

use actors::domain::{Message, MessageId, PersonaId};
use diesel::prelude::*;

use super::at_most;
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::message::MessageRow,
    schema::messages,
};

impl Db {
    /// A persona's newest messages, newest first; `before`: only older ones than this.
    pub async fn messages(
        &self,
        persona: PersonaId,
        limit: u32,
        before: Option<MessageId>,
    ) -> Result<Vec<Message>, DbError> {
        let rows: Vec<MessageRow> = on_db!(self, all: {
            let query = messages::table
                .filter(messages::persona.eq(persona.as_bytes().to_vec()))
                .order(messages::id.desc())
                .limit(at_most(limit))
                .select(MessageRow::as_select())
                .into_boxed();
            match before {
                Some(before) => query.filter(messages::id.lt(before.as_bytes().to_vec())),
                None => query,
            }
        });
        rows.into_iter().map(Message::try_from).collect()
    }
}
