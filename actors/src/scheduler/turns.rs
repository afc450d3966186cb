//! Whose turn is it? The scheduler's whole policy, without clocks, tasks or messages.
//!
//! `scheduler.rs` says what it does and what it guarantees. Here: a persona's tag and virtual time, which lane its
//! first request stands in (`lanes.rs`), who is next, and what is remembered of those that want nothing. Between two
//! steps: `offers.rs`. Whether urgent work is on time: `punctuality.rs`.
//!
//! Every operation costs O(log n) of the personas that wait.

mod lanes;
mod offers;
mod punctuality;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    num::NonZeroUsize,
};

pub(crate) use self::lanes::Lane;
use self::{
    lanes::{Lanes, Place},
    punctuality::Punctuality,
};
use super::stage::InLine;
use crate::domain::{PersonaId, Priority, Weight};

/// One request for a slice, and later the slice itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub u64);

/// How far ahead of its fair share a persona may be before its work waits behind everybody else's.
const WINDOW_US: i64 = 4_000_000;
/// The same for urgent work.
const URGENT_WINDOW_US: i64 = 60_000_000;
/// How far behind its share a persona may fall before its work goes before everybody else's, but for urgent work.
const BEHIND_US: i64 = 60_000_000;
/// A persona that wants nothing for no longer than this never left: between two slices it looks what is next.
const NAP_MS: i64 = 1_000;
/// The longest patience of urgent work. Who has just worked waits with it, so that nobody who asked before comes later.
const URGENT_PATIENCE_MS: i64 = 10_000;
/// How long it is remembered how far behind its share a persona was that wants nothing.
const REMEMBERED_MS: i64 = 60_000;
/// With a single slot: urgent turns in a row while other work is overdue.
const MOST_PASSED: u32 = 8;

/// Somebody wants a slice. `W` is whatever waits: a reply port in production, a number in simulations.
#[derive(Debug)]
pub(crate) struct Ask<W> {
    pub ticket: Ticket,
    pub persona: PersonaId,
    pub priority: Priority,
    /// Counts from when the persona wanted nothing until it wants nothing again.
    pub weight: Weight,
    /// When the work arrived.
    pub arrived_ms: i64,
    pub waiter: W,
}

/// Somebody got one.
#[derive(Debug)]
pub(crate) struct Granted<W> {
    pub persona: PersonaId,
    pub ticket: Ticket,
    pub priority: Priority,
    /// Since the work arrived, or since its persona gave back the slice before, whichever was later.
    pub waited_ms: i64,
    pub waiter: W,
}

/// The policy's state. Times are milliseconds of one clock that never goes back.
pub(crate) struct Turns<W> {
    cap: usize,
    /// Slots that urgent work may hold while other work waits.
    urgent_max: usize,
    shares: HashMap<PersonaId, Share<W>>,
    lanes: Lanes,
    /// Personas that want nothing and are ahead of their share, by tag.
    resting_ahead: BTreeSet<(i64, PersonaId)>,
    /// Personas that want nothing and are behind their share, by when that is forgotten.
    resting_behind: BTreeSet<(i64, PersonaId)>,
    /// Virtual time: what everybody's fair share is, in microseconds.
    clock_us: i64,
    held: usize,
    urgent_held: usize,
    waiting: usize,
    /// Weight of the personas that wait or hold a slice, in thousandths.
    active_weight: i64,
    urgent_lane: Punctuality,
    passed: u32,
}

struct Share<W> {
    weight: Weight,
    /// While it rests behind its share: how far, and until when that counts.
    behind: Option<(i64, i64)>,
    tag_us: i64,
    holds: Option<Held>,
    /// When it last gave a slice back.
    free_since_ms: i64,
    /// Since when it wants nothing, when it does not.
    idle_since_ms: i64,
    requests: VecDeque<Ask<W>>,
    place: Option<(Lane, Place)>,
}

struct Held {
    ticket: Ticket,
    since_ms: i64,
    urgent: bool,
}

/// Slots that urgent work may hold while other work waits.
fn urgent_max(cap: NonZeroUsize) -> usize {
    (cap.get() - cap.get().div_ceil(8)).max(1)
}

impl<W> Turns<W> {
    pub(crate) fn new(cap: NonZeroUsize) -> Self {
        Self {
            cap: cap.get(),
            urgent_max: urgent_max(cap),
            shares: HashMap::new(),
            lanes: Lanes::default(),
            resting_ahead: BTreeSet::new(),
            resting_behind: BTreeSet::new(),
            clock_us: 0,
            held: 0,
            urgent_held: 0,
            waiting: 0,
            active_weight: 0,
            urgent_lane: Punctuality::default(),
            passed: 0,
        }
    }

    /// From now on there are so many slots. Slices in use beyond them are not taken away; they count until they end.
    pub(crate) fn set_cap(&mut self, cap: NonZeroUsize) {
        self.cap = cap.get();
        self.urgent_max = urgent_max(cap);
    }

    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Requests that wait, also those of personas that hold a slice.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Personas in this lane.
    pub(crate) fn in_lane(&self, lane: Lane) -> usize {
        self.lanes.len(lane)
    }

    /// The next of those that wait and hold no slice, at most so many.
    pub(crate) fn in_line(&self, most: usize) -> Vec<InLine> {
        let share = |persona| Some((persona, self.shares.get(&persona)?));
        let one = |(persona, share): (PersonaId, &Share<W>)| {
            let request = share.requests.front()?;
            let since_ms = request.arrived_ms.max(share.free_since_ms);
            Some(InLine { persona, since_ms, urgent: request.priority.is_urgent(), weight: share.weight })
        };
        self.lanes.all().filter_map(share).filter_map(one).take(most).collect()
    }

    /// Whether urgent work of a persona within its share may have the next slot, whatever else waits.
    pub(crate) fn urgent_has_room(&self) -> bool {
        self.urgent_held < self.urgent_max && !self.must_let_pass()
    }

    /// Whether urgent work has been on time of late, so that also who is far ahead may use its lane.
    pub(crate) fn urgent_is_on_time(&self) -> bool {
        self.urgent_lane.is_on_time()
    }

    pub(crate) fn enqueue(&mut self, ask: Ask<W>, now_ms: i64) {
        let persona = ask.persona;
        let share = self.shares.entry(persona).or_insert_with(|| Share {
            weight: ask.weight,
            behind: None,
            tag_us: self.clock_us,
            holds: None,
            free_since_ms: i64::MIN,
            idle_since_ms: now_ms,
            requests: VecDeque::with_capacity(1),
            place: None,
        });
        if share.holds.is_none() && share.requests.is_empty() {
            if let Some((behind_us, until_ms)) = share.behind.take() {
                self.resting_behind.remove(&(until_ms, persona));
                if now_ms.saturating_sub(share.idle_since_ms) > NAP_MS {
                    share.tag_us = self.clock_us - behind_us;
                }
            } else {
                self.resting_ahead.remove(&(share.tag_us, persona));
            }
            share.weight = ask.weight;
            self.active_weight += thousandths(ask.weight);
        }
        share.requests.push_back(ask);
        self.waiting += 1;
        if self.shares.get(&persona).is_some_and(|share| share.place.is_none()) {
            self.place(persona);
        }
    }

    /// Nobody waits for this ticket any more. A ticket that was already granted is left alone.
    pub(crate) fn withdraw(&mut self, persona: PersonaId, ticket: Ticket, now_ms: i64) -> Option<W> {
        let share = self.shares.get_mut(&persona)?;
        let at = share.requests.iter().position(|request| request.ticket == ticket)?;
        let request = share.requests.remove(at)?;
        self.waiting -= 1;
        self.place(persona);
        self.rest_if_idle(persona, now_ms);
        Some(request.waiter)
    }

    /// A slice was given back; how long it was used. All of that is charged, however long the step took.
    pub(crate) fn release(&mut self, persona: PersonaId, ticket: Ticket, now_ms: i64) -> Option<i64> {
        let share = self.shares.get_mut(&persona)?;
        let held = share.holds.take_if(|held| held.ticket == ticket)?;
        let used_ms = now_ms.saturating_sub(held.since_ms).max(0);
        let weighed = used_ms.saturating_mul(1_000_000);
        share.tag_us = share.tag_us.saturating_add(weighed / thousandths(share.weight));
        share.free_since_ms = now_ms;
        self.held -= 1;
        self.urgent_held -= usize::from(held.urgent);
        self.clock_us = self.clock_us.saturating_add(weighed / self.active_weight.max(1));
        self.place(persona);
        self.rest_if_idle(persona, now_ms);
        self.catch_up();
        self.forget(now_ms);
        Some(used_ms)
    }

    /// The next one who may start now, if a slot is free.
    pub(crate) fn admit(&mut self, now_ms: i64) -> Option<Granted<W>> {
        if self.held >= self.cap {
            return None;
        }
        let (lane, (.., persona)) = self.next(now_ms)?;
        let share = self.shares.get_mut(&persona)?;
        let Ask { ticket, priority, arrived_ms, waiter, .. } = share.requests.pop_front()?;
        let waited_ms = now_ms.saturating_sub(arrived_ms.max(share.free_since_ms)).max(0);
        let urgent = priority.is_urgent();
        share.holds = Some(Held { ticket, since_ms: now_ms, urgent });
        if let Some((lane, place)) = share.place.take() {
            self.lanes.remove(lane, &place, share.tag_us);
        }
        match lane {
            Lane::Urgent => self.urgent_lane.note(waited_ms, priority.patience_ms()),
            // Who is ahead of its share and still has urgent work is flooded: what its own work kept waiting counts too,
            // so that a flood loses the lane that lets it go first.
            Lane::UrgentAhead => self.urgent_lane.note(now_ms.saturating_sub(arrived_ms), priority.patience_ms()),
            _ => {}
        }
        self.waiting -= 1;
        self.held += 1;
        self.urgent_held += usize::from(urgent);
        Some(Granted { persona, ticket, priority, waited_ms, waiter })
    }

    fn next(&mut self, now_ms: i64) -> Option<(Lane, Place)> {
        loop {
            let behind = self.lanes.first(Lane::Behind).map(|place| (Lane::Behind, place));
            let fair = behind.or_else(|| self.lanes.first(Lane::Fair).map(|place| (Lane::Fair, place)));
            if fair.is_none() || self.urgent_has_room() {
                let ahead = self.lanes.first(Lane::UrgentAhead).filter(|_| self.urgent_is_on_time());
                let ahead = ahead.map(|place| (Lane::UrgentAhead, place));
                if let Some(urgent) = self.lanes.first(Lane::Urgent).map(|place| (Lane::Urgent, place)).or(ahead) {
                    let passes = fair.is_some_and(|(_, (deadline_ms, ..))| deadline_ms <= now_ms);
                    self.passed = if passes { self.passed + 1 } else { 0 };
                    return Some(urgent);
                }
            }
            self.passed = 0;
            if fair.is_some() {
                return fair;
            }
            // Nobody is within the share: virtual time goes on to who is the least ahead.
            let Some((tag_us, ..)) = self.lanes.first(Lane::Ahead) else {
                return self.lanes.first(Lane::UrgentAhead).map(|place| (Lane::UrgentAhead, place));
            };
            self.clock_us = self.clock_us.max(tag_us.saturating_sub(WINDOW_US));
            self.catch_up();
        }
    }

    /// There is one slot, and overdue work has been passed over often enough.
    fn must_let_pass(&self) -> bool {
        self.urgent_max == self.cap && self.passed >= MOST_PASSED
    }

    /// Puts the persona's first request where it belongs now.
    fn place(&mut self, persona: PersonaId) {
        let Some(share) = self.shares.get_mut(&persona) else { return };
        if let Some((lane, place)) = share.place.take() {
            self.lanes.remove(lane, &place, share.tag_us);
        }
        let Some(request) = share.requests.front().filter(|_| share.holds.is_none()) else { return };
        let ahead_us = share.tag_us - self.clock_us;
        // Urgent work that lay behind its own persona's work comes no earlier than others': else a flood is first for ever.
        let since_ms = if request.priority.is_urgent() { share.free_since_ms } else { i64::MIN };
        let worked = since_ms.saturating_add(NAP_MS) >= request.arrived_ms;
        let patience_ms = if worked { URGENT_PATIENCE_MS } else { request.priority.patience_ms() };
        let deadline_ms = request.arrived_ms.max(since_ms).saturating_add(patience_ms);
        let (lane, key) = match request.priority.is_urgent() {
            true if ahead_us <= URGENT_WINDOW_US => (Lane::Urgent, deadline_ms),
            true => (Lane::UrgentAhead, share.tag_us),
            false if ahead_us < -BEHIND_US => (Lane::Behind, deadline_ms),
            false if ahead_us <= WINDOW_US => (Lane::Fair, deadline_ms),
            false => (Lane::Ahead, share.tag_us),
        };
        let place = (key, request.ticket, persona);
        share.place = Some((lane, place));
        self.lanes.insert(lane, place, share.tag_us);
    }

    fn rest_if_idle(&mut self, persona: PersonaId, now_ms: i64) {
        let Some(share) = self.shares.get_mut(&persona) else { return };
        if share.holds.is_some() || !share.requests.is_empty() {
            return;
        }
        self.active_weight -= thousandths(share.weight);
        share.idle_since_ms = now_ms;
        if share.tag_us > self.clock_us {
            self.resting_ahead.insert((share.tag_us, persona));
        } else {
            let behind_us = self.clock_us - share.tag_us;
            self.rests_behind(persona, behind_us);
        }
    }

    fn rests_behind(&mut self, persona: PersonaId, behind_us: i64) {
        let Some(share) = self.shares.get_mut(&persona) else { return };
        let until_ms = share.idle_since_ms.saturating_add(REMEMBERED_MS);
        share.behind = Some((behind_us, until_ms));
        self.resting_behind.insert((until_ms, persona));
    }

    /// Virtual time went on: who is no longer ahead moves up, or is forgotten if it rests.
    fn catch_up(&mut self) {
        for (lane, window_us) in [(Lane::UrgentAhead, URGENT_WINDOW_US), (Lane::Ahead, WINDOW_US)] {
            while let Some((tag_us, _, persona)) = self.lanes.first(lane)
                && tag_us - self.clock_us <= window_us
            {
                self.place(persona);
            }
        }
        while let Some((tag_us, persona)) = self.lanes.least_used()
            && self.clock_us - tag_us > BEHIND_US
        {
            self.place(persona);
        }
        while let Some((tag_us, persona)) = self.resting_ahead.first().copied()
            && tag_us <= self.clock_us
        {
            self.resting_ahead.remove(&(tag_us, persona));
            self.rests_behind(persona, 0);
        }
    }

    /// Who rests for long is new when it comes back.
    fn forget(&mut self, now_ms: i64) {
        while let Some((until_ms, persona)) = self.resting_behind.first().copied()
            && until_ms <= now_ms
        {
            self.resting_behind.remove(&(until_ms, persona));
            self.shares.remove(&persona);
        }
    }
}

fn thousandths(weight: Weight) -> i64 {
    i64::from(weight.thousandths())
}

#[cfg(test)]
mod tests;
