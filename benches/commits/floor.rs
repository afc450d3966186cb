//! The floor: one thread appends the bytes of a batch to a file and waits until they are on disk.

use std::{fs::File, io::Write, path::Path, time::Duration};

use actors::{evidence::chain::Heads, testing::TestWorld};
use tokio::time::Instant;

use super::workload::{self, Rate};

const SPAN: Duration = Duration::from_millis(400);

/// Receipts per second. Nothing is hashed, encoded or found again: these are the bytes alone, made beforehand.
pub fn measure(folder: &Path, batch: usize) -> anyhow::Result<f64> {
    let bytes = bytes(batch);
    let mut file = File::create(folder.join("floor"))?;
    let mut rate = Rate::over(SPAN);
    while rate.goes_on() {
        let began = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        rate.turn(batch, began);
    }
    Ok(rate.per_second())
}

/// The columns of a batch's rows, one after the other.
fn bytes(batch: usize) -> Vec<u8> {
    let world = TestWorld::new(3);
    let mut heads = Heads::new(0);
    let mut linking = heads.begin();
    let mut bytes = Vec::new();
    for mut chain in workload::chains(&world, batch) {
        let row = linking.link(chain.draft(&world));
        let phase = row.draft.phase.map_or("", |phase| phase.as_str());
        let run = row.draft.run.map_or([0; 16], |run| *run.as_bytes());
        let texts = [row.header.as_str(), &row.body, row.draft.node.as_str(), row.draft.kind.as_str(), phase];
        bytes.extend(texts.into_iter().flat_map(str::bytes));
        bytes.extend([row.pos, row.seq, row.draft.at_ms].into_iter().flat_map(i64::to_be_bytes));
        bytes.extend(row.draft.chain.to_bytes());
        bytes.extend([&row.hash.0[..], &row.draft.salt, &run].concat());
    }
    bytes
}
