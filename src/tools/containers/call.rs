//! One command in a container, from its first byte to its end.

use std::{path::PathBuf, pin::pin, time::Duration};

use bollard::container::LogOutput;
use futures::{Stream, StreamExt as _};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    engine::{Engine, Happened, Line},
    home::Home,
    shape::{AT_REST, Bounds, Sight},
};
use crate::tools::sandbox::{Caught, End, Job, MOST_ERROR_BYTES, MOST_FILES, MOST_OUTPUT_BYTES, NoSandbox, Room, feed};

/// How long what was written is waited for after the end of a killed command.
const DRAINING: Duration = Duration::from_secs(2);
/// The engine hears of the end of a command on another way than of its reason.
const HEARS_WITHIN: Duration = Duration::from_millis(250);
/// The code of who was killed, by the shell's convention.
const KILLED: i32 = 137;
pub(super) const GONE: &str = "gone";

/// What a call needs, on its own feet.
pub(super) struct Order {
    /// As it is written inside.
    pub command: Vec<String>,
    pub input: Vec<u8>,
    pub limit: Duration,
    pub bounds: Bounds,
    /// What may be filled while it runs.
    pub rooms: Vec<Room>,
    pub sight: Sight,
    /// Where the socket of its way out lies; none: it has no network.
    pub way: Option<PathBuf>,
}

impl Order {
    pub(super) fn of(job: &Job<'_>, home: &Home, cache_mb: u64, least_free_mb: u64) -> Result<Self, NoSandbox> {
        let least_free_bytes = least_free_mb.saturating_mul(1 << 20);
        let sight = match job.workspace {
            None => Sight::Nothing,
            Some(_) if job.may_write => Sight::Writes,
            Some(_) => Sight::Looks,
        };
        // Only the writer can write in either.
        let cache = (sight == Sight::Writes).then(|| Room {
            workspace: home.cache.clone(),
            most_bytes: cache_mb.saturating_mul(1 << 20),
            most_files: MOST_FILES,
            least_free_bytes,
        });
        Ok(Self {
            command: home.command(job)?,
            input: job.input.to_vec(),
            limit: job.limit,
            bounds: Bounds { memory_bytes: job.memory_bytes, most_processes: job.most_processes },
            rooms: Room::of(job, least_free_bytes).into_iter().chain(cache).collect(),
            sight,
            way: job.way_out.map(|way| way.folder().to_owned()),
        })
    }
}

/// What was seen of a command.
pub(super) struct Seen {
    pub end: End,
    pub output: Caught,
    pub errors: Caught,
    pub ran_out_of_memory: bool,
}

/// A command that was named and not begun, in a container that runs.
pub(super) struct Call<'a> {
    pub engine: &'a Engine,
    pub container: &'a str,
    pub exec: &'a str,
    pub order: &'a Order,
}

impl Call<'_> {
    /// Carries it to its end, or cuts it. `end_it` ends the container: whenever something of the call may be left in it.
    pub(super) async fn carry<E>(self, stop: &CancellationToken, end_it: impl FnOnce(&'static str) -> E) -> Seen
    where
        E: Future<Output = ()>,
    {
        let (mut output, mut errors) = (Caught::default(), Caught::default());
        let watch = pin!(self.engine.watch(self.container));
        let Ok(line) = self.engine.begin(self.exec).await else {
            // Whether it began nobody knows; that it does not go on is seen to.
            end_it(GONE).await;
            return Seen { end: End::Lost, output, errors, ran_out_of_memory: false };
        };
        let (end, ran_out_of_memory) = {
            let mut talk = pin!(talk(line, &self.order.input, &mut output, &mut errors));
            let mut said_all = false;
            let (mut watching, mut full) = (pin!(until_its_end(watch, self.exec)), pin!(overrun(&self.order.rooms)));
            let mut late = pin!(sleep(self.order.limit));
            let (end, no_memory) = loop {
                tokio::select! {
                    biased;
                    ended = &mut watching => break ended,
                    // Who says no more may still be at work.
                    () = &mut talk, if !said_all => said_all = true,
                    () = stop.cancelled() => break (End::Stopped, false),
                    () = &mut late => break (End::TimedOut, false),
                    () = &mut full => break (End::DiskFull, false),
                }
            };
            if let Some(why) = self.is_spent(end).await {
                end_it(why).await;
            }
            if !said_all {
                let _ = timeout(DRAINING, talk).await;
            }
            (end, no_memory)
        };
        Seen { end, output, errors, ran_out_of_memory }
    }

    /// Why the container cannot be used again; none: nothing is left in it.
    async fn is_spent(&self, end: End) -> Option<&'static str> {
        match end {
            // Others of its processes may have been, too.
            End::Exit(KILLED) => Some("a call was killed"),
            End::Exit(_) => {
                let left = self.engine.processes(self.container).await;
                let is_clean = left.is_ok_and(|left| left <= AT_REST);
                (!is_clean).then_some("a call left something at work")
            }
            End::Lost => Some(GONE),
            End::TimedOut | End::Stopped | End::DiskFull => Some("a call was cut"),
        }
    }
}

/// Listens until there is no more to be heard. Who has ended reads no more, so nobody waits for it to.
async fn talk(line: Line, told: &[u8], output: &mut Caught, errors: &mut Caught) {
    let Line { output: mut heard, input } = line;
    let listen = async {
        // A stream that breaks has ended.
        while let Some(Ok(part)) = heard.next().await {
            match part {
                LogOutput::StdErr { message } => errors.take(&message, MOST_ERROR_BYTES),
                LogOutput::StdOut { message } | LogOutput::Console { message } | LogOutput::StdIn { message } => {
                    output.take(&message, MOST_OUTPUT_BYTES);
                }
            }
        }
    };
    let tell = async {
        feed(Some(input), told).await;
        std::future::pending().await
    };
    tokio::select! {
        () = listen => {}
        () = tell => {}
    }
}

/// How it ended, and whether memory ran out before.
async fn until_its_end(mut watch: impl Stream<Item = Happened> + Unpin, exec: &str) -> (End, bool) {
    let (mut no_memory, mut by_others) = (false, false);
    while let Some(happened) = watch.next().await {
        match happened {
            // What was before is none of this one's.
            Happened::Began { exec: began } if began == exec => no_memory = false,
            Happened::Began { .. } => {}
            Happened::OutOfMemory => no_memory = true,
            Happened::Killed => by_others = true,
            Happened::Ended { exec: ended, code } if ended == exec => {
                return match code {
                    KILLED if by_others => (End::Lost, no_memory),
                    KILLED if !no_memory => who_killed(watch).await,
                    code => (End::Exit(code), no_memory),
                };
            }
            Happened::Ended { .. } => {}
            Happened::Died => break,
        }
    }
    (End::Lost, no_memory)
}

/// The engine may hear a moment later why it was killed: for want of memory, or together with the container.
async fn who_killed(watch: impl Stream<Item = Happened>) -> (End, bool) {
    let telling = |happened: &Happened| !matches!(happened, Happened::Began { .. } | Happened::Ended { .. });
    let mut hears = pin!(watch.filter(move |happened| std::future::ready(telling(happened))));
    match timeout(HEARS_WITHIN, hears.next()).await {
        Ok(Some(Happened::OutOfMemory)) => (End::Exit(KILLED), true),
        Ok(_) => (End::Lost, false),
        Err(_) => (End::Exit(KILLED), false),
    }
}

async fn overrun(rooms: &[Room]) {
    if rooms.is_empty() {
        return std::future::pending().await;
    }
    futures::future::select_all(rooms.iter().map(|room| Box::pin(room.is_overrun()))).await;
}
