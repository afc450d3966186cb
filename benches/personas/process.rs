//! This process as the kernel sees it.

use std::{fs, time::Duration};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// How much memory it holds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Footprint {
    /// Proportional set size: its own pages, and its share of those it shares (`/proc/self/smaps_rollup`).
    pub(super) pss_bytes: u64,
}

impl Footprint {
    pub(super) fn now() -> anyhow::Result<Self> {
        let rollup = fs::read_to_string("/proc/self/smaps_rollup").context("the kernel does not say what we hold")?;
        Ok(Self { pss_bytes: 1024 * field(&rollup, "Pss:")? })
    }
}

/// How often any thread was put on a processor so far, of its own will or not.
pub(super) fn wake_ups() -> anyhow::Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        sum += field(&status, "voluntary_ctxt_switches:")? + field(&status, "nonvoluntary_ctxt_switches:")?;
    }
    Ok(sum)
}

/// How long all threads ran so far, as the kernel's scheduler counts it.
pub(super) fn cpu() -> anyhow::Result<Duration> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
        let ran = stat.split_whitespace().next().context("no time in `schedstat`")?;
        sum += ran.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(sum))
}

fn field(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()).with_context(|| format!("no `{name}`"))?;
    Ok(number.parse()?)
}
