//! Secrets: sealed at rest, bound to their owner, shown by their last four characters at most.
//!
//! Owners are `persona:<uuid>` and `instance`. Which of the two wins is for whoever asks: a persona's own first.

use std::sync::Arc;

use actors::ports::World;
use diesel::{dsl::count_star, prelude::*, upsert::excluded};
use serde::Serialize;

use super::{
    db::{Db, DbError, on_db},
    rows::Columns,
    schema::secrets,
    writes::{Writes, on_writes},
};
use crate::secrets::{KeyError, OpenSecretError, Sealed, SecretKey, SecretText};

/// Secrets, sealed. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    pub(super) db: Db,
    pub(super) writes: Writes,
    pub(super) key: Arc<SecretKey>,
    pub(super) world: Arc<dyn World>,
}

/// A secret as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretLabel {
    pub owner: String,
    pub name: String,
    pub last_four: String,
    pub updated_ms: i64,
}

/// A secret that could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Seal(#[from] KeyError),
    #[error(transparent)]
    Open(#[from] OpenSecretError),
}

impl Vault {
    /// Keeps a secret; an older one of the same name is gone.
    pub async fn set(&self, owner: &str, name: &str, value: &str) -> Result<(), VaultError> {
        let sealed = self.key.seal(owner, name, value.as_bytes())?;
        let last_four = SecretText::new(value.to_owned()).last_four();
        let row = (
            secrets::owner.eq(owner.to_owned()),
            secrets::name.eq(name.to_owned()),
            secrets::key_id.eq(sealed.key_id),
            secrets::nonce.eq(sealed.nonce.to_vec()),
            secrets::sealed.eq(sealed.bytes),
            secrets::last_four.eq(last_four),
            secrets::updated_ms.eq(self.world.now_ms()),
        );
        on_writes!(self.writes, rows:
        diesel::insert_into(secrets::table).values(row).on_conflict((secrets::owner, secrets::name)).do_update().set((
            secrets::key_id.eq(excluded(secrets::key_id)),
            secrets::nonce.eq(excluded(secrets::nonce)),
            secrets::sealed.eq(excluded(secrets::sealed)),
            secrets::last_four.eq(excluded(secrets::last_four)),
            secrets::updated_ms.eq(excluded(secrets::updated_ms)),
        )))
        .map_err(DbError::from)?;
        Ok(())
    }

    /// Opens a secret. None: there is none of this owner and name.
    pub async fn get(&self, owner: &str, name: &str) -> Result<Option<SecretText>, VaultError> {
        let key = (owner.to_owned(), name.to_owned());
        let row: Option<(String, Vec<u8>, Vec<u8>)> = self.sealed(key).await?;
        let Some((key_id, nonce, bytes)) = row else { return Ok(None) };
        self.open(owner, name, key_id, nonce, bytes).map(Some)
    }

    /// Opens every secret of an owner, by name. One that does not open is an error: it could not be hidden either.
    pub async fn all(&self, owner: &str) -> Result<Vec<(String, SecretText)>, VaultError> {
        let rows = self.all_sealed(owner.to_owned()).await?;
        let open = |(name, key_id, nonce, bytes): (String, String, Vec<u8>, Vec<u8>)| {
            let opened = self.open(owner, &name, key_id, nonce, bytes)?;
            Ok((name, opened))
        };
        rows.into_iter().map(open).collect()
    }

    async fn all_sealed(&self, owner: String) -> Result<Vec<(String, String, Vec<u8>, Vec<u8>)>, DbError> {
        Ok(on_db!(self.db, all:
            secrets::table
                .filter(secrets::owner.eq(owner.clone()))
                .order(secrets::name)
                .select((secrets::name, secrets::key_id, secrets::nonce, secrets::sealed))))
    }

    fn open(
        &self,
        owner: &str,
        name: &str,
        key_id: String,
        nonce: Vec<u8>,
        bytes: Vec<u8>,
    ) -> Result<SecretText, VaultError> {
        let nonce = nonce.try_into().map_err(|_| Columns("secrets").corrupt("a nonce has not 24 bytes"))?;
        Ok(self.key.open(owner, name, &Sealed { key_id, nonce, bytes })?)
    }

    async fn sealed(&self, key: (String, String)) -> Result<Option<(String, Vec<u8>, Vec<u8>)>, DbError> {
        Ok(on_db!(self.db, one:
            secrets::table.find(key.clone()).select((secrets::key_id, secrets::nonce, secrets::sealed))))
    }

    /// What an owner has, without the secrets themselves.
    pub async fn list(&self, owner: &str) -> Result<Vec<SecretLabel>, DbError> {
        let owner = owner.to_owned();
        let rows: Vec<(String, String, String, i64)> = on_db!(self.db, all:
            secrets::table
                .filter(secrets::owner.eq(owner.clone()))
                .order(secrets::name)
                .select((secrets::owner, secrets::name, secrets::last_four, secrets::updated_ms)));
        let label = |(owner, name, last_four, updated_ms)| SecretLabel { owner, name, last_four, updated_ms };
        Ok(rows.into_iter().map(label).collect())
    }

    /// Forgets a secret. False: there was none.
    pub async fn delete(&self, owner: &str, name: &str) -> Result<bool, DbError> {
        let key = (owner.to_owned(), name.to_owned());
        Ok(on_writes!(self.writes, rows: diesel::delete(secrets::table.find(key.clone())))? > 0)
    }
}

/// The keys that sealed what is stored, and how many secrets each.
pub(super) async fn keys_in_use(db: &Db) -> Result<Vec<(String, i64)>, DbError> {
    Ok(on_db!(db, all: secrets::table.group_by(secrets::key_id).select((secrets::key_id, count_star()))))
}
