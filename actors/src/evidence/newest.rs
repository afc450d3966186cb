//! What commits of this process said about personas' tools, so that a run sees it at its next step without a read.
//!
//! Every change of a persona goes through here. Who was changed since the start has an entry, so an entry is newer than
//! whatever a run has read; without one, what it has read still holds.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    domain::{Grants, Persona, PersonaId, Role, ToolKind},
    ports::{Change, Commit},
};

/// A persona's word on tools, and the role that the rest follows from.
pub(super) type Said = (PersonaId, Grants, Option<Role>);

/// The newest of everybody who was changed. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Newest(Arc<RwLock<HashMap<PersonaId, (Grants, Option<Role>)>>>);

/// What a commit says, if it is written.
pub(super) fn said(commit: &Commit) -> Vec<Said> {
    let said = |change: &Change| match change {
        Change::PersonaUpdated(persona) => Some((persona.id, persona.grants.clone(), persona.role)),
        _ => None,
    };
    commit.changes.iter().filter_map(said).collect()
}

impl Newest {
    /// In the order of the commits.
    pub(super) fn take_in(&self, said: Vec<Said>) {
        if said.is_empty() {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(said.into_iter().map(|(id, grants, role)| (id, (grants, role))));
    }

    pub(super) fn may_use(&self, persona: &Persona, tool: &str, kind: ToolKind) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match known.get(&persona.id) {
            Some((grants, role)) => grants.allow(tool, kind, *role),
            None => persona.grants.allow(tool, kind, persona.role),
        }
    }
}
