//! Who may come in: users, their sessions, tokens and one-time login links.
//!
//! Sessions, tokens and links are known by the SHA-256 of 32 random bytes; the plain value is shown once and kept
//! nowhere.

mod active;
mod keys;
mod links;
mod sessions;
mod tokens;

use std::{fmt, str::FromStr, sync::Arc};

use actors::ports::World;
use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use keys::VirtualKey;
pub use sessions::Session;
pub use tokens::{LoginToken, TokenLabel};

use super::{
    db::{Db, DbError, on_db},
    rows::Columns,
    schema::users,
    writes::{Writes, on_writes},
};

/// Users and how they come in. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(super) db: Db,
    pub(super) writes: Writes,
    pub(super) world: Arc<dyn World>,
}

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub Uuid);

impl From<[u8; 16]> for UserId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for UserId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::from_str(text).map(Self)
    }
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// Everything, other users included.
    Owner,
    /// Everything but users, tokens and administration.
    Member,
}

impl UserRole {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }
}

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for UserRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "owner" => Ok(Self::Owner),
            "member" => Ok(Self::Member),
            other => Err(format!("`{other}` is not a user role; known are: owner, member")),
        }
    }
}

/// Someone who may come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub role: UserRole,
    pub created_ms: i64,
}

type UserRow = (Vec<u8>, String, String, i64);

fn user((id, name, role, created_ms): UserRow) -> Result<User, DbError> {
    let read = Columns("users");
    Ok(User { id: read.id(&id)?, name, role: read.word(&role)?, created_ms })
}

impl Accounts {
    /// How many users there are.
    pub async fn user_count(&self) -> Result<u64, DbError> {
        let count: Option<i64> = on_db!(self.db, one: users::table.select(diesel::dsl::count_star()));
        Columns("users").count(count.unwrap_or(0))
    }

    /// Makes a user. [`DbError::Taken`] when there is one of this name.
    pub async fn create_user(&self, name: &str, role: UserRole) -> Result<User, DbError> {
        let user =
            User { id: UserId(self.world.new_id()), name: name.to_owned(), role, created_ms: self.world.now_ms() };
        let row = (
            users::id.eq(user.id.0.as_bytes().to_vec()),
            users::name.eq(user.name.clone()),
            users::role.eq(role.as_str()),
            users::created_ms.eq(user.created_ms),
        );
        match on_writes!(self.writes, rows: diesel::insert_into(users::table).values(row)) {
            Ok(_) => Ok(user),
            Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Err(DbError::Taken(user.name)),
            Err(error) => Err(error.into()),
        }
    }

    /// Every user, the oldest first.
    pub async fn users(&self) -> Result<Vec<User>, DbError> {
        let columns = (users::id, users::name, users::role, users::created_ms);
        let rows: Vec<UserRow> = on_db!(self.db, all: users::table.order(users::id).select(columns));
        rows.into_iter().map(user).collect()
    }
}
