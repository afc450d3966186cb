//! Where one room asks for less than another offers: each adapter narrows a room to what the other needs.

use actors::{domain::HostPolicy, ports::BoxError};
use async_trait::async_trait;

use crate::{
    browser::SealBytes,
    egress::PolicyBook,
    secrets::{Sealed, SecretKey},
    storage::Db,
};

/// Seals cookies with the key of the secrets.
pub(super) struct SealedWith(pub(super) SecretKey);

impl SealBytes for SealedWith {
    fn seal(&self, owner: &str, name: &str, plain: &[u8]) -> Result<Vec<u8>, BoxError> {
        let Sealed { key_id, nonce, bytes } = self.0.seal(owner, name, plain)?;
        Ok([key_id.as_bytes(), b"\n", &nonce, &bytes].concat())
    }

    fn open(&self, owner: &str, name: &str, sealed: &[u8]) -> Result<Vec<u8>, BoxError> {
        let end = sealed.iter().position(|byte| *byte == b'\n').ok_or("the sealed file has no key id")?;
        let key_id = String::from_utf8(sealed[..end].to_vec())?;
        let (nonce, bytes) = sealed[end + 1..].split_first_chunk().ok_or("the sealed file is cut off")?;
        let sealed = Sealed { key_id, nonce: *nonce, bytes: bytes.to_vec() };
        Ok(self.0.open(owner, name, &sealed)?.reveal().as_bytes().to_vec())
    }
}

/// Host policies as they stand in the database.
pub(super) struct Policies(pub(super) Db);

#[async_trait]
impl PolicyBook for Policies {
    async fn policies(&self) -> Result<Vec<HostPolicy>, BoxError> {
        Ok(self.0.host_policies().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_beside_a_profile_opens_for_its_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let seal = SealedWith(SecretKey::load_or_create(&root.path().join("key")).unwrap());
        let sealed = seal.seal("persona:ada", "cookies", b"[1]\n").unwrap();
        assert_eq!(seal.open("persona:ada", "cookies", &sealed).unwrap(), b"[1]\n");
        assert!(seal.open("persona:bo", "cookies", &sealed).is_err());
        for cut in 0..sealed.len() {
            assert!(seal.open("persona:ada", "cookies", &sealed[..cut]).is_err(), "{cut}");
        }
    }
}
