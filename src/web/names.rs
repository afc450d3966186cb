//! What personas are called, for frames of the live stream: looked up once, forgotten when one changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use actors::domain::{Persona, PersonaId};
use serde::Serialize;

use crate::storage::Db;

const MOST: usize = 20_000;

/// A persona by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Named {
    #[schema(value_type = String)]
    pub id: PersonaId,
    pub slug: String,
    pub name: String,
}

impl From<&Persona> for Named {
    fn from(persona: &Persona) -> Self {
        Self { id: persona.id, slug: persona.slug.to_string(), name: persona.name.clone() }
    }
}

/// The names known so far, shared by all workers.
pub struct Names {
    db: Db,
    known: Mutex<HashMap<PersonaId, Arc<Named>>>,
}

impl Names {
    /// Knows nobody yet.
    pub fn new(db: Db) -> Self {
        Self { db, known: Mutex::default() }
    }

    /// The names of a persona; none when it cannot be read.
    pub async fn of(&self, id: PersonaId) -> Option<Arc<Named>> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Some(Arc::clone(known));
        }
        let persona = self.db.persona_named(&id.to_string()).await.ok()??;
        let named = Arc::new(Named::from(&persona));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id, Arc::clone(&named));
        Some(named)
    }

    /// Its names may have changed.
    pub fn forget(&self, id: PersonaId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}
