//! Where every message of a simulated day stands. Nothing vanishes: the counts are checked against each other.

use super::{arrivals::Arrival, outcome::Ends};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not come yet.
    ToCome,
    Waiting,
    Running,
    /// Begun, and between two slices.
    Yielded,
    /// Until its retry is due.
    BackingOff,
    Done,
    Failed,
    Expired,
    Dropped,
    /// A newer one of its talk is worked at for it.
    Coalesced,
}

const STANDINGS: usize = 10;

/// One message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub standing: Standing,
    /// Tries that failed.
    pub failures: u8,
    pub begun: bool,
    /// Steps that are done.
    pub steps: u8,
    /// The newer one that is worked at for it, when there is one.
    pub into: u32,
    /// When it came, or when the step was over that its persona had in hand then.
    pub ready_ms: i64,
}

/// All messages.
pub(super) struct Ledger {
    entries: Vec<Entry>,
    counts: [u64; STANDINGS],
    begun: u64,
}

impl Ledger {
    pub(super) fn new(arrivals: &[Arrival]) -> Self {
        let entry = Entry { standing: Standing::ToCome, failures: 0, begun: false, steps: 0, into: 0, ready_ms: 0 };
        let mut counts = [0; STANDINGS];
        counts[Standing::ToCome as usize] = arrivals.len() as u64;
        Self { entries: vec![entry; arrivals.len()], counts, begun: 0 }
    }

    pub(super) fn entry(&mut self, message: u32) -> &mut Entry {
        &mut self.entries[message as usize]
    }

    pub(super) fn waits(&self, message: u32) -> bool {
        self.entries[message as usize].standing == Standing::Waiting
    }

    /// It waits and was never begun.
    pub(super) fn is_fresh(&self, message: u32) -> bool {
        self.waits(message) && !self.entries[message as usize].begun
    }

    /// Waits for a slice, its first or a further one.
    pub(super) fn wants_slice(&self, message: u32) -> bool {
        matches!(self.entries[message as usize].standing, Standing::Waiting | Standing::Yielded)
    }

    /// Who is worked at for this message; itself, if it was not coalesced.
    pub(super) fn trigger(&self, mut message: u32) -> u32 {
        while self.entries[message as usize].standing == Standing::Coalesced {
            message = self.entries[message as usize].into;
        }
        message
    }

    pub(super) fn becomes(&mut self, message: u32, standing: Standing) {
        let entry = &mut self.entries[message as usize];
        let before = std::mem::replace(&mut entry.standing, standing);
        if standing == Standing::Running && !std::mem::replace(&mut entry.begun, true) {
            self.begun += 1;
        }
        self.counts[before as usize] -= 1;
        self.counts[standing as usize] += 1;
    }

    pub(super) fn count(&self, standing: Standing) -> u64 {
        self.counts[standing as usize]
    }

    /// Waiting, in hand or backing off.
    pub(super) fn open(&self) -> u64 {
        let open = [Standing::Waiting, Standing::Running, Standing::Yielded, Standing::BackingOff];
        open.map(|standing| self.count(standing)).iter().sum()
    }

    pub(super) fn ends(&self) -> Ends {
        Ends {
            messages: self.entries.len() as u64 - self.count(Standing::ToCome),
            begun: self.begun,
            done: self.count(Standing::Done),
            failed: self.count(Standing::Failed),
            expired: self.count(Standing::Expired),
            dropped: self.count(Standing::Dropped),
            coalesced: self.count(Standing::Coalesced),
        }
    }

    /// Counts everything anew: whether the sums were right, and what came is accounted for.
    pub(super) fn is_sound(&self) -> bool {
        let mut counts = [0; STANDINGS];
        self.entries.iter().for_each(|entry| counts[entry.standing as usize] += 1);
        let Ends { messages, begun, done, failed, expired, dropped, coalesced } = self.ends();
        let fresh = self.entries.iter().filter(|entry| !entry.begun && entry.standing == Standing::Waiting).count();
        counts == self.counts
            && messages == done + failed + expired + dropped + coalesced + self.open()
            && messages == begun + expired + dropped + coalesced + fresh as u64
    }
}
