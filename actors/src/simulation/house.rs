//! A day under the scheduler's policy: personas with inboxes, slices, steps that end well or badly, and the checks.

mod work;

use std::{cmp::Reverse, collections::BinaryHeap};

use fastrand::Rng;
use uuid::Uuid;

use super::{
    Outcome, Plan, Violation,
    arrivals::Arrival,
    bursts::{self, Bursts},
    diary::Diary,
    faults::{Accidents, StepEnd},
    inbox::Inbox,
    ledger::{Ledger, Standing},
};
use crate::{
    domain::{PersonaId, Priority},
    persona::inbox::least,
    scheduler::turns::{Lane, Ticket, Turns},
    supervisor::Restarts,
};

/// Who lives through the day.
#[derive(Default)]
struct Persona {
    inbox: Inbox,
    /// The request that waits, and for which message.
    asks: Option<(Ticket, u32)>,
    holds: Option<Step>,
    /// Its actor fell and is not back yet.
    down: bool,
    /// It begins nothing more until a person resumes it; nobody does.
    paused: bool,
    failed_in_a_row: u32,
    /// Messages that came and are not over.
    open: u32,
    falls: Restarts,
}

struct Step {
    ticket: Ticket,
    message: u32,
    since_ms: i64,
    /// When the step in hand ends.
    until_ms: i64,
}

/// What is due at a moment, besides arrivals and expiries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    StepOver {
        persona: u32,
        ticket: Ticket,
        end: StepEnd,
    },
    /// A retry.
    Due {
        message: u32,
    },
    /// A persona's actor is back.
    Up {
        persona: u32,
    },
    /// The company ends and starts again, or has.
    Restart,
    Opened,
    /// The store takes commits again.
    StoreBack,
}

/// What a policy may do wrong. None does; the tests of the checks make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// Gives nothing, though slots are free.
    Idle,
    /// Gives a slice twice.
    Twice,
    /// Takes urgent work for ordinary.
    Deaf,
    /// Takes messages in, or gives slices, while the store takes no commit.
    Greedy,
    Heedless,
    /// Loses messages.
    Forgetful,
    /// Leaves lying what should expire.
    Late,
    /// Drops nothing, however much waits.
    Hoarding,
    /// Begins the newest line of a talk and leaves the others lying.
    Scattered,
}

/// The company on a simulated day.
pub(super) struct House<'a> {
    plan: &'a Plan,
    /// As they came; of a burst the newest as it is worked at.
    arrivals: Vec<Arrival>,
    bursts: Bursts,
    arrived: usize,
    /// Messages before this one have begun, expired, or may still wait: all wait equally long, so they expire in order.
    expired: usize,
    now_ms: i64,
    turns: Turns<u32>,
    personas: Vec<Persona>,
    ledger: Ledger,
    diary: Diary<'a>,
    events: BinaryHeap<Reverse<(i64, Event)>>,
    accidents: Accidents<'a>,
    tickets: u64,
    held: usize,
    asking: usize,
    asking_urgently: usize,
    open: bool,
    /// When the store takes commits: a moment ahead while it fails.
    store_back_ms: i64,
    #[cfg(test)]
    pub(super) broken: Option<Broken>,
}

impl<'a> House<'a> {
    pub(super) fn new(plan: &'a Plan, arrivals: &[Arrival]) -> Self {
        let mut house = Self {
            plan,
            arrivals: arrivals.to_vec(),
            bursts: Bursts::default(),
            arrived: 0,
            expired: 0,
            now_ms: 0,
            turns: Turns::new(plan.cap),
            personas: (0..plan.personas).map(|_| Persona::default()).collect(),
            ledger: Ledger::new(arrivals),
            diary: Diary::with_lives(plan),
            events: BinaryHeap::new(),
            accidents: Accidents::new(plan, Rng::with_seed(plan.seed.rotate_left(32))),
            tickets: 0,
            held: 0,
            asking: 0,
            asking_urgently: 0,
            open: true,
            store_back_ms: 0,
            #[cfg(test)]
            broken: None,
        };
        for at_ms in house.accidents.store_is_back() {
            house.events.push(Reverse((at_ms, Event::StoreBack)));
        }
        for at_ms in house.accidents.restarts() {
            house.events.push(Reverse((at_ms, Event::Restart)));
        }
        house
    }

    /// Lives until the end; the first broken invariant ends it.
    pub(super) fn live(mut self) -> Result<Outcome, Violation> {
        loop {
            // What comes while the store fails is refused, and sent again until it is back; nor can anything expire.
            let once_back = |at_ms: i64| at_ms.max(self.store_back_ms);
            let arrival = self.arrivals.get(self.arrived).map(|arrival| once_back(arrival.at_ms));
            let expiry = self.expiry_ms().map(once_back);
            let event = self.events.peek().map(|Reverse((at_ms, _))| *at_ms);
            let next_ms = [event, arrival, expiry].into_iter().flatten().min();
            let Some(now_ms) = next_ms.filter(|now_ms| *now_ms < self.plan.ends_ms()) else { break };
            self.diary.until(now_ms, self.held);
            self.now_ms = now_ms;
            self.store_back_ms = self.accidents.store_back_ms(now_ms);
            let commits = !self.store_is_down();
            // First what expires: it must not be begun any more.
            if commits && expiry == Some(now_ms) && !self.does(Broken::Late) {
                self.expire();
            } else if (commits || self.does(Broken::Greedy)) && arrival == Some(now_ms) {
                self.arrive()?;
            } else if event == Some(now_ms)
                && let Some(Reverse((_, event))) = self.events.pop()
            {
                self.happens(event)?;
            }
            self.grant()?;
            self.check()?;
        }
        self.diary.until(self.plan.ends_ms(), self.held);
        self.now_ms = self.plan.ends_ms();
        self.holds(self.ledger.is_sound(), || "a message is not accounted for".to_owned())?;
        Ok(self.diary.close(self.ledger.ends(), self.ledger.open()))
    }

    /// When the next message expires, if it is not begun before.
    fn expiry_ms(&self) -> Option<i64> {
        let oldest = self.arrivals[..self.arrived].get(self.expired)?;
        Some(oldest.at_ms + self.plan.serve_within_ms() + 1)
    }

    #[cfg(test)]
    pub(super) fn does(&self, wrong: Broken) -> bool {
        self.broken == Some(wrong)
    }

    #[cfg(not(test))]
    pub(super) const fn does(&self, _: Broken) -> bool {
        false
    }

    pub(super) fn store_is_down(&self) -> bool {
        self.store_back_ms > self.now_ms
    }

    fn happens(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::StepOver { persona, ticket, end } => return self.step_over(persona, ticket, end),
            Event::Due { message } => {
                self.diary.looks_by_clock += 1;
                self.wait_again(message, self.now_ms);
            }
            Event::Up { persona } => {
                self.personas[persona as usize].down = false;
                self.ask(persona);
            }
            Event::Restart => self.restart(),
            // It reads what there is before it begins.
            Event::Opened if self.store_is_down() => {
                self.events.push(Reverse((self.store_back_ms, Event::Opened)));
            }
            // What waited for this is granted now.
            Event::StoreBack => {}
            Event::Opened => {
                self.open = true;
                (0..self.plan.personas).for_each(|persona| self.ask(persona));
            }
        }
        Ok(())
    }

    /// It waits since it was sent for the first time.
    fn arrive(&mut self) -> Result<(), Violation> {
        self.commits("a message is taken in")?;
        // Messages are numbered in the order of their arrival.
        let Ok(message) = u32::try_from(self.arrived) else { return Ok(()) };
        let Arrival { at_ms, persona, priority, .. } = self.arrivals[self.arrived];
        self.arrived += 1;
        if self.does(Broken::Forgetful) {
            return Ok(());
        }
        self.ledger.becomes(message, Standing::Waiting);
        self.bursts.came(&self.arrivals[message as usize], message);
        // A burst waits by its best and its oldest.
        let (priority, from_ms) = self.claim(message).unwrap_or((priority, at_ms));
        let host = &mut self.personas[persona as usize];
        host.inbox.put(message, priority, false, from_ms);
        host.open += 1;
        self.ledger.entry(message).ready_ms = host.holds.as_ref().map_or(at_ms, |step| step.until_ms.max(at_ms));
        if host.open > self.plan.most_waiting {
            self.drop_least(persona)?;
        }
        self.ask(persona);
        Ok(())
    }

    /// The priority of its burst, and since when that waits; none: it is of none, or was begun.
    pub(super) fn claim(&self, message: u32) -> Option<(Priority, i64)> {
        let lines = self.bursts.of(&self.arrivals[message as usize], &self.ledger);
        let claim = bursts::claim(&lines, &self.arrivals, self.plan.serve_within_ms())?;
        lines.contains(&message).then_some((claim.priority, claim.received_ms))
    }

    /// Too many wait for it: the least important goes, the newcomer included.
    fn drop_least(&mut self, persona: u32) -> Result<(), Violation> {
        let Self { personas, ledger, arrivals, .. } = self;
        let key = |message: u32| least(arrivals[message as usize].priority, false, message);
        let gone = personas[persona as usize].inbox.least(key, |message| ledger.is_fresh(*message));
        // None: all of it was begun, and ends by itself.
        let Some(message) = gone else { return Ok(()) };
        if !self.does(Broken::Hoarding) {
            self.ledger.becomes(message, Standing::Dropped);
            self.personas[persona as usize].open -= 1;
        }
        let open = self.personas[persona as usize].open;
        self.holds(open <= self.plan.most_waiting, || format!("{open} messages wait for {persona}"))
    }

    /// What was not begun by its time expires; its persona is woken for that.
    fn expire(&mut self) {
        while self.expiry_ms().is_some_and(|at_ms| at_ms <= self.now_ms) {
            let Ok(message) = u32::try_from(self.expired) else { return };
            let persona = self.arrivals[self.expired].persona;
            self.expired += 1;
            // What is worked at for an older one has the time of that.
            let message = self.ledger.trigger(message);
            if self.ledger.waits(message) && !self.ledger.entry(message).begun {
                self.diary.looks_by_clock += 1;
                self.ledger.becomes(message, Standing::Expired);
                self.personas[persona as usize].open -= 1;
                self.ask(persona);
            }
        }
    }

    /// The company ends: what is in hand is interrupted, not failed, and the policy begins anew.
    fn restart(&mut self) {
        self.open = false;
        self.turns = Turns::new(self.plan.cap);
        for persona in 0..self.plan.personas {
            let host = &mut self.personas[persona as usize];
            let yielded = host.asks.take().filter(|(_, message)| !self.ledger.waits(*message));
            if let Some((_, message)) = yielded {
                self.wait_again(message, self.arrivals[message as usize].at_ms);
            }
            let host = &mut self.personas[persona as usize];
            if let Some(step) = host.holds.take() {
                self.diary.used(persona, self.now_ms - step.since_ms);
                self.wait_again(step.message, self.arrivals[step.message as usize].at_ms);
            }
        }
        (self.held, self.asking, self.asking_urgently) = (0, 0, 0);
        self.events.push(Reverse((self.now_ms + Accidents::RESTART_TAKES_MS, Event::Opened)));
    }

    pub(super) fn wait_again(&mut self, message: u32, from_ms: i64) {
        let Arrival { persona, priority, .. } = self.arrivals[message as usize];
        self.ledger.becomes(message, Standing::Waiting);
        self.personas[persona as usize].inbox.put(message, priority, true, from_ms);
        self.ask(persona);
    }

    fn grant(&mut self) -> Result<(), Violation> {
        // A run begins with a commit.
        let down = self.store_is_down() && !self.does(Broken::Heedless);
        if !self.open || down || self.does(Broken::Idle) {
            return Ok(());
        }
        loop {
            let urgent_has_room = self.turns.urgent_has_room();
            let Some(granted) = self.turns.admit(self.now_ms) else { return Ok(()) };
            self.begin(&granted)?;
            if self.does(Broken::Twice) {
                self.begin(&granted)?;
            }
            if !granted.priority.is_urgent() && urgent_has_room && self.asking_urgently > 0 {
                let all_far_ahead = self.turns.in_lane(Lane::UrgentAhead) == self.asking_urgently;
                let late = !self.turns.urgent_is_on_time();
                self.holds(all_far_ahead && late, || {
                    format!("{} ask urgently, and ordinary work goes first", self.asking_urgently)
                })?;
            }
        }
    }

    /// What holds after every event.
    fn check(&self) -> Result<(), Violation> {
        let (held, cap) = (self.held, self.plan.cap.get());
        self.holds(held <= cap, || format!("{held} slices of {cap}"))?;
        self.holds(self.turns.held() == held && self.turns.waiting() == self.asking, || {
            format!(
                "{held} hold and {} ask; the policy knows {} and {}",
                self.asking,
                self.turns.held(),
                self.turns.waiting()
            )
        })?;
        self.holds(held == cap || self.asking == 0 || !self.open || self.store_is_down(), || {
            format!("{} ask and {} slots are free", self.asking, cap - held)
        })?;
        let ends = self.ledger.ends();
        let accounted = ends.done + ends.failed + ends.expired + ends.dropped + ends.coalesced + self.ledger.open();
        self.holds(accounted == self.arrived as u64 && self.ledger.count(Standing::Running) == held as u64, || {
            format!("{} messages came, {accounted} are accounted for", self.arrived)
        })?;
        let is_late = self.expiry_ms().is_some_and(|at_ms| at_ms <= self.now_ms);
        self.holds(!is_late || self.store_is_down(), || "a message waits past its time".to_owned())
    }

    /// What needs a commit happens while the store takes one.
    pub(super) fn commits(&self, what: &str) -> Result<(), Violation> {
        self.holds(!self.store_is_down(), || format!("{what} while the store takes no commit"))
    }

    pub(super) fn holds(&self, holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
        if holds { Ok(()) } else { Err(Violation { seed: self.plan.seed, at_ms: self.now_ms, what: what() }) }
    }
}

fn id(persona: u32) -> PersonaId {
    PersonaId(Uuid::from_u128(u128::from(persona)))
}
