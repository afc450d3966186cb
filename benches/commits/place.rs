//! Where is written: a new store for every measurement, all of them on one file system.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use actors::{ports::World, testing};
use greenroom::{config::StorageConfig, storage::Storage};
use tempfile::TempDir;
use uuid::Uuid;

use super::postgres_cluster::Cluster;

/// The databases that are measured.
pub enum Database {
    Sqlite,
    /// With everything on that makes a commit durable.
    Postgres(Cluster),
}

/// A folder and, on PostgreSQL, a database in which nothing has been written.
pub struct Place {
    root: TempDir,
    config: StorageConfig,
}

impl Database {
    pub fn postgres() -> anyhow::Result<Self> {
        let settings = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on -c max_wal_size=4GB";
        Ok(Self::Postgres(Cluster::start(settings)?))
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    pub fn place(&self) -> anyhow::Result<Place> {
        let database_url = match self {
            Self::Sqlite => String::new(),
            Self::Postgres(cluster) => {
                let name = format!("b{}", Uuid::now_v7().simple());
                cluster.create(&name, "template0")?;
                cluster.url(&name)
            }
        };
        let root = tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let readers = NonZeroUsize::MIN;
        let config = StorageConfig { database_url, min_free_mb: 256, readers, key_file: PathBuf::new() };
        Ok(Place { root, config })
    }
}

impl Place {
    pub async fn open(&self, world: Arc<dyn World>) -> anyhow::Result<Storage> {
        Ok(Storage::open(&self.config, self.root.path(), &testing::node(), world).await?)
    }

    pub fn folder(&self) -> &Path {
        self.root.path()
    }

    /// Empty on SQLite.
    pub fn url(&self) -> &str {
        &self.config.database_url
    }
}
