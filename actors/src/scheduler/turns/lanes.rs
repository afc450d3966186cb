//! Who waits where: five queues, each sorted by what decides in it.

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
    /// Its persona is far behind its share: by deadline.
    Behind,
    /// By deadline.
    Fair,
    /// Its persona is ahead of its share: by tag.
    Ahead,
}

/// Place in a lane: deadline or tag, then the order of asking.
pub(super) type Place = (i64, Ticket, PersonaId);

/// Every persona that waits and holds no slice stands in exactly one lane.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    queues: [BTreeSet<Place>; 5],
    /// Who stands in the lane of the share, by tag: the first of them may fall behind.
    fair_by_tag: BTreeSet<(i64, PersonaId)>,
}

impl Lanes {
    pub(super) fn insert(&mut self, lane: Lane, place: Place, tag_us: i64) {
        self.queues[lane as usize].insert(place);
        if lane == Lane::Fair {
            self.fair_by_tag.insert((tag_us, place.2));
        }
    }

    pub(super) fn remove(&mut self, lane: Lane, place: &Place, tag_us: i64) {
        self.queues[lane as usize].remove(place);
        if lane == Lane::Fair {
            self.fair_by_tag.remove(&(tag_us, place.2));
        }
    }

    /// Of those in the lane of the share, the tag of whoever used the least.
    pub(super) fn least_used(&self) -> Option<(i64, PersonaId)> {
        self.fair_by_tag.first().copied()
    }

    pub(super) fn first(&self, lane: Lane) -> Option<Place> {
        self.queues[lane as usize].first().copied()
    }

    /// Everybody, in the order in which they would be granted if nothing else changed.
    pub(super) fn all(&self) -> impl Iterator<Item = PersonaId> {
        self.queues.iter().flatten().map(|(.., persona)| *persona)
    }

    pub(super) fn are_empty(&self) -> bool {
        self.queues.iter().all(BTreeSet::is_empty)
    }

    pub(super) fn len(&self, lane: Lane) -> usize {
        self.queues[lane as usize].len()
    }
}
