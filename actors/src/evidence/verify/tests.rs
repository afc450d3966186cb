//! Whatever is done to a log is found, and nothing else is.

use ed25519_dalek::SigningKey;
use proptest::{prelude::*, sample::Index};

use super::{FaultKind, Report, Verifier};
use crate::{
    domain::{ChainId, Hash, Phase, RunId},
    evidence::{
        chain::{Head, Heads},
        checkpoint,
    },
    ports::Checkpoint,
    testing::{StoredRow, TestWorld, chain, draft, node},
};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

/// Thirty receipts of two personas and the system, interleaved.
fn log() -> Vec<StoredRow> {
    let (world, mut heads) = (TestWorld::new(1), Heads::default());
    let chains = [chain(1), ChainId::System(node()), chain(2)];
    let mut batch = heads.begin();
    let rows = (0..30_u8).map(|n| {
        let phase = [None, Some(Phase::Intent), Some(Phase::Outcome)][usize::from(n) % 3];
        let mut draft = draft(&world, chains[usize::from(n) % 7 % 3].clone(), phase, &format!("did {n}"));
        draft.run = (n % 2 == 0).then(|| RunId::from([n; 16]));
        StoredRow::from(&batch.link(draft))
    });
    rows.collect()
}

fn signed(rows: &[StoredRow]) -> Vec<Checkpoint> {
    let heads = rows.iter().map(|row| {
        let head = Head { seq: row.seq, hash: Hash(row.hash.clone().try_into().unwrap()) };
        checkpoint::sign(&key(), ChainId::from_bytes(&row.chain).unwrap(), head, row.at_ms)
    });
    // The newest of each chain is enough: later ones replace earlier ones.
    let newest: std::collections::BTreeMap<_, _> = heads.map(|head| (head.chain.clone(), head)).collect();
    newest.into_values().collect()
}

fn verify(rows: &[StoredRow], signed: &[Checkpoint]) -> Report {
    let mut verifier = Verifier::new(vec![key().verifying_key()]);
    signed.iter().for_each(|head| verifier.checkpoint(head));
    rows.iter().for_each(|row| verifier.receipt(&row.view()));
    verifier.finish()
}

/// In both orders in which rows may come.
fn verify_both(rows: &[StoredRow], signed: &[Checkpoint]) -> [Report; 2] {
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|row| row.pos);
    let by_pos = verify(&sorted, signed);
    sorted.sort_by(|one, other| (&one.chain, one.seq).cmp(&(&other.chain, other.seq)));
    [by_pos, verify(&sorted, signed)]
}

fn only_fault(report: &Report) -> (i64, FaultKind) {
    assert_eq!(report.faults.len(), 1, "{report:?}");
    (report.faults[0].seq, report.faults[0].kind.clone())
}

#[test]
fn an_untouched_log_is_sound() {
    let rows = log();
    for report in verify_both(&rows, &signed(&rows)) {
        assert!(report.is_sound(), "{report:?}");
        assert_eq!((report.receipts, report.chains, report.checkpoints), (30, 3, 3));
        assert_eq!((report.erased, report.unsigned), (0, 0));
    }
    assert_eq!(verify(&rows, &[]).unsigned, 30);
    assert!(verify(&[], &[]).is_sound());
}

#[test]
fn each_fault_is_called_by_its_name() {
    let rows = log();
    let signed = signed(&rows);
    let of_first: Vec<_> = (0..30).filter(|at| rows[*at].chain == chain(1).to_bytes()).collect();
    let last = rows[*of_first.last().unwrap()].seq;
    let tampered = |change: &dyn Fn(&mut Vec<StoredRow>)| {
        let mut rows = rows.clone();
        change(&mut rows);
        let [by_pos, by_chain] = verify_both(&rows, &signed);
        assert_eq!(by_pos.faults, by_chain.faults);
        only_fault(&by_pos)
    };
    let third = of_first[2];
    assert_eq!(tampered(&|rows| rows[third].header[9] ^= 1), (3, FaultKind::HeaderEdited));
    assert_eq!(tampered(&|rows| rows[third].hash[0] ^= 1), (3, FaultKind::HeaderEdited));
    assert_eq!(tampered(&|rows| rows[third].body.as_mut().unwrap()[2] ^= 1), (3, FaultKind::BodyEdited));
    assert_eq!(tampered(&|rows| rows[third].salt = None), (3, FaultKind::BodyEdited), "half erased");
    assert_eq!(tampered(&|rows| rows[third].at_ms += 1), (3, FaultKind::ColumnEdited { column: "at_ms" }));
    assert_eq!(tampered(&|rows| drop(rows.remove(third))), (3, FaultKind::Removed { last: 3 }));
    assert_eq!(tampered(&|rows| drop(rows.remove(of_first[0]))), (1, FaultKind::Removed { last: 1 }));
    let beyond = *of_first.last().unwrap();
    assert_eq!(tampered(&|rows| drop(rows.remove(beyond))), (last, FaultKind::Truncated { signed: last }));
    let gone = |rows: &mut Vec<StoredRow>| rows.retain(|row| row.chain != chain(1).to_bytes());
    assert_eq!(tampered(&gone), (1, FaultKind::Truncated { signed: last }), "a chain deleted whole");
}

#[test]
fn receipts_that_changed_places_are_reordered() {
    let mut rows = log();
    let signed = signed(&rows);
    let of_first: Vec<_> = (0..30).filter(|at| rows[*at].chain == chain(1).to_bytes()).collect();
    let (a, b) = (of_first[2], of_first[3]);
    (rows[a].pos, rows[b].pos) = (rows[b].pos, rows[a].pos);
    for report in verify_both(&rows, &signed) {
        assert_eq!(only_fault(&report).1, FaultKind::Reordered);
    }
}

#[test]
fn a_replaced_receipt_with_a_fitting_hash_is_found_by_its_neighbour_or_its_signature() {
    let rows = log();
    let forge = |row: &mut StoredRow| {
        let text = String::from_utf8(row.header.clone()).unwrap();
        let at = format!("\"at_ms\":{}", row.at_ms);
        row.at_ms += 1;
        row.header = text.replace(&at, &format!("\"at_ms\":{}", row.at_ms)).into_bytes();
        row.hash = crate::evidence::canonical::sha256(&row.header).0.to_vec();
    };
    let (mut middle, mut end) = (rows.clone(), rows.clone());
    forge(&mut middle[0]);
    assert_eq!(only_fault(&verify(&middle, &signed(&rows))), (2, FaultKind::Unlinked));
    let last = end.len() - 1;
    forge(&mut end[last]);
    assert_eq!(only_fault(&verify(&end, &signed(&rows))), (end[last].seq, FaultKind::SignedOtherwise));
    assert!(verify(&end, &[]).is_sound(), "behind the last signature only a head kept elsewhere helps");
    let mut verifier = Verifier::new(Vec::new());
    verifier.expect_head(Hash(rows[last].hash.clone().try_into().unwrap()));
    end.iter().for_each(|row| verifier.receipt(&row.view()));
    assert!(matches!(only_fault(&verifier.finish()).1, FaultKind::HeadNotFound { .. }));
}

#[test]
fn a_head_signed_by_a_stranger_is_a_fault() {
    let rows = log();
    let stranger = SigningKey::from_bytes(&[4; 32]);
    let head = Head { seq: 1, hash: Hash(rows[0].hash.clone().try_into().unwrap()) };
    let forged = checkpoint::sign(&stranger, chain(1), head, 0);
    assert_eq!(only_fault(&verify(&rows, &[forged])), (1, FaultKind::BadSignature));
}

#[test]
fn a_log_overwritten_whole_is_counted_not_listed() {
    let mut rows = log();
    rows.iter_mut().for_each(|row| row.header[0] = b'[');
    let many: Vec<_> = std::iter::repeat_n(rows, 50).flatten().collect();
    let report = verify(&many, &[]);
    assert_eq!(report.faults.len(), 1_000);
    assert!(report.unlisted >= 500);
}

/// Two personas whose chains the system chain opened, and a root over all of it; then each did something more.
fn sealed_log() -> (Vec<StoredRow>, Hash) {
    let (world, mut heads) = (TestWorld::new(1), Heads::default());
    let system = ChainId::System(node());
    let mut batch = heads.begin();
    let mut rows: Vec<StoredRow> = Vec::new();
    for n in [1, 2] {
        let mut opened = draft(&world, system.clone(), None, "opened the chain of persona p");
        opened.body.data = serde_json::json!({"chain": chain(n), "slug": "p"});
        rows.push(StoredRow::from(&batch.link(opened)));
        rows.extend(
            (0..4).map(|did| StoredRow::from(&batch.link(draft(&world, chain(n), None, &format!("did {did}"))))),
        );
    }
    let newest: std::collections::BTreeMap<_, _> = rows.iter().map(|row| (row.chain.clone(), row)).collect();
    let head = |row: &&StoredRow| crate::ports::ChainHead {
        chain: ChainId::from_bytes(&row.chain).unwrap(),
        seq: row.seq,
        hash: Hash(row.hash.clone().try_into().unwrap()),
    };
    let root = checkpoint::root(&newest.values().map(head).collect::<Vec<_>>());
    // Written meanwhile, so the root does not cover it.
    rows.push(StoredRow::from(&batch.link(draft(&world, chain(1), None, "did more"))));
    let mut seal = draft(&world, system, None, "sealed 3 chains up to position 10");
    seal.body.data = serde_json::json!({"root": root, "chains": 3, "pos": 10});
    rows.push(StoredRow::from(&batch.link(seal)));
    rows.push(StoredRow::from(&batch.link(draft(&world, chain(2), None, "did more"))));
    (rows, root)
}

/// Nothing is signed: only what the system chain holds can tell.
fn verify_sealed(rows: &[StoredRow], set: impl Fn(&mut Verifier)) -> Report {
    let mut sorted = rows.to_vec();
    let reports = [false, true].map(|by_chain| {
        sorted.sort_by(|a, b| if by_chain { (&a.chain, a.seq).cmp(&(&b.chain, b.seq)) } else { a.pos.cmp(&b.pos) });
        let mut verifier = Verifier::new(Vec::new());
        sorted.iter().filter(|row| row.view().vouches()).for_each(|row| verifier.vouched(&row.view()));
        set(&mut verifier);
        sorted.iter().for_each(|row| verifier.receipt(&row.view()));
        verifier.finish()
    });
    assert_eq!(reports[0], reports[1]);
    let [report, _] = reports;
    report
}

#[test]
fn a_chain_that_is_gone_or_cut_short_is_told_by_the_system_chain() {
    let (rows, root) = sealed_log();
    let plain = |rows: &[StoredRow]| verify_sealed(rows, |_| {});
    let sound = plain(&rows);
    assert!(sound.is_sound(), "{sound:?}");
    assert_eq!((sound.sealed, sound.root), (1, Some(root)));

    let of_second = chain(2).to_bytes();
    let gone: Vec<_> = rows.iter().filter(|row| row.chain != of_second).cloned().collect();
    let kinds: Vec<_> = plain(&gone).faults.into_iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::Gone, FaultKind::SealBroken { pos: 10 }]);
    let alone: Vec<_> = Vec::new();
    let mut verifier = Verifier::new(Vec::new());
    rows.iter().filter(|row| row.view().vouches()).for_each(|row| verifier.vouched(&row.view()));
    verifier.expect_only(chain(2));
    alone.iter().for_each(|row: &StoredRow| verifier.receipt(&row.view()));
    assert_eq!(only_fault(&verifier.finish()).1, FaultKind::Gone, "of that persona alone");

    let cut: Vec<_> = rows.iter().filter(|row| row.chain != of_second || row.seq < 4).cloned().collect();
    assert_eq!(only_fault(&plain(&cut)).1, FaultKind::SealBroken { pos: 10 });
    let behind: Vec<_> = rows.iter().filter(|row| row.chain != of_second || row.seq < 5).cloned().collect();
    assert!(plain(&behind).is_sound(), "what lies behind the newest root is not covered by it");

    let mut erased = rows.clone();
    erased.iter_mut().filter(|row| row.chain == of_second).for_each(StoredRow::erase);
    assert!(plain(&erased).is_sound(), "what was erased is no fault");
}

#[test]
fn a_root_kept_elsewhere_must_be_there() {
    let (rows, root) = sealed_log();
    assert!(verify_sealed(&rows, |verifier| verifier.expect_root(root)).is_sound());
    let system = ChainId::System(node()).to_bytes();
    let cut: Vec<_> = rows.iter().filter(|row| row.chain != system || row.seq < 3).cloned().collect();
    assert!(verify_sealed(&cut, |_| {}).is_sound(), "the system chain was cut back with it");
    let report = verify_sealed(&cut, |verifier| verifier.expect_root(root));
    assert_eq!(only_fault(&report).1, FaultKind::RootNotFound { root });
}

#[derive(Debug, Clone)]
enum Tampering {
    Byte { column: u8, at: Index, flip: u8 },
    Remove,
    Exchange(Index),
    Twice,
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        4 => (0..11_u8, any::<Index>(), 1..=255_u8)
            .prop_map(|(column, at, flip)| Tampering::Byte { column, at, flip }),
        1 => Just(Tampering::Remove),
        1 => any::<Index>().prop_map(Tampering::Exchange),
        1 => Just(Tampering::Twice),
    ]
}

/// Flips bits in one byte of one column; false: the column is empty.
fn flip(row: &mut StoredRow, column: u8, at: Index, bits: u8) -> bool {
    let text = |text: &mut String| {
        let mut bytes = std::mem::take(text).into_bytes();
        // Stays ASCII, as a column of type TEXT must.
        let at = at.index(bytes.len());
        bytes[at] ^= bits % 31 + 1;
        *text = String::from_utf8(bytes).unwrap();
    };
    let number = |number: &mut i64| *number ^= i64::from(bits) << (8 * at.index(7));
    let bytes = |bytes: &mut Vec<u8>| {
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
    };
    match column {
        0 => text(&mut row.node),
        1 => bytes(&mut row.chain),
        2 => number(&mut row.seq),
        3 => bytes(&mut row.header),
        4 => bytes(&mut row.hash),
        5 => row.salt.as_mut().map(bytes).unwrap_or_default(),
        6 => row.body.as_mut().map(bytes).unwrap_or_default(),
        7 => number(&mut row.at_ms),
        8 => text(&mut row.kind),
        9 => return row.phase.as_mut().map(text).is_some(),
        _ => return row.run.as_mut().map(bytes).is_some(),
    }
    true
}

/// False: nothing was changed.
fn tamper(rows: &mut Vec<StoredRow>, at: usize, what: &Tampering) -> bool {
    match what {
        Tampering::Byte { column, at: byte, flip: bits } => flip(&mut rows[at], *column, *byte, *bits),
        Tampering::Remove => {
            rows.remove(at);
            true
        }
        Tampering::Exchange(other) => {
            // The contents change places; the positions in the log stay.
            let other = other.index(rows.len());
            let (here, there) = (rows[at].pos, rows[other].pos);
            rows.swap(at, other);
            (rows[at].pos, rows[other].pos) = (here, there);
            rows[at].chain == rows[other].chain && at != other
        }
        Tampering::Twice => {
            let mut again = rows[at].clone();
            again.pos = 31;
            rows.push(again);
            true
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_done_to_a_log_is_found(at in 0..30_usize, what in tampering()) {
        let mut rows = log();
        let signed = signed(&rows);
        prop_assume!(tamper(&mut rows, at, &what));
        for report in verify_both(&rows, &signed) {
            prop_assert!(!report.is_sound());
        }
    }

    #[test]
    fn erased_bodies_verify_and_are_counted(erased in prop::collection::btree_set(0..30_usize, 0..30)) {
        let mut rows = log();
        let signed = signed(&rows);
        erased.iter().for_each(|at| rows[*at].erase());
        for report in verify_both(&rows, &signed) {
            prop_assert!(report.is_sound());
            prop_assert_eq!(report.erased, erased.len() as u64);
        }
    }

    /// A batch that fails leaves nothing; a commit that is refused leaves nothing; no chain has a gap.
    #[test]
    fn chains_stay_gapless_whatever_is_refused(
        batches in prop::collection::vec((any::<bool>(), prop::collection::vec((0..3_u128, any::<bool>()), 0..8)), 0..12),
    ) {
        let (world, mut heads, mut rows) = (TestWorld::new(2), Heads::default(), Vec::new());
        for (lands, commits) in batches {
            let mut batch = heads.begin();
            let accepted = commits.into_iter().filter(|(_, accepted)| *accepted);
            let linked: Vec<_> =
                accepted.map(|(n, _)| batch.link(draft(&world, chain(n), None, "did"))).collect();
            if lands {
                batch.commit();
                rows.extend(linked.iter().map(StoredRow::from));
            }
        }
        prop_assert!(rows.iter().map(|row| row.pos).eq(1..=i64::try_from(rows.len()).unwrap()));
        for report in verify_both(&rows, &signed(&rows)) {
            prop_assert!(report.is_sound(), "{:?}", report);
        }
    }
}
