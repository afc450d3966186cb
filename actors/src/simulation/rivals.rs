//! The usual alternatives on the same arrivals: personas that look at a cadence, and a tick that visits all.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::{
    Outcome, Plan,
    arrivals::Arrival,
    diary::Diary,
    inbox::Inbox,
    ledger::{Ledger, Standing},
};

/// Pauses between two looks: nothing to do; after a visit; with much to do.
const IDLE_MS: i64 = 3_000;
const ACTIVE_MS: i64 = 5_000;
const OVERWHELMED_MS: i64 = 10_000;
const MANY: u32 = 50;
const TICK_MS: i64 = 30_000;
/// Messages worked through at a visit.
const AT_A_VISIT: u32 = 10;

#[derive(Default)]
struct Persona {
    inbox: Inbox,
    waiting: u32,
    /// It will look, stands in the queue, or works: until then nothing has to be arranged.
    busy: bool,
    busy_since_ms: i64,
    left_of_visit: u32,
    works_until_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A message is worked off.
    Over {
        persona: u32,
        message: u32,
    },
    Look {
        persona: u32,
    },
    Tick,
}

/// A company that polls.
pub(super) struct Rival<'a> {
    plan: &'a Plan,
    arrivals: &'a [Arrival],
    polls: bool,
    now_ms: i64,
    personas: Vec<Persona>,
    ledger: Ledger,
    diary: Diary<'a>,
    events: BinaryHeap<Reverse<(i64, Event)>>,
    queue: VecDeque<u32>,
    held: usize,
    /// Time in which personas had nothing to do but look.
    idle_ms: i64,
}

impl<'a> Rival<'a> {
    /// Every persona looks into its inbox at a cadence; who has mail waits for a slot, first come, first served.
    pub(super) fn polling(plan: &'a Plan, arrivals: &'a [Arrival]) -> Self {
        Self {
            plan,
            arrivals,
            polls: true,
            now_ms: 0,
            personas: (0..plan.personas).map(|_| Persona::default()).collect(),
            ledger: Ledger::new(arrivals),
            diary: Diary::new(plan),
            events: BinaryHeap::new(),
            queue: VecDeque::new(),
            held: 0,
            idle_ms: i64::from(plan.personas) * plan.ends_ms(),
        }
    }

    /// At each tick whoever has mail joins the queue.
    pub(super) fn ticking(plan: &'a Plan, arrivals: &'a [Arrival]) -> Self {
        let mut rival = Self { polls: false, ..Self::polling(plan, arrivals) };
        rival.events.push(Reverse((TICK_MS, Event::Tick)));
        rival
    }

    pub(super) fn live(mut self) -> Outcome {
        let mut arrived = 0;
        loop {
            let arrival = self.arrivals.get(arrived).map(|arrival| arrival.at_ms);
            let event = self.events.peek().map(|Reverse((at_ms, _))| *at_ms);
            let next_ms = [event, arrival].into_iter().flatten().min();
            let Some(now_ms) = next_ms.filter(|now_ms| *now_ms < self.plan.ends_ms()) else { break };
            self.diary.until(now_ms, self.held);
            self.now_ms = now_ms;
            if event == Some(now_ms) {
                if let Some(Reverse((_, event))) = self.events.pop() {
                    self.happens(event);
                }
            } else {
                self.arrive(arrived);
                arrived += 1;
            }
            while self.held < self.plan.cap.get()
                && let Some(persona) = self.queue.pop_front()
            {
                self.held += 1;
                self.personas[persona as usize].left_of_visit = AT_A_VISIT;
                self.work(persona);
            }
        }
        self.diary.until(self.plan.ends_ms(), self.held);
        if self.polls {
            self.diary.looks_by_clock += (self.idle_ms.max(0) / IDLE_MS).unsigned_abs();
        }
        self.diary.close(self.ledger.ends(), self.ledger.open())
    }

    fn arrive(&mut self, at: usize) {
        let Ok(message) = u32::try_from(at) else { return };
        let Arrival { at_ms, persona, priority, .. } = self.arrivals[at];
        self.ledger.becomes(message, Standing::Waiting);
        let host = &mut self.personas[persona as usize];
        host.inbox.put(message, priority, false, at_ms);
        host.waiting += 1;
        self.ledger.entry(message).ready_ms = host.works_until_ms.max(at_ms);
        if self.polls && !host.busy {
            (host.busy, host.busy_since_ms) = (true, at_ms);
            // Everybody has a beat of its own.
            let beat = i64::from(persona) * 7_919 % IDLE_MS;
            let look_ms = at_ms + (beat - at_ms).rem_euclid(IDLE_MS);
            self.events.push(Reverse((look_ms, Event::Look { persona })));
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Over { persona, message } => {
                self.ledger.becomes(message, Standing::Done);
                self.diary.used(persona, i64::from(self.arrivals[message as usize].cost_ms));
                self.work(persona);
            }
            Event::Look { persona } => {
                self.diary.looks_by_clock += 1;
                self.queue.push_back(persona);
            }
            Event::Tick => {
                self.diary.looks_by_clock += u64::from(self.plan.personas);
                for persona in 0..self.plan.personas {
                    let host = &mut self.personas[persona as usize];
                    if host.waiting > 0 && !std::mem::replace(&mut host.busy, true) {
                        self.queue.push_back(persona);
                    }
                }
                self.events.push(Reverse((self.now_ms + TICK_MS, Event::Tick)));
            }
        }
    }

    /// The next message of a visit, or its end.
    fn work(&mut self, persona: u32) {
        while let Some(message) = self.take(persona) {
            let Arrival { at_ms, priority, cost_ms, .. } = self.arrivals[message as usize];
            if self.now_ms > at_ms + self.plan.serve_within_ms() {
                self.diary.overstayed += 1;
                self.ledger.becomes(message, Standing::Expired);
                continue;
            }
            let host = &mut self.personas[persona as usize];
            host.left_of_visit -= 1;
            let over_ms = self.now_ms + i64::from(cost_ms);
            host.works_until_ms = over_ms;
            let ready_ms = self.ledger.entry(message).ready_ms;
            self.ledger.becomes(message, Standing::Running);
            self.diary.begun(persona, priority, at_ms, ready_ms);
            self.events.push(Reverse((over_ms, Event::Over { persona, message })));
            return;
        }
        self.held -= 1;
        let host = &mut self.personas[persona as usize];
        if self.polls && host.waiting > 0 {
            let pause_ms = if host.waiting > MANY { OVERWHELMED_MS } else { ACTIVE_MS };
            self.events.push(Reverse((self.now_ms + pause_ms, Event::Look { persona })));
        } else {
            host.busy = false;
            self.idle_ms -= self.now_ms - host.busy_since_ms;
        }
    }

    fn take(&mut self, persona: u32) -> Option<u32> {
        let Self { ledger, personas, .. } = self;
        let host = &mut personas[persona as usize];
        let message = (host.left_of_visit > 0).then(|| host.inbox.take(|message| ledger.waits(message))).flatten()?;
        host.waiting -= 1;
        Some(message)
    }
}
