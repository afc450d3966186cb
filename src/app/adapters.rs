//! Where one room asks for less than another offers: each adapter narrows a room to what the other needs.

use actors::{
    domain::{Call, Outcome, Persona, PersonaId, Step},
    ports::BoxError,
};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    browser::{Browsers, SealBytes},
    models::{Keyring, Plain},
    secrets::{Sealed, SecretKey},
    storage::{Db, GoalFilter, ReceiptFilter, Vault},
    tools::{BrowserDriver, Day, DayBook},
};

/// Opens secrets for models and steps.
pub(super) struct KeysOf(pub(super) Vault);

#[async_trait]
impl Keyring for KeysOf {
    async fn open(&self, owner: &str, name: &str) -> Result<Option<Plain>, BoxError> {
        let found = self.0.get(owner, name).await?;
        Ok(found.map(|secret| Zeroizing::new(secret.reveal().to_owned())))
    }
}

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

/// Lets the tools drive the browsers.
pub(super) struct Driven(pub(super) Browsers);

#[async_trait]
impl BrowserDriver for Driven {
    async fn perform(&self, persona: &Persona, call: &Call, step: &Step, stop: CancellationToken) -> Outcome {
        self.0.perform(persona, call, step, stop).await
    }

    async fn rest(&self, persona: PersonaId) {
        self.0.rest(persona).await;
    }

    async fn release(&self, persona: PersonaId) {
        self.0.release(persona).await;
    }
}

/// Reads the day for the report.
pub(super) struct DaysOf(pub(super) Db);

const PAGE: u32 = 1_000;
/// Receipts counted in one report; a busier day says that it was cut.
const MOST_RECEIPTS: usize = 20_000;

#[async_trait]
impl DayBook for DaysOf {
    async fn since(&self, from_ms: i64) -> Result<Day, BoxError> {
        let mut goals = self.0.goals(GoalFilter { limit: PAGE, ..GoalFilter::default() }).await?;
        goals.retain(|goal| goal.updated_ms >= from_ms);
        let mut day = Day { personas: self.0.personas(false).await?, goals, receipts: Vec::new(), cut: false };
        let mut before = None;
        loop {
            let filter = ReceiptFilter { before, newest_first: true, limit: PAGE, ..ReceiptFilter::default() };
            let page = self.0.receipts(filter).await?;
            before = page.last().map(|oldest| oldest.pos);
            let whole = page.len() == PAGE as usize && page.iter().all(|receipt| receipt.at_ms >= from_ms);
            day.receipts.extend(page.into_iter().filter(|receipt| receipt.at_ms >= from_ms));
            if !whole {
                return Ok(day);
            }
            if day.receipts.len() >= MOST_RECEIPTS {
                return Ok(Day { cut: true, ..day });
            }
        }
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
