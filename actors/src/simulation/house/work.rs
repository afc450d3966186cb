//! What one persona of a simulated day does: asks, begins, goes from step to step, gives its slice to others, fails.

use std::cmp::Reverse;

use super::{Broken, Event, House, Step, id};
use crate::{
    domain::{CIRCUIT_AFTER, Priority, RETRY_AFTER, Weight, opens_circuit, pause_before_retry},
    scheduler::turns::{Ask, Granted, Ticket},
    simulation::{
        Violation,
        arrivals::Arrival,
        bursts,
        faults::{Accidents, StepEnd},
        ledger::Standing,
    },
};

impl House<'_> {
    /// A persona wants a slice for the best it has. A request that waits is changed when its message expired, or
    /// when something urgent came.
    pub(super) fn ask(&mut self, persona: u32) {
        let host = &mut self.personas[persona as usize];
        if !self.open || host.down || host.paused || host.holds.is_some() {
            return;
        }
        let next = host.inbox.next(|message| self.ledger.waits(message));
        if let Some((_, message)) = host.asks {
            if self.ledger.wants_slice(message) && !next.is_some_and(|next| self.comes_first(next, message)) {
                return;
            }
            self.withdraw(persona);
        }
        let Some(message) = next else { return };
        let message = self.gather(message);
        let ask = self.request(message, self.arrivals[message as usize].at_ms);
        self.stands_in_line(ask.ticket, message);
        self.turns.enqueue(ask, self.now_ms);
    }

    /// The newest of its burst, with the others as its context, as in `persona/gather.rs`.
    fn gather(&mut self, message: u32) -> u32 {
        let lines = self.bursts.of(&self.arrivals[message as usize], &self.ledger);
        let claim = bursts::claim(&lines, &self.arrivals, self.plan.serve_within_ms());
        let (Some(claim), [trigger, others @ ..]) = (claim, &lines[..]) else { return message };
        if !lines.contains(&message) || others.is_empty() || self.does(Broken::Scattered) {
            return message;
        }
        for other in others {
            let ready_ms = self.ledger.entry(*other).ready_ms;
            self.ledger.becomes(*other, Standing::Coalesced);
            self.ledger.entry(*other).into = *trigger;
            let entry = self.ledger.entry(*trigger);
            entry.ready_ms = entry.ready_ms.min(ready_ms);
        }
        let newest = &mut self.arrivals[*trigger as usize];
        (newest.priority, newest.at_ms) = (claim.priority, claim.received_ms);
        self.personas[newest.persona as usize].open -= u32::try_from(others.len()).unwrap_or(u32::MAX);
        self.bursts.is(newest, *trigger);
        *trigger
    }

    /// Whether a message that waits takes the place of what its persona has in hand, as in `persona/life.rs`.
    fn comes_first(&mut self, next: u32, in_hand: u32) -> bool {
        let of = |message: u32| self.claim(message).map_or(self.arrivals[message as usize].priority, |(best, _)| best);
        let is_urgent = |message: u32| of(message).is_urgent();
        let (next_urgent, urgent) = (is_urgent(next), is_urgent(in_hand));
        let (next_begun, begun) = (self.ledger.entry(next).begun, self.ledger.entry(in_hand).begun);
        next_urgent && (!urgent || (begun && !next_begun))
    }

    /// What waits for a slice is put back into its inbox; the steps it did are done.
    pub(super) fn withdraw(&mut self, persona: u32) {
        let Some((ticket, message)) = self.personas[persona as usize].asks.take() else { return };
        self.turns.withdraw(id(persona), ticket, self.now_ms);
        let Arrival { at_ms, priority, .. } = self.arrivals[message as usize];
        self.asking -= 1;
        self.asking_urgently -= usize::from(priority.is_urgent());
        if self.ledger.wants_slice(message) && !self.ledger.waits(message) {
            self.ledger.becomes(message, Standing::Waiting);
            self.personas[persona as usize].inbox.put(message, priority, true, at_ms);
        }
    }

    fn request(&mut self, message: u32, arrived_ms: i64) -> Ask<u32> {
        self.tickets += 1;
        let Arrival { persona, priority, .. } = self.arrivals[message as usize];
        let (ticket, weight) = (Ticket(self.tickets), Weight::ORDINARY);
        let priority = if self.does(Broken::Deaf) { Priority::BASE } else { priority };
        Ask { ticket, persona: id(persona), priority, weight, arrived_ms, waiter: message }
    }

    fn stands_in_line(&mut self, ticket: Ticket, message: u32) {
        let Arrival { persona, priority, .. } = self.arrivals[message as usize];
        self.personas[persona as usize].asks = Some((ticket, message));
        self.asking += 1;
        self.asking_urgently += usize::from(priority.is_urgent());
    }

    pub(super) fn begin(&mut self, granted: &Granted<u32>) -> Result<(), Violation> {
        self.commits("a slice is given")?;
        let (message, ticket) = (granted.waiter, granted.ticket);
        let Arrival { at_ms, persona, priority, .. } = self.arrivals[message as usize];
        let asked = self.personas[persona as usize].asks.take();
        self.holds(asked == Some((ticket, message)), || format!("{persona} was granted what it did not ask for"))?;
        self.holds(self.personas[persona as usize].holds.is_none(), || format!("{persona} holds two slices"))?;
        self.holds(self.ledger.wants_slice(message), || format!("message {message} does not wait"))?;
        let burst = self.bursts.of(&self.arrivals[message as usize], &self.ledger);
        let left = burst.iter().find(|line| **line < message);
        self.holds(left.is_none(), || format!("message {message} leaves {left:?} of its talk behind"))?;
        let entry = *self.ledger.entry(message);
        if !entry.begun {
            self.holds(self.now_ms <= at_ms + self.plan.serve_within_ms(), || {
                format!("message {message} begins too late")
            })?;
            self.diary.begun(persona, priority, at_ms, entry.ready_ms);
        }
        self.ledger.becomes(message, Standing::Running);
        self.asking -= 1;
        self.asking_urgently -= usize::from(priority.is_urgent());
        self.held += 1;
        self.diary.work_begins(persona);
        self.personas[persona as usize].holds =
            Some(Step { ticket, message, since_ms: self.now_ms, until_ms: self.now_ms });
        self.step(persona, ticket, message);
        Ok(())
    }

    /// The next step of a run begins.
    fn step(&mut self, persona: u32, ticket: Ticket, message: u32) {
        let Arrival { cost_ms, steps, .. } = self.arrivals[message as usize];
        let (takes_ms, end) = self.accidents.step(persona, cost_ms / u32::from(steps.max(1)));
        let until_ms = self.now_ms + takes_ms;
        if let Some(step) = &mut self.personas[persona as usize].holds {
            step.until_ms = until_ms;
        }
        self.events.push(Reverse((until_ms, Event::StepOver { persona, ticket, end })));
    }

    pub(super) fn step_over(&mut self, persona: u32, ticket: Ticket, end: StepEnd) -> Result<(), Violation> {
        let (down, back_ms) = (self.store_is_down(), self.store_back_ms);
        let host = &mut self.personas[persona as usize];
        // Of before a restart.
        let Some(step) = host.holds.take_if(|step| step.ticket == ticket) else { return Ok(()) };
        if down {
            // Its outcome cannot be committed yet, so the step is not over.
            host.holds = Some(step);
            self.events.push(Reverse((back_ms, Event::StepOver { persona, ticket, end })));
            return Ok(());
        }
        let entry = self.ledger.entry(step.message);
        entry.steps += u8::from(end == StepEnd::Well);
        if end == StepEnd::Well && entry.steps < self.arrivals[step.message as usize].steps {
            return self.between_steps(persona, step);
        }
        let used_ms = self.turns.release(id(persona), ticket, self.now_ms);
        self.gave_back(persona, &step, used_ms)?;
        self.ends(persona, step.message, end);
        self.ask(persona);
        Ok(())
    }

    /// Something urgent of its own, or who is owed the slice, may come between two steps.
    fn between_steps(&mut self, persona: u32, step: Step) -> Result<(), Violation> {
        let message = step.message;
        let at_ms = self.arrivals[message as usize].at_ms;
        let next = self.personas[persona as usize].inbox.next(|message| self.ledger.waits(message));
        if next.is_some_and(|next| self.comes_first(next, message)) {
            let used_ms = self.turns.release(id(persona), step.ticket, self.now_ms);
            self.gave_back(persona, &step, used_ms)?;
            self.wait_again(message, at_ms);
            return Ok(());
        }
        let again = self.request(message, self.now_ms);
        let ticket = again.ticket;
        let Some(used_ms) = self.turns.offer(step.ticket, again, self.now_ms) else {
            let ticket = step.ticket;
            self.personas[persona as usize].holds = Some(step);
            self.step(persona, ticket, message);
            return Ok(());
        };
        self.gave_back(persona, &step, Some(used_ms))?;
        self.ledger.becomes(message, Standing::Yielded);
        self.diary.yields += 1;
        self.stands_in_line(ticket, message);
        Ok(())
    }

    fn gave_back(&mut self, persona: u32, step: &Step, used_ms: Option<i64>) -> Result<(), Violation> {
        self.held -= 1;
        self.holds(used_ms == Some(self.now_ms - step.since_ms), || format!("{used_ms:?} ms were charged"))?;
        self.diary.used(persona, self.now_ms - step.since_ms);
        Ok(())
    }

    /// A run ends, well or badly.
    fn ends(&mut self, persona: u32, message: u32, end: StepEnd) {
        if end == StepEnd::Well {
            let host = &mut self.personas[persona as usize];
            (host.failed_in_a_row, host.open) = (0, host.open - 1);
            return self.ledger.becomes(message, Standing::Done);
        }
        self.failed(persona, message);
        if end == StepEnd::Panicked {
            let now = self.diary.instant();
            match Accidents::return_after(&mut self.personas[persona as usize].falls, now) {
                Some(pause_ms) => {
                    self.personas[persona as usize].down = true;
                    self.events.push(Reverse((self.now_ms + pause_ms, Event::Up { persona })));
                }
                None => self.pause(persona),
            }
        }
    }

    fn failed(&mut self, persona: u32, message: u32) {
        let entry = self.ledger.entry(message);
        entry.failures += 1;
        entry.steps = 0;
        if let Some(pause) = pause_before_retry(&RETRY_AFTER, u32::from(entry.failures)) {
            let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
            self.ledger.becomes(message, Standing::BackingOff);
            self.events.push(Reverse((self.now_ms + pause_ms, Event::Due { message })));
            return;
        }
        self.ledger.becomes(message, Standing::Failed);
        let host = &mut self.personas[persona as usize];
        host.open -= 1;
        host.failed_in_a_row += 1;
        if opens_circuit(host.failed_in_a_row, CIRCUIT_AFTER) && !host.paused {
            self.diary.circuits += 1;
            self.pause(persona);
        }
    }

    /// Its circuit opened, or it fell too often: it begins nothing more, and a person is told.
    fn pause(&mut self, persona: u32) {
        if std::mem::replace(&mut self.personas[persona as usize].paused, true) {
            return;
        }
        self.withdraw(persona);
        self.diary.paused += 1;
    }
}
