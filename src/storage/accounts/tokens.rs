//! Bearer tokens of programs.

use actors::domain::Hash;
use diesel::prelude::*;
use serde::Serialize;
use uuid::Uuid;

use super::{Accounts, UserId, UserRole};
use crate::storage::{
    db::{DbError, on_db},
    rows::Columns,
    schema::{tokens, users},
    writes::on_writes,
};

/// A token that is good: whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginToken {
    pub id: Uuid,
    pub name: String,
    pub user_id: UserId,
    pub user_name: String,
    pub role: UserRole,
}

/// A token as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenLabel {
    pub id: Uuid,
    pub user_id: UserId,
    pub name: String,
    pub created_ms: i64,
    pub revoked_ms: Option<i64>,
}

type GoodRow = (Vec<u8>, String, Vec<u8>, String, String);
type LabelRow = (Vec<u8>, Vec<u8>, String, i64, Option<i64>);

impl Accounts {
    /// Makes a token known.
    pub async fn create_token(&self, user: UserId, name: &str, hash: Hash, now_ms: i64) -> Result<TokenLabel, DbError> {
        let (id, name) = (self.world.new_id(), name.to_owned());
        let label = TokenLabel { id, user_id: user, name, created_ms: now_ms, revoked_ms: None };
        let row = (
            tokens::id.eq(id.as_bytes().to_vec()),
            tokens::user_id.eq(user.0.as_bytes().to_vec()),
            tokens::name.eq(label.name.clone()),
            tokens::hash.eq(hash.0.to_vec()),
            tokens::created_ms.eq(now_ms),
        );
        on_writes!(self.writes, rows: diesel::insert_into(tokens::table).values(row))?;
        Ok(label)
    }

    /// Whose token this is, if it was not revoked.
    pub async fn token(&self, hash: Hash) -> Result<Option<LoginToken>, DbError> {
        let row: Option<GoodRow> = on_db!(self.db, one:
            tokens::table
                .inner_join(users::table.on(users::id.eq(tokens::user_id)))
                .filter(tokens::hash.eq(hash.0.to_vec()).and(tokens::revoked_ms.is_null()))
                .select((tokens::id, tokens::name, users::id, users::name, users::role)));
        let Some((id, name, user_id, user_name, role)) = row else { return Ok(None) };
        let read = Columns("tokens");
        let id = Uuid::from_bytes(read.id(&id)?);
        Ok(Some(LoginToken { id, name, user_id: read.id(&user_id)?, user_name, role: read.word(&role)? }))
    }

    /// Every token, the oldest first, revoked ones included.
    pub async fn tokens(&self) -> Result<Vec<TokenLabel>, DbError> {
        let rows: Vec<LabelRow> = on_db!(self.db, all:
            tokens::table
                .order(tokens::id)
                .select((tokens::id, tokens::user_id, tokens::name, tokens::created_ms, tokens::revoked_ms)));
        let read = Columns("tokens");
        let label = |(id, user_id, name, created_ms, revoked_ms): LabelRow| -> Result<_, DbError> {
            let (id, user_id) = (Uuid::from_bytes(read.id(&id)?), read.id(&user_id)?);
            Ok(TokenLabel { id, user_id, name, created_ms, revoked_ms })
        };
        rows.into_iter().map(label).collect()
    }

    /// Takes a token back. False: there is none, or it was taken back before.
    pub async fn revoke_token(&self, id: Uuid) -> Result<bool, DbError> {
        let now_ms = self.world.now_ms();
        let good = tokens::id.eq(id.as_bytes().to_vec()).and(tokens::revoked_ms.is_null());
        let rows = on_writes!(self.writes, rows:
            diesel::update(tokens::table.filter(good)).set(tokens::revoked_ms.eq(now_ms)))?;
        Ok(rows > 0)
    }
}
