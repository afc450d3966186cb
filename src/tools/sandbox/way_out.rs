//! The one way out of a sandbox that has no network: a socket in its file system, behind which a gate holds the host rules.
//!
//! Programs speak to proxies over TCP. So this program itself goes in first, listens on the sandbox's own loopback, carries
//! what comes there to the socket, and runs the tool beside it. Nothing else leads out: the name space has no other device.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fs::{self, DirBuilder},
    io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::{fs::DirBuilderExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    process::Command,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::egress::Gate;

/// The word by which this program knows that it is inside.
const WORD: &str = "way-out";
/// Inside: the folder of the socket, this program, and where it listens.
pub(in crate::tools) const FOLDER: &str = "/.way-out";
pub(super) const PROGRAM: &str = "/.greenroom";
pub(in crate::tools) const SOCKET: &str = "socket";
const PORT: u16 = 3128;
/// What programs read. Nothing is reached beside it, so nothing is excepted.
const VARIABLES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

static NEXT: AtomicU64 = AtomicU64::new(0);
/// Names that may be taken, one behind the other: a process of the same number left them when it was killed.
const MOST_TAKEN: usize = 1_024;

/// A socket for one call. Dropping it closes the gate, and every connection through it.
#[derive(Debug)]
pub struct WayOut {
    gate: Gate,
    folder: PathBuf,
    _closed: DropGuard,
}

/// Where a tool went, and where it was not let.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Went {
    /// `host:port`, each once.
    pub reached: Vec<String>,
    /// In words, each once.
    pub refused: Vec<String>,
    /// The first of them, with what can be done about it.
    pub first: Option<String>,
    /// A rule said no, not the network.
    pub by_rule: bool,
}

impl WayOut {
    /// Through this gate.
    pub fn open(gate: Gate) -> io::Result<Self> {
        // Not below the data root: the name of a socket is short.
        let folder = new_folder(&env::temp_dir(), &NEXT)?;
        let closed = CancellationToken::new();
        let way_out = Self { folder, _closed: closed.clone().drop_guard(), gate };
        let listener = UnixListener::bind(way_out.folder.join(SOCKET))?;
        let (gate, within) = (way_out.gate.addr, closed.clone());
        tokio::spawn(async move {
            let carried = async {
                while let Ok((inside, _)) = listener.accept().await {
                    let within = within.clone();
                    tokio::spawn(
                        async move { within.run_until_cancelled(carry(inside, TcpStream::connect(gate))).await },
                    );
                }
            };
            closed.run_until_cancelled(carried).await;
        });
        Ok(way_out)
    }

    /// The folder that is to lie inside.
    pub(in crate::tools) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What went through so far.
    pub fn went(&self) -> Went {
        let refusals = self.gate.refusals();
        let by_rule = refusals.iter().any(|refused| refused.why.is_rule());
        let refused: BTreeSet<_> = refusals.iter().map(ToString::to_string).collect();
        let first = refusals.first().map(|first| format!("{first}{}", first.advice()));
        Went { reached: self.gate.reached(), refused: refused.into_iter().collect(), first, by_rule }
    }
}

impl Drop for WayOut {
    fn drop(&mut self) {
        // Left behind, it leads nowhere.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A folder that was not there, for nobody else.
fn new_folder(within: &Path, next: &AtomicU64) -> io::Result<PathBuf> {
    let mut taken = 0;
    loop {
        let name = format!("greenroom-{}-{}", std::process::id(), next.fetch_add(1, Ordering::Relaxed));
        let folder = within.join(name);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && taken < MOST_TAKEN => taken += 1,
            made => return made.map(|()| folder),
        }
    }
}

/// Until either side leaves.
async fn carry<A: AsyncRead + AsyncWrite + Unpin, B: AsyncRead + AsyncWrite + Unpin>(
    mut from: A,
    to: impl Future<Output = io::Result<B>>,
) -> io::Result<()> {
    copy_bidirectional(&mut from, &mut to.await?).await.map(|_| ())
}

/// What stands before a command whose tool has a way out.
pub(in crate::tools) fn before_command() -> [&'static str; 3] {
    [PROGRAM, WORD, "--"]
}

/// What the command's environment says of it.
pub(in crate::tools) fn variables() -> impl Iterator<Item = (&'static str, String)> {
    VARIABLES.into_iter().map(|name| (name, format!("http://127.0.0.1:{PORT}")))
}

/// When this program was started inside: runs the tool, and ends as it ends. None: it was started by people.
pub fn inside(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let is_inside = args.nth(1).is_some_and(|word| word == WORD) && args.next().is_some_and(|word| word == "--");
    if !is_inside {
        return None;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.and_then(|runtime| runtime.block_on(lead_out(args)));
    Some(ended.unwrap_or_else(|error| {
        eprintln!("greenroom: {error}");
        ExitCode::from(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
    }))
}

async fn lead_out(mut words: impl Iterator<Item = OsString>) -> io::Result<ExitCode> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))).await?;
    let program = words.next().unwrap_or_default();
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", program.display()));
    let mut tool = Command::new(&program).args(words).spawn().map_err(named)?;
    loop {
        tokio::select! {
            ended = tool.wait() => return ended.map(code_of),
            came = listener.accept() => {
                let (stream, _) = came?;
                let socket = Path::new(FOLDER).join(SOCKET);
                tokio::spawn(carry(stream, UnixStream::connect(socket)));
            }
        }
    }
}

fn code_of(ended: ExitStatus) -> ExitCode {
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_a_killed_process_of_the_same_number_left_is_passed_over() {
        let temp = tempfile::tempdir().unwrap();
        let place = |number: usize| temp.path().join(format!("greenroom-{}-{number}", std::process::id()));
        for number in 0..3 {
            fs::create_dir(place(number)).unwrap();
        }
        fs::write(place(0).join(SOCKET), "left").unwrap();
        let next = AtomicU64::new(0);
        assert_eq!(new_folder(temp.path(), &next).unwrap(), place(3));
        assert_eq!(fs::metadata(place(3)).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(place(0).join(SOCKET).exists(), "it is not ours to take");

        for number in 4..=4 + MOST_TAKEN {
            fs::create_dir(place(number)).unwrap();
        }
        assert_eq!(new_folder(temp.path(), &next).unwrap_err().kind(), io::ErrorKind::AlreadyExists, "not for ever");
    }

    #[test]
    fn only_the_word_of_the_sandbox_leads_inside() {
        let of = |words: &[&str]| inside(words.iter().map(OsString::from).collect::<Vec<_>>().into_iter()).is_some();
        assert!(!of(&["greenroom"]) && !of(&["greenroom", "serve"]) && !of(&["greenroom", WORD, "true"]));
        assert_eq!(before_command(), [PROGRAM, WORD, "--"]);
    }
}
