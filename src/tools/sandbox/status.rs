//! What bubblewrap says of itself while it runs: the first process inside, and how the command ended.

use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, Interest, unix::AsyncFd},
    net::unix::pipe::Receiver,
};

const MOST_BYTES: usize = 4096;

/// What was said until its end.
#[derive(Debug, Default)]
pub(super) struct Status {
    first: Option<AsyncFd<OwnedFd>>,
    /// None: the command did not come to an end by itself, or was never begun.
    pub exit: Option<i32>,
    /// The sandbox was made.
    pub made: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Line {
    child_pid: Option<i32>,
    exit_code: Option<i32>,
}

/// Listens until nobody can say more; then bubblewrap is gone, and whatever is still inside ends. Given up before, all of
/// it ends at once.
///
/// Bubblewrap's own way, a signal at its parent's end, misses the moments in which a sandbox is being made. Until its first
/// process is told of, that is in the process group of the outer one and does nothing but wait for it; from then on it is
/// ended itself, and the kernel ends everything inside.
pub(super) async fn listen(pipe: Receiver, outer: Option<Pid>) -> Status {
    let mut listening = Listening { pipe, outer, said: Vec::new(), status: Status::default() };
    let mut part = [0; 512];
    while let Ok(read @ 1..) = listening.pipe.read(&mut part).await {
        listening.take(&part[..read]);
    }
    listening.outer = None;
    std::mem::take(&mut listening.status).end()
}

/// Ends bubblewrap, and what is in its process group. Only before it was waited for: until then the number is its own.
pub(super) fn end_outer(outer: Option<Pid>) {
    if let Some(outer) = outer {
        let _ = kill_process_group(outer, Signal::KILL);
    }
}

struct Listening {
    pipe: Receiver,
    /// None: it has ended.
    outer: Option<Pid>,
    said: Vec<u8>,
    status: Status,
}

impl Listening {
    fn take(&mut self, part: &[u8]) {
        if self.said.len() < MOST_BYTES {
            self.said.extend_from_slice(part);
        }
        self.status.take(&self.said);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.outer.is_none() {
            return;
        }
        end_outer(self.outer);
        // What it had said and nobody had read.
        let mut part = [0; 512];
        while let Ok(read @ 1..) = self.pipe.try_read(&mut part) {
            self.take(&part[..read]);
        }
        let _ = std::mem::take(&mut self.status).end();
    }
}

impl Status {
    fn take(&mut self, said: &[u8]) {
        for line in serde_json::Deserializer::from_slice(said).into_iter::<Line>().map_while(Result::ok) {
            if let Some(pid) = line.child_pid.filter(|_| !self.made) {
                self.made = true;
                self.first = handle(pid);
            }
            self.exit = line.exit_code.or(self.exit);
        }
    }

    /// Ends what is still inside.
    fn end(self) -> Self {
        if let Some(first) = &self.first {
            // It may have ended by itself.
            let _ = pidfd_send_signal(first.get_ref(), Signal::KILL);
        }
        self
    }

    /// Waits until every process inside has ended: the first ends last.
    pub(super) async fn all_ended(&self) {
        if let Some(first) = &self.first {
            let _ = first.readable().await;
        }
    }
}

/// None: it has ended already.
#[expect(
    deprecated,
    reason = "deprecated for handles without I/O safety; an OwnedFd has it, and `unsafe` is forbidden"
)]
fn handle(pid: i32) -> Option<AsyncFd<OwnedFd>> {
    let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::NONBLOCK).ok()?;
    AsyncFd::with_interest(handle, Interest::READABLE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_pieces_is_taken_when_it_is_whole() {
        let mut status = Status::default();
        status.take(b"{ \"child-pid\": 0, \"net");
        assert!(!status.made);
        status.take(b"{ \"child-pid\": 0, \"net-namespace\": 7 }\n{ \"exit-code\": 3 }\n");
        assert!(status.made);
        assert_eq!(status.exit, Some(3));
    }
}
