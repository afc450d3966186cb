//! A PostgreSQL of our own, for the tests and for the benchmarks: it lives as long as this process.
//!
//! A shell holds the cluster and reads our pipe; the pipe closes however this process ends, and the shell stops the
//! server and removes its files.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

const SHELL: &str = r#"
trap '' INT TERM HUP
$AS "$BIN/initdb" -D "$HOME_DIR/data" -U postgres -A trust -E UTF8 --locale=C -N > "$HOME_DIR/log" 2>&1 &&
$AS "$BIN/pg_ctl" -D "$HOME_DIR/data" -w -t 120 -l "$HOME_DIR/server.log" -o "-k $HOME_DIR -h '' $SETTINGS" start \
  >> "$HOME_DIR/log" 2>&1 &&
echo ready || cat "$HOME_DIR"/*log
cat > /dev/null
$AS "$BIN/pg_ctl" -D "$HOME_DIR/data" -m immediate stop > /dev/null 2>&1
rm -rf "$HOME_DIR"
"#;

/// A running server; only this process knows its socket.
pub struct Cluster {
    /// The folder of its socket.
    pub socket: PathBuf,
    bin: PathBuf,
    /// Closed when this process ends.
    _pipe: ChildStdin,
    _shell: Child,
}

impl Cluster {
    /// Makes a cluster and starts it with these settings, written like `-c fsync=off`.
    pub fn start(settings: &str) -> anyhow::Result<Self> {
        let (bin, home) = (binaries()?, home()?);
        let mut shell = Command::new("sh")
            .args(["-c", SHELL])
            // The server refuses to run as root.
            .env("AS", if is_root() { "runuser -u postgres --" } else { "" })
            .env("BIN", &bin)
            .env("HOME_DIR", &home)
            .env("SETTINGS", settings)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("a shell for PostgreSQL")?;
        let said = BufReader::new(shell.stdout.take().context("its output")?);
        let said: Vec<String> = said.lines().map_while(Result::ok).take_while(|line| line != "ready").collect();
        ensure!(said.is_empty(), "PostgreSQL did not start:\n{}", said.join("\n"));
        let pipe = shell.stdin.take().context("its input")?;
        Ok(Self { socket: home, bin, _pipe: pipe, _shell: shell })
    }

    /// Makes a database as a copy of another; waits a few seconds for others to leave that one.
    pub fn create(&self, name: &str, template: &str) -> anyhow::Result<()> {
        let made = Command::new(self.bin.join("createdb"))
            .args(["-h", &self.socket.display().to_string(), "-U", "postgres", "-T", template, name])
            .output()
            .context("createdb runs")?;
        ensure!(made.status.success(), "createdb {name}: {}", String::from_utf8_lossy(&made.stderr));
        Ok(())
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql:///{database}?host={}&user=postgres", self.socket.display())
    }
}

/// Debian keeps them apart by version; the newest wins.
pub fn binaries() -> anyhow::Result<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort_by_key(|bin| bin.parent().and_then(Path::file_name).and_then(|v| v.to_str()?.parse::<u32>().ok()));
    found.pop().context("PostgreSQL under /usr/lib/postgresql: apt-get install postgresql (`make setup` does it)")
}

/// A folder that PostgreSQL's user can reach, with a name short enough for a socket.
fn home() -> anyhow::Result<PathBuf> {
    let parents = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), std::env::temp_dir()];
    let fits = |parent: &&PathBuf| parent.as_os_str().len() < 70;
    for parent in parents.iter().filter(fits) {
        let folder = tempfile::Builder::new().prefix("pg-").tempdir_in(parent)?.keep();
        if !is_root() || hand_over(&folder) {
            return Ok(folder);
        }
        let _ = std::fs::remove_dir_all(folder);
    }
    bail!("no folder that user postgres can reach: tried {parents:?}")
}

fn hand_over(folder: &Path) -> bool {
    let run = |program: &str, args: &[&OsStr]| {
        Command::new(program).args(args).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let folder = folder.as_os_str();
    let writes = ["-u", "postgres", "--", "test", "-w"].map(OsStr::new);
    run("chown", &["postgres".as_ref(), folder]) && run("runuser", &[&writes[..], &[folder]].concat())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
