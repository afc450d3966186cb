//! What system chains vouch for: which chains were opened, and the hourly roots over the heads of all of them.
//!
//! A chain that was deleted whole, with everything that was signed of it, leaves nothing of its own; that it was there
//! stands on the system chain. A root covers every receipt up to its position, so it does not come out again when one of
//! those is gone from the end of its chain. Positions are one node's own: of a record that several nodes wrote, roots
//! cannot be worked out again.

use serde::Deserialize;

use super::{Chain, FaultKind, Report, StoredReceipt, canonical, is_body, is_chain};
use crate::{
    domain::{ChainId, Hash},
    evidence::{
        chain::Head,
        checkpoint,
        seal::{OPENED, SEALED},
    },
};

/// Heads that are kept at once for the roots that are worked out again; the newest roots are.
const MOST_HEADS: usize = 250_000;

/// What was read of system chains before the log itself.
#[derive(Default)]
pub(super) struct Vouched {
    /// In the order of their positions, once [`Vouched::begin`] was called.
    seals: Vec<Seal>,
    opened: Vec<ChainId>,
    /// Roots that somebody kept elsewhere.
    wanted: Vec<Hash>,
    begun: bool,
}

/// One root, and the heads that it was made of as far as they have come.
struct Seal {
    chain: Vec<u8>,
    seq: i64,
    pos: i64,
    root: Hash,
    chains: usize,
    heads: Vec<(Vec<u8>, Head)>,
}

#[derive(Deserialize)]
struct Words {
    summary: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    chain: Option<ChainId>,
    root: Option<Hash>,
    chains: Option<usize>,
    pos: Option<i64>,
}

/// Whether a row of a system chain vouches for others; what was edited or erased does not.
pub(super) fn vouches(row: &StoredReceipt<'_>) -> bool {
    words(row).is_some()
}

fn words(row: &StoredReceipt<'_>) -> Option<Words> {
    let (salt, body) = row.salt.zip(row.body)?;
    let words: Words = serde_json::from_slice(body).ok()?;
    let says = words.summary.starts_with(OPENED) || words.summary.starts_with(SEALED);
    let header = canonical::parse(std::str::from_utf8(row.header).ok()?).ok()?;
    let is_sound = canonical::sha256(row.header).0[..] == *row.hash && is_body(salt, body, &header.body);
    let is_system = matches!(header.chain.parse(), Ok(ChainId::System(_))) && is_chain(row.chain, &header.chain);
    (says && is_sound && is_system).then_some(words)
}

impl Vouched {
    pub(super) fn expect_root(&mut self, root: Hash) {
        self.wanted.push(root);
    }

    pub(super) fn take(&mut self, row: &StoredReceipt<'_>) {
        match words(row).map(|words| words.data) {
            Some(Data { chain: Some(chain), .. }) => self.opened.push(chain),
            Some(Data { root: Some(root), chains: Some(chains), pos: Some(pos), .. }) => {
                let (chain, heads) = (row.chain.to_vec(), Vec::new());
                self.seals.push(Seal { chain, seq: row.seq, pos, root, chains, heads });
            }
            _ => {}
        }
    }

    /// The log comes now: which roots are worked out again is settled. Of those that were asked for, all are.
    fn begin(&mut self) {
        self.begun = true;
        self.seals.sort_by_key(|seal| seal.pos);
        let (mut heads, mut newer) = (0_usize, 0_usize);
        for seal in self.seals.iter().rev() {
            heads = heads.saturating_add(seal.chains);
            if newer > 0 && heads > MOST_HEADS {
                break;
            }
            newer += 1;
        }
        let first = self.seals.len() - newer;
        let wanted = &self.wanted;
        let mut at = 0;
        self.seals.retain(|seal| {
            at += 1;
            at > first || wanted.contains(&seal.root)
        });
    }

    /// A row at this position of this chain comes now: its head so far is that of every seal before it.
    pub(super) fn reach(&mut self, name: &[u8], chain: &mut Chain, pos: i64) {
        if !self.begun {
            self.begin();
        }
        while let Some(seal) = self.seals.get_mut(chain.next_seal).filter(|seal| seal.pos < pos) {
            chain.next_seal += 1;
            if chain.seq > 0 {
                seal.heads.push((name.to_vec(), Head { seq: chain.seq, hash: Hash(chain.stored) }));
            }
        }
    }

    /// All rows have come: which chains are gone, and which roots do not come out again. `only`: of nothing but this
    /// chain there were rows.
    pub(super) fn judge(
        mut self,
        chains: &mut [(Vec<u8>, Chain)],
        only: Option<&ChainId>,
        nodes: usize,
        report: &mut Report,
    ) {
        let has = |name: &[u8]| chains.binary_search_by(|(known, _)| known.as_slice().cmp(name)).is_ok();
        for chain in self.opened.iter().filter(|chain| only.is_none_or(|only| only == *chain)) {
            if !has(&chain.to_bytes()) {
                report.fault(&chain.to_bytes(), 1, FaultKind::Gone);
            }
        }
        for wanted in self.wanted.iter().filter(|root| !self.seals.iter().any(|seal| seal.root == **root)) {
            report.root_not_found(*wanted);
        }
        if only.is_some() || nodes > 1 {
            return;
        }
        for (name, chain) in chains.iter_mut() {
            self.reach(name, chain, i64::MAX);
        }
        report.root = self.seals.last().map(|seal| seal.root);
        for seal in self.seals {
            report.sealed += 1;
            if checkpoint::root_of(seal.heads) != seal.root {
                report.fault(&seal.chain, seal.seq, FaultKind::SealBroken { pos: seal.pos });
            }
        }
    }
}
