//! How busy this machine is, and whether its clock was set: from `/proc`, control groups and the kernel's timers.

use std::{fs, io, num::NonZeroUsize, os::fd::OwnedFd, thread::available_parallelism};

use actors::ports::Machine;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// A moment that is far away on every clock, in seconds since 1970.
const FAR_AWAY_S: i64 = 1 << 40;
/// Limits and use of memory, of version 2 and version 1 of control groups, where a container sees its own.
const GROUPS: [(&str, &str, &str); 2] = [
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
];

/// How busy it is; none: `/proc` does not say.
pub(super) fn look() -> Option<Machine> {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let run_queue = run_queue(&fs::read_to_string("/proc/loadavg").ok()?, cores)?;
    let of_all = memory(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let of_group = GROUPS.iter().filter_map(|(limit, used, stat)| {
        let read = |path| fs::read_to_string(path).ok();
        group_memory(&read(limit)?, &read(used)?, &read(stat)?)
    });
    Some(Machine { run_queue, memory: of_group.fold(of_all, u32::max) })
}

/// The mean of the last minute over the cores, in thousandths.
fn run_queue(loadavg: &str, cores: usize) -> Option<u32> {
    let (whole, hundredths) = loadavg.split_whitespace().next()?.split_once('.')?;
    let thousandths = whole.parse::<u64>().ok()? * 1_000 + hundredths.parse::<u64>().ok()? * 10;
    u32::try_from(thousandths / u64::try_from(cores).ok()?.max(1)).ok()
}

/// What is not available of all there is, in thousandths.
fn memory(meminfo: &str) -> Option<u32> {
    let line = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    let (all, available) = (line("MemTotal:")?, line("MemAvailable:")?);
    share(all.saturating_sub(available), all)
}

/// The same for a control group with a limit; what it can give back at once does not count.
fn group_memory(limit: &str, used: &str, stat: &str) -> Option<u32> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let given_back = stat.lines().find_map(|line| {
        let (name, bytes) = line.split_once(' ')?;
        matches!(name, "inactive_file" | "total_inactive_file").then(|| number(bytes)).flatten()
    });
    // Without a limit there is `max`, or a number beyond every memory.
    let limit = number(limit).filter(|limit| *limit < 1 << 50)?;
    share(number(used)?.saturating_sub(given_back.unwrap_or(0)), limit)
}

fn share(part: u64, whole: u64) -> Option<u32> {
    u32::try_from(part.checked_mul(1_000)?.checked_div(whole)?.min(1_000)).ok()
}

/// Comes when somebody sets the clock; never, where the kernel does not say so.
pub(super) async fn clock_set() {
    match until_set().await {
        Ok(()) => tracing::info!("the clock was set"),
        Err(error) => {
            tracing::debug!(%error, "nobody says when the clock is set: {error}");
            std::future::pending().await
        }
    }
}

async fn until_set() -> io::Result<()> {
    let timer = far_timer()?;
    loop {
        let mut ready = timer.readable().await?;
        let mut expired = [0; 8];
        match rustix::io::read(timer.get_ref(), &mut expired) {
            Err(rustix::io::Errno::CANCELED) => return Ok(()),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => ready.clear_ready(),
            Ok(_) => return Err(io::Error::other("the timer came before the clock was set")),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A timer that waits for a far moment and is cancelled when the clock is set.
#[expect(deprecated, reason = "its successor is unsafe; an owned descriptor stays open as long as it is watched")]
fn far_timer() -> io::Result<AsyncFd<OwnedFd>> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let far = Itimerspec { it_interval: once, it_value: Timespec { tv_sec: FAR_AWAY_S, tv_nsec: 0 } };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &far)?;
    AsyncFd::new(timer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_queue_is_counted_per_core() {
        assert_eq!(run_queue("13.66 11.62 10.10 13/240 14752\n", 4), Some(3_415));
        assert_eq!(run_queue("0.05 0.1 0.1 1/2 3", 1), Some(50));
        assert_eq!(run_queue("", 4), None);
    }

    #[test]
    fn memory_is_what_is_not_available() {
        let meminfo = "MemTotal:       24683668 kB\nMemFree:         2375620 kB\nMemAvailable:   21328380 kB\n";
        assert_eq!(memory(meminfo), Some(135));
        assert_eq!(memory("MemTotal: 5 kB"), None);
    }

    #[test]
    fn a_control_group_counts_only_with_a_limit_and_without_what_it_can_give_back() {
        assert_eq!(group_memory("1000\n", "950\n", "anon 1\ninactive_file 50\n"), Some(900));
        assert_eq!(group_memory("1000", "950", "total_inactive_file 450"), Some(500));
        assert_eq!(group_memory("max\n", "950", ""), None);
        assert_eq!(group_memory("9223372036854771712", "950", ""), None);
        assert_eq!(group_memory("0", "950", ""), None);
    }

    #[test]
    fn this_machine_can_be_seen() {
        let machine = look().unwrap();
        assert!((1..=1_000).contains(&machine.memory), "{machine:?}");
    }

    #[tokio::test]
    async fn the_kernel_takes_the_timer_and_it_does_not_come_by_itself() {
        let timer = far_timer().unwrap();
        let read = rustix::io::read(timer.get_ref(), &mut [0; 8]);
        assert_eq!(read, Err(rustix::io::Errno::AGAIN));
    }
}
