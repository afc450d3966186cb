//! SQLite: one write connection, readers that cannot write, and a checkpointer beside them.
//!
//! Every write of every table goes through the one connection, one at a time. What has begun is carried out whether or
//! not its caller still waits: a cancelled caller loses the reply, never the transaction.

mod checkpointer;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use actors::ports::BoxError;
use diesel::{Connection, QueryResult, SqliteConnection, connection::SimpleConnection};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{Mutex as AsyncMutex, Semaphore},
};

use super::db::DbError;

pub(super) use checkpointer::Checkpointer;

/// Measured: pages of 8 kB, 64 MB of cache. A commit moves the WAL itself only when the checkpointer has not kept up.
const WRITER: &str = "PRAGMA busy_timeout = 1000; PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
    PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 16000;";
const READER: &str =
    "PRAGMA busy_timeout = 1000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192; PRAGMA query_only = ON;";
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

/// The database itself, open beside SQLite's connections so that it can be synced while they go on.
///
/// A process that closes any descriptor of a file gives up every lock it holds on it, SQLite's among them. So everything
/// that has a connection holds this too, and it is closed after the last one.
#[derive(Clone)]
pub(super) struct DatabaseFile(Arc<File>);

impl DatabaseFile {
    /// Opens what a connection has made.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(File::options().read(true).write(true).open(path)?)))
    }

    /// When this answers, what was written to it is on disk.
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// The one connection that writes. Cheap to clone.
#[derive(Clone)]
pub struct SqliteWriter(Arc<Writing>);

struct Writing {
    /// Whoever asks first is first. None: a job panicked with it, perhaps inside a transaction.
    conn: AsyncMutex<Option<SqliteConnection>>,
    /// Dropped after the connection.
    file: DatabaseFile,
}

impl SqliteWriter {
    /// Takes over the connection to this file.
    pub(super) fn new(conn: SqliteConnection, file: DatabaseFile) -> Self {
        Self(Arc::new(Writing { conn: AsyncMutex::new(Some(conn)), file }))
    }

    /// Runs on the write connection, on a thread that may block. Not inside a transaction. A caller that goes away
    /// loses the answer; what it asked for is done all the same.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> R + Send + 'static,
    ) -> Result<R, DbError> {
        let writing = self.0.clone();
        let hop = move || with(&mut writing.conn.blocking_lock(), work);
        tokio::task::spawn_blocking(hop).await.map_err(DbError::unavailable)?
    }

    /// The same on this very thread, for the one who writes all the time: a change of threads costs as much as a small
    /// commit. Work that is not `short` hands over what else this thread has to do; short work is done before that would
    /// be, and whoever waits for it goes on at once on this thread. What has begun cannot be cancelled.
    pub(super) async fn run_here<R>(
        &self,
        short: bool,
        work: impl FnOnce(&mut SqliteConnection) -> R,
    ) -> Result<R, DbError> {
        let mut conn = self.0.conn.lock().await;
        let runtime = Handle::current();
        match runtime.runtime_flavor() {
            // Others have only this thread and wait.
            RuntimeFlavor::CurrentThread => with(&mut conn, work),
            _ if short && runtime.metrics().num_workers() > 1 => with(&mut conn, work),
            _ => tokio::task::block_in_place(|| with(&mut conn, work)),
        }
    }

    /// The same at once or not at all: somebody else writes.
    pub(super) fn run_at_once<A, R>(
        &self,
        given: A,
        work: impl FnOnce(&mut SqliteConnection, A) -> R,
    ) -> Result<Result<R, DbError>, A> {
        match self.0.conn.try_lock() {
            Ok(mut conn) => Ok(with(&mut conn, |conn| work(conn, given))),
            Err(_) => Err(given),
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
    reading: Arc<Reading>,
    free: Arc<Semaphore>,
}

struct Reading {
    path: PathBuf,
    idle: Mutex<Vec<SqliteConnection>>,
    /// Dropped after the connections; none: this process does not write.
    _file: Option<DatabaseFile>,
}

impl SqliteReaders {
    /// At most `most` connections to this file, beside those of a writer.
    pub(super) fn beside(file: DatabaseFile, path: &Path, most: usize) -> Self {
        Self::of(Some(file), path, most)
    }

    /// The same in a process that does not write.
    pub(super) fn alone(path: &Path, most: usize) -> Self {
        Self::of(None, path, most)
    }

    fn of(file: Option<DatabaseFile>, path: &Path, most: usize) -> Self {
        let reading = Reading { path: path.to_owned(), idle: Mutex::default(), _file: file };
        Self { reading: Arc::new(reading), free: Arc::new(Semaphore::new(most)) }
    }

    /// One hop to a thread that may block, whatever the query does there.
    pub(super) async fn read<R: Send + 'static>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> QueryResult<R> + Send + 'static,
    ) -> Result<QueryResult<R>, DbError> {
        let permit = self.free.clone().acquire_owned().await.map_err(DbError::unavailable)?;
        let reading = self.reading.clone();
        let hop = move || {
            let _permit = permit;
            let kept = lock(&reading.idle).pop();
            let mut conn = kept.map_or_else(|| open_reader(&reading.path), Ok).map_err(DbError::Unavailable)?;
            let answer = query(&mut conn);
            lock(&reading.idle).push(conn);
            Ok(answer)
        };
        tokio::task::spawn_blocking(hop).await.map_err(DbError::unavailable)?
    }
}

/// A reader that panicked lost its connection, not the list of the others.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let readers = SqliteReaders::alone(&path, 1);
        let refused = readers.read(|conn| sql_query("INSERT INTO notes VALUES ('no')").execute(conn)).await.unwrap();
        assert_eq!(refused.unwrap_err().to_string(), "attempt to write a readonly database");
    }
}
