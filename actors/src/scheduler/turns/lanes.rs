//! Who waits where: four queues, each sorted by what decides in it.

use std::collections::BTreeSet;

use super::Ticket;
use crate::domain::PersonaId;

/// The queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Urgent, by deadline.
    Urgent,
    /// Urgent, but its persona is far ahead of its share: by tag.
    UrgentAhead,
    /// By deadline.
    Fair,
    /// Its persona is ahead of its share: by tag.
    Ahead,
}

/// Place in a lane: deadline or tag, then the order of asking.
pub(super) type Place = (i64, Ticket, PersonaId);

/// Every persona that waits and holds no slice stands in exactly one lane.
#[derive(Debug, Default)]
pub(super) struct Lanes([BTreeSet<Place>; 4]);

impl Lanes {
    pub(super) fn insert(&mut self, lane: Lane, place: Place) {
        self.0[lane as usize].insert(place);
    }

    pub(super) fn remove(&mut self, lane: Lane, place: &Place) {
        self.0[lane as usize].remove(place);
    }

    pub(super) fn first(&self, lane: Lane) -> Option<Place> {
        self.0[lane as usize].first().copied()
    }

    /// Everybody, in the order in which they would be granted if nothing else changed.
    pub(super) fn all(&self) -> impl Iterator<Item = PersonaId> {
        self.0.iter().flatten().map(|(.., persona)| *persona)
    }

    pub(super) fn are_empty(&self) -> bool {
        self.0.iter().all(BTreeSet::is_empty)
    }

    pub(super) fn len(&self, lane: Lane) -> usize {
        self.0[lane as usize].len()
    }
}
