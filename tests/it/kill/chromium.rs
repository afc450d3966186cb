//! The browsers on a folder of profiles, seen from outside: whoever is left over is found and ended.

use std::{fs, path::Path, time::Duration};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tokio::io::{Interest, unix::AsyncFd};

/// The longest a process may take to be gone once it has been told.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// A process by number and start, so that a number used again is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pid: i32,
    start: u64,
}

/// Chromium's own processes: not those it draws pages with.
pub(super) fn browsers(profiles: &Path) -> Vec<Process> {
    processes(profiles, |line| !line.contains("--type="))
}

/// Everything that has the folder in its command line.
pub(super) fn family(profiles: &Path) -> Vec<Process> {
    processes(profiles, |_| true)
}

fn processes(profiles: &Path, fits: impl Fn(&str) -> bool) -> Vec<Process> {
    let root = profiles.to_str().unwrap();
    let found = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line);
        (line.contains("--user-data-dir") && line.contains(root) && fits(&line)).then_some(())?;
        Some(Process { pid, start: started(pid)? })
    });
    found.collect()
}

/// In clock ticks since boot; none: there is no such process, or it is dead and only not yet collected.
fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    (!matches!(fields.next()?, "Z" | "X")).then_some(())?;
    fields.nth(18)?.parse().ok()
}

impl Process {
    pub(super) fn is_alive(self) -> bool {
        started(self.pid) == Some(self.start)
    }

    pub(super) fn kill(self) {
        // It may have ended by itself.
        let _ = kill_process(Pid::from_raw(self.pid).unwrap(), Signal::KILL);
    }

    #[expect(
        deprecated,
        reason = "deprecated for handles without I/O safety; an OwnedFd has it, and `unsafe` is forbidden"
    )]
    async fn ended(self) {
        let handle = Pid::from_raw(self.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::NONBLOCK).ok());
        let Some(handle) = handle.filter(|_| self.is_alive()) else { return };
        let _ = AsyncFd::with_interest(handle, Interest::READABLE).unwrap().readable().await.unwrap();
    }
}

/// Waits until nothing of the browsers is left.
pub(super) async fn all_gone(profiles: &Path) {
    let gone = async {
        for process in family(profiles) {
            process.ended().await;
        }
    };
    let _ = tokio::time::timeout(GONE_WITHIN, gone).await;
    let left = family(profiles);
    assert!(left.is_empty(), "processes of the browser are left: {left:?}");
}

/// For a test that ends early.
pub(super) fn end_all(profiles: &Path) {
    browsers(profiles).into_iter().for_each(Process::kill);
}
