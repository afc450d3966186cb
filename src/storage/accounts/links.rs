//! One-time login links.

use actors::domain::Hash;
use diesel::prelude::*;

use super::{Accounts, UserId};
use crate::storage::{db::DbError, rows::Columns, schema::login_links, writes::on_writes};

impl Accounts {
    /// Makes a link known.
    pub async fn create_login_link(&self, hash: Hash, user: UserId, expires_ms: i64) -> Result<(), DbError> {
        let row = (
            login_links::hash.eq(hash.0.to_vec()),
            login_links::user_id.eq(user.0.as_bytes().to_vec()),
            login_links::expires_ms.eq(expires_ms),
        );
        on_writes!(self.writes, rows: diesel::insert_into(login_links::table).values(row))?;
        Ok(())
    }

    /// Uses a link up: of any number of callers at once, one gets the user.
    pub async fn use_login_link(&self, hash: Hash, now_ms: i64) -> Result<Option<UserId>, DbError> {
        let user: Option<Vec<u8>> = on_writes!(self.writes, one: {
            let good = login_links::table
                .filter(login_links::hash.eq(hash.0.to_vec()))
                .filter(login_links::used_ms.is_null().and(login_links::expires_ms.gt(now_ms)));
            diesel::update(good).set(login_links::used_ms.eq(now_ms)).returning(login_links::user_id)
        })?;
        user.map(|id| Columns("login_links").id(&id)).transpose()
    }
}
