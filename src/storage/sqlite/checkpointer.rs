//! Moves the WAL into the database beside the writer, so that no commit has to, and lets it begin anew.
//!
//! A WAL that only grows costs every commit twice what it needs: each sync of a longer file writes what the file system
//! notes of it, too. It begins anew at the write after a checkpoint that left nothing behind, which one beside a busy
//! writer never is: what came while it ran is left. So most of the way is gone beside the writer, the disk's part
//! included, until little comes in a round, and the rest while it stands still (0.5 ms, once in some hundred commits). A
//! writer that is too far ahead is left alone.
//!
//! It runs only after writes: an idle database has no wake-ups.

use std::{
    io, mem,
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use actors::ports::BoxError;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types::Integer};

use super::{SqliteWriter, open};

const SETTINGS: &str = "PRAGMA busy_timeout = 1000; PRAGMA wal_autocheckpoint = 0;";

/// The least time between two checkpoints beside the writer.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it is gone after a writer that goes on.
const ROUNDS: usize = 3;
/// Pages that came during one round for which the writer may be held up.
const FEW: i32 = 32;

/// The thread that moves the WAL.
pub(in crate::storage) struct Checkpointer {
    pokes: mpsc::SyncSender<()>,
    /// Dropped with the checkpointer: ends the pause between two rounds at once.
    _alive: mpsc::Sender<()>,
}

impl Checkpointer {
    /// Starts its thread on a connection of its own.
    pub(in crate::storage) fn start(path: &Path, writer: SqliteWriter) -> Result<Self, BoxError> {
        let conn = open(path, SETTINGS)?;
        let (pokes, poked) = mpsc::sync_channel::<()>(1);
        let (alive, ended) = mpsc::channel::<()>();
        thread::Builder::new().name("sqlite-checkpointer".to_owned()).spawn(move || {
            // Here it is dropped before the writer, which holds the file.
            let mut conn = conn;
            while poked.recv().is_ok() {
                if let Err(error) = checkpoint(&mut conn, &writer) {
                    tracing::debug!(%error, "a checkpoint beside the writer did not succeed; the next one will");
                }
                if let Err(RecvTimeoutError::Disconnected) = ended.recv_timeout(PAUSE) {
                    break;
                }
            }
        })?;
        Ok(Self { pokes, _alive: alive })
    }

    /// There is something to move. One poke waiting is enough.
    pub(in crate::storage) fn poke(&self) {
        let _ = self.pokes.try_send(());
    }
}

/// What `PRAGMA wal_checkpoint` answers.
#[derive(QueryableByName)]
struct Moved {
    /// Pages in the WAL.
    #[diesel(sql_type = Integer)]
    log: i32,
    /// Of those, how many are in the database too.
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl Moved {
    /// Somebody reads what is older. Pages that came meanwhile are in neither figure.
    fn is_held_up(&self) -> bool {
        self.checkpointed < self.log
    }
}

fn checkpoint(conn: &mut SqliteConnection, writer: &SqliteWriter) -> Result<(), BoxError> {
    if catch_up(conn, || writer.0.file.sync())? {
        move_the_rest(conn, writer)?;
    }
    Ok(())
}

/// While the writer stands still.
fn move_the_rest(conn: &mut SqliteConnection, writer: &SqliteWriter) -> Result<(), BoxError> {
    let _still = writer.0.conn.blocking_lock();
    passive(conn).map(drop)
}

/// Goes after a writer that goes on. Whether it came so near that the rest is little.
fn catch_up(conn: &mut SqliteConnection, sync: impl Fn() -> io::Result<()>) -> Result<bool, BoxError> {
    let mut moved = passive(conn)?;
    for _ in 0..ROUNDS {
        // SQLite syncs the database itself only when nothing is left: then it would have all of it to sync.
        sync()?;
        let before = mem::replace(&mut moved, passive(conn)?);
        let came = moved.log - before.log;
        if came <= FEW {
            return Ok(!moved.is_held_up());
        }
    }
    Ok(false)
}

fn passive(conn: &mut SqliteConnection) -> Result<Moved, BoxError> {
    Ok(sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(conn)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::storage::sqlite::{DatabaseFile, open_reader, open_writer};

    /// A database, its writer, and a connection beside it.
    struct Database {
        folder: tempfile::TempDir,
        writer: SqliteWriter,
        beside: SqliteConnection,
    }

    impl Database {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("greenroom.db");
            let mut conn = open_writer(&path).unwrap();
            conn.batch_execute("CREATE TABLE notes (note TEXT)").unwrap();
            let writer = SqliteWriter::new(conn, DatabaseFile::open(&path).unwrap());
            let beside = open(&path, SETTINGS).unwrap();
            Self { folder, writer, beside }
        }

        fn write(&self, rows: usize) {
            let mut conn = self.writer.0.conn.blocking_lock();
            for _ in 0..rows {
                conn.as_mut().unwrap().batch_execute("INSERT INTO notes VALUES (hex(randomblob(2000)))").unwrap();
            }
        }

        fn size_of_log(&self) -> u64 {
            fs::metadata(self.folder.path().join("greenroom.db-wal")).unwrap().len()
        }

        fn checkpoint(&mut self) {
            checkpoint(&mut self.beside, &self.writer).unwrap();
        }
    }

    #[test]
    fn the_log_begins_anew_after_a_checkpoint_and_grows_only_while_somebody_reads_from_it() {
        let mut database = Database::new();
        database.write(50);
        let before = database.size_of_log();
        database.checkpoint();
        database.write(20);
        assert_eq!(database.size_of_log(), before, "it begins anew");

        let mut reader = open_reader(&database.folder.path().join("greenroom.db")).unwrap();
        reader.batch_execute("BEGIN; SELECT count(*) FROM notes").unwrap();
        database.write(5);
        database.checkpoint();
        database.write(50);
        assert!(database.size_of_log() > before, "what somebody reads is not written over");
        reader.batch_execute("COMMIT").unwrap();
        let before = database.size_of_log();
        database.checkpoint();
        database.write(20);
        assert_eq!(database.size_of_log(), before);
    }

    #[test]
    fn what_comes_while_it_catches_up_is_moved_too() {
        let mut database = Database::new();
        let Database { writer, beside, .. } = &mut database;
        let goes_on = || {
            let mut conn = writer.0.conn.blocking_lock();
            conn.as_mut().unwrap().batch_execute("INSERT INTO notes VALUES ('meanwhile')").unwrap();
            Ok(())
        };
        assert!(catch_up(beside, goes_on).unwrap(), "SQLite has moved all that it saw, and more may have come");
        database.write(50);
        move_the_rest(&mut database.beside, &database.writer).unwrap();
        let before = database.size_of_log();
        database.write(20);
        assert_eq!(database.size_of_log(), before, "it begins anew");
    }
}
