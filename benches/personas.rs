//! What a persona weighs, awake and asleep, whether it costs anything while it does nothing, and how fast a company
//! of many is ready.
//!
//! Each figure is taken in a process of its own: this program runs itself. An *empty* process is the same company on
//! the same runtime with nobody in it, its journal as large; what the others have more, they have for their personas.

mod company;
pub(crate) use company::limits;
mod hollow;
mod process;
mod start;
mod wakes;

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use self::process::Footprint;
use crate::report::{Aim, Line, Report};

/// The first word by which this program knows that it is to be measured.
pub const CHILD: &str = "part-child";

const AWAKE: usize = 10_000;
const ASLEEP: [(usize, &str); 2] = [(100_000, "100,000"), (1_000_000, "1,000,000")];
const REGISTERED: usize = 10_000;

/// What a child is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Nobody there; room in the journal for so many.
    Empty,
    /// All have worked once and wait.
    Awake,
    /// All are registered and none has anything to do.
    Asleep,
}

impl Part {
    const ALL: [(Self, &'static str); 3] = [(Self::Empty, "empty"), (Self::Awake, "awake"), (Self::Asleep, "asleep")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(part, _)| *part == self).map_or("", |(_, name)| name)
    }
}

/// What a child says of itself.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Weighed {
    at_rest: Footprint,
    /// Times any thread of it was put on a processor while nothing happened, in [`company::IDLE`].
    wake_ups: u64,
    /// How long its threads ran in that time.
    cpu: Duration,
}

/// The part of the report about personas.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let (nobody, awake) = (weigh(Part::Empty, AWAKE)?, weigh(Part::Awake, AWAKE)?);
    report.add(heavy("10,000 personas awake, each, over the empty process", nobody, awake, AWAKE, 12_000.0)?);
    report.add(idle(nobody, awake));
    for (count, name) in ASLEEP {
        let (nobody, asleep) = (weigh(Part::Empty, count)?, weigh(Part::Asleep, count)?);
        let what = format!("{name} personas asleep, each, over the empty process");
        report.add(heavy(&what, nobody, asleep, count, 400.0)?);
        report.add(busy(name, nobody, asleep));
    }
    start::measure(report, REGISTERED)?;
    wakes::measure(report, 1_000_000)
}

/// What this program does when it is the one to be measured.
pub fn child(args: &[String]) -> anyhow::Result<()> {
    let [part, rest @ ..] = args else { bail!("which part?") };
    if part == start::CHILD {
        return start::child(rest);
    }
    if part == wakes::CHILD {
        return wakes::child(rest);
    }
    let known = Part::ALL.iter().find(|(_, name)| name == part);
    let (part, _) = known.with_context(|| format!("there is no part `{part}`"))?;
    let count = rest.first().context("how many?")?.parse()?;
    say(&runtime()?.block_on(company::weigh(*part, count))?)
}

fn weigh(part: Part, count: usize) -> anyhow::Result<Weighed> {
    ask(&[part.name(), &count.to_string()])
}

fn heavy(what: &str, nobody: Weighed, somebody: Weighed, count: usize, aim: f64) -> anyhow::Result<Line> {
    let (empty, full) = (nobody.at_rest.pss_bytes, somebody.at_rest.pss_bytes);
    ensure!(full > empty, "{count} personas weigh nothing: {full} bytes over {empty}");
    let each = real(full - empty) / real(u64::try_from(count)?);
    Ok(Line {
        what: what.to_owned(),
        figure: format!("{each:.0} B (PSS {:.1} − {:.1} MB)", real(full) / 1e6, real(empty) / 1e6),
        ratio: None,
        aim: Aim::AtMost { aim, value: each },
    })
}

/// A process that only waits to be measured is put on a processor a few times for that, so a handful more is chance;
/// if one in two thousand personas woke once, it would show.
fn idle(nobody: Weighed, awake: Weighed) -> Line {
    let seconds = company::IDLE.as_secs();
    Line {
        what: format!("10,000 personas awake and idle, thread wake-ups in {seconds} s"),
        figure: format!("{} (empty process {})", awake.wake_ups, nobody.wake_ups),
        ratio: None,
        aim: Aim::AtMost { aim: real(nobody.wake_ups) + 5.0, value: real(awake.wake_ups) },
    }
}

/// Counts and bytes as figures; they are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "nobody reads the 16th digit")]
fn real(count: u64) -> f64 {
    count as f64
}

/// The runtime of the product.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn say(answer: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(answer)?);
    Ok(())
}

/// A thousandth of one processor could not be told from chance.
fn busy(count: &str, nobody: Weighed, asleep: Weighed) -> Line {
    let (seconds, ms) = (company::IDLE.as_secs(), |of: Weighed| of.cpu.as_secs_f64() * 1e3);
    Line {
        what: format!("{count} personas asleep, processor time in {seconds} s, in ms"),
        figure: format!("{:.2} ms (empty process {:.2} ms)", ms(asleep), ms(nobody)),
        ratio: None,
        aim: Aim::AtMost { aim: real(seconds), value: ms(asleep) - ms(nobody) },
    }
}

/// Runs this program as a child and reads what it says.
fn ask<T: for<'de> Deserialize<'de>>(args: &[&str]) -> anyhow::Result<T> {
    let this = std::env::current_exe().context("this program does not know where it lies")?;
    let child = Command::new(this).arg(CHILD).args(args).stderr(Stdio::inherit()).output()?;
    ensure!(child.status.success(), "the child {args:?} ended with {}", child.status);
    serde_json::from_slice(&child.stdout).with_context(|| format!("the child {args:?} said something else"))
}
