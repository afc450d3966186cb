//! Secrets: sealed at rest, bound to their owner, shown by their last four characters at most.
//!
//! An owner's rows are read once and then known, sealed as they are, until one is written: this server is the only one
//! that writes here.
//!
//! Owners are `persona:<uuid>` and `instance`. Which of the two wins is for whoever asks: a persona's own first.

mod known;

use std::sync::Arc;

use actors::ports::World;
use diesel::{dsl::count_star, prelude::*, upsert::excluded};
use serde::Serialize;

use self::known::{Known, Row};
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
    db: Db,
    writes: Writes,
    key: Arc<SecretKey>,
    world: Arc<dyn World>,
    known: Arc<Known>,
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
    /// Over this database; the key must be the one that sealed what is in it.
    pub(super) fn new(db: Db, writes: Writes, key: SecretKey, world: Arc<dyn World>) -> Self {
        Self { db, writes, key: Arc::new(key), world, known: Arc::default() }
    }

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
        self.write(|writes| async move {
            let kept = on_writes!(writes, rows:
            diesel::insert_into(secrets::table).values(row).on_conflict((secrets::owner, secrets::name)).do_update().set((
                secrets::key_id.eq(excluded(secrets::key_id)),
                secrets::nonce.eq(excluded(secrets::nonce)),
                secrets::sealed.eq(excluded(secrets::sealed)),
                secrets::last_four.eq(excluded(secrets::last_four)),
                secrets::updated_ms.eq(excluded(secrets::updated_ms)),
            )));
            Ok(kept?)
        })
        .await?;
        Ok(())
    }

    /// In a task of its own: whoever goes away meanwhile leaves no old row known.
    async fn write<F>(&self, write: impl FnOnce(Writes) -> F) -> Result<usize, DbError>
    where
        F: Future<Output = Result<usize, DbError>> + Send + 'static,
    {
        let (written, known) = (write(self.writes.clone()), self.known.clone());
        let written = tokio::spawn(async move {
            let written = written.await;
            known.forget();
            written
        });
        written.await.map_err(DbError::unavailable)?
    }

    /// Opens a secret. None: there is none of this owner and name.
    pub async fn get(&self, owner: &str, name: &str) -> Result<Option<SecretText>, VaultError> {
        let rows = self.sealed(owner).await?;
        rows.iter().find(|row| row.0 == name).map(|row| self.open(owner, row)).transpose()
    }

    /// Opens every secret of an owner, by name. One that does not open is an error: it could not be hidden either.
    pub async fn all(&self, owner: &str) -> Result<Vec<(String, SecretText)>, VaultError> {
        let rows = self.sealed(owner).await?;
        rows.iter().map(|row| Ok((row.0.clone(), self.open(owner, row)?))).collect()
    }

    fn open(&self, owner: &str, (name, key_id, nonce, bytes): &Row) -> Result<SecretText, VaultError> {
        let nonce = nonce.clone().try_into().map_err(|_| Columns("secrets").corrupt("a nonce has not 24 bytes"))?;
        Ok(self.key.open(owner, name, &Sealed { key_id: key_id.clone(), nonce, bytes: bytes.clone() })?)
    }

    async fn sealed(&self, owner: &str) -> Result<Arc<[Row]>, DbError> {
        let reading = match self.known.find(owner) {
            Ok(known) => return Ok(known),
            Err(reading) => reading,
        };
        let owner = owner.to_owned();
        let of = owner.clone();
        let rows: Vec<Row> = on_db!(self.db, all:
            secrets::table
                .filter(secrets::owner.eq(of.clone()))
                .order(secrets::name)
                .select((secrets::name, secrets::key_id, secrets::nonce, secrets::sealed)));
        let rows: Arc<[Row]> = rows.into();
        self.known.keep(owner, rows.clone(), reading);
        Ok(rows)
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
        let deleted = self.write(|writes| async move {
            Ok(on_writes!(writes, rows: diesel::delete(secrets::table.find(key.clone())))?)
        });
        Ok(deleted.await? > 0)
    }
}

/// The keys that sealed what is stored, and how many secrets each.
pub(super) async fn keys_in_use(db: &Db) -> Result<Vec<(String, i64)>, DbError> {
    Ok(on_db!(db, all: secrets::table.group_by(secrets::key_id).select((secrets::key_id, count_star()))))
}
