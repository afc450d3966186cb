//! A container engine of our own: Debian's, with its own folders and socket, for as long as the tests run.
//!
//! A shell holds it and reads our pipe; the pipe closes however this process ends, and the shell stops the engine, waits
//! until it is gone, and removes its files.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
};

use bollard::{API_DEFAULT_VERSION, Docker, query_parameters::WaitContainerOptionsBuilder};
use futures::StreamExt as _;

use crate::sandbox::MAY_SKIP;

/// No bridge and no rules: nothing of the machine's network is touched. What the engine says while it starts is its log.
const SHELL: &str = r#"
trap '' INT TERM HUP
mkdir -p "$HOME_DIR/config" && echo '{}' > "$HOME_DIR/config/daemon.json"
start() {
  dockerd --config-file "$HOME_DIR/config/daemon.json" --data-root "$HOME_DIR/data" --exec-root "$HOME_DIR/exec" \
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
umount "$HOME_DIR"/exec/netns/default 2>/dev/null
rm -rf "$HOME_DIR"
"#;

/// What lies in its containers: one program with many names.
pub(super) const IMAGE: &str = "greenroom-tests";
const PROGRAM: &str = "/bin/busybox";

/// The engine.
pub(super) struct Engine {
    pub(super) socket: PathBuf,
    /// Closed when this process ends.
    _pipe: ChildStdin,
    _shell: Child,
}

static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();

/// None: this machine runs none, and whoever runs the tests has said that they may be left out.
pub(super) fn of_this_machine() -> Option<&'static Engine> {
    let why = match ENGINE.get_or_init(Engine::start) {
        Ok(engine) => return Some(engine),
        Err(why) => why,
    };
    let allowed = env::var(MAY_SKIP).unwrap_or_default();
    let may = allowed.split(',').any(|allowed| allowed.trim() == "containers");
    assert!(may, "no container engine: {why}; to leave these tests out, set {MAY_SKIP}=containers");
    let unproven = "containers: SKIPPED, so nothing is proven of their time-outs, limits, walls, leash and sweep";
    let _ = writeln!(std::io::stderr(), "{unproven}, as {MAY_SKIP} allows: {why}");
    None
}

impl Engine {
    fn start() -> Result<Self, String> {
        let home = tempfile::Builder::new().prefix("engine-").tempdir_in(env!("CARGO_TARGET_TMPDIR"));
        let home = home.map_err(|error| error.to_string())?.keep();
        put_root(&home.join("root"))?;
        let path = format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh")
            .args(["-c", SHELL])
            .env("PATH", path)
            .env("HOME_DIR", &home)
            .env("IMAGE", IMAGE)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("no shell: {error}"))?;
        let said = BufReader::new(shell.stdout.take().ok_or("no output")?);
        let said: Vec<String> = said.lines().map_while(Result::ok).take(5).take_while(|line| line != "ready").collect();
        if !said.is_empty() {
            return Err(format!(
                "dockerd does not start (`make setup` installs it; it needs root):\n{}",
                said.join("\n")
            ));
        }
        let pipe = shell.stdin.take().ok_or("no input")?;
        Ok(Self { socket: home.join("sock"), _pipe: pipe, _shell: shell })
    }

    /// The engine's own command, by other hands than ours.
    pub(super) fn docker(&self, args: &[&str]) -> String {
        let ran =
            Command::new("docker").arg("--host").arg(format!("unix://{}", self.socket.display())).args(args).output();
        let ran = ran.unwrap();
        assert!(ran.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    /// Waits until a container is gone, which it is a moment after its end.
    pub(super) async fn removed(&self, id: &str) {
        let engine = Docker::connect_with_unix(self.socket.to_str().unwrap(), 60, API_DEFAULT_VERSION).unwrap();
        let engine = engine.negotiate_version().await.unwrap();
        let options = WaitContainerOptionsBuilder::default().condition("removed").build();
        // With its code, or because there is none by this name any more.
        let _ = engine.wait_container(id, Some(options)).next().await;
    }

    /// Ids of the containers with this label, at work or not.
    pub(super) fn labelled(&self, label: &str) -> Vec<String> {
        let found = self.docker(&["ps", "--all", "--no-trunc", "--quiet", "--filter", &format!("label={label}")]);
        found.lines().map(str::to_owned).collect()
    }
}

/// A file system with a shell and what goes with it.
fn put_root(root: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{PROGRAM}: {error} (`make setup` installs busybox-static)");
    for folder in ["bin", "tmp", "etc"] {
        fs::create_dir_all(root.join(folder)).map_err(failed)?;
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).map_err(failed)?;
    fs::copy(PROGRAM, root.join("bin/busybox")).map_err(failed)?;
    let names = Command::new(PROGRAM).arg("--list").output().map_err(failed)?;
    for name in String::from_utf8_lossy(&names.stdout).lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(name)).map_err(failed)?;
    }
    Ok(())
}
