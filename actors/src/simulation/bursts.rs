//! Which messages of a simulated day wait together, and what becomes of them, by `persona/coalesce.rs` itself.

use std::collections::HashMap;

use super::{arrivals::Arrival, ledger::Ledger};
use crate::persona::coalesce::Claim;

/// Lines of talk that may wait, by persona and talk, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Bursts(HashMap<(u32, u32), Vec<u32>>);

impl Bursts {
    pub(super) fn came(&mut self, arrival: &Arrival, message: u32) {
        if let Some(talk) = arrival.talk {
            self.0.entry((arrival.persona, talk)).or_default().push(message);
        }
    }

    /// The messages with which this one waits to be begun, the newest first, itself included.
    pub(super) fn of(&self, arrival: &Arrival, ledger: &Ledger) -> Vec<u32> {
        let lines = arrival.talk.and_then(|talk| self.0.get(&(arrival.persona, talk)));
        lines.into_iter().flatten().rev().copied().filter(|line| ledger.is_fresh(*line)).collect()
    }

    /// Only this one is left.
    pub(super) fn is(&mut self, arrival: &Arrival, message: u32) {
        if let Some(lines) = arrival.talk.and_then(|talk| self.0.get_mut(&(arrival.persona, talk))) {
            *lines = vec![message];
        }
    }
}

/// What these messages bring together; none: there are none.
pub(super) fn claim(lines: &[u32], arrivals: &[Arrival], within_ms: i64) -> Option<Claim> {
    let claims = lines.iter().map(|line| {
        let Arrival { at_ms, priority, .. } = arrivals[*line as usize];
        let (deadline_ms, serve_by_ms) = (at_ms + priority.patience_ms(), at_ms + within_ms);
        Claim { priority, scored: false, optional: false, received_ms: at_ms, deadline_ms, serve_by_ms }
    });
    claims.reduce(Claim::joined)
}
