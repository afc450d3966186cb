//! Where sealed values are opened, and whose comes first.

use actors::{domain::PersonaId, ports::BoxError};
use async_trait::async_trait;

use crate::{secrets::SecretText, storage::Vault};

/// The owner of secrets that are not one persona's.
pub const INSTANCE: &str = "instance";

/// Opens secrets by owner and name.
#[async_trait]
pub trait Keyring: Send + Sync {
    /// None: this owner has none of that name.
    async fn open(&self, owner: &str, name: &str) -> Result<Option<SecretText>, BoxError>;
}

#[async_trait]
impl Keyring for Vault {
    async fn open(&self, owner: &str, name: &str) -> Result<Option<SecretText>, BoxError> {
        Ok(self.get(owner, name).await?)
    }
}

/// The persona's own secret of that name, else the instance's.
pub async fn secret_of(keyring: &dyn Keyring, persona: PersonaId, name: &str) -> Result<Option<SecretText>, BoxError> {
    match keyring.open(&format!("persona:{persona}"), name).await? {
        Some(own) => Ok(Some(own)),
        None => keyring.open(INSTANCE, name).await,
    }
}
