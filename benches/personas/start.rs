//! How long a company takes from its start until it is ready, with many registered.

use std::{path::Path, sync::Arc, time::Duration};

use actors::{
    domain::{ChainId, NodeName},
    evidence::{chain::Head, checkpoint},
    ports::{Change, Commit, Journal, Ports},
    supervisor::Company,
    testing::{self, TestPorts, TestWorld},
};
use anyhow::{Context as _, bail, ensure};
use ed25519_dalek::SigningKey;
use greenroom::{config::Config, storage::Storage};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{ask, company::limits, runtime, say};
use crate::report::{Aim, Line, Report};

/// The word by which a child knows that its start is to be timed.
pub(super) const CHILD: &str = "start";

/// How a start went.
#[derive(Debug, Serialize, Deserialize)]
struct Started {
    registered: usize,
    /// Opening the store; zero for one in memory.
    open: Duration,
    /// From the beginning of `Company::start` until it takes commands.
    ready: Duration,
}

pub(super) fn measure(report: &mut Report, count: usize) -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    runtime()?.block_on(fill(root.path(), count))?;
    let path = root.path().to_str().context("the temporary folder has a strange name")?;
    for (store, args) in [("SQLite", ["sqlite", path]), ("memory", ["memory", &count.to_string()])] {
        let started: Started = ask(&[CHILD, args[0], args[1]])?;
        ensure!(started.registered == count, "{} of {count} are registered", started.registered);
        let opened =
            if started.open.is_zero() { String::new() } else { format!(" (store opened in {})", ms(started.open)) };
        report.add(Line {
            what: format!("start to ready, 10,000 registered in {store}, in ms"),
            figure: format!("{}{opened}", ms(started.ready)),
            ratio: None,
            aim: Aim::AtMost { aim: 1_000.0, value: started.ready.as_secs_f64() * 1e3 },
        });
    }
    Ok(())
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

pub(super) fn child(args: &[String]) -> anyhow::Result<()> {
    let [store, what] = args else { bail!("which store?") };
    let started = runtime()?.block_on(async {
        match store.as_str() {
            "sqlite" => on_sqlite(Path::new(what)).await,
            _ => in_memory(what.parse()?).await,
        }
    })?;
    say(&started)
}

async fn on_sqlite(root: &Path) -> anyhow::Result<Started> {
    let begun = Instant::now();
    let test = TestPorts::obliging();
    let storage = open(root).await?;
    let open = begun.elapsed();
    let ports = Ports {
        journal: storage.journal.clone(),
        records: storage.records.clone(),
        blobs: storage.blobs.clone(),
        ..test.ports()
    };
    timed(ports, open).await
}

async fn in_memory(count: usize) -> anyhow::Result<Started> {
    let test = TestPorts::obliging();
    register(&*test.store, count).await?;
    timed(test.ports(), Duration::ZERO).await
}

async fn timed(ports: Ports, open: Duration) -> anyhow::Result<Started> {
    let begun = Instant::now();
    let company = Company::start(limits(), ports, SigningKey::from_bytes(&[7; 32])).await?;
    // It answers once its supervisor has looked at who is due.
    let registered = company.figures().registered;
    let ready = begun.elapsed();
    company.end().await;
    Ok(Started { registered, open, ready })
}

pub(super) async fn open(root: &Path) -> anyhow::Result<Storage> {
    let config = Config::for_test(root);
    let node: NodeName = testing::node();
    Storage::open(&config.storage, root, &node, Arc::new(TestWorld::new(7))).await.context("the store cannot be opened")
}

pub(super) async fn fill(root: &Path, count: usize) -> anyhow::Result<()> {
    let storage = open(root).await?;
    register(&*storage.journal, count).await
}

/// Makes so many personas, each with the receipt of its making and a signed head, as a running company leaves them.
async fn register(journal: &dyn Journal, count: usize) -> anyhow::Result<()> {
    let (world, key) = (TestWorld::new(9), SigningKey::from_bytes(&[7; 32]));
    let made = |number: usize| {
        let persona = testing::persona(&world, &format!("persona-{number:06}"));
        let receipt = testing::draft(&world, ChainId::Persona(persona.id), None, "was created");
        Commit { guards: Vec::new(), changes: vec![Change::PersonaCreated(Box::new(persona))], receipts: vec![receipt] }
    };
    let numbers: Vec<usize> = (0..count).collect();
    for lot in numbers.chunks(500) {
        let written = journal.write(lot.iter().map(|number| made(*number)).collect()).await?;
        let mut changes = Vec::new();
        for result in written {
            for receipt in result.context("a persona was not taken")?.receipts {
                let head = Head { seq: receipt.seq, hash: receipt.hash };
                changes.push(Change::CheckpointSigned(checkpoint::sign(&key, receipt.chain, head, receipt.at_ms)));
            }
        }
        journal.write(vec![Commit { changes, ..Commit::default() }]).await?;
    }
    Ok(())
}
