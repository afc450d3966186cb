//! Heads that wait for their signature: which, and until when. Pure.

use std::{collections::HashMap, mem, time::Duration};

use tokio::time::Instant;

use super::chain::Head;
use crate::domain::{ChainId, Receipt};

/// A head is signed this long after its receipt; with the write, that stays below a second.
const SIGN_AFTER: Duration = Duration::from_millis(800);

/// A chain whose receipts do not continue each other.
#[derive(Debug, thiserror::Error)]
#[error("receipt {seq} of chain {chain} at position {pos} does not continue what was written before it")]
pub struct Discontinued {
    chain: ChainId,
    seq: i64,
    pos: i64,
}

/// Heads that have moved since they were last signed.
#[derive(Default)]
pub(super) struct Unsigned {
    pos: i64,
    heads: HashMap<ChainId, Head>,
    since: Option<Instant>,
    at_once: Vec<ChainId>,
}

impl Unsigned {
    /// Takes in a receipt that is now on disk.
    pub(super) fn note(&mut self, receipt: &Receipt, now: Instant) -> Result<(), Discontinued> {
        let head = Head { seq: receipt.seq, hash: receipt.hash };
        let fits = match self.heads.get_mut(&receipt.chain) {
            Some(before) => {
                let fits = receipt.seq == before.seq + 1 && receipt.prev == before.hash;
                *before = head;
                fits
            }
            None => {
                self.heads.insert(receipt.chain.clone(), head);
                true
            }
        };
        if !fits || receipt.pos <= self.pos {
            return Err(Discontinued { chain: receipt.chain.clone(), seq: receipt.seq, pos: receipt.pos });
        }
        self.pos = receipt.pos;
        self.since.get_or_insert(now);
        Ok(())
    }

    /// This chain's head is signed with the next batch.
    pub(super) fn at_once(&mut self, chain: &ChainId) {
        self.at_once.push(chain.clone());
    }

    /// When the next signature is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let since = self.since?;
        Some(if self.at_once.is_empty() { since + SIGN_AFTER } else { since })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The heads that are due (`all`: every head), at most `most`; the rest stays due.
    pub(super) fn take(&mut self, now: Instant, all: bool, most: usize) -> Vec<(ChainId, Head)> {
        let at_once = mem::take(&mut self.at_once);
        let lapsed = self.since.is_some_and(|since| since + SIGN_AFTER <= now);
        let taken: Vec<_> = if all || lapsed {
            let chains: Vec<_> = self.heads.keys().take(most).cloned().collect();
            chains.into_iter().filter_map(|chain| self.heads.remove_entry(&chain)).collect()
        } else {
            at_once.into_iter().filter_map(|chain| self.heads.remove_entry(&chain)).collect()
        };
        if self.heads.is_empty() {
            self.since = None;
        }
        taken
    }

    /// Their signatures could not be written and are due again. A head that has moved since stays as it is.
    pub(super) fn give_back(&mut self, heads: Vec<(ChainId, Head)>, now: Instant) {
        for (chain, head) in heads {
            self.heads.entry(chain.clone()).or_insert(head);
            self.at_once.push(chain);
            self.since.get_or_insert(now);
        }
    }
}
