//! The sandbox as it is: real name spaces, a real filter, real limits, and commands that mean harm.

#![cfg(test)]

mod harm;
mod walls;

use std::{env, fs, io::Write as _, path::PathBuf, time::Duration};

use greenroom::tools::sandbox::{End, Job, Ran, Sandbox};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use tokio_util::sync::CancellationToken;

/// Names what tests may leave out for want of a right, with commas.
pub(crate) const MAY_SKIP: &str = "TESTS_MAY_SKIP";

/// A data root with two personas, and the sandbox of this machine.
struct Place {
    root: tempfile::TempDir,
    sandbox: Sandbox,
}

/// None: this machine makes no sandbox, and whoever runs the tests has said that they may be left out.
async fn of_this_machine() -> Option<Sandbox> {
    let made = match Sandbox::find() {
        Ok(sandbox) => sandbox.report().await.map(|_| sandbox),
        Err(error) => Err(error),
    };
    let why = match made {
        Ok(sandbox) => return Some(sandbox),
        Err(why) => why,
    };
    let allowed = env::var(MAY_SKIP).unwrap_or_default();
    let may = allowed.split(',').any(|allowed| allowed.trim() == "sandbox");
    assert!(may, "{why}; to leave these tests out, set {MAY_SKIP}=sandbox");
    let _ = writeln!(std::io::stderr(), "sandbox: SKIPPED, as {MAY_SKIP} allows: {why}");
    None
}

/// Whether tests that need a sandbox are left out here.
pub(crate) async fn is_left_out() -> bool {
    of_this_machine().await.is_none()
}

/// A tool that forks without end is only tried where the machine bounds it.
pub(crate) async fn bounds_processes() {
    let Some(sandbox) = of_this_machine().await else { return };
    let report = sandbox.report().await.unwrap();
    let held = report.iter().find(|held| held.what == "processes").unwrap();
    assert!(held.in_force, "this machine bounds no processes, so the test would not be safe here: {}", held.how);
}

impl Place {
    /// None: left out.
    async fn new() -> Option<Self> {
        let sandbox = of_this_machine().await?;
        let root = tempfile::tempdir().unwrap();
        for folder in ["personas/ada/files", "personas/bo/files", "keys"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("keys/secrets.key"), "the key").unwrap();
        fs::write(root.path().join("personas/bo/files/diary.md"), "Bo's").unwrap();
        Some(Self { root, sandbox })
    }

    fn workspace(&self) -> PathBuf {
        self.root.path().join("personas/ada/files")
    }

    async fn run(&self, job: Job<'_>) -> Ran {
        self.sandbox.run(&job, &CancellationToken::new()).await.unwrap()
    }

    /// A line for the shell, by whoever may write in the workspace.
    async fn sh(&self, line: &str) -> Ran {
        let (command, workspace) = (sh(line), self.workspace());
        self.run(Job { may_write: true, workspace: Some(&workspace), ..Job::new(&command) }).await
    }
}

fn sh(line: &str) -> [String; 3] {
    ["sh", "-c", line].map(str::to_owned)
}

/// What it said, when it ended well.
fn said(ran: &Ran) -> String {
    let (output, errors) = ran.texts();
    assert_eq!(ran.end, End::Exit(0), "{output}\n{errors}");
    output
}

/// The same for tests without a runtime.
pub(crate) fn is_left_out_here() -> bool {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(is_left_out())
}

/// The processes of this machine whose command line holds a word.
pub(crate) fn processes_with(word: &str) -> Vec<(i32, String)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let numbered = entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
    let lines = numbered.filter_map(|(pid, path)| Some((pid, fs::read(path.join("cmdline")).ok()?)));
    let texts = lines.map(|(pid, line)| (pid, String::from_utf8_lossy(&line).replace('\0', " ")));
    texts.filter(|(_, line)| line.contains(word)).collect()
}

/// Whether a process that was killed has ended, waited for a while.
pub(crate) fn ends_soon(pid: i32) -> bool {
    let Ok(handle) = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) else { return true };
    let mut watched = [PollFd::new(&handle, PollFlags::IN)];
    poll(&mut watched, Some(&Timespec { tv_sec: 5, tv_nsec: 0 })).unwrap() == 1
}

const SECOND: Duration = Duration::from_secs(1);
