//! Keys on disk and what they seal: secrets at rest, signatures under receipts.
//!
//! A key file lies outside the database, belongs to its owner alone (0600), and is never made anew where something
//! already depends on it: the caller says whether it may be created.

mod hidden;
mod key_file;
mod masking;
mod text;

use std::path::Path;

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use hidden::{Hidden, in_script};
pub use key_file::KeyError;
pub use text::SecretText;

/// Characters of the shortest secret that is kept. Shorter ones occur by chance in any text: hiding them would garble what
/// is reported, and not hiding them would be no secret.
pub const SHORTEST_SECRET: usize = 4;

/// A secret as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key sealed it.
    pub key_id: String,
    pub nonce: [u8; 24],
    pub bytes: Vec<u8>,
}

/// A sealed record that does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenSecretError {
    /// The key file was exchanged.
    #[error(
        "secret `{name}` of {owner} was sealed with key {sealed_with}, the key file holds {have}; restore its key file"
    )]
    OtherKey { owner: String, name: String, sealed_with: String, have: String },
    /// The record was changed, or moved to another owner or name.
    #[error("secret `{name}` of {owner} does not open: the record was changed or moved; set it again")]
    Changed { owner: String, name: String },
}

/// The key that seals secrets (XChaCha20-Poly1305). Gone from memory when dropped.
pub struct SecretKey {
    key: Zeroizing<[u8; 32]>,
    id: String,
}

impl SecretKey {
    /// Reads the key file, or makes one.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        key_file::load_or_create(path).map(Self::new)
    }

    /// Reads the key file.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        key_file::load(path).map(Self::new)
    }

    fn new(key: Zeroizing<[u8; 32]>) -> Self {
        let id = Sha256::new().chain_update(b"greenroom secret key\0").chain_update(key.as_slice()).finalize();
        Self { id: hex::encode(&id[..8]), key }
    }

    /// The key's name, which tells nothing about it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals a secret; it opens only for the same owner and name.
    pub fn seal(&self, owner: &str, name: &str, plain: &[u8]) -> Result<Sealed, KeyError> {
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(KeyError::NoRandomness)?;
        let bound = bound_to(owner, name);
        let payload = Payload { msg: plain, aad: &bound };
        let bytes = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| KeyError::TooLong)?;
        Ok(Sealed { key_id: self.id.clone(), nonce, bytes })
    }

    /// Opens what was sealed for this owner and name.
    pub fn open(&self, owner: &str, name: &str, sealed: &Sealed) -> Result<SecretText, OpenSecretError> {
        let (owner_text, name_text) = (owner.to_owned(), name.to_owned());
        if sealed.key_id != self.id {
            let (sealed_with, have) = (sealed.key_id.clone(), self.id.clone());
            return Err(OpenSecretError::OtherKey { owner: owner_text, name: name_text, sealed_with, have });
        }
        let bound = bound_to(owner, name);
        let payload = Payload { msg: &sealed.bytes, aad: &bound };
        let changed = || OpenSecretError::Changed { owner: owner_text, name: name_text };
        let Ok(plain) = self.cipher().decrypt(&XNonce::from(sealed.nonce), payload) else { return Err(changed()) };
        String::from_utf8(plain).map(SecretText::new).map_err(|_| changed())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.key))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({})", self.id)
    }
}

/// Length first, so that no owner and name run into another's.
fn bound_to(owner: &str, name: &str) -> Vec<u8> {
    let mut bound = (owner.len() as u64).to_be_bytes().to_vec();
    bound.extend_from_slice(owner.as_bytes());
    bound.extend_from_slice(name.as_bytes());
    bound
}

/// The key under the receipts (Ed25519).
pub struct EvidenceKey;

impl EvidenceKey {
    /// Reads the key file, or makes one.
    pub fn load_or_create(path: &Path) -> Result<SigningKey, KeyError> {
        key_file::load_or_create(path).map(|bytes| SigningKey::from_bytes(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::new(Zeroizing::new([7; 32]))
    }

    #[test]
    fn a_secret_opens_only_for_its_owner_and_name() {
        let sealed = key().seal("persona:ada", "api", b"s3cret-1234").unwrap();
        assert_eq!(key().open("persona:ada", "api", &sealed).unwrap().reveal(), "s3cret-1234");
        for (owner, name) in [("persona:bo", "api"), ("persona:ada", "apj"), ("persona:adaa", "pi")] {
            assert!(matches!(key().open(owner, name, &sealed), Err(OpenSecretError::Changed { .. })), "{owner} {name}");
        }
    }

    #[test]
    fn one_changed_byte_and_it_does_not_open() {
        let sealed = key().seal("instance", "api", b"s3cret").unwrap();
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert!(key().open("instance", "api", &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn another_key_is_named() {
        let sealed = key().seal("instance", "api", b"s3cret").unwrap();
        let error = SecretKey::new(Zeroizing::new([8; 32])).open("instance", "api", &sealed).unwrap_err();
        assert!(error.to_string().contains(key().id()), "{error}");
    }
}
