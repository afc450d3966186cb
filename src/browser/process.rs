//! Processes by number and start time, so that a number used again is never taken for the old one.

use std::{fs, os::fd::AsFd as _, path::Path, time::Duration};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::timeout,
};

/// A process and the moment it began, in clock ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessMark {
    pub(super) pid: i32,
    start: u64,
}

impl ProcessMark {
    /// None: there is no such process.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self { pid, start: start_in(&stat)? })
    }

    /// Whether that very process is alive and its command line holds this path.
    pub(super) fn runs_with(self, path: &Path) -> bool {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        Self::of(self.pid) == Some(self) && String::from_utf8_lossy(&line).contains(&*path.to_string_lossy())
    }

    /// Ends it and waits until it is gone.
    pub(super) async fn kill(self) {
        let Some(ended) = Ended::watch(self.pid) else { return };
        // Opened before the check: from here on the handle means one process only.
        if Self::of(self.pid) == Some(self) {
            ended.kill();
            let _ = timeout(Duration::from_secs(5), ended.wait()).await;
        }
    }
}

/// The 22nd field, counted behind the name, which may hold spaces and brackets.
fn start_in(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

/// A handle on a process that tells when it has ended.
#[derive(Debug)]
pub(super) struct Ended(AsyncFd<std::os::fd::OwnedFd>);

impl Ended {
    /// None: there is no such process.
    #[expect(
        deprecated,
        reason = "deprecated for handles without I/O safety; an OwnedFd has it, and `unsafe` is forbidden"
    )]
    pub(super) fn watch(pid: i32) -> Option<Self> {
        let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::NONBLOCK).ok()?;
        AsyncFd::with_interest(handle, Interest::READABLE).ok().map(Self)
    }

    pub(super) async fn wait(&self) {
        // Readable once, for ever: the process is over.
        let _ = self.0.readable().await;
    }

    /// Whether it, a child of ours, has ended, also when nobody was told of it yet.
    pub(super) fn is_over(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::PidFd(self.0.get_ref().as_fd()), look) {
            Ok(ended) => ended.is_some(),
            // Cleared away already.
            Err(error) => error == Errno::CHILD,
        }
    }

    pub(super) fn kill(&self) {
        // It may have ended by itself.
        let _ = pidfd_send_signal(self.0.get_ref(), Signal::KILL);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::process::Stdio;

    use tokio::{
        io::AsyncReadExt as _,
        process::{Child, Command},
    };

    use super::*;

    /// A process that stays, and names this file on its command line. A child's command line is empty for a moment
    /// after `spawn`: it has begun when it shows what is in the file.
    pub(in crate::browser) async fn process_with(file: &Path) -> Child {
        fs::write(file, "begun\n").unwrap();
        let mut child = Command::new("tail").arg("-f").arg(file).stdout(Stdio::piped()).spawn().unwrap();
        // `tail` ends when nobody can read what it shows: the child keeps its pipe.
        let shown = child.stdout.as_mut().unwrap();
        let mut begun = [0; 5];
        shown.read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"begun");
        child
    }

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 0 0";
        assert_eq!(start_in(stat), Some(4242));
    }

    #[tokio::test]
    async fn a_process_is_known_by_its_start_and_killed_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = process_with(&folder.path().join("some-file")).await;
        let mark = ProcessMark::of(child.id().unwrap() as i32).unwrap();
        assert!(mark.runs_with(folder.path()) && !mark.runs_with(Path::new("/elsewhere")));
        let other = ProcessMark { start: mark.start + 1, ..mark };
        other.kill().await;
        assert!(child.try_wait().unwrap().is_none(), "another process with the same number is left alone");
        let ended = Ended::watch(mark.pid).unwrap();
        assert!(!ended.is_over());
        mark.kill().await;
        assert!(ended.is_over(), "dead, and not cleared away");
        assert!(!child.wait().await.unwrap().success());
        assert!(ended.is_over(), "cleared away");
    }
}
