//! The database that happens to be open, for reading: one query, one hop.

use std::sync::Arc;

use actors::ports::{BoxError, Unavailable, World};
use diesel_async::{AsyncPgConnection, pooled_connection::bb8::Pool};

use super::sqlite::SqliteReaders;

/// The database, for reading. Cheap to clone; the views (`views/<noun>.rs`) are its methods.
#[derive(Clone)]
pub struct Db {
    pub(super) open: Open,
    pub(super) world: Arc<dyn World>,
}

/// The database that happens to be open.
#[derive(Clone)]
pub(super) enum Open {
    Sqlite(SqliteReaders),
    /// And the nodes whose logs are in it: `receipts` is sorted by node there.
    Postgres(Pool<AsyncPgConnection>, Arc<[String]>),
}

impl Db {
    /// The logs to look through when a query is about all receipts: one per node on PostgreSQL, the one on SQLite.
    pub(super) fn logs(&self) -> Vec<Option<String>> {
        match &self.open {
            Open::Sqlite(_) => vec![None],
            Open::Postgres(_, nodes) => nodes.iter().cloned().map(Some).collect(),
        }
    }
}

/// A query that did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Try again later: busy, full or unreachable.
    #[error("the database does not answer")]
    Unavailable(#[source] BoxError),
    /// Do not try again: there is one already.
    #[error("`{0}` is taken")]
    Taken(String),
    /// Do not try again: what is stored cannot be read.
    #[error("a row of `{table}` cannot be read")]
    Corrupt {
        table: &'static str,
        #[source]
        source: BoxError,
    },
}

impl DbError {
    /// Whatever kept the database from answering.
    pub(super) fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl From<diesel::result::Error> for DbError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<DbError> for Unavailable {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(cause) => Self(cause),
            other => Self(other.into()),
        }
    }
}

/// Writes a query once and compiles it for each database, so that a query only one of them understands does not
/// build. `all` brings every row, `one` the only one or none, `both` every row of two queries on one way, `each` every
/// row of one query for each of a list. What the query needs is moved into it.
macro_rules! on_db {
    ($db:expr, all: $query:expr) => {
        on_db!($db, get_results, $query)?
    };
    ($db:expr, one: $query:expr) => {
        diesel::OptionalExtension::optional(on_db!($db, get_result, $query))?
    };
    ($db:expr, both: $first:expr, $second:expr) => {
        match &$db.open {
            $crate::storage::db::Open::Sqlite(readers) => {
                let both = move |conn: &mut diesel::SqliteConnection| {
                    let first = diesel::RunQueryDsl::get_results($first, conn)?;
                    Ok((first, diesel::RunQueryDsl::get_results($second, conn)?))
                };
                readers.read(both).await??
            }
            $crate::storage::db::Open::Postgres(pool, _) => {
                let mut conn = pool.get().await.map_err($crate::storage::DbError::unavailable)?;
                let first = diesel_async::RunQueryDsl::get_results($first, &mut *conn).await?;
                (first, diesel_async::RunQueryDsl::get_results($second, &mut *conn).await?)
            }
        }
    };
    ($db:expr, each: $list:expr, |$one:pat_param| $query:expr) => {
        match &$db.open {
            $crate::storage::db::Open::Sqlite(readers) => {
                let each = move |conn: &mut diesel::SqliteConnection| {
                    let mut rows = Vec::new();
                    for $one in $list {
                        rows.append(&mut diesel::RunQueryDsl::get_results($query, conn)?);
                    }
                    diesel::QueryResult::Ok(rows)
                };
                readers.read(each).await??
            }
            $crate::storage::db::Open::Postgres(pool, _) => {
                let mut conn = pool.get().await.map_err($crate::storage::DbError::unavailable)?;
                let mut rows = Vec::new();
                for $one in $list {
                    rows.append(&mut diesel_async::RunQueryDsl::get_results($query, &mut *conn).await?);
                }
                rows
            }
        }
    };
    ($db:expr, $method:ident, $query:expr) => {
        match &$db.open {
            $crate::storage::db::Open::Sqlite(readers) => {
                readers.read(move |conn| diesel::RunQueryDsl::$method($query, conn)).await?
            }
            $crate::storage::db::Open::Postgres(pool, _) => {
                let mut conn = pool.get().await.map_err($crate::storage::DbError::unavailable)?;
                diesel_async::RunQueryDsl::$method($query, &mut *conn).await
            }
        }
    };
}
pub(super) use on_db;
