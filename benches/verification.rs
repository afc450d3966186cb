//! Verification of a stored log, as `greenroom receipts verify` does it: rows from SQLite, every hash of header and
//! body, every link, every signature that the evidence actor left while it wrote.
//!
//! Reading and checking take turns: however many threads there are, one core is at work.

use std::{sync::Arc, time::Duration};

use actors::testing::TestWorld;
use anyhow::ensure;
use greenroom::storage::{self, Archive};
use tokio::time::Instant;

use crate::{
    commits::{pipeline, place::Database},
    report::{Aim, Line, Report, median},
};

const ROUNDS: usize = 5;
const PRODUCERS: usize = 256;
/// How long the log is written.
const SPAN: Duration = Duration::from_secs(3);
/// Receipts per second.
const AIM: f64 = 200_000.0;

/// Adds the line.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let place = Database::Sqlite.place()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(pipeline::measure(&place, PRODUCERS, SPAN))?;
    drop(runtime);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let archive = Archive::of(runtime.block_on(place.open(Arc::new(TestWorld::new(9))))?.db, place.folder());
    let (mut rates, mut of_what) = (Vec::new(), String::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let found = runtime.block_on(storage::verify(&archive, None, None, |_| ()))?;
        rates.push(found.receipts as f64 / began.elapsed().as_secs_f64());
        ensure!(found.is_sound(), "the log that was written is not intact");
        of_what = format!("{} receipts, {} signatures", found.receipts, found.checkpoints);
    }
    let rate = median(rates.into_iter());
    report.add(Line {
        what: format!("verification, SQLite, {of_what}, one core"),
        figure: format!("{rate:.0}/s"),
        ratio: None,
        aim: Aim::AtLeast { aim: AIM, value: rate },
    });
    Ok(())
}
