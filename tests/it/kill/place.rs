//! Where a server keeps what it has: a folder, and one of the two databases.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::process::Command;

use crate::postgres;

const PROGRAM: &str = env!("CARGO_BIN_EXE_greenroom");

/// Where the journal lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What outlives a server: a data root of its own, its database, and the profiles of its browsers.
pub(super) struct Place {
    pub(super) root: TempDir,
    pub(super) data_root: PathBuf,
    /// Empty: SQLite in the data root.
    database_url: String,
    /// Where the system calls of its servers are written down, if they are.
    calls: Option<PathBuf>,
}

impl Place {
    pub(super) async fn new(database: Database) -> Self {
        let root = tempfile::tempdir().unwrap();
        let database_url = match database {
            Database::Sqlite => String::new(),
            Database::Postgres => postgres::database().await,
        };
        Self { data_root: root.path().join("data"), root, database_url, calls: None }
    }

    /// With the data root elsewhere, on SQLite.
    pub(super) fn on(data_root: PathBuf) -> Self {
        Self { root: tempfile::tempdir().unwrap(), data_root, database_url: String::new(), calls: None }
    }

    /// Its servers run under `strace`, which writes into this file what they write and sync.
    pub(super) fn traced(mut self) -> (Self, PathBuf) {
        let file = self.root.path().join("calls");
        self.calls = Some(file.clone());
        (self, file)
    }

    /// Where the profiles of the browsers are, and nothing else.
    pub(super) fn browsers(&self) -> PathBuf {
        self.root.path().join("browsers")
    }

    /// The program on this place, without any variable of this machine's.
    pub(super) fn command(&self) -> Command {
        self.prepared(Command::new(PROGRAM))
    }

    /// The program where there is no network at all: not even this machine's own is up.
    pub(super) fn dark(&self) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", PROGRAM]);
        self.prepared(command)
    }

    /// The program, to be a server.
    pub(super) fn server(&self) -> Command {
        let Some(file) = &self.calls else { return self.command() };
        let mut command = Command::new("strace");
        // The server stays our child; `-y`: files by name.
        command.args(["-D", "-f", "-qq", "-y", "-s", "300", "-e", "trace=fsync,fdatasync,write,pwrite64"]);
        command.arg("-o").arg(file).arg(PROGRAM);
        self.prepared(command)
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("DATA_ROOT", &self.data_root).env("DATABASE_URL", &self.database_url);
        command
    }

    /// The address of its PostgreSQL.
    pub(super) fn database_url(&self) -> &str {
        &self.database_url
    }
}
