//! Which persona a user talks to when none is named.

use actors::domain::PersonaId;
use diesel::prelude::*;

use super::{Accounts, UserId};
use crate::storage::{
    db::{DbError, on_db},
    rows::Columns,
    schema::active_personas,
    writes::on_writes,
};

impl Accounts {
    /// The user's active persona, if one was chosen. It may have been deleted since.
    pub async fn active_persona(&self, user: UserId) -> Result<Option<PersonaId>, DbError> {
        let user = user.0.as_bytes().to_vec();
        let row: Option<Vec<u8>> =
            on_db!(self.db, one: active_personas::table.find(user).select(active_personas::persona));
        row.map(|id| Columns("active_personas").id(&id)).transpose()
    }

    /// Makes a persona the user's active one, instead of the one before.
    pub async fn activate_persona(&self, user: UserId, persona: PersonaId) -> Result<(), DbError> {
        let (user, persona) = (user.0.as_bytes().to_vec(), persona.as_bytes().to_vec());
        let row = (active_personas::user_id.eq(user), active_personas::persona.eq(persona.clone()));
        on_writes!(self.writes, rows:
            diesel::insert_into(active_personas::table)
                .values(row)
                .on_conflict(active_personas::user_id)
                .do_update()
                .set(active_personas::persona.eq(persona)))?;
        Ok(())
    }
}
