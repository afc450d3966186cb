//! Personas.

use actors::domain::{Persona, PersonaId, PersonaStatus};
use diesel::prelude::*;

use crate::storage::{
    db::{Db, DbError, on_db},
    rows::persona::PersonaRow,
    schema::personas,
};

impl Db {
    /// Every persona, the oldest first.
    pub async fn personas(&self, include_deleted: bool) -> Result<Vec<Persona>, DbError> {
        let rows: Vec<PersonaRow> = on_db!(self, all: {
            let all = personas::table.order(personas::id).select(PersonaRow::as_select()).into_boxed();
            if include_deleted { all } else { all.filter(personas::status.ne(PersonaStatus::Deleted.as_str())) }
        });
        rows.into_iter().map(Persona::try_from).collect()
    }

    /// One persona by its id, deleted ones included.
    pub async fn persona(&self, id: PersonaId) -> Result<Option<Persona>, DbError> {
        let id = id.as_bytes().to_vec();
        let row: Option<PersonaRow> =
            on_db!(self, one: personas::table.find(id.clone()).select(PersonaRow::as_select()));
        row.map(Persona::try_from).transpose()
    }

    /// One persona that is not deleted, by slug or id.
    pub async fn persona_named(&self, slug_or_id: &str) -> Result<Option<Persona>, DbError> {
        // No slug looks like an id.
        if let Ok(id) = slug_or_id.parse::<PersonaId>() {
            return Ok(self.persona(id).await?.filter(|persona| persona.status != PersonaStatus::Deleted));
        }
        let slug = slug_or_id.replace('\0', "");
        let row: Option<PersonaRow> = on_db!(self, one:
            personas::table
                .filter(personas::slug.eq(slug.clone()).and(personas::status.ne(PersonaStatus::Deleted.as_str())))
                .select(PersonaRow::as_select()));
        row.map(Persona::try_from).transpose()
    }
}
