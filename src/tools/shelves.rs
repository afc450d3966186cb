//! The search index of each persona's tools, made anew only when the tools have changed.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use actors::domain::PersonaId;

use super::{builtin::lookup, registry::Listed, search::Index};

/// Personas whose index is kept; beyond that all are made anew.
const MOST: usize = 64;

/// What an index was made of, and itself.
type Shelf = (u64, Arc<Index>);

/// Indexes by persona (none: of what is everyone's), each with what it was made of.
#[derive(Default)]
pub(super) struct Shelves(Mutex<HashMap<Option<PersonaId>, Shelf>>);

impl Shelves {
    pub(super) fn index(&self, persona: Option<PersonaId>, tools: &[Listed]) -> Arc<Index> {
        let mut hasher = DefaultHasher::new();
        for tool in tools {
            (&tool.name, &tool.description, &tool.keywords).hash(&mut hasher);
        }
        let made_of = hasher.finish();
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&persona).cloned();
        if let Some((_, index)) = kept.filter(|(of, _)| *of == made_of) {
            return index;
        }
        let index = Arc::new(lookup::index(tools));
        let mut shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelves.len() >= MOST {
            shelves.clear();
        }
        shelves.insert(persona, (made_of, index.clone()));
        index
    }
}
