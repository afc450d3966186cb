//! Checks receipts as they are stored: against their hashes, their chains and the signed heads. Pure, and streaming:
//! feed it rows from a database or a bundle, ask for the report.
//!
//! What it finds: edited headers, bodies and repeated columns, removed, reordered and truncated receipts, heads that
//! were not signed by a known key, chains that are gone and roots that do not come out again. Erased bodies are counted;
//! they are no fault.

mod report;
#[cfg(test)]
mod tests;
mod vouched;

use std::collections::HashMap;

use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use report::{Fault, FaultKind, Report};

use self::vouched::Vouched;
use super::{
    canonical::{self, Header},
    checkpoint,
};
use crate::{
    domain::{ChainId, Hash},
    ports::Checkpoint,
};

/// A row of the log as it is stored, exactly.
#[derive(Debug, Clone, Copy)]
pub struct StoredReceipt<'a> {
    pub pos: i64,
    pub node: &'a str,
    pub chain: &'a [u8],
    pub seq: i64,
    pub header: &'a [u8],
    pub hash: &'a [u8],
    pub salt: Option<&'a [u8]>,
    pub body: Option<&'a [u8]>,
    pub at_ms: i64,
    pub kind: &'a str,
    pub phase: Option<&'a str>,
    pub run: Option<&'a [u8]>,
}

impl StoredReceipt<'_> {
    /// Whether it is a receipt of a system chain that says something about other chains: see [`Verifier::vouched`].
    pub fn vouches(&self) -> bool {
        vouched::vouches(self)
    }
}

/// Checks rows as they come: first [`Verifier::vouched`] for what system chains vouch for and [`Verifier::checkpoint`]
/// for every signed head, then [`Verifier::receipt`] in order of chain and seq, or of `pos` when one node wrote them all.
pub struct Verifier {
    keys: Vec<VerifyingKey>,
    chains: HashMap<Vec<u8>, Chain>,
    wanted: Vec<Hash>,
    nodes: Vec<String>,
    vouched: Vouched,
    only: Option<ChainId>,
    report: Report,
}

/// What has been seen of one chain.
#[derive(Default)]
struct Chain {
    seq: i64,
    /// Of the receipt at `seq`; none: it was not intact, so nothing can be said about what follows it.
    hash: Option<[u8; 32]>,
    /// Which of the nodes wrote it, and where.
    place: Option<(usize, i64)>,
    /// Sequences passed over so far: first and last.
    gaps: Vec<(i64, i64)>,
    /// Signed heads, in order of seq once rows come.
    signed: Vec<(i64, [u8; 32])>,
    sorted: bool,
    /// Of the receipt at `seq`, as the row has it.
    stored: [u8; 32],
    /// The first seal that has not yet got this chain's head.
    next_seal: usize,
}

impl Verifier {
    /// `keys`: every public key that may have signed heads.
    pub fn new(keys: Vec<VerifyingKey>) -> Self {
        let (vouched, report) = (Vouched::default(), Report::default());
        Self { keys, chains: HashMap::new(), wanted: Vec::new(), nodes: Vec::new(), vouched, only: None, report }
    }

    /// Rows of this chain alone will come. Roots are over all chains, so none is worked out again.
    pub fn expect_only(&mut self, chain: ChainId) {
        self.only = Some(chain);
    }

    /// A root someone kept elsewhere: it must have been sealed, and come out again.
    pub fn expect_root(&mut self, root: Hash) {
        self.vouched.expect_root(root);
    }

    /// A row of a system chain; all that vouch come before the first receipt, and once more among the receipts.
    pub fn vouched(&mut self, row: &StoredReceipt<'_>) {
        self.vouched.take(row);
    }

    /// A head someone kept elsewhere: a receipt with this hash must come.
    pub fn expect_head(&mut self, hash: Hash) {
        self.wanted.push(hash);
    }

    /// A signed head. All of them come before the first receipt.
    pub fn checkpoint(&mut self, head: &Checkpoint) {
        self.report.checkpoints += 1;
        if !checkpoint::is_signed_by(head, &self.keys) {
            self.report.fault(&head.chain.to_bytes(), head.seq, FaultKind::BadSignature);
            return;
        }
        let chain = self.chains.entry(head.chain.to_bytes()).or_insert_with(Chain::starting);
        chain.signed.push((head.seq, head.hash.0));
    }

    /// The next row.
    pub fn receipt(&mut self, row: &StoredReceipt<'_>) {
        self.report.receipts += 1;
        let hash: [u8; 32] = Sha256::digest(row.header).into();
        self.wanted.retain(|wanted| wanted.0 != hash);
        let header = std::str::from_utf8(row.header).ok().and_then(|text| canonical::parse(text).ok());
        match header {
            Some(header) if hash == row.hash && header.v == 1 => self.intact(row, &header, hash),
            _ => {
                self.report.fault(row.chain, row.seq, FaultKind::HeaderEdited);
                self.link(row.chain, row, Link { seq: row.seq, prev: None, hash: None });
            }
        }
    }

    fn intact(&mut self, row: &StoredReceipt<'_>, header: &Header<'_>, hash: [u8; 32]) {
        for column in edited_columns(row, header).into_iter().flatten() {
            self.report.fault(row.chain, row.seq, FaultKind::ColumnEdited { column });
        }
        match (row.salt, row.body) {
            (None, None) => self.report.erased += 1,
            (Some(salt), Some(body)) if is_body(salt, body, &header.body) => {}
            _ => self.report.fault(row.chain, row.seq, FaultKind::BodyEdited),
        }
        let link = Link { seq: header.seq, prev: bytes(&header.prev), hash: Some(hash) };
        // The header is what the hash covers: where a column disagrees, the header says where the receipt belongs.
        match header.chain.parse::<ChainId>() {
            Ok(chain) if !is_chain(row.chain, &header.chain) => self.link(&chain.to_bytes(), row, link),
            _ => self.link(row.chain, row, link),
        }
    }

    /// Whether it follows the receipt before it, and whether it is the one that was signed.
    fn link(&mut self, chain_bytes: &[u8], row: &StoredReceipt<'_>, link: Link) {
        let node = self.node(row.node);
        if !self.chains.contains_key(chain_bytes) {
            self.chains.insert(chain_bytes.to_vec(), Chain::starting());
        }
        let Some(chain) = self.chains.get_mut(chain_bytes) else { return };
        if !chain.is_signed_as(&link) {
            self.report.fault(chain_bytes, link.seq, FaultKind::SignedOtherwise);
        }
        self.vouched.reach(chain_bytes, chain, row.pos);
        if link.seq > chain.seq {
            chain.stored = row.hash.try_into().unwrap_or_default();
        }
        if let Some(kind) = chain.follow(&link, (node, row.pos)) {
            self.report.fault(chain_bytes, link.seq, kind);
        }
    }

    fn node(&mut self, name: &str) -> usize {
        self.nodes.iter().position(|known| known == name).unwrap_or_else(|| {
            self.nodes.push(name.to_owned());
            self.nodes.len() - 1
        })
    }

    /// All rows have come.
    pub fn finish(mut self) -> Report {
        let mut chains: Vec<_> = self.chains.into_iter().collect();
        chains.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.report.chains = chains.len() as u64;
        self.vouched.judge(&mut chains, self.only.as_ref(), self.nodes.len(), &mut self.report);
        for (name, chain) in &chains {
            for (first, last) in &chain.gaps {
                self.report.fault(name, *first, FaultKind::Removed { last: *last });
            }
            let signed = chain.signed.iter().map(|(seq, _)| *seq).max().unwrap_or(0);
            if signed > chain.seq {
                self.report.fault(name, chain.seq + 1, FaultKind::Truncated { signed });
            }
            self.report.unsigned += u64::try_from(chain.seq - signed).unwrap_or(0);
        }
        for hash in &self.wanted {
            self.report.head_not_found(*hash);
        }
        self.report
    }
}

/// What a row says about its place.
struct Link {
    seq: i64,
    prev: Option<[u8; 32]>,
    hash: Option<[u8; 32]>,
}

impl Chain {
    fn starting() -> Self {
        Self { hash: Some(Hash::ZERO.0), ..Self::default() }
    }

    fn is_signed_as(&mut self, link: &Link) -> bool {
        if !self.sorted {
            self.signed.sort_unstable();
            self.sorted = true;
        }
        let from = self.signed.partition_point(|(seq, _)| *seq < link.seq);
        let mut here = self.signed[from..].iter().take_while(|(seq, _)| *seq == link.seq);
        link.hash.is_none_or(|hash| here.all(|(_, signed)| *signed == hash))
    }

    fn follow(&mut self, link: &Link, place: (usize, i64)) -> Option<FaultKind> {
        if link.seq <= self.seq {
            self.fill_gap(link.seq);
            return Some(FaultKind::Reordered);
        }
        let next = self.seq + 1;
        let before = self.place.replace(place);
        let known = std::mem::replace(&mut self.hash, link.hash);
        self.seq = link.seq;
        if link.seq > next {
            self.gaps.push((next, link.seq - 1));
            return None;
        }
        if before.is_some_and(|(node, pos)| node == place.0 && pos >= place.1) {
            return Some(FaultKind::Reordered);
        }
        match (known, link.prev) {
            (Some(known), Some(prev)) if known != prev => Some(FaultKind::Unlinked),
            (Some(_), None) if link.hash.is_some() => Some(FaultKind::Unlinked),
            _ => None,
        }
    }

    /// A receipt that was missed before has come after all.
    fn fill_gap(&mut self, seq: i64) {
        let Some(at) = self.gaps.iter().position(|(first, last)| (*first..=*last).contains(&seq)) else { return };
        let (first, last) = self.gaps.swap_remove(at);
        let rest = [(first, seq - 1), (seq + 1, last)];
        self.gaps.extend(rest.into_iter().filter(|(first, last)| first <= last));
    }
}

/// The columns that do not repeat what the header says.
fn edited_columns(row: &StoredReceipt<'_>, header: &Header<'_>) -> [Option<&'static str>; 7] {
    let unless = |same: bool, column| (!same).then_some(column);
    [
        unless(is_chain(row.chain, &header.chain), "chain"),
        unless(row.seq == header.seq, "seq"),
        unless(row.at_ms == header.at_ms, "at_ms"),
        unless(row.node == header.node, "node"),
        unless(row.kind == header.kind, "kind"),
        unless(row.phase == header.phase.as_deref(), "phase"),
        unless(is_run(row.run, header.run.as_deref()), "run"),
    ]
}

/// Whether these bytes and this text are one chain; see [`ChainId::to_bytes`].
fn is_chain(bytes: &[u8], text: &str) -> bool {
    bytes == text.as_bytes() || is_id(bytes, text)
}

fn is_run(bytes: Option<&[u8]>, text: Option<&str>) -> bool {
    match (bytes, text) {
        (None, None) => true,
        (Some(bytes), Some(text)) => is_id(bytes, text),
        _ => false,
    }
}

fn is_id(bytes: &[u8], text: &str) -> bool {
    let mut buffer = [0; 36];
    Uuid::from_slice(bytes).is_ok_and(|id| *id.hyphenated().encode_lower(&mut buffer) == *text)
}

fn is_body(salt: &[u8], body: &[u8], commitment: &str) -> bool {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(body);
    let hash: [u8; 32] = hasher.finalize().into();
    salt.len() == 16 && bytes(commitment) == Some(hash)
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}
