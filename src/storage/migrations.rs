//! The migrations, embedded for both databases under the same names.

use actors::ports::BoxError;
use diesel::{
    SqliteConnection,
    backend::Backend,
    migration::{MigrationSource, MigrationVersion},
    pg::Pg,
    sqlite::Sqlite,
};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

/// SQLite's migrations.
pub const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
/// PostgreSQL's migrations.
pub const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The database was written by a newer Greenroom.
#[derive(Debug, thiserror::Error)]
#[error("it knows migration `{0}`, which this build does not; start the newer Greenroom, or restore a backup")]
pub struct Newer(String);

/// Brings SQLite up to date.
pub(super) fn run_sqlite(conn: &mut SqliteConnection) -> Result<(), BoxError> {
    refuse_newer::<Sqlite, _>(conn.applied_migrations()?, SQLITE)?;
    conn.run_pending_migrations(SQLITE)?;
    Ok(())
}

/// Brings PostgreSQL up to date; nodes that start together take turns.
pub(super) async fn run_postgres(mut conn: AsyncPgConnection) -> Result<(), BoxError> {
    // A migration may take its time. The lock goes with the connection.
    conn.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock(4771001)").await?;
    let work = move || {
        let mut harness = AsyncMigrationHarness::new(conn);
        refuse_newer::<Pg, _>(harness.applied_migrations()?, POSTGRES)?;
        harness.run_pending_migrations(POSTGRES)?;
        Ok(())
    };
    tokio::task::spawn_blocking(work).await?
}

fn refuse_newer<DB: Backend, S: MigrationSource<DB>>(
    applied: Vec<MigrationVersion<'static>>,
    known: S,
) -> Result<(), BoxError> {
    let known = known.migrations()?;
    let is_known = |version: &MigrationVersion<'_>| known.iter().any(|m| m.name().version() == *version);
    match applied.into_iter().find(|version| !is_known(version)) {
        Some(version) => Err(Newer(version.to_string()).into()),
        None => Ok(()),
    }
}
