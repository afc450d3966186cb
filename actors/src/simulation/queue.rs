//! A scheduler with many that wait, to be measured.

use std::{collections::VecDeque, num::NonZeroUsize};

use fastrand::Rng;
use uuid::Uuid;

use crate::{
    domain::{PersonaId, Priority, Weight},
    scheduler::turns::{Ask, Ticket, Turns},
};

/// All slots are taken, and so many personas wait for one.
pub struct Queue {
    turns: Turns<()>,
    held: VecDeque<(PersonaId, Ticket)>,
    rng: Rng,
    now_ms: i64,
    tickets: u64,
}

impl Queue {
    /// `waiting` personas wait behind `cap` that work.
    pub fn new(waiting: u32, cap: NonZeroUsize, seed: u64) -> Self {
        let turns = Turns::new(cap);
        let mut queue = Self { turns, held: VecDeque::new(), rng: Rng::with_seed(seed), now_ms: 0, tickets: 0 };
        for persona in 0..u128::from(waiting) + cap.get() as u128 {
            queue.ask(PersonaId(Uuid::from_u128(persona)));
        }
        queue.grant();
        queue
    }

    /// One slice comes back, the next is granted, and who gave it back asks again.
    pub fn turn(&mut self) {
        self.now_ms += 1;
        if let Some((persona, ticket)) = self.held.pop_front() {
            let _ = self.turns.release(persona, ticket, self.now_ms);
            self.grant();
            self.ask(persona);
        }
    }

    /// Personas that wait.
    pub fn waiting(&self) -> usize {
        self.turns.waiting()
    }

    fn ask(&mut self, persona: PersonaId) {
        self.tickets += 1;
        let (ticket, arrived_ms) = (Ticket(self.tickets), self.now_ms);
        let priority = Priority::try_from(self.rng.u16(0..=1_000)).unwrap_or(Priority::BASE);
        self.turns
            .enqueue(Ask { ticket, persona, priority, weight: Weight::ORDINARY, arrived_ms, waiter: () }, self.now_ms);
    }

    fn grant(&mut self) {
        while let Some(granted) = self.turns.admit(self.now_ms) {
            self.held.push_back((granted.persona, granted.ticket));
        }
    }
}
