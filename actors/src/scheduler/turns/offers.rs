//! Between two steps: whether who holds a slice may go on in it.

use super::{Ask, Lane, Ticket, Turns};
use crate::domain::PersonaId;

/// How long a slice may be held while others wait. The step under way when it is over is still carried out.
pub(crate) const QUANTUM_MS: i64 = 2_000;

impl<W> Turns<W> {
    /// A holder stands between two steps and could stop. It keeps its slice (none) while nobody else could use it,
    /// or until its quantum is over; something urgent takes it at once from work that is not.
    ///
    /// Otherwise the slice is given back, all of its time is charged, how much is the answer, and `again` stands among
    /// those that wait: the next [`Turns::admit`] decides between it and all others as for any request.
    pub(crate) fn offer(&mut self, held: Ticket, again: Ask<W>, now_ms: i64) -> Option<i64> {
        if self.may_keep(again.persona, held, now_ms) {
            return None;
        }
        let used_ms = self.release(again.persona, held, now_ms)?;
        self.enqueue(again, now_ms);
        Some(used_ms)
    }

    /// Whether a holder may go on with its next step without asking anew.
    fn may_keep(&self, persona: PersonaId, ticket: Ticket, now_ms: i64) -> bool {
        let held = self.shares.get(&persona).and_then(|share| share.holds.as_ref());
        let Some(held) = held.filter(|held| held.ticket == ticket && !self.lanes.are_empty()) else { return true };
        now_ms.saturating_sub(held.since_ms) < QUANTUM_MS && (held.urgent || !self.urgent_wants_it())
    }

    /// Whether the next free slot is urgent work's.
    fn urgent_wants_it(&self) -> bool {
        let ahead = self.urgent_is_on_time() && self.in_lane(Lane::UrgentAhead) > 0;
        self.urgent_has_room() && (self.in_lane(Lane::Urgent) > 0 || ahead)
    }
}
