//! What commits of this process said about personas' tools, so that a run sees it at its next step without a read.
//!
//! Every change of a persona goes through here. Who was changed since the start has an entry, so an entry is newer than
//! whatever a run has read; without one, what it has read still holds.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::teller::Then;
use crate::{
    domain::{Grants, Persona, PersonaId, Role, ToolKind},
    ports::{Change, Commit},
};

/// A persona's word on tools, and the role that the rest follows from.
type Said = (Grants, Option<Role>);

/// The newest of everybody who was changed. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Newest(Arc<RwLock<HashMap<PersonaId, Said>>>);

impl Newest {
    /// What is done right after a commit: what it says is taken in first. Commits are told in their order.
    pub(super) fn told_by(&self, commit: &Commit, then: Option<Then>) -> Option<Then> {
        let said = |change: &Change| match change {
            Change::PersonaUpdated(persona) => Some((persona.id, (persona.grants.clone(), persona.role))),
            _ => None,
        };
        let said: Vec<(PersonaId, Said)> = commit.changes.iter().filter_map(said).collect();
        if said.is_empty() {
            return then;
        }
        let newest = self.clone();
        Some(Box::new(move |committed| {
            newest.0.write().unwrap_or_else(PoisonError::into_inner).extend(said);
            if let Some(then) = then {
                then(committed);
            }
        }))
    }

    pub(super) fn may_use(&self, persona: &Persona, tool: &str, kind: ToolKind) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match known.get(&persona.id) {
            Some((grants, role)) => grants.permits(tool, kind, *role),
            None => persona.grants.permits(tool, kind, persona.role),
        }
    }
}
