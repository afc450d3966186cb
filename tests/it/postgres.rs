//! A PostgreSQL for the tests: started when the first test asks. Each test gets a database of its own, copied from a
//! migrated template.

#[path = "../postgres_cluster.rs"]
mod postgres_cluster;

use std::{
    io::Write,
    num::NonZeroUsize,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use actors::testing::{TestWorld, node};
use greenroom::{config::StorageConfig, storage::Storage};
use tokio::sync::{Mutex, OnceCell};

use postgres_cluster::{Cluster, binaries};

/// No test pulls the plug, and the disk is shared with everything else.
const SETTINGS: &str = "-c max_connections=300 -c fsync=off -c full_page_writes=off -c autovacuum=off";

static SERVER: OnceCell<Cluster> = OnceCell::const_new();
/// PostgreSQL copies one database at a time from a template.
static COPYING: Mutex<()> = Mutex::const_new(());
static MADE: AtomicU32 = AtomicU32::new(0);

/// The address of a new, migrated database.
pub async fn database() -> String {
    copy_of("template_greenroom").await
}

/// The address of a new database without any table.
pub async fn empty_database() -> String {
    copy_of("template0").await
}

async fn copy_of(template: &str) -> String {
    let server = SERVER.get_or_init(start).await;
    let _turn = COPYING.lock().await;
    let name = format!("t{}", MADE.fetch_add(1, Ordering::Relaxed));
    server.create(&name, template).unwrap();
    server.url(&name)
}

/// The server's socket, for tests that stand between it and its client.
pub async fn socket() -> PathBuf {
    SERVER.get_or_init(start).await.socket.join(".s.PGSQL.5432")
}

async fn start() -> Cluster {
    let server = Cluster::start(SETTINGS).unwrap();
    server.create("template_greenroom", "template0").unwrap();
    migrate(server.url("template_greenroom")).await;
    server
}

async fn migrate(database_url: String) {
    let root = tempfile::tempdir().expect("a folder");
    let config = StorageConfig { database_url, min_free_mb: 0, readers: NonZeroUsize::MIN, key_file: PathBuf::new() };
    Storage::open(&config, root.path(), &node(), Arc::new(TestWorld::new(1))).await.expect("a migrated template");
}

/// A client that reads SQL.
pub fn psql(url: &str) -> Command {
    let mut psql = Command::new(binaries().unwrap().join("psql"));
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", url]);
    psql
}

/// Runs SQL as the tests' own hand.
pub fn sql(url: &str, text: &str) {
    let mut psql =
        psql(url).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("psql runs");
    psql.stdin.take().expect("its input").write_all(text.as_bytes()).expect("SQL");
    let ended = psql.wait_with_output().expect("psql ends");
    assert!(ended.status.success(), "psql: {}", String::from_utf8_lossy(&ended.stderr));
}
