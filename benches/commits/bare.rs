//! What bounds the pipeline: the leanest loop of diesel that writes the same rows in the same batches into the same
//! tables, and the same loop with rows of an id and 100 bytes.
//!
//! One thread links a batch to its chains in canonical form, inserts it and commits; then the next. No guards, no queue, no
//! answers, no signatures, no second thread. Drafts are made before the clock starts: producers make theirs elsewhere.

mod postgres;
mod sqlite;

use std::{sync::Arc, time::Duration};

use actors::{
    domain::Draft,
    evidence::chain::{Batch, Heads, Linked},
    testing::TestWorld,
};

use super::{
    place::Place,
    workload::{self, Chain},
};

const SPAN: Duration = Duration::from_millis(800);

/// Receipts per second.
pub async fn receipts(place: &Place, producers: usize, batch: usize) -> anyhow::Result<f64> {
    let mut source = Source::new(producers, batch);
    // Makes the tables, and is gone again.
    drop(place.open(source.world.clone()).await?);
    match place.url() {
        "" => sqlite::receipts(place, &mut source),
        url => postgres::receipts(url, &mut source).await,
    }
}

/// Tiny rows per second.
pub async fn tiny(place: &Place, batch: usize) -> anyhow::Result<f64> {
    drop(place.open(Arc::new(TestWorld::new(5))).await?);
    match place.url() {
        "" => sqlite::tiny(place, batch),
        url => postgres::tiny(url, batch).await,
    }
}

/// Drafts of one chain after the other, and the heads they are linked to.
struct Source {
    world: Arc<TestWorld>,
    chains: Vec<Chain>,
    next: usize,
    batch: usize,
    heads: Heads,
}

impl Source {
    fn new(producers: usize, batch: usize) -> Self {
        let world = Arc::new(TestWorld::new(4));
        let chains = workload::chains(&*world, producers);
        Self { world, chains, next: 0, batch, heads: Heads::new(0) }
    }

    fn drafts(&mut self) -> Vec<Draft> {
        let Self { world, chains, next, batch, .. } = self;
        let mut draft = || {
            *next = (*next + 1) % chains.len();
            chains[*next].draft(&**world)
        };
        (0..*batch).map(|_| draft()).collect()
    }

    fn link(&mut self, drafts: Vec<Draft>) -> (Batch<'_>, Vec<Linked>) {
        let mut batch = self.heads.begin();
        let linked = drafts.into_iter().map(|draft| batch.link(draft)).collect();
        (batch, linked)
    }
}

/// Rows of an id and 100 bytes.
fn tiny_rows(ids: &mut i64, batch: usize) -> Vec<(i64, String)> {
    let row = |_| {
        *ids += 1;
        (*ids, format!("{ids:0>100}"))
    };
    (0..batch).map(row).collect()
}
