//! Personas.

use std::collections::BTreeSet;

use actors::domain::{Persona, PersonaId, PersonaStatus};
use diesel::prelude::*;

use super::at_most;
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::{Columns, persona::PersonaRow},
    schema::personas,
};

/// Ids in one query.
const AT_ONCE: usize = 1_000;

impl Db {
    /// Every persona, the oldest first.
    pub async fn personas(&self, include_deleted: bool) -> Result<Vec<Persona>, DbError> {
        let rows: Vec<PersonaRow> = on_db!(self, all: {
            let all = personas::table.order(personas::id).select(PersonaRow::as_select()).into_boxed();
            if include_deleted { all } else { all.filter(personas::status.ne(PersonaStatus::Deleted.as_str())) }
        });
        rows.into_iter().map(Persona::try_from).collect()
    }

    /// These personas, deleted ones included; each once, whatever the order.
    pub async fn personas_among(&self, ids: impl IntoIterator<Item = PersonaId>) -> Result<Vec<Persona>, DbError> {
        let ids: Vec<_> =
            ids.into_iter().collect::<BTreeSet<_>>().into_iter().map(|id| id.as_bytes().to_vec()).collect();
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            let some = some.to_vec();
            let rows: Vec<PersonaRow> = on_db!(self, all:
                personas::table.filter(personas::id.eq_any(some.clone())).select(PersonaRow::as_select()));
            found.extend(rows);
        }
        found.into_iter().map(Persona::try_from).collect()
    }

    /// Id, slug and name of so many personas, the oldest first.
    pub async fn persona_names(&self, limit: u32) -> Result<Vec<(PersonaId, String, String)>, DbError> {
        let rows: Vec<(Vec<u8>, String, String)> = on_db!(self, all:
            personas::table
                .filter(personas::status.ne(PersonaStatus::Deleted.as_str()))
                .order(personas::id)
                .limit(at_most(limit))
                .select((personas::id, personas::slug, personas::name)));
        let read = Columns("personas");
        rows.into_iter().map(|(id, slug, name)| Ok((read.id(&id)?, slug, name))).collect()
    }

    /// One persona by its id, deleted ones included.
    pub async fn persona(&self, id: PersonaId) -> Result<Option<Persona>, DbError> {
        let id = id.as_bytes().to_vec();
        let row: Option<PersonaRow> =
            on_db!(self, one: personas::table.find(id.clone()).select(PersonaRow::as_select()));
        row.map(Persona::try_from).transpose()
    }

    /// One persona by slug or id, also one that was deleted: it keeps both, and its chain.
    pub async fn persona_ever_named(&self, slug_or_id: &str) -> Result<Option<Persona>, DbError> {
        if let Ok(id) = slug_or_id.parse::<PersonaId>() {
            return self.persona(id).await;
        }
        let slug = slug_or_id.replace('\0', "");
        let row: Option<PersonaRow> = on_db!(self, one:
            personas::table.filter(personas::slug.eq(slug.clone())).select(PersonaRow::as_select()));
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
