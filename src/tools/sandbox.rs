//! Runs one command cut off from everything: name spaces and a read-only system by bubblewrap, an allow-list of system
//! calls, limits for each process and for all together, no network, nothing of our environment.
//!
//! **What is promised.** It sees the system's programs, its own folder, and the workspace it is given, and can write at
//! most the latter. When [`Sandbox::run`] returns, no process of it is left. What it writes is kept up to a bound,
//! however much it is. What this machine cannot enforce is said by [`Sandbox::report`], never passed over.

mod arguments;
mod calls;
mod disk;
mod filter;
mod groups;
mod lasting;
mod launcher;
mod report;
mod status;
mod streams;
pub mod way_out;

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::{self, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::{
    fs::{MemfdFlags, memfd_create},
    process::Pid,
};
use serde_json::Value;
use tokio::{
    net::unix::pipe::Receiver,
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::oneshot,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::containers::NoContainer;
use arguments::Bounds;
use groups::{Group, Groups};
use launcher::Launcher;
use status::Status;
use way_out::WayOut;

pub(super) use disk::Room;
pub(super) use lasting::Lasting;
pub use report::Held;
pub(super) use streams::{Caught, feed};

/// What is kept of what a tool writes.
pub const MOST_OUTPUT_BYTES: usize = 1 << 20;
pub const MOST_ERROR_BYTES: usize = 64 << 10;
/// Files and folders that a workspace holds at most while a tool may write there.
pub const MOST_FILES: usize = 20_000;
/// Left free of the disk, whatever a tool may take.
const LEAST_FREE_MB: u64 = 256;
/// How long the end of a killed tree is waited for: the kernel does it at once.
const ENDING: Duration = Duration::from_secs(2);

/// One command to be run.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Program and arguments; `./name` is in the tool's own folder.
    pub command: &'a [String],
    /// Given on standard input.
    pub input: &'a [u8],
    /// The tool's own folder, `/tool` inside; read only.
    pub folder: Option<&'a Path>,
    /// `/workspace` inside, where it begins; none: an empty folder.
    pub workspace: Option<&'a Path>,
    /// In the workspace; else it only reads there.
    pub may_write: bool,
    /// Its network; none: there is none.
    pub way_out: Option<&'a WayOut>,
    /// By the clock on the wall; processor time is bounded by it too, for each process.
    pub limit: Duration,
    /// Of all processes together where control groups can be had, else of each.
    pub memory_bytes: u64,
    pub most_processes: u32,
    pub most_file_bytes: u64,
    /// What its workspace holds at most while it runs, whoever wrote it.
    pub most_bytes: u64,
    /// Files and folders, the same.
    pub most_files: usize,
}

impl<'a> Job<'a> {
    /// With the limits that hold for everyone who does not ask for others.
    pub fn new(command: &'a [String]) -> Self {
        Self {
            command,
            input: &[],
            folder: None,
            workspace: None,
            may_write: false,
            way_out: None,
            limit: Duration::from_secs(30),
            memory_bytes: 256 << 20,
            most_processes: 64,
            most_file_bytes: 64 << 20,
            most_bytes: 2 << 30,
            most_files: MOST_FILES,
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code; 128 and a signal's number when a signal ended it.
    Exit(i32),
    /// It took longer than its limit and was killed.
    TimedOut,
    /// The run was stopped, and it was killed.
    Stopped,
    /// It took more of the disk than it may and was killed.
    DiskFull,
    /// What it ran in ended around it, by somebody else's hand.
    Lost,
}

impl End {
    /// In a few words; of one that ended by itself the code says more.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exit(_) => "ended",
            Self::TimedOut => "timed out",
            Self::Stopped => "stopped",
            Self::DiskFull => "disk full",
            Self::Lost => "lost",
        }
    }

    /// Its code, or the word, as receipts and programs read it.
    pub fn told(self) -> Value {
        match self {
            Self::Exit(code) => code.into(),
            other => other.word().into(),
        }
    }
}

/// What was observed of a command.
#[derive(Debug)]
pub struct Ran {
    pub end: End,
    pub(in crate::tools) output: Caught,
    pub(in crate::tools) errors: Caught,
    pub took: Duration,
    /// Limits it ran into: `memory`, `processes`, `disk`.
    pub hit: Vec<&'static str>,
    /// The container that it ran in; none: a sandbox of its own.
    pub container: Option<Within>,
}

/// A container, as a receipt names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// As the engine's own commands show it.
    pub id: String,
    pub image: String,
    pub runtime: String,
}

impl Ran {
    /// The signal that ended it, by the shell's convention.
    pub const fn signal(&self) -> Option<i32> {
        match self.end {
            End::Exit(code @ 129..=192) => Some(code - 128),
            _ => None,
        }
    }

    /// What it wrote on standard output and standard error, as text, as far as it was kept.
    pub fn texts(&self) -> (String, String) {
        (self.output.text(), self.errors.text())
    }

    /// How many bytes it wrote on standard output, and how many of them were kept.
    pub const fn output_bytes(&self) -> (u64, usize) {
        (self.output.total_bytes, self.output.bytes.len())
    }
}

/// The command was not begun.
#[derive(Debug, thiserror::Error)]
pub enum NoSandbox {
    #[error("bubblewrap (`bwrap`) is not installed: apt-get install bubblewrap")]
    Missing,
    #[error("no sandbox can be made: {0}; `greenroom doctor` tells more")]
    Refused(String),
    #[error("no sandbox can be started: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Container(#[from] NoContainer),
}

/// Where sandboxes are made. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    bwrap: PathBuf,
    filter: Vec<u8>,
    groups: Groups,
    launcher: Launcher,
    least_free_mb: u64,
}

/// To whom the ends of a command that is spoken with are lent.
type Lent = oneshot::Sender<(ChildStdin, ChildStdout)>;

/// A command that only has to be begun.
struct Ready {
    line: Vec<OsString>,
    input: Vec<u8>,
    /// Whoever speaks with it, instead of the input.
    lend: Option<Lent>,
    limit: Duration,
    room: Option<Room>,
    group: Group,
    stop: CancellationToken,
}

impl Sandbox {
    /// Looks for what this machine offers. It makes no sandbox yet.
    pub fn find() -> Result<Self, NoSandbox> {
        let path = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        let bwrap = env::split_paths(&path).map(|folder| folder.join("bwrap")).find(|file| file.is_file());
        let filter = filter::program().map_err(|error| NoSandbox::Refused(error.to_string()))?;
        let bwrap = bwrap.ok_or(NoSandbox::Missing)?;
        let (groups, launcher) = (Groups::find(), Launcher::new()?);
        Ok(Self { bwrap, filter, groups, launcher, least_free_mb: LEAST_FREE_MB })
    }

    /// Leaves so much of the disk free; what is left without this is 256 MB.
    #[must_use]
    pub fn leaving_free_mb(self, least_free_mb: u64) -> Self {
        Self { least_free_mb, ..self }
    }

    /// Runs a command to its end, or until its limit or `stop`. Dropping the answer's future ends it too.
    pub async fn run(&self, job: &Job<'_>, stop: &CancellationToken) -> Result<Ran, NoSandbox> {
        let stop = stop.child_token();
        let ready = self.prepared(job, &stop, None);
        // Who gives up must not leave a sandbox half made: a task of its own ends it in every case.
        let _given_up = stop.drop_guard();
        let (sandbox, began) = (self.clone(), Instant::now());
        let task = tokio::spawn(async move { sandbox.carry_out(ready, began).await });
        task.await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }

    /// Begins a command that is spoken with, and lends what it reads and writes. `limit` is of its whole life.
    pub(super) async fn open(&self, job: &Job<'_>) -> Result<(ChildStdin, ChildStdout, Lasting), NoSandbox> {
        let stop = CancellationToken::new();
        let (lend, lent) = oneshot::channel();
        let ready = self.prepared(job, &stop, Some(lend));
        let (sandbox, began) = (self.clone(), Instant::now());
        let task = tokio::spawn(async move { sandbox.carry_out(ready, began).await });
        let lasting = Lasting::new(task, stop);
        match lent.await {
            Ok((input, output)) => Ok((input, output, lasting)),
            Err(_) => Err(NoSandbox::Refused("the command could not be started".to_owned())),
        }
    }

    fn prepared(&self, job: &Job<'_>, stop: &CancellationToken, lend: Option<Lent>) -> Ready {
        let group = self.groups.enter(job.memory_bytes, job.most_processes);
        let bounds = Bounds { groups: group.entrances(), memory_by_process: !group.bounds_memory() };
        let line = arguments::command_line(&self.bwrap, job, &bounds);
        let room = Room::of(job, self.least_free_mb.saturating_mul(1 << 20));
        Ready { line, input: job.input.to_vec(), lend, limit: job.limit, room, group, stop: stop.clone() }
    }

    async fn carry_out(&self, ready: Ready, began: Instant) -> Result<Ran, NoSandbox> {
        let Ready { line, input: told, lend, limit, room, group, stop } = ready;
        let (mut child, status) = self.start(line).await?;
        let outer = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let (mut input, mut output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        if let (Some(lend), true) = (lend, input.is_some() && output.is_some()) {
            // Whoever wanted to speak with it may have gone; then `stop` ends it.
            let _ = input.take().zip(output.take()).map(|ends| lend.send(ends));
        }
        let work = async {
            tokio::join!(
                streams::feed(input, &told),
                streams::catch(output, MOST_OUTPUT_BYTES),
                streams::catch(errors, MOST_ERROR_BYTES),
                status::listen(status, outer),
                async { child.wait().await.ok() },
            )
        };
        tokio::pin!(work);
        let cut = tokio::select! {
            biased;
            done = &mut work => Ok(done),
            () = stop.cancelled() => Err(End::Stopped),
            () = tokio::time::sleep(limit) => Err(End::TimedOut),
            () = overrun(room.as_ref()) => Err(End::DiskFull),
        };
        let (cut, done) = match cut {
            Ok(done) => (None, Some(done)),
            Err(end) => {
                status::end_outer(outer);
                (Some(end), timeout(ENDING, work).await.ok())
            }
        };
        let took = began.elapsed();
        // Killed, and still there: the kernel holds it, in a disk that does not answer for example.
        let ((), output, errors, status, _ended) = done.unwrap_or_default();
        // The processes of a sandbox end with its first, which outlives bubblewrap by a moment.
        if timeout(ENDING, status.all_ended()).await.is_err() {
            tracing::warn!("a sandbox that was ended is still there");
        }
        let end = ending(cut, &status, &errors)?;
        let mut hit = group.hit();
        hit.extend((end == End::DiskFull).then_some("disk"));
        Ok(Ran { end, output, errors, took, hit, container: None })
    }

    async fn start(&self, line: Vec<OsString>) -> Result<(Child, Receiver), NoSandbox> {
        let mut line = line.into_iter();
        let program = line.next().unwrap_or_default();
        let (said, says) = io::pipe()?;
        let handed = |parent_fd: OwnedFd, child_fd: i32| FdMapping { parent_fd, child_fd };
        let filter = handed(self.filter()?, arguments::FILTER_FD);
        let says = handed(says.into(), arguments::STATUS_FD);
        let mut command = Command::new(program);
        command.args(line).env_clear().current_dir("/").kill_on_drop(true).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.fd_mappings(vec![filter, says]).map_err(io::Error::other)?;
        let child = self.launcher.spawn(command).await?;
        Ok((child, Receiver::from_owned_fd(said.into())?))
    }

    /// Its own file for each sandbox: who reads moves the place of all who share it.
    fn filter(&self) -> io::Result<OwnedFd> {
        use io::Seek as _;
        let mut file = File::from(memfd_create("filter", MemfdFlags::CLOEXEC)?);
        file.write_all(&self.filter)?;
        file.rewind()?;
        Ok(file.into())
    }
}

async fn overrun(room: Option<&Room>) {
    match room {
        Some(room) => room.is_overrun().await,
        None => std::future::pending().await,
    }
}

fn ending(cut: Option<End>, status: &Status, errors: &Caught) -> Result<End, NoSandbox> {
    match (cut, status.exit) {
        (Some(end), _) => Ok(end),
        (None, Some(code)) => Ok(End::Exit(code)),
        // Nobody saw the command end. Either bubblewrap says why it could not make the sandbox, or it was killed.
        (None, None) if errors.text().starts_with("bwrap: ") || !status.made => {
            Err(NoSandbox::Refused(errors.text().trim().chars().take(500).collect()))
        }
        (None, None) => Ok(End::Exit(137)),
    }
}
