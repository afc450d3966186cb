//! Durable commits: how many a second the evidence actor writes, beside what bounds it, on both databases.
//!
//! * **floor**: one thread appends the bytes of the same rows to a file and waits for the disk, in batches as large as
//!   the pipeline's at that number of producers.
//! * **bare loop**: one thread of plain diesel links, hashes, inserts and commits the same rows in the same batches. On
//!   SQLite its checkpoints are inline: it stops for them, where the pipeline has a thread for that. So it is what one
//!   thread can do, not a bound, and the pipeline can be faster.
//! * **tiny rows**: the same loop with rows of an id and 100 bytes.
//!
//! Rounds are interleaved, every measurement begins with a store of its own, a ratio is the median of the ratios of the
//! rounds. The disk is asked to be honest: `synchronous = FULL`, `fsync` and `synchronous_commit` on.

mod bare;
mod floor;
pub mod pipeline;
pub mod place;
#[path = "../tests/postgres_cluster.rs"]
mod postgres_cluster;
mod workload;

use std::time::Duration;

use crate::report::{Aim, Line, Report, median};
use pipeline::Measured;
use place::Database;

const ROUNDS: usize = 5;
const SPAN: Duration = Duration::from_millis(800);
const PRODUCERS: [usize; 4] = [1, 64, 256, 1024];
/// At which the bare loop is asked too.
const BARE_AT: [usize; 2] = [1, 256];

const FLOOR: &str = "append + fdatasync";

/// Everything measured in one round at one number of producers.
struct Round {
    producers: usize,
    pipeline: Measured,
    floor: f64,
    bare: Option<Bare>,
}

struct Bare {
    receipts: f64,
    tiny: f64,
}

/// Adds the lines of both databases.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for database in [Database::Sqlite, Database::postgres()?] {
        let mut rounds = Vec::new();
        for producers in PRODUCERS.iter().copied().cycle().take(ROUNDS * PRODUCERS.len()) {
            rounds.push(runtime.block_on(round(&database, producers))?);
        }
        tell(report, database.name(), &rounds);
    }
    Ok(())
}

async fn round(database: &Database, producers: usize) -> anyhow::Result<Round> {
    let pipeline = pipeline::measure(&database.place()?, producers, SPAN).await?;
    let floor = floor::measure(database.place()?.folder(), pipeline.batch)?;
    let bare = if BARE_AT.contains(&producers) {
        let receipts = bare::receipts(&database.place()?, producers, pipeline.batch).await?;
        Some(Bare { receipts, tiny: bare::tiny(&database.place()?, pipeline.batch).await? })
    } else {
        None
    };
    Ok(Round { producers, pipeline, floor, bare })
}

fn tell(report: &mut Report, database: &str, rounds: &[Round]) {
    for producers in PRODUCERS {
        let here: Vec<&Round> = rounds.iter().filter(|round| round.producers == producers).collect();
        let batch = median(here.iter().map(|round| round.pipeline.batch as f64));
        tell_pipeline(report, database, batch, &here);
        let floor = median(here.iter().map(|round| round.floor));
        report.add(line(format!("  append + fdatasync, batches of {batch}"), per_second(floor)));
        tell_bare(report, database, batch, &here);
    }
}

fn tell_pipeline(report: &mut Report, database: &str, batch: f64, rounds: &[&Round]) {
    let of = |bound: fn(&Round) -> Option<f64>| {
        median(rounds.iter().filter_map(|round| Some(round.pipeline.per_second / bound(round)?)))
    };
    let milliseconds =
        |of: fn(&Measured) -> Duration| median(rounds.iter().map(|round| of(&round.pipeline).as_secs_f64() * 1000.0));
    let bare_loop = bare_loop(database);
    let of_floor = of(|round| Some(round.floor));
    let of_bare = of(|round| round.bare.as_ref().map(|bare| bare.receipts));
    let producers = rounds.first().map_or(0, |round| round.producers);
    let (ratio, aim) = match producers {
        1 => ((of_floor, FLOOR), Aim::AtLeast { aim: 0.65, value: of_floor }),
        256 => ((of_bare, bare_loop), Aim::AtLeast { aim: 0.9, value: of_bare }),
        _ => ((of_floor, FLOOR), Aim::None),
    };
    let rate = per_second(median(rounds.iter().map(|round| round.pipeline.per_second)));
    let (p50, p99) = (milliseconds(|measured| measured.p50), milliseconds(|measured| measured.p99));
    report.add(Line {
        what: format!("commits, {database}, {producers} producers, batches of {batch}"),
        figure: format!("p50 {p50:.2} p99 {p99:.2} ms {rate:>10}"),
        ratio: Some(ratio),
        aim,
    });
}

fn tell_bare(report: &mut Report, database: &str, batch: f64, rounds: &[&Round]) {
    let bare: Vec<&Bare> = rounds.iter().filter_map(|round| round.bare.as_ref()).collect();
    if bare.is_empty() {
        return;
    }
    let of_tiny = median(bare.iter().map(|bare| bare.receipts / bare.tiny));
    let receipts = per_second(median(bare.iter().map(|bare| bare.receipts)));
    report.add(Line {
        ratio: Some((of_tiny, "the loop with tiny rows")),
        aim: Aim::AtLeast { aim: 0.1, value: of_tiny },
        ..line(format!("  {}, batches of {batch}", bare_loop(database)), receipts)
    });
    let tiny = per_second(median(bare.iter().map(|bare| bare.tiny)));
    report.add(line(format!("  bare loop with tiny rows, batches of {batch}"), tiny));
}

/// What it is called where.
fn bare_loop(database: &str) -> &'static str {
    if database == Database::Sqlite.name() { "bare loop, checkpoints inline" } else { "bare loop" }
}

/// A bound: a figure that stands alone.
fn line(what: String, figure: String) -> Line {
    Line { what, figure, ratio: None, aim: Aim::None }
}

fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}
