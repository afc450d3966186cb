//! Receipts as a database would hold them, for tests to verify and to tamper with.

use crate::evidence::{chain::Linked, verify::StoredReceipt};

/// A row of the log that owns what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    pub pos: i64,
    pub node: String,
    pub chain: Vec<u8>,
    pub seq: i64,
    pub header: Vec<u8>,
    pub hash: Vec<u8>,
    pub salt: Option<Vec<u8>>,
    pub body: Option<Vec<u8>>,
    pub at_ms: i64,
    pub kind: String,
    pub phase: Option<String>,
    pub run: Option<Vec<u8>>,
}

impl StoredRow {
    /// What the verifier reads.
    pub fn view(&self) -> StoredReceipt<'_> {
        StoredReceipt {
            pos: self.pos,
            node: &self.node,
            chain: &self.chain,
            seq: self.seq,
            header: &self.header,
            hash: &self.hash,
            salt: self.salt.as_deref(),
            body: self.body.as_deref(),
            at_ms: self.at_ms,
            kind: &self.kind,
            phase: self.phase.as_deref(),
            run: self.run.as_deref(),
        }
    }

    /// Deletes the body as a person's wish to be forgotten does.
    pub fn erase(&mut self) {
        self.salt = None;
        self.body = None;
    }
}

impl From<&Linked> for StoredRow {
    fn from(linked: &Linked) -> Self {
        let draft = &linked.draft;
        Self {
            pos: linked.pos,
            node: draft.node.to_string(),
            chain: draft.chain.to_bytes(),
            seq: linked.seq,
            header: linked.header.clone().into_bytes(),
            hash: linked.hash.0.to_vec(),
            salt: Some(draft.salt.to_vec()),
            body: Some(linked.body.clone().into_bytes()),
            at_ms: draft.at_ms,
            kind: draft.kind.to_string(),
            phase: draft.phase.map(|phase| phase.to_string()),
            run: draft.run.map(|run| run.as_bytes().to_vec()),
        }
    }
}
