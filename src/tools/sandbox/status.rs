//! What bubblewrap says of itself while it runs: the first process inside, and how the command ended.

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::OwnedFd;

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

/// Listens until nobody can say more.
pub(super) async fn listen(mut pipe: Receiver) -> Status {
    let (mut said, mut part) = (Vec::new(), [0; 512]);
    let mut status = Status::default();
    while let Ok(read @ 1..) = pipe.read(&mut part).await {
        if said.len() < MOST_BYTES {
            said.extend_from_slice(&part[..read]);
        }
        status.take(&said);
    }
    status
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
