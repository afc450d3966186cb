//! Virtual keys: what programs show to ask models through the gateway, or to talk to personas.

use actors::domain::{Hash, PersonaId};
use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
};
use uuid::Uuid;

use super::Accounts;
use crate::storage::{
    db::{DbError, on_db},
    rows::{Columns, json},
    schema::virtual_keys,
    writes::on_writes,
};

/// A virtual key; the plain text is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualKey {
    pub id: Uuid,
    /// Never given twice: receipts and budgets name it.
    pub name: String,
    /// Its last four characters.
    pub tail: String,
    /// Who is charged beside the key, and whose secrets are used first.
    pub persona: Option<PersonaId>,
    /// What may be asked for: names, or a beginning and `*`.
    pub models: Vec<String>,
    /// Requests in any minute; 0: no limit.
    pub per_minute: u32,
    /// What its calls ask and are answered is kept as artifacts.
    pub keeps_words: bool,
    pub created_by: String,
    pub created_ms: i64,
    pub revoked_ms: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = virtual_keys)]
struct KeyRow {
    id: Vec<u8>,
    name: String,
    tail: String,
    persona: Option<Vec<u8>>,
    models: String,
    per_minute: i32,
    keeps_words: bool,
    created_by: String,
    created_ms: i64,
    revoked_ms: Option<i64>,
}

impl TryFrom<KeyRow> for VirtualKey {
    type Error = DbError;

    fn try_from(row: KeyRow) -> Result<Self, DbError> {
        let read = Columns("virtual_keys");
        Ok(Self {
            id: Uuid::from_bytes(read.id(&row.id)?),
            name: row.name,
            tail: row.tail,
            persona: row.persona.map(|id| read.id(&id)).transpose()?,
            models: read.json(&row.models)?,
            per_minute: read.count(row.per_minute)?,
            keeps_words: row.keeps_words,
            created_by: row.created_by,
            created_ms: row.created_ms,
            revoked_ms: row.revoked_ms,
        })
    }
}

impl VirtualKey {
    /// Whether it may ask for this.
    pub fn allows(&self, model: &str) -> bool {
        self.models.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => allowed == model,
        })
    }
}

impl Accounts {
    /// Makes a key known. [`DbError::Taken`] when there is or was one of this name.
    pub async fn create_key(&self, key: VirtualKey, hash: Hash) -> Result<VirtualKey, DbError> {
        let row = (
            virtual_keys::id.eq(key.id.as_bytes().to_vec()),
            virtual_keys::name.eq(key.name.clone()),
            virtual_keys::hash.eq(hash.0.to_vec()),
            virtual_keys::tail.eq(key.tail.clone()),
            virtual_keys::persona.eq(key.persona.map(|id| id.as_bytes().to_vec())),
            virtual_keys::models.eq(json(&key.models)),
            virtual_keys::per_minute.eq(i32::try_from(key.per_minute).unwrap_or(i32::MAX)),
            virtual_keys::keeps_words.eq(key.keeps_words),
            virtual_keys::created_by.eq(key.created_by.clone()),
            virtual_keys::created_ms.eq(key.created_ms),
        );
        match on_writes!(self.writes, rows: diesel::insert_into(virtual_keys::table).values(row)) {
            Ok(_) => Ok(key),
            Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Err(DbError::Taken(key.name)),
            Err(error) => Err(error.into()),
        }
    }

    /// The key that this is the hash of, if it was not revoked.
    pub async fn key(&self, hash: Hash) -> Result<Option<VirtualKey>, DbError> {
        let row: Option<KeyRow> = on_db!(self.db, one:
            virtual_keys::table
                .filter(virtual_keys::hash.eq(hash.0.to_vec()).and(virtual_keys::revoked_ms.is_null()))
                .select(KeyRow::as_select()));
        row.map(VirtualKey::try_from).transpose()
    }

    /// The key of this name, revoked or not.
    pub async fn key_named(&self, name: &str) -> Result<Option<VirtualKey>, DbError> {
        let name = name.to_owned();
        let row: Option<KeyRow> = on_db!(self.db, one:
            virtual_keys::table.filter(virtual_keys::name.eq(name)).select(KeyRow::as_select()));
        row.map(VirtualKey::try_from).transpose()
    }

    /// Every key, the oldest first, revoked ones included.
    pub async fn keys(&self) -> Result<Vec<VirtualKey>, DbError> {
        let rows: Vec<KeyRow> =
            on_db!(self.db, all: virtual_keys::table.order(virtual_keys::id).select(KeyRow::as_select()));
        rows.into_iter().map(VirtualKey::try_from).collect()
    }

    /// Takes a key back. False: there is none of this name, or it was taken back before.
    pub async fn revoke_key(&self, name: &str) -> Result<bool, DbError> {
        let now_ms = self.world.now_ms();
        let good = virtual_keys::name.eq(name.to_owned()).and(virtual_keys::revoked_ms.is_null());
        let rows = on_writes!(self.writes, rows:
            diesel::update(virtual_keys::table.filter(good)).set(virtual_keys::revoked_ms.eq(now_ms)))?;
        Ok(rows > 0)
    }
}
