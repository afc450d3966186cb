//! A PostgreSQL of our own for the tests: started when the first test asks, stopped when this process ends.
//!
//! A shell holds the cluster and reads our pipe; the pipe closes however this process ends, and the shell stops the
//! server and removes its files. Each test gets a database of its own, copied from a migrated template.

use std::{
    io::{BufRead, BufReader, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use actors::testing::{TestWorld, node};
use greenroom::{config::StorageConfig, storage::Storage};
use tokio::sync::{Mutex, OnceCell};

/// fsync is off: no test pulls the plug, and the disk is shared with everything else.
const CLUSTER: &str = r#"
trap '' INT TERM HUP
$AS "$BIN/initdb" -D "$HOME_DIR/data" -U postgres -A trust -E UTF8 --locale=C -N > "$HOME_DIR/log" 2>&1 &&
$AS "$BIN/pg_ctl" -D "$HOME_DIR/data" -w -t 120 -l "$HOME_DIR/server.log" -o "-k $HOME_DIR -h '' -c max_connections=300 \
  -c fsync=off -c full_page_writes=off -c autovacuum=off" start >> "$HOME_DIR/log" 2>&1 &&
echo ready || cat "$HOME_DIR"/*log
cat > /dev/null
$AS "$BIN/pg_ctl" -D "$HOME_DIR/data" -m immediate stop > /dev/null 2>&1
rm -rf "$HOME_DIR"
"#;

static SERVER: OnceCell<Server> = OnceCell::const_new();
/// PostgreSQL copies one database at a time from a template.
static COPYING: Mutex<()> = Mutex::const_new(());
static MADE: AtomicU32 = AtomicU32::new(0);

struct Server {
    bin: PathBuf,
    socket: PathBuf,
    /// Closed when this process ends.
    _pipe: ChildStdin,
    _shell: Child,
}

/// The address of a new, migrated database.
pub async fn database() -> String {
    let server = SERVER.get_or_init(start).await;
    let _turn = COPYING.lock().await;
    let name = format!("t{}", MADE.fetch_add(1, Ordering::Relaxed));
    server.create(&name, "template_greenroom");
    server.url(&name)
}

/// The address of a new database without any table.
pub async fn empty_database() -> String {
    let server = SERVER.get_or_init(start).await;
    let _turn = COPYING.lock().await;
    let name = format!("t{}", MADE.fetch_add(1, Ordering::Relaxed));
    server.create(&name, "template0");
    server.url(&name)
}

/// The server's socket, for tests that stand between it and its client.
pub async fn socket() -> PathBuf {
    SERVER.get_or_init(start).await.socket.join(".s.PGSQL.5432")
}

async fn start() -> Server {
    let bin = binaries();
    let home = home();
    let mut shell = Command::new("sh")
        .args(["-c", CLUSTER])
        // The server refuses to run as root.
        .env("AS", if is_root() { "runuser -u postgres --" } else { "" })
        .env("BIN", &bin)
        .env("HOME_DIR", &home)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell for PostgreSQL");
    let said = BufReader::new(shell.stdout.take().expect("its output"));
    let said: Vec<String> = said.lines().map_while(Result::ok).take_while(|line| line != "ready").collect();
    assert!(said.is_empty(), "PostgreSQL did not start:\n{}", said.join("\n"));
    let pipe = shell.stdin.take().expect("its input");
    let server = Server { bin, socket: home, _pipe: pipe, _shell: shell };
    server.create("template_greenroom", "template0");
    migrate(server.url("template_greenroom")).await;
    server
}

async fn migrate(database_url: String) {
    let root = tempfile::tempdir().expect("a folder");
    let config = StorageConfig { database_url, min_free_mb: 0, readers: NonZeroUsize::MIN, key_file: PathBuf::new() };
    Storage::open(&config, root.path(), &node(), Arc::new(TestWorld::new(1))).await.expect("a migrated template");
}

impl Server {
    fn url(&self, database: &str) -> String {
        format!("postgresql:///{database}?host={}&user=postgres", self.socket.display())
    }

    fn create(&self, name: &str, template: &str) {
        // It waits a few seconds for others to leave the template.
        let made = Command::new(self.bin.join("createdb"))
            .args(["-h", &self.socket.display().to_string(), "-U", "postgres", "-T", template, name])
            .output()
            .expect("createdb runs");
        assert!(made.status.success(), "createdb {name}: {}", String::from_utf8_lossy(&made.stderr));
    }
}

/// Debian keeps them apart by version; the newest wins.
fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort_by_key(|bin| bin.parent().and_then(Path::file_name).and_then(|v| v.to_str()?.parse::<u32>().ok()));
    found.pop().expect("PostgreSQL under /usr/lib/postgresql: apt-get install postgresql (`make test` does it)")
}

/// A folder that PostgreSQL's user can reach, with a name short enough for a socket.
fn home() -> PathBuf {
    let parents = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), std::env::temp_dir()];
    let fits = |parent: &&PathBuf| parent.as_os_str().len() < 70;
    for parent in parents.iter().filter(fits) {
        let folder = tempfile::Builder::new().prefix("pg-").tempdir_in(parent).expect("a folder").keep();
        if !is_root() || hand_over(&folder) {
            return folder;
        }
        let _ = std::fs::remove_dir_all(folder);
    }
    panic!("no folder that user postgres can reach: tried {parents:?}");
}

fn hand_over(folder: &Path) -> bool {
    let run = |program: &str, args: &[&std::ffi::OsStr]| {
        Command::new(program).args(args).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    run("chown", &["postgres".as_ref(), folder.as_ref()])
        && run(
            "runuser",
            &["-u", "postgres", "--", "test", "-w"]
                .map(AsRef::as_ref)
                .iter()
                .copied()
                .chain([folder.as_os_str()])
                .collect::<Vec<_>>(),
        )
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs SQL as the tests' own hand.
pub fn sql(url: &str, text: &str) {
    let bin = binaries();
    let mut psql = Command::new(bin.join("psql"))
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql runs");
    psql.stdin.take().expect("its input").write_all(text.as_bytes()).expect("SQL");
    let ended = psql.wait_with_output().expect("psql ends");
    assert!(ended.status.success(), "psql: {}", String::from_utf8_lossy(&ended.stderr));
}
