//! Days that never were: the scheduler's policy under a virtual clock, thousands of personas, faults, all by a seed.
//!
//! What is simulated is `scheduler/turns.rs` itself, not a model of it, behind inboxes that pick as `persona/inbox.rs`
//! does and join bursts by `persona/coalesce.rs`. A message is a run of one persona, in steps of about a second; between two it offers its slice, or goes over to
//! something urgent of its own. Messages come steadily with a daily curve (±40 %), in bursts to many, some of which go on
//! talking within two seconds, on top of the load, and in incidents
//! (three urgent ones per slot within five seconds, about once an hour); one run in two hundred is a single slow step.
//! Three failed goals in a row, or a fourth fall within five minutes (`supervisor/restarts.rs` itself), pause a persona
//! for the rest of the day; pauses, circuit, restarts and what an inbox holds are those of the program by default
//! (`domain/limits.rs`). What differs from it: who has too many messages loses the least important at once, not within
//! a second; and an inbox is seen whole, which
//! changes nothing, because what a persona sees of a large one begins with what it would choose. Everybody's energy is kept by `domain/inner_life.rs` itself and reported; all messages are
//! owed, so no mood holds anything back.
//!
//! At every event the invariants are checked ([`Violation`] says which broke):
//! - never more slices than the cap, never two of one persona, no slot free while somebody could use it;
//! - messages in = waiting + running + between two slices + backing off + done + failed + expired + dropped + coalesced;
//! - what is begun leaves no older message of its talk waiting;
//! - nobody has more messages than may wait, but for those that were begun;
//! - nothing is begun, and nothing waits unbegun, past its `serve_by`: it expires at that moment;
//! - while the store takes no commit nothing is delivered, begun, gone on with or ended: who sends something sends it
//!   again until the store is back, and waits from the first time on;
//! - no ordinary work goes before urgent work while the urgent lane has room, but for who is far ahead of its share
//!   while that lane is late.
//!
//! The same arrivals can be given to the usual alternatives ([`Policy`]), which know neither lanes nor shares.

mod arrivals;
mod bursts;
mod diary;
mod faults;
mod house;
mod inbox;
mod ledger;
mod outcome;
mod queue;
mod rivals;

use std::num::NonZeroUsize;

pub use self::{
    outcome::{Ends, Outcome, Sample},
    queue::Queue,
};

/// A day to be simulated. Equal plans give equal days.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub personas: u32,
    pub minutes: u32,
    pub seed: u64,
    /// Slots.
    pub cap: NonZeroUsize,
    /// Work offered over what all slots could do.
    pub load: f64,
    /// How uneven personas are called: their rank to the power of minus this; 0: all alike.
    pub popularity: f64,
    /// A third of the load comes in bursts, and incidents besides; else everything comes steadily.
    pub bursts: bool,
    /// Some personas' steps take four times as long as others'.
    pub uneven_costs: bool,
    /// Messages of one persona that may wait; beyond this the least important is dropped.
    pub most_waiting: u32,
    pub faults: Faults,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Panics, steps that hang up to their limit, restarts of the company, a store that takes no commit for 5 s.
    pub accidents: bool,
    /// One persona panics whenever it works, one always hangs, one is flooded with urgent messages.
    pub bad_personas: bool,
}

/// Who decides whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The scheduler of this program.
    Greenroom,
    /// Every persona looks into its inbox at a cadence, and works through ten messages at a visit.
    Polling,
    /// Every 30 s whoever has mail is queued, and works through ten messages at a visit.
    Tick,
}

/// A promise was broken. The same plan breaks it again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, {at_ms} ms after the start: {what}")]
pub struct Violation {
    pub seed: u64,
    pub at_ms: i64,
    pub what: String,
}

impl Plan {
    /// The bad personas, by number; nobody else in a plan without them.
    const PANICKING: u32 = 0;
    const HANGING: u32 = 1;
    const FLOODED: u32 = 2;

    fn ends_ms(&self) -> i64 {
        i64::from(self.minutes) * 60_000
    }

    /// Until when a message is begun, or expires: an hour, or a quarter of a short day.
    fn serve_within_ms(&self) -> i64 {
        (self.ends_ms() / 4).min(3_600_000)
    }

    fn is_bad(&self, persona: u32) -> bool {
        self.faults.bad_personas && persona <= Self::FLOODED
    }

    /// Lives through the day.
    pub fn run(&self, policy: Policy) -> Result<Outcome, Violation> {
        let arrivals = arrivals::all(self);
        match policy {
            Policy::Greenroom => house::House::new(self, &arrivals).live(),
            Policy::Polling => Ok(rivals::Rival::polling(self, &arrivals).live()),
            Policy::Tick => Ok(rivals::Rival::ticking(self, &arrivals).live()),
        }
    }
}

/// Counts as figures; they are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "nobody reads the 16th digit")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
