//! SQLite: one write connection, readers that cannot write, and a checkpointer beside them.
//!
//! Every write of every table goes through the one connection, one at a time. What has begun is carried out whether or
//! not its caller still waits: a cancelled caller loses the reply, never the transaction.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc as std_mpsc},
    thread,
    time::Duration,
};

use actors::ports::BoxError;
use diesel::{Connection, QueryResult, SqliteConnection, connection::SimpleConnection};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{Mutex as AsyncMutex, Semaphore},
};

use super::db::DbError;

/// Measured: pages of 8 kB, 64 MB of cache. A commit moves the WAL itself only when the checkpointer has not kept up:
/// one in twenty small ones did at a thousand pages.
const WRITER: &str = "PRAGMA busy_timeout = 1000; PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
    PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 16000;";
const READER: &str =
    "PRAGMA busy_timeout = 1000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192; PRAGMA query_only = ON;";
const CHECKPOINTER: &str = "PRAGMA busy_timeout = 1000; PRAGMA wal_autocheckpoint = 0;";

/// The least time between two checkpoints beside the writer.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(20);

/// Opens the connection that may write.
pub(super) fn open_writer(path: &Path) -> Result<SqliteConnection, BoxError> {
    open(path, WRITER)
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<SqliteConnection, BoxError> {
    open(path, READER)
}

fn open(path: &Path, pragmas: &str) -> Result<SqliteConnection, BoxError> {
    let name = path.to_str().ok_or("the path is not valid UTF-8")?;
    let mut conn = SqliteConnection::establish(name)?;
    conn.batch_execute(pragmas)?;
    Ok(conn)
}

/// The one connection that writes. Cheap to clone.
#[derive(Clone)]
pub struct SqliteWriter {
    /// Whoever asks first is first. None: a job panicked with it, perhaps inside a transaction.
    conn: Arc<AsyncMutex<Option<SqliteConnection>>>,
}

impl SqliteWriter {
    /// Takes over the connection.
    pub(super) fn new(conn: SqliteConnection) -> Self {
        Self { conn: Arc::new(AsyncMutex::new(Some(conn))) }
    }

    /// Runs on the write connection, on a thread that may block. Not inside a transaction. A caller that goes away
    /// loses the answer; what it asked for is done all the same.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> R + Send + 'static,
    ) -> Result<R, DbError> {
        let conn = self.conn.clone();
        let hop = move || with(&mut conn.blocking_lock(), work);
        tokio::task::spawn_blocking(hop).await.map_err(DbError::unavailable)?
    }

    /// The same on this very thread, for the one who writes all the time: two changes of threads cost as much as a
    /// small commit. What has begun cannot be cancelled.
    pub(super) async fn run_here<R>(&self, work: impl FnOnce(&mut SqliteConnection) -> R) -> Result<R, DbError> {
        let mut conn = self.conn.lock().await;
        match Handle::current().runtime_flavor() {
            // Others have only this thread and wait.
            RuntimeFlavor::CurrentThread => with(&mut conn, work),
            _ => tokio::task::block_in_place(|| with(&mut conn, work)),
        }
    }
}

fn with<R>(place: &mut Option<SqliteConnection>, work: impl FnOnce(&mut SqliteConnection) -> R) -> Result<R, DbError> {
    let broken = || DbError::unavailable("writing to SQLite has failed inside the runtime; the log has the details");
    let mut conn = place.take().ok_or_else(broken)?;
    let done = work(&mut conn);
    *place = Some(conn);
    Ok(done)
}

/// Connections that cannot write, opened when they are first needed. Cheap to clone.
#[derive(Clone)]
pub struct SqliteReaders {
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<SqliteConnection>>>,
    free: Arc<Semaphore>,
}

impl SqliteReaders {
    /// At most `most` connections to this file.
    pub(super) fn new(path: &Path, most: usize) -> Self {
        Self { path: Arc::new(path.to_owned()), idle: Arc::default(), free: Arc::new(Semaphore::new(most)) }
    }

    /// One hop to a thread that may block, whatever the query does there.
    pub(super) async fn read<R: Send + 'static>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> QueryResult<R> + Send + 'static,
    ) -> Result<QueryResult<R>, DbError> {
        let permit = self.free.clone().acquire_owned().await.map_err(DbError::unavailable)?;
        let (path, idle) = (self.path.clone(), self.idle.clone());
        let hop = move || {
            let _permit = permit;
            let kept = lock(&idle).pop();
            let mut conn = kept.map_or_else(|| open_reader(&path), Ok).map_err(DbError::Unavailable)?;
            let answer = query(&mut conn);
            lock(&idle).push(conn);
            Ok(answer)
        };
        tokio::task::spawn_blocking(hop).await.map_err(DbError::unavailable)?
    }
}

/// A reader that panicked lost its connection, not the list of the others.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves the WAL into the database beside the writer, so that no commit has to (p99 16 → 7 ms).
/// It runs only after writes: an idle database has no wake-ups.
pub(super) struct Checkpointer {
    pokes: std_mpsc::SyncSender<()>,
    /// Dropped with the checkpointer: ends the pause between two rounds at once.
    _alive: std_mpsc::Sender<()>,
}

impl Checkpointer {
    /// Starts its thread on a connection of its own.
    pub(super) fn start(path: &Path) -> Result<Self, BoxError> {
        let mut conn = open(path, CHECKPOINTER)?;
        let (pokes, poked) = std_mpsc::sync_channel::<()>(1);
        let (alive, ended) = std_mpsc::channel::<()>();
        thread::Builder::new().name("sqlite-checkpointer".to_owned()).spawn(move || {
            while poked.recv().is_ok() {
                if let Err(error) = conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)") {
                    tracing::debug!(%error, "a checkpoint beside the writer did not succeed; the next one will");
                }
                if let Err(std_mpsc::RecvTimeoutError::Disconnected) = ended.recv_timeout(CHECKPOINT_PAUSE) {
                    break;
                }
            }
        })?;
        Ok(Self { pokes, _alive: alive })
    }

    /// There is something to move. One poke waiting is enough.
    pub(super) fn poke(&self) {
        let _ = self.pokes.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use diesel::{
        RunQueryDsl,
        dsl::{select, sql},
        sql_query,
        sql_types::Integer,
    };

    use super::*;

    #[tokio::test]
    async fn only_the_writer_writes_and_it_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("greenroom.db");
        let mut writer = open_writer(&path).unwrap();
        writer.batch_execute("CREATE TABLE notes (note TEXT)").unwrap();
        let synchronous = select(sql::<Integer>("synchronous FROM pragma_synchronous")).get_result::<i32>(&mut writer);
        assert_eq!(synchronous, Ok(2), "FULL: each commit is synced");
        let readers = SqliteReaders::new(&path, 1);
        let refused = readers.read(|conn| sql_query("INSERT INTO notes VALUES ('no')").execute(conn)).await.unwrap();
        assert_eq!(refused.unwrap_err().to_string(), "attempt to write a readonly database");
    }
}
