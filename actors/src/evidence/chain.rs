//! Links receipts into their chains. Pure: the journal calls it inside the transaction.

use std::{borrow::Cow, collections::HashMap};

use super::canonical;
use crate::domain::{ChainId, Draft, Hash, Receipt, Rendered};

/// The newest receipt of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: Hash,
}

impl Head {
    /// Before the first receipt.
    pub const START: Self = Self { seq: 0, hash: Hash::ZERO };
}

/// The heads of the chains this node writes, and the writer's position.
///
/// Work on a copy of what a batch touches and take it over only after COMMIT: see [`Heads::begin`].
#[derive(Debug, Clone, Default)]
pub struct Heads {
    pos: i64,
    chains: HashMap<ChainId, Head>,
}

/// A receipt at its place, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Linked {
    pub pos: i64,
    pub seq: i64,
    pub prev: Hash,
    pub hash: Hash,
    /// Canonical form 1.
    pub header: String,
    /// The body's text as stored and hashed.
    pub body: String,
    pub draft: Draft,
}

impl Heads {
    /// `pos`: the highest position in the log, 0 when it is empty.
    pub fn new(pos: i64) -> Self {
        Self { pos, chains: HashMap::new() }
    }

    /// Whether the head of this chain is known; if not, read it and [`Heads::learn`] it before linking.
    pub fn knows(&self, chain: &ChainId) -> bool {
        self.chains.contains_key(chain)
    }

    /// Takes over a head read from the log.
    pub fn learn(&mut self, chain: ChainId, head: Head) {
        self.chains.insert(chain, head);
    }

    /// The head of a chain, if it is known.
    pub fn get(&self, chain: &ChainId) -> Option<Head> {
        self.chains.get(chain).copied()
    }

    /// The position of the newest receipt.
    pub fn pos(&self) -> i64 {
        self.pos
    }

    /// Links one batch. Nothing changes here until [`Batch::commit`].
    pub fn begin(&mut self) -> Batch<'_> {
        Batch { pos: self.pos, heads: self, touched: HashMap::new() }
    }
}

/// A batch being linked; dropping it forgets everything it did.
pub struct Batch<'a> {
    heads: &'a mut Heads,
    pos: i64,
    touched: HashMap<ChainId, Head>,
}

impl Batch<'_> {
    /// Gives the draft its place behind the newest receipt of its chain.
    pub fn link(&mut self, mut draft: Draft) -> Linked {
        let head =
            self.touched.get(&draft.chain).copied().or_else(|| self.heads.get(&draft.chain)).unwrap_or(Head::START);
        let Rendered { header_tail, body } = draft.rendered.take().unwrap_or_else(|| canonical::render(&draft));
        let seq = head.seq + 1;
        let header = canonical::header(&draft.chain, seq, &head.hash, &header_tail);
        let hash = canonical::sha256(header.as_bytes());
        self.pos += 1;
        self.touched.insert(draft.chain.clone(), Head { seq, hash });
        Linked { pos: self.pos, seq, prev: head.hash, hash, header, body, draft }
    }

    /// The transaction is committed: these are the heads now.
    pub fn commit(self) {
        self.heads.pos = self.pos;
        self.heads.chains.extend(self.touched);
    }
}

impl Linked {
    /// The receipt as pages and resumes see it.
    pub fn to_receipt(&self) -> Receipt {
        self.clone().into_receipt()
    }

    /// The same without a copy: bodies can be large.
    pub fn into_receipt(self) -> Receipt {
        let draft = self.draft;
        Receipt {
            pos: self.pos,
            chain: draft.chain,
            seq: self.seq,
            prev: self.prev,
            hash: self.hash,
            at_ms: draft.at_ms,
            node: draft.node,
            kind: draft.kind,
            phase: draft.phase,
            state: draft.state.map(str::to_owned),
            tool: draft.tool.map(Cow::into_owned),
            effect: draft.effect,
            goal: draft.goal,
            run: draft.run,
            step: draft.step,
            replay_of: draft.replay_of,
            trace: draft.trace,
            project: draft.project,
            units: draft.units,
            body: Some(draft.body),
        }
    }
}
