//! A container engine of our own, for the tests and for the benchmarks: Debian's, with its own folders and socket, for as
//! long as this process lives.
//!
//! A shell holds it and reads our pipe; the pipe closes however this process ends, and the shell stops the engine, waits
//! until it is gone, and removes its files.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context as _, ensure};

/// No bridge and no rules: nothing of the machine's network is touched.
const SHELL: &str = r#"
trap '' INT TERM HUP
echo '{}' > "$HOME_DIR/settings.json"
start() {
  dockerd --config-file "$HOME_DIR/settings.json" --data-root "$HOME_DIR/data" --exec-root "$HOME_DIR/exec" \
    --pidfile "$HOME_DIR/pid" --host "unix://$HOME_DIR/sock" --bridge=none --iptables=false --ip-forward=false \
    --ip-masq=false --storage-driver "$1" > "$HOME_DIR/log" 2>&1 &
  ENGINE=$!
  while kill -0 $ENGINE 2>/dev/null; do
    [ -S "$HOME_DIR/sock" ] && docker --host "unix://$HOME_DIR/sock" version > /dev/null 2>&1 && return 0
    sleep 0.05
  done
  return 1
}
if start overlay2 || start vfs; then
  tar -C "$HOME_DIR/root" -c . | docker --host "unix://$HOME_DIR/sock" import - "$IMAGE" > /dev/null && echo ready
else
  tail -n 5 "$HOME_DIR/log"
fi
cat > /dev/null
kill $ENGINE 2>/dev/null
wait $ENGINE
rm -rf "$HOME_DIR"
"#;

/// What lies in its containers: one program with many names.
pub const IMAGE: &str = "greenroom-tests";
const PROGRAM: &str = "/bin/busybox";

/// The engine.
pub struct Engine {
    pub socket: PathBuf,
    /// Closed when this process ends.
    _pipe: ChildStdin,
    _shell: Child,
}

impl Engine {
    /// Needs root. Waits until it answers and has the image.
    pub fn start() -> anyhow::Result<Self> {
        let home = tempfile::Builder::new().prefix("engine-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?.keep();
        put_root(&home.join("root")).with_context(|| format!("{PROGRAM} (`make setup` installs busybox-static)"))?;
        let mut shell = Command::new("sh")
            .args(["-c", SHELL])
            .env("PATH", format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default()))
            .env("HOME_DIR", &home)
            .env("IMAGE", IMAGE)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("a shell for dockerd")?;
        let said = BufReader::new(shell.stdout.take().context("its output")?);
        let mut said = said.lines().map_while(Result::ok);
        let first = said.next().unwrap_or_default();
        ensure!(first == "ready", "dockerd does not start (`make setup` installs it; it needs root): {first}");
        let pipe = shell.stdin.take().context("its input")?;
        Ok(Self { socket: home.join("sock"), _pipe: pipe, _shell: shell })
    }
}

/// A file system with a shell and what goes with it.
fn put_root(root: &Path) -> anyhow::Result<()> {
    for folder in ["bin", "tmp", "etc"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    fs::copy(PROGRAM, root.join("bin/busybox"))?;
    let names = Command::new(PROGRAM).arg("--list").output()?;
    for name in String::from_utf8_lossy(&names.stdout).lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(name))?;
    }
    Ok(())
}
