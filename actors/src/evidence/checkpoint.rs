//! Signed heads, and one root over all of them. Pure.
//!
//! **Signed bytes**: `greenroom checkpoint 1` and a zero byte ‖ chain ‖ seq (8 bytes, big-endian) ‖ hash (32 bytes).
//! The chain is its bytes as the database keeps them (a UUID's 16, or the text `system:<node>`); what follows it has
//! a fixed length, so no two heads have the same bytes. The signature is Ed25519 over exactly that.
//!
//! **Root**: a Merkle tree as in RFC 6962 over the heads in order of their chain bytes. Leaf:
//! SHA-256(0x00 ‖ chain ‖ seq ‖ hash); node: SHA-256(0x01 ‖ left ‖ right); one without a partner moves up as it is.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::{canonical, chain::Head};
use crate::{
    domain::{ChainId, Hash},
    ports::{ChainHead, Checkpoint},
};

const PURPOSE: &[u8] = b"greenroom checkpoint 1\0";

/// Signs the head of a chain.
pub fn sign(key: &SigningKey, chain: ChainId, head: Head, at_ms: i64) -> Checkpoint {
    let signature = key.sign(&signed_bytes(&chain, head));
    Checkpoint { chain, seq: head.seq, hash: head.hash, signature, at_ms }
}

/// Whether one of these keys signed this head.
pub fn is_signed_by(checkpoint: &Checkpoint, keys: &[VerifyingKey]) -> bool {
    let head = Head { seq: checkpoint.seq, hash: checkpoint.hash };
    let bytes = signed_bytes(&checkpoint.chain, head);
    keys.iter().any(|key| key.verify_strict(&bytes, &checkpoint.signature).is_ok())
}

fn signed_bytes(chain: &ChainId, head: Head) -> Vec<u8> {
    let mut bytes = PURPOSE.to_vec();
    push_head(&mut bytes, &chain.to_bytes(), head);
    bytes
}

fn push_head(bytes: &mut Vec<u8>, chain: &[u8], head: Head) {
    bytes.extend_from_slice(chain);
    bytes.extend_from_slice(&head.seq.to_be_bytes());
    bytes.extend_from_slice(&head.hash.0);
}

/// The Merkle root of heads, in whatever order they come.
pub fn root(heads: &[ChainHead]) -> Hash {
    root_of(
        heads
            .iter()
            .map(|ChainHead { chain, seq, hash }| (chain.to_bytes(), Head { seq: *seq, hash: *hash }))
            .collect(),
    )
}

/// The same, of chains by their bytes.
pub(super) fn root_of(mut heads: Vec<(Vec<u8>, Head)>) -> Hash {
    heads.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut level: Vec<Hash> = heads.iter().map(|(chain, head)| leaf(chain, *head)).collect();
    while level.len() > 1 {
        level =
            level.chunks(2).map(|pair| if let [left, right] = pair { join(left, right) } else { pair[0] }).collect();
    }
    level.first().copied().unwrap_or_else(|| canonical::sha256(b""))
}

fn leaf(chain: &[u8], head: Head) -> Hash {
    let mut bytes = vec![0];
    push_head(&mut bytes, chain, head);
    canonical::sha256(&bytes)
}

fn join(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left.0);
    hasher.update(right.0);
    Hash(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::chain;

    fn head(n: u128) -> ChainHead {
        ChainHead { chain: chain(n), seq: 3, hash: canonical::sha256(&n.to_be_bytes()) }
    }

    #[test]
    fn a_signature_holds_for_exactly_one_head() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let keys = [SigningKey::from_bytes(&[8; 32]).verifying_key(), key.verifying_key()];
        let signed = sign(&key, chain(1), Head { seq: 4, hash: Hash([5; 32]) }, 0);
        assert!(is_signed_by(&signed, &keys));
        assert!(!is_signed_by(&signed, &keys[..1]), "another key");
        assert!(!is_signed_by(&Checkpoint { seq: 5, ..signed.clone() }, &keys));
        assert!(!is_signed_by(&Checkpoint { chain: chain(2), ..signed.clone() }, &keys));
        assert!(!is_signed_by(&Checkpoint { hash: Hash([6; 32]), ..signed }, &keys));
    }

    #[test]
    fn the_root_covers_every_head_and_no_order() {
        let three = [head(1), head(2), head(3)];
        let leaf = |head: &ChainHead| leaf(&head.chain.to_bytes(), Head { seq: head.seq, hash: head.hash });
        let by_hand = join(&join(&leaf(&three[0]), &leaf(&three[1])), &leaf(&three[2]));
        assert_eq!(root(&three), by_hand);
        assert_eq!(root(&[head(3), head(1), head(2)]), by_hand);
        assert_ne!(root(&three[..2]), by_hand);
        assert_ne!(root(&[head(1), head(2), ChainHead { seq: 4, ..head(3) }]), by_hand);
    }
}
