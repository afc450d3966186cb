//! Where sealed values are opened, and whose comes first.

use actors::{domain::PersonaId, ports::BoxError};
use async_trait::async_trait;

use crate::{
    secrets::{Hidden, SecretText},
    storage::Vault,
};

/// The owner of secrets that are not one persona's.
pub const INSTANCE: &str = "instance";

/// Opens secrets by owner and name.
#[async_trait]
pub trait Keyring: Send + Sync {
    /// None: this owner has none of that name.
    async fn open(&self, owner: &str, name: &str) -> Result<Option<SecretText>, BoxError>;

    /// Every secret of this owner, by name.
    async fn all(&self, owner: &str) -> Result<Vec<(String, SecretText)>, BoxError>;
}

#[async_trait]
impl Keyring for Vault {
    async fn open(&self, owner: &str, name: &str) -> Result<Option<SecretText>, BoxError> {
        Ok(self.get(owner, name).await?)
    }

    async fn all(&self, owner: &str) -> Result<Vec<(String, SecretText)>, BoxError> {
        Ok(Self::all(self, owner).await?)
    }
}

/// The persona's own key, if somebody asks for one, else the instance's: the secret of that name, or of that name in capitals, as the environment
/// has it.
pub(super) async fn key_of(
    keyring: &dyn Keyring,
    persona: Option<PersonaId>,
    name: &str,
) -> Result<Option<SecretText>, BoxError> {
    for name in [name, &name.to_ascii_uppercase()] {
        let found = match persona {
            Some(persona) => secret_of(keyring, persona, name).await?,
            None => keyring.open(INSTANCE, name).await?,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Whether a secret of this name is that key.
pub fn is_key(secret: &str, key: &str) -> bool {
    secret == key || secret == key.to_ascii_uppercase()
}

/// The persona's own secret of that name, else the instance's.
async fn secret_of(keyring: &dyn Keyring, persona: PersonaId, name: &str) -> Result<Option<SecretText>, BoxError> {
    match keyring.open(&format!("persona:{persona}"), name).await? {
        Some(own) => Ok(Some(own)),
        None => keyring.open(INSTANCE, name).await,
    }
}

/// Every secret that a persona may use, or that anybody may: its own, and the instance's.
pub async fn secrets_of(keyring: &dyn Keyring, persona: impl Into<Option<PersonaId>>) -> Result<Hidden, BoxError> {
    let own = persona.into().map(|persona| format!("persona:{persona}"));
    let mut hidden = Hidden::default();
    for owner in own.as_deref().into_iter().chain([INSTANCE]) {
        for (name, value) in keyring.all(owner).await? {
            hidden.hold(&name, value);
        }
    }
    Ok(hidden)
}
