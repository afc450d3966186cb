//! The search index of each persona's tools, made anew only when the tools have changed.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use actors::domain::PersonaId;

use super::{
    builtin::lookup,
    own::{Loaded, OwnTool},
    registry::{All, Listed},
    search::Index,
};

/// Personas whose index is kept; beyond that all are made anew.
const MOST: usize = 64;

/// An index and what it was made of.
#[derive(Clone)]
struct Shelf {
    /// The very tools, so that they need not be gone through to be known again.
    of: Option<(Arc<Loaded>, u64)>,
    words: u64,
    index: Arc<Index>,
}

/// Indexes by persona (none: of what is everyone's), each with what it was made of.
#[derive(Default)]
pub(super) struct Shelves(Mutex<HashMap<Option<PersonaId>, Shelf>>);

impl Shelves {
    /// Of all these, whose own ones are `own`.
    pub(super) fn index(&self, persona: Option<PersonaId>, own: &Arc<Loaded>, all: &All<'_>) -> Arc<Index> {
        let confirmed = words(all.confirmed.iter().map(about));
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&persona).cloned();
        let is_same = |(of, others): &(Arc<Loaded>, u64)| Arc::ptr_eq(of, own) && *others == confirmed;
        match kept {
            Some(Shelf { of: Some(of), index, .. }) if is_same(&of) => index,
            kept => self.keep(persona, kept, Some((own.clone(), confirmed)), &all.listed()),
        }
    }

    /// Of tools that were listed.
    pub(super) fn of_listed(&self, persona: Option<PersonaId>, tools: &[Listed]) -> Arc<Index> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&persona).cloned();
        self.keep(persona, kept, None, tools)
    }

    fn keep(
        &self,
        persona: Option<PersonaId>,
        kept: Option<Shelf>,
        of: Option<(Arc<Loaded>, u64)>,
        tools: &[Listed],
    ) -> Arc<Index> {
        let words = words(tools.iter().map(|tool| (&*tool.name, &*tool.description, &*tool.keywords)));
        let of_same_words = |shelf: &&Shelf| shelf.words == words;
        let same = {
            let shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.as_ref()
                .filter(of_same_words)
                .or_else(|| shelves.values().find(of_same_words))
                .map(|shelf| shelf.index.clone())
        };
        let index = same.unwrap_or_else(|| Arc::new(lookup::index(tools)));
        let mut shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelves.len() >= MOST {
            shelves.clear();
        }
        shelves.insert(persona, Shelf { of, words, index: index.clone() });
        index
    }
}

fn about(tool: &OwnTool) -> (&str, &str, &[String]) {
    (&tool.manifest.name, &tool.manifest.description, &tool.manifest.keywords)
}

/// What is searched, as one number.
fn words<'a>(tools: impl Iterator<Item = (&'a str, &'a str, &'a [String])>) -> u64 {
    let mut hasher = DefaultHasher::new();
    tools.for_each(|words| words.hash(&mut hasher));
    hasher.finish()
}
