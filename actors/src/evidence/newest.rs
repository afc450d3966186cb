//! What commits of this process said that personas may do, so that a run sees it at its next step without a read.
//!
//! Every change of a persona goes through here. Who was changed since the start has an entry, so an entry is newer than
//! whatever a run has read; without one, what it has read still holds.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use super::teller::Then;
use crate::{
    domain::{Grants, Permissions, Persona, PersonaId, Role},
    ports::{Change, Commit},
};

/// What a persona may do: by itself, with which tools, and the role that the rest follows from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub permissions: Permissions,
    pub grants: Grants,
    pub role: Option<Role>,
}

impl Said {
    pub(crate) fn of(persona: &Persona) -> Self {
        let Persona { permissions, grants, role, .. } = persona;
        Self { permissions: permissions.clone(), grants: grants.clone(), role: *role }
    }
}

/// The newest of everybody who was changed. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Newest(Arc<RwLock<HashMap<PersonaId, Said>>>);

impl Newest {
    /// What is done right after a commit: what it says is taken in first. Commits are told in their order.
    pub(super) fn told_by(&self, commit: &Commit, then: Option<Then>) -> Option<Then> {
        let said = |change: &Change| match change {
            Change::PersonaUpdated(persona) => Some((persona.id, Said::of(persona))),
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

    /// None: it was not changed since the start.
    pub(super) fn said_of(&self, persona: PersonaId) -> Option<Said> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&persona).cloned()
    }
}
