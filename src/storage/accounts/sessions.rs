//! Sessions of pages.

use actors::domain::Hash;
use diesel::prelude::*;

use super::{Accounts, UserId, UserRole};
use crate::storage::{
    db::{DbError, on_db},
    rows::Columns,
    schema::{sessions, users},
    writes::on_writes,
};

/// A session that has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user_id: UserId,
    pub user_name: String,
    pub role: UserRole,
    pub expires_ms: i64,
}

impl Accounts {
    /// Begins a session; expired ones go.
    pub async fn create_session(&self, user: UserId, hash: Hash, expires_ms: i64) -> Result<(), DbError> {
        let now_ms = self.world.now_ms();
        on_writes!(self.writes, rows: diesel::delete(sessions::table.filter(sessions::expires_ms.le(now_ms))))?;
        let row = (
            sessions::hash.eq(hash.0.to_vec()),
            sessions::user_id.eq(user.0.as_bytes().to_vec()),
            sessions::created_ms.eq(now_ms),
            sessions::expires_ms.eq(expires_ms),
        );
        on_writes!(self.writes, rows: diesel::insert_into(sessions::table).values(row))?;
        Ok(())
    }

    /// Whose session this is, if it has not expired.
    pub async fn session(&self, hash: Hash, now_ms: i64) -> Result<Option<Session>, DbError> {
        let row: Option<(Vec<u8>, String, String, i64)> = on_db!(self.db, one:
            sessions::table
                .inner_join(users::table.on(users::id.eq(sessions::user_id)))
                .filter(sessions::hash.eq(hash.0.to_vec()).and(sessions::expires_ms.gt(now_ms)))
                .select((users::id, users::name, users::role, sessions::expires_ms)));
        let Some((id, user_name, role, expires_ms)) = row else { return Ok(None) };
        let read = Columns("users");
        Ok(Some(Session { user_id: read.id(&id)?, user_name, role: read.word(&role)?, expires_ms }))
    }

    /// Lets a session last longer; one that has gone stays gone.
    pub async fn extend_session(&self, hash: Hash, expires_ms: i64) -> Result<(), DbError> {
        on_writes!(self.writes, rows:
            diesel::update(sessions::table.find(hash.0.to_vec())).set(sessions::expires_ms.eq(expires_ms)))?;
        Ok(())
    }

    /// Ends a session.
    pub async fn delete_session(&self, hash: Hash) -> Result<(), DbError> {
        on_writes!(self.writes, rows: diesel::delete(sessions::table.find(hash.0.to_vec())))?;
        Ok(())
    }
}
