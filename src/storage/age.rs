//! How old a database is: which migrations it knows, beside those of this build.

use actors::ports::BoxError;
use diesel::{
    migration::{Migration, MigrationSource},
    pg::Pg,
    prelude::*,
    sqlite::Sqlite,
};

use super::{
    Archive, DbError,
    db::{Open, on_db},
    migrations::{POSTGRES, SQLITE},
};

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

/// Which migrations a database knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Age {
    /// Known to both.
    pub applied: usize,
    /// The next start brings these.
    pub pending: Vec<String>,
    /// Of a newer Greenroom: this build cannot use the database.
    pub newer: Vec<String>,
}

impl Archive {
    /// Asks the database which migrations it knows. Changes nothing.
    pub async fn age(&self) -> Result<Age, DbError> {
        use __diesel_schema_migrations::dsl;
        let there: Vec<String> =
            on_db!(self.db, all: dsl::__diesel_schema_migrations.order(dsl::version).select(dsl::version));
        let known = match &self.db.open {
            Open::Sqlite(_) => versions(MigrationSource::<Sqlite>::migrations(&SQLITE)),
            Open::Postgres(..) => versions(MigrationSource::<Pg>::migrations(&POSTGRES)),
        };
        let known = known.map_err(DbError::unavailable)?;
        let pending = known.iter().filter(|version| !there.contains(version)).cloned().collect();
        let (both, newer): (Vec<_>, Vec<_>) = there.into_iter().partition(|version| known.contains(version));
        Ok(Age { applied: both.len(), pending, newer })
    }
}

fn versions<DB: diesel::backend::Backend>(
    migrations: diesel::migration::Result<Vec<Box<dyn Migration<DB>>>>,
) -> Result<Vec<String>, BoxError> {
    Ok(migrations?.iter().map(|migration| migration.name().version().to_string()).collect())
}
