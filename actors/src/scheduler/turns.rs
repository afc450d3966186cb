//! Whose turn is it? The scheduler's whole policy, without clocks, tasks or messages.
//!
//! - Never more than `cap` slices at once, never two of one persona.
//! - *Latency*: who waits has a deadline, arrival + patience(priority); the earliest goes first. So waiting ages
//!   a request by itself and without a ceiling.
//! - *Urgent lane*: priority above 0.8 passes everything else, but overdue other work is passed over at most
//!   [`MOST_PASSED`] times in a row: a flood of "urgent" cannot take the machine.
//! - *Fairness* (start-time fair queueing): a persona carries a virtual tag that grows by the time it used. Who is
//!   more than a window ahead of the others' share waits behind everybody who is not.
//!
//! Every operation costs O(log n) of the personas that wait.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    num::NonZeroUsize,
};

use crate::domain::{PersonaId, Priority};

/// One request for a slice, and later the slice itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub u64);

/// How far ahead of its fair share a persona may be before its work waits behind everybody else's.
const WINDOW_US: i64 = 4_000_000;
/// The same for urgent work.
const URGENT_WINDOW_US: i64 = 60_000_000;
/// Urgent turns in a row while other work is overdue.
pub(super) const MOST_PASSED: u32 = 8;

/// How long work of this priority may wait before it is late: 15 minutes at the bottom, 5 seconds at the top.
pub(crate) fn patience_ms(priority: Priority) -> i64 {
    const BANDS_S: [i64; 10] = [900, 600, 420, 300, 210, 120, 60, 30, 10, 5];
    let band = usize::from(priority.thousandths().saturating_sub(1) / 100);
    BANDS_S[band.min(BANDS_S.len() - 1)] * 1_000
}

/// Who waits where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
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
type Place = (i64, Ticket, PersonaId);

/// The policy's state. `W` is whatever waits: a reply port in production, a number in tests. Times are
/// milliseconds of one clock that never goes back.
pub(super) struct Turns<W> {
    cap: NonZeroUsize,
    shares: HashMap<PersonaId, Share<W>>,
    urgent: BTreeSet<Place>,
    urgent_ahead: BTreeSet<Place>,
    fair: BTreeSet<Place>,
    ahead: BTreeSet<Place>,
    /// Personas with nothing to do whose tag is still ahead: they must not gain by a nap.
    resting: BTreeSet<(i64, PersonaId)>,
    /// Virtual time: what everybody's fair share is, in microseconds.
    clock_us: i64,
    held: usize,
    waiting: usize,
    /// Personas that wait or hold a slice.
    active: i64,
    passed: u32,
}

struct Share<W> {
    tag_us: i64,
    holds: Option<(Ticket, i64)>,
    requests: VecDeque<Request<W>>,
    place: Option<(Lane, Place)>,
}

struct Request<W> {
    ticket: Ticket,
    urgent: bool,
    deadline_ms: i64,
    waiter: W,
}

impl<W> Turns<W> {
    pub(super) fn new(cap: NonZeroUsize) -> Self {
        Self {
            cap,
            shares: HashMap::new(),
            urgent: BTreeSet::new(),
            urgent_ahead: BTreeSet::new(),
            fair: BTreeSet::new(),
            ahead: BTreeSet::new(),
            resting: BTreeSet::new(),
            clock_us: 0,
            held: 0,
            waiting: 0,
            active: 0,
            passed: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// A persona wants a slice for work that arrived at `arrived_ms`.
    pub(super) fn enqueue(
        &mut self,
        ticket: Ticket,
        persona: PersonaId,
        priority: Priority,
        arrived_ms: i64,
        waiter: W,
    ) {
        let share = self.shares.entry(persona).or_insert_with(|| Share {
            tag_us: self.clock_us,
            holds: None,
            requests: VecDeque::new(),
            place: None,
        });
        if share.holds.is_none() && share.requests.is_empty() {
            self.resting.remove(&(share.tag_us, persona));
            share.tag_us = share.tag_us.max(self.clock_us);
            self.active += 1;
        }
        let deadline_ms = arrived_ms.saturating_add(patience_ms(priority));
        share.requests.push_back(Request { ticket, urgent: priority.is_urgent(), deadline_ms, waiter });
        self.waiting += 1;
        self.place(persona);
    }

    /// Nobody waits for this ticket any more. A ticket that was already granted is left alone.
    pub(super) fn withdraw(&mut self, persona: PersonaId, ticket: Ticket) -> Option<W> {
        let share = self.shares.get_mut(&persona)?;
        let at = share.requests.iter().position(|request| request.ticket == ticket)?;
        let request = share.requests.remove(at)?;
        self.waiting -= 1;
        self.place(persona);
        self.leave_if_idle(persona);
        Some(request.waiter)
    }

    /// A slice was given back.
    pub(super) fn release(&mut self, persona: PersonaId, ticket: Ticket, now_ms: i64) {
        let Some(share) = self.shares.get_mut(&persona) else { return };
        let Some((_, since_ms)) = share.holds.take_if(|(held, _)| *held == ticket) else { return };
        let used_us = now_ms.saturating_sub(since_ms).max(0).saturating_mul(1_000);
        share.tag_us = share.tag_us.saturating_add(used_us);
        self.held -= 1;
        self.clock_us = self.clock_us.saturating_add(used_us / self.active.max(1));
        self.place(persona);
        self.leave_if_idle(persona);
        self.catch_up();
    }

    /// The next one who may start now, if a slot is free.
    pub(super) fn admit(&mut self, now_ms: i64) -> Option<(PersonaId, Ticket, W)> {
        if self.held >= self.cap.get() {
            return None;
        }
        let persona = self.next(now_ms)?;
        self.unplace(persona);
        let share = self.shares.get_mut(&persona)?;
        let request = share.requests.pop_front()?;
        share.holds = Some((request.ticket, now_ms));
        self.waiting -= 1;
        self.held += 1;
        Some((persona, request.ticket, request.waiter))
    }

    fn next(&mut self, now_ms: i64) -> Option<PersonaId> {
        let overdue = self.fair.first().filter(|(deadline_ms, ..)| *deadline_ms <= now_ms);
        if let Some(place) = overdue
            && self.passed >= MOST_PASSED
        {
            self.passed = 0;
            return Some(place.2);
        }
        let is_overdue = overdue.is_some();
        if let Some(place) = self.urgent.first().or(self.urgent_ahead.first()) {
            self.passed = if is_overdue { self.passed + 1 } else { 0 };
            return Some(place.2);
        }
        self.passed = 0;
        self.fair.first().or(self.ahead.first()).map(|place| place.2)
    }

    /// Puts the persona's first request where it belongs now.
    fn place(&mut self, persona: PersonaId) {
        self.unplace(persona);
        let Some(share) = self.shares.get_mut(&persona) else { return };
        let Some(request) = share.requests.front().filter(|_| share.holds.is_none()) else { return };
        let ahead_us = share.tag_us - self.clock_us;
        let lane = match request.urgent {
            true if ahead_us <= URGENT_WINDOW_US => Lane::Urgent,
            true => Lane::UrgentAhead,
            false if ahead_us <= WINDOW_US => Lane::Fair,
            false => Lane::Ahead,
        };
        let key = match lane {
            Lane::Urgent | Lane::Fair => request.deadline_ms,
            Lane::UrgentAhead | Lane::Ahead => share.tag_us,
        };
        let place = (key, request.ticket, persona);
        share.place = Some((lane, place));
        self.lane(lane).insert(place);
    }

    fn unplace(&mut self, persona: PersonaId) {
        if let Some((lane, place)) = self.shares.get_mut(&persona).and_then(|share| share.place.take()) {
            self.lane(lane).remove(&place);
        }
    }

    fn lane(&mut self, lane: Lane) -> &mut BTreeSet<Place> {
        match lane {
            Lane::Urgent => &mut self.urgent,
            Lane::UrgentAhead => &mut self.urgent_ahead,
            Lane::Fair => &mut self.fair,
            Lane::Ahead => &mut self.ahead,
        }
    }

    fn leave_if_idle(&mut self, persona: PersonaId) {
        let Some(share) = self.shares.get(&persona) else { return };
        if share.holds.is_some() || !share.requests.is_empty() {
            return;
        }
        self.active -= 1;
        if share.tag_us > self.clock_us {
            self.resting.insert((share.tag_us, persona));
        } else {
            self.shares.remove(&persona);
        }
    }

    /// Virtual time went on: who is no longer ahead moves up, who rests is forgotten.
    fn catch_up(&mut self) {
        for (lane, window_us) in [(Lane::UrgentAhead, URGENT_WINDOW_US), (Lane::Ahead, WINDOW_US)] {
            while let Some((_, _, persona)) =
                self.lane(lane).first().copied().filter(|(tag_us, ..)| tag_us - self.clock_us <= window_us)
            {
                self.place(persona);
            }
        }
        while let Some(rested) = self.resting.first().copied().filter(|(tag_us, _)| *tag_us <= self.clock_us) {
            self.resting.remove(&rested);
            self.shares.remove(&rested.1);
        }
    }
}

#[cfg(test)]
mod tests;
