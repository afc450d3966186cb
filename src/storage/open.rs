//! Opening the store.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use actors::{
    domain::NodeName,
    evidence::canonical,
    ports::{Blobs, BoxError, Journal, Records, World},
};
use diesel::prelude::*;
use ed25519_dalek::VerifyingKey;

use super::{
    accounts::Accounts,
    archive::Archive,
    blobs::FileBlobs,
    db::{Db, DbError, Open},
    disk::{Admission, Reserve},
    journal::{postgres::PostgresJournal, sqlite::SqliteJournal},
    migrations, postgres,
    records::ReadBack,
    schema::signing_keys,
    sqlite::{Checkpointer, DatabaseFile, SqliteReaders, SqliteWriter, open_writer},
    vault::Vault,
    writes::{Writes, on_writes},
};
use crate::{
    config::StorageConfig,
    secrets::{KeyError, SecretKey},
};

/// The store, open. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    pub db: Db,
    pub journal: Arc<dyn Journal>,
    pub records: Arc<dyn Records>,
    pub blobs: Arc<dyn Blobs>,
    pub accounts: Accounts,
    pub vault: Vault,
    writes: Writes,
    node: NodeName,
}

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("could not make the folder {path}")]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("could not open the database {what}")]
    Connect {
        /// A file, or an address without its password.
        what: String,
        #[source]
        source: BoxError,
    },
    #[error("could not bring the database {what} up to date")]
    Migrate {
        what: String,
        #[source]
        source: BoxError,
    },
    #[error("the key file {path} is gone, and stored secrets ({count}) open with no other; restore it from a backup")]
    KeyGone { path: PathBuf, count: i64 },
    #[error("the key file {path} holds another key than the one that sealed the stored secrets; restore the right one")]
    OtherKey { path: PathBuf },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("could not read what is stored")]
    Read(#[from] DbError),
    #[error("there is no database {path}; is this the right data root?")]
    NotThere { path: PathBuf },
}

impl Storage {
    /// Opens the store of a node, brings it up to date, and makes it when there is none.
    pub async fn open(
        config: &StorageConfig,
        data_root: &Path,
        node: &NodeName,
        world: Arc<dyn World>,
    ) -> Result<Self, OpenError> {
        make_folder(data_root)?;
        let folder = data_root.join("blobs");
        let blobs = FileBlobs::open(folder.clone()).map_err(|source| OpenError::Folder { path: folder, source })?;
        let opened = match config.database_url.as_str() {
            "" => open_sqlite(config, data_root, world.clone()).await?,
            url => open_postgres(url, config, data_root, node, world.clone()).await?,
        };
        let Opened { db, writes, journal } = opened;
        let key = secret_key(config, data_root, &db).await?;
        Ok(Self {
            records: Arc::new(ReadBack(db.clone())),
            accounts: Accounts { db: db.clone(), writes: writes.clone(), world: world.clone() },
            vault: Vault::new(db.clone(), writes.clone(), key, world),
            db,
            journal,
            blobs: Arc::new(blobs),
            writes,
            node: node.clone(),
        })
    }

    /// Makes the public half of this node's evidence key known, so that its checkpoints can be verified.
    pub async fn register_signing_key(&self, key: &VerifyingKey) -> Result<(), DbError> {
        let bytes = key.to_bytes();
        let row = (
            signing_keys::node.eq(self.node.to_string()),
            signing_keys::key_id.eq(hex::encode(&canonical::sha256(&bytes).0[..8])),
            signing_keys::public_key.eq(bytes.to_vec()),
            signing_keys::since_ms.eq(self.db.world.now_ms()),
        );
        on_writes!(self.writes, rows: diesel::insert_into(signing_keys::table).values(row).on_conflict_do_nothing())?;
        Ok(())
    }
}

fn make_folder(path: &Path) -> Result<(), OpenError> {
    std::fs::create_dir_all(path).map_err(|source| OpenError::Folder { path: path.to_owned(), source })
}

/// Where SQLite's file lies.
pub(super) fn sqlite_file(data_root: &Path) -> PathBuf {
    data_root.join("greenroom.db")
}

/// What differs between the two databases.
struct Opened {
    db: Db,
    writes: Writes,
    journal: Arc<dyn Journal>,
}

async fn open_sqlite(config: &StorageConfig, data_root: &Path, world: Arc<dyn World>) -> Result<Opened, OpenError> {
    let path = sqlite_file(data_root);
    let what = || path.display().to_string();
    let connect = |source: BoxError| OpenError::Connect { what: what(), source };
    let conn = open_writer(&path).map_err(connect)?;
    let file = DatabaseFile::open(&path).map_err(|source| connect(source.into()))?;
    let writer = SqliteWriter::new(conn, file.clone());
    writer.run(migrations::run_sqlite).await?.map_err(|source| OpenError::Migrate { what: what(), source })?;
    let readers = SqliteReaders::beside(file, &path, config.readers.get());
    let checkpointer = Checkpointer::start(&path, writer.clone()).map_err(connect)?;
    let admission = Admission::new(data_root, config.min_free_mb);
    let reserve = Reserve::beside(&path);
    let journal = SqliteJournal::open(writer.clone(), path.clone(), checkpointer, admission, reserve).await?;
    let db = Db { open: Open::Sqlite(readers), world };
    Ok(Opened { db, writes: Writes::Sqlite(writer), journal: Arc::new(journal) })
}

async fn open_postgres(
    url: &str,
    config: &StorageConfig,
    data_root: &Path,
    node: &NodeName,
    world: Arc<dyn World>,
) -> Result<Opened, OpenError> {
    let what = || postgres::without_password(url);
    let connect = |source: BoxError| OpenError::Connect { what: what(), source };
    let conn = postgres::connect(url).await.map_err(|error| connect(error.into()))?;
    migrations::run_postgres(conn).await.map_err(|source| OpenError::Migrate { what: what(), source })?;
    // One more for what accounts and secrets write.
    let most = u32::try_from(config.readers.get()).unwrap_or(u32::MAX).saturating_add(1);
    let pool = postgres::pool(url, most).await.map_err(connect)?;
    let nodes = postgres::nodes(&pool, Some(node)).await?;
    let admission = Admission::new(data_root, config.min_free_mb);
    let journal = PostgresJournal::start(url.to_owned(), admission).await;
    let journal = journal.map_err(|unavailable| connect(unavailable.0))?;
    let db = Db { open: Open::Postgres(pool.clone(), nodes.into()), world };
    Ok(Opened { db, writes: Writes::Postgres(pool), journal: Arc::new(journal) })
}

/// The key that opens the stored secrets. It is made only where nothing is sealed yet.
async fn secret_key(config: &StorageConfig, data_root: &Path, db: &Db) -> Result<SecretKey, OpenError> {
    let path = match config.key_file.as_os_str().is_empty() {
        true => data_root.join("keys").join("secrets.key"),
        false => config.key_file.clone(),
    };
    match sealing_key(&path, db).await? {
        Some(key) => Ok(key),
        None => Ok(SecretKey::load_or_create(&path)?),
    }
}

/// The key that sealed what is stored; none: nothing is sealed yet.
async fn sealing_key(path: &Path, db: &Db) -> Result<Option<SecretKey>, OpenError> {
    let sealed_with = super::vault::keys_in_use(db).await?;
    if sealed_with.is_empty() {
        return Ok(None);
    }
    let path = path.to_owned();
    let key = match SecretKey::load(&path) {
        Err(KeyError::Gone { .. }) => {
            let count = sealed_with.iter().map(|(_, count)| count).sum();
            return Err(OpenError::KeyGone { path, count });
        }
        loaded => loaded?,
    };
    match sealed_with.iter().all(|(id, _)| id == key.id()) {
        true => Ok(Some(key)),
        false => Err(OpenError::OtherKey { path }),
    }
}

impl Archive {
    /// Whether the next start can open the stored secrets with this key file. Changes nothing.
    pub async fn opens_secrets(&self, key_file: &Path) -> Result<(), OpenError> {
        sealing_key(key_file, &self.db).await.map(drop)
    }
}
