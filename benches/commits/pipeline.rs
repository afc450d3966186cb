//! The thing itself: producers hand commits to the evidence actor and wait until each is on disk.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actors::{
    evidence::{Evidence, Setup},
    ports::{Commit, Journal, World, Written},
    testing::{self, TestWorld},
};
use anyhow::Context as _;
use async_trait::async_trait;
use ed25519_dalek::SigningKey;
use tokio::time::{Duration, Instant};

use super::{
    place::Place,
    workload::{self, Chain, WARM},
};

/// What a number of producers got out of it.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub per_second: f64,
    /// From handing in to the answer.
    pub p50: Duration,
    pub p99: Duration,
    /// Commits in one transaction, on average.
    pub batch: usize,
}

/// Runs this many producers for so long, each on a chain of its own, on a store of their own.
pub async fn measure(place: &Place, producers: usize, span: Duration) -> anyhow::Result<Measured> {
    let world = Arc::new(TestWorld::new(1));
    let storage = place.open(world.clone()).await?;
    let counted =
        Arc::new(Counted { journal: storage.journal.clone(), batches: AtomicU64::new(0), commits: AtomicU64::new(0) });
    let key = SigningKey::from_bytes(&[7; 32]);
    storage.register_signing_key(&key.verifying_key()).await?;
    let setup = Setup { journal: counted.clone(), world: world.clone(), key, node: testing::node() };
    let (evidence, ended) = Evidence::spawn(setup).await?;
    let chains = workload::chains(&*world, producers);
    let changes = chains.iter().flat_map(|chain| chain.opening(&*world)).collect();
    evidence.record(Commit { changes, ..Commit::default() }).await?;
    let began = Instant::now();
    let producing =
        |chain| tokio::spawn(produce(evidence.clone(), world.clone(), chain, began + WARM..began + WARM + span));
    let tasks: Vec<_> = chains.into_iter().map(producing).collect();
    tokio::time::sleep_until(began + WARM).await;
    counted.forget();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let batch = counted.mean();
    evidence.close().await?;
    ended.await?;
    took.sort_unstable();
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied().context("nothing was written");
    Ok(Measured { per_second: took.len() as f64 / span.as_secs_f64(), p50: at(0.5)?, p99: at(0.99)?, batch })
}

/// How long each commit took that was answered at a time that counts.
async fn produce(
    evidence: Evidence,
    world: Arc<dyn World>,
    mut chain: Chain,
    counts: Range<Instant>,
) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    loop {
        let commit = chain.commit(&*world);
        let began = Instant::now();
        evidence.record(commit).await?;
        let answered = Instant::now();
        if answered >= counts.end {
            return Ok(took);
        }
        if answered >= counts.start {
            took.push(answered - began);
        }
    }
}

/// The journal, with a count of what passes.
struct Counted {
    journal: Arc<dyn Journal>,
    batches: AtomicU64,
    commits: AtomicU64,
}

impl Counted {
    fn count(&self, commits: usize) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(commits as u64, Ordering::Relaxed);
    }

    fn forget(&self) {
        self.batches.store(0, Ordering::Relaxed);
        self.commits.store(0, Ordering::Relaxed);
    }

    fn mean(&self) -> usize {
        let (commits, batches) = (self.commits.load(Ordering::Relaxed), self.batches.load(Ordering::Relaxed));
        (commits as f64 / batches.max(1) as f64).round().max(1.0) as usize
    }
}

#[async_trait]
impl Journal for Counted {
    async fn write(&self, batch: Vec<Commit>) -> Written {
        self.count(batch.len());
        self.journal.write(batch).await
    }

    fn write_here(&self, commit: Commit) -> Result<Written, Commit> {
        let written = self.journal.write_here(commit)?;
        self.count(1);
        Ok(written)
    }
}
