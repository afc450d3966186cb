//! What a verification found, for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::domain::{ChainId, Hash};

/// Faults listed one by one; a log that was overwritten whole would have millions.
const LISTED: usize = 1_000;

/// What was checked, and everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    pub receipts: u64,
    /// Receipts whose body was erased; their headers still verify.
    pub erased: u64,
    pub chains: u64,
    pub checkpoints: u64,
    /// Receipts behind the last signature of their chain: only a head kept elsewhere vouches for them.
    pub unsigned: u64,
    /// Hourly roots over the heads of all chains that were worked out again.
    pub sealed: u64,
    /// The newest of them; kept elsewhere, it shows that nothing before it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Hash>,
    pub faults: Vec<Fault>,
    /// Faults beyond the first thousand.
    pub unlisted: u64,
}

impl Report {
    /// Nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn fault(&mut self, chain: &[u8], seq: i64, kind: FaultKind) {
        if self.faults.len() == LISTED {
            self.unlisted += 1;
            return;
        }
        let named = ChainId::from_bytes(chain).map(|chain| chain.to_string());
        self.faults.push(Fault { chain: named.unwrap_or_else(|_| hex::encode(chain)), seq, kind });
    }

    pub(super) fn head_not_found(&mut self, hash: Hash) {
        // Which chain it was the head of is exactly what cannot be said.
        self.faults.push(Fault { chain: String::new(), seq: 0, kind: FaultKind::HeadNotFound { hash } });
    }

    pub(super) fn root_not_found(&mut self, root: Hash) {
        self.faults.push(Fault { chain: String::new(), seq: 0, kind: FaultKind::RootNotFound { root } });
    }
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// A persona's UUID or `system:<node>`; empty for a head or root that was not found.
    pub chain: String,
    pub seq: i64,
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FaultKind {
    /// The header does not have its hash.
    HeaderEdited,
    /// The body or its salt does not have the hash that the header names.
    BodyEdited,
    /// A column does not repeat what the header says.
    ColumnEdited { column: &'static str },
    /// It does not name the hash of the receipt before it: one of the two was replaced.
    Unlinked,
    /// A signed head says that there was another receipt.
    SignedOtherwise,
    /// This one and all up to `last` are not there.
    Removed { last: i64 },
    /// It is there twice, or not where it was written.
    Reordered,
    /// The chain was signed up to `signed` and ends before it.
    Truncated { signed: i64 },
    /// No known key signed this head.
    BadSignature,
    /// The head that was asked for is nowhere.
    HeadNotFound { hash: Hash },
    /// Nothing of the chain is there, and a system chain holds its opening.
    Gone,
    /// The root over all heads up to this position does not come out again.
    SealBroken { pos: i64 },
    /// No system chain holds the root that was asked for.
    RootNotFound { root: Hash },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain, seq, kind } = self;
        if let FaultKind::HeadNotFound { hash } = kind {
            return write!(f, "no receipt has the hash {hash}: truncated or replaced behind it");
        }
        if let FaultKind::RootNotFound { root } = kind {
            return write!(f, "no system chain holds the root {root}: truncated or replaced behind it");
        }
        write!(f, "chain {chain}, receipt {seq}: ")?;
        match kind {
            FaultKind::HeaderEdited => f.write_str("its header or its hash was edited"),
            FaultKind::BodyEdited => f.write_str("its body or its salt was edited"),
            FaultKind::ColumnEdited { column } => write!(f, "its column `{column}` was edited; the header disagrees"),
            FaultKind::Unlinked => f.write_str("it does not continue the receipt before it: one of them was replaced"),
            FaultKind::SignedOtherwise => f.write_str("it was replaced: another receipt was signed in this place"),
            FaultKind::Removed { last } if last == seq => f.write_str("removed"),
            FaultKind::Removed { last } => write!(f, "removed, with all up to {last}"),
            FaultKind::Reordered => f.write_str("reordered: it is there twice, or not where it was written"),
            FaultKind::Truncated { signed } => write!(f, "truncated: the chain was signed up to {signed}"),
            FaultKind::BadSignature => f.write_str("its checkpoint was not signed by a known key"),
            FaultKind::Gone => f.write_str("gone, with the whole chain; a system chain holds its opening"),
            FaultKind::SealBroken { pos } => {
                write!(f, "the root that it sealed does not come out again: of what lies before position {pos}, ")?;
                f.write_str("the end of a chain or a whole one was removed or replaced")
            }
            FaultKind::HeadNotFound { .. } | FaultKind::RootNotFound { .. } => Ok(()),
        }
    }
}
