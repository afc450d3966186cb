//! Writing what never passes through the actors: one statement at a time, on SQLite over the one write connection.

use diesel_async::{AsyncPgConnection, pooled_connection::bb8::Pool};

use super::sqlite::SqliteWriter;

/// Where single statements are written. Cheap to clone.
#[derive(Clone)]
pub(super) enum Writes {
    Sqlite(SqliteWriter),
    Postgres(Pool<AsyncPgConnection>),
}

/// Writes a statement once and compiles it for each database. `rows` brings how many rows it touched, `one` the row
/// it returns, if any. What the statement needs is moved into it.
macro_rules! on_writes {
    ($writes:expr, rows: $query:expr) => {
        on_writes!($writes, execute, $query)
    };
    ($writes:expr, one: $query:expr) => {
        diesel::OptionalExtension::optional(on_writes!($writes, get_result, $query))
    };
    ($writes:expr, $method:ident, $query:expr) => {
        match &$writes {
            $crate::storage::writes::Writes::Sqlite(writer) => {
                writer.run(move |conn| diesel::RunQueryDsl::$method($query, conn)).await?
            }
            $crate::storage::writes::Writes::Postgres(pool) => {
                let mut conn = pool.get().await.map_err($crate::storage::DbError::unavailable)?;
                diesel_async::RunQueryDsl::$method($query, &mut *conn).await
            }
        }
    };
}
pub(super) use on_writes;
