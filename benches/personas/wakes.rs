//! How soon a persona that sleeps among many is at its first step, from the moment its message comes in: on SQLite,
//! with everything durable that must be (the message, and that its run has begun).

use std::{path::Path, sync::Arc, time::Duration};

use actors::{
    domain::{Call, ChainId, Outcome, PersonaId, Phase, Receipt, TraceId},
    ports::{Commit, Journal, Performer, Ports, World as _},
    supervisor::{By, Company},
    testing::{self, TestPorts, TestWorld},
};
use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    ask,
    company::{limits, quick_work},
    runtime, say, start,
};
use crate::report::{Aim, Line, Report};

/// The word by which a child knows that wakes are to be timed.
pub(super) const CHILD: &str = "wakes";

const WAKES: usize = 4_000;
/// Not measured: caches and compiled code get warm, and the start has looked for heads that a crash left unsigned.
const WARM_UP: usize = 1_000;
/// Shares no factor with the number of personas: each wake is of somebody else, far away.
const STRIDE: usize = 617_647;
const PATIENCE: Duration = Duration::from_secs(10);

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
struct Woken {
    registered: usize,
    /// From the beginning of `Company::start` until it takes commands.
    ready: Duration,
    first_step: Times,
    /// Two commits one after the other, written at the same time to the same store, without any company.
    two_commits: Times,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Times {
    p50: Duration,
    p99: Duration,
    longest: Duration,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        Self { p50: at(50), p99: at(99), longest: times.last().copied().unwrap_or_default() }
    }

    fn figure(&self) -> String {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        format!("p50 {:.2} p99 {:.2} longest {:.2} ms", ms(self.p50), ms(self.p99), ms(self.longest))
    }
}

pub(super) fn measure(report: &mut Report, count: usize) -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    runtime()?.block_on(start::fill(root.path(), count))?;
    let path = root.path().to_str().context("the temporary folder has a strange name")?;
    let woken: Woken = ask(&[CHILD, path])?;
    ensure!(woken.registered == count, "{} of {count} are registered", woken.registered);
    report.add(Line {
        what: "start to ready, 1,000,000 registered in SQLite".to_owned(),
        figure: format!("{:.1} s", woken.ready.as_secs_f64()),
        ratio: None,
        aim: Aim::None,
    });
    let Woken { first_step, two_commits, .. } = woken;
    report.add(Line {
        what: format!("message to first step, one of 1,000,000 asleep, {WAKES} times, p99 in ms"),
        figure: first_step.figure(),
        ratio: Some((first_step.p99.as_secs_f64() / two_commits.p99.as_secs_f64(), "two bare commits, p99")),
        aim: Aim::AtMost { aim: 5.0, value: first_step.p99.as_secs_f64() * 1e3 },
    });
    report.add(Line {
        what: "  two bare commits, one after the other, between them".to_owned(),
        figure: two_commits.figure(),
        ratio: None,
        aim: Aim::None,
    });
    Ok(())
}

pub(super) fn child(args: &[String]) -> anyhow::Result<()> {
    let root = args.first().context("where?")?;
    say(&runtime()?.block_on(wake(Path::new(root)))?)
}

async fn wake(root: &Path) -> anyhow::Result<Woken> {
    let (test, storage) = (TestPorts::obliging(), start::open(root).await?);
    let (begun, mut first_steps) = mpsc::unbounded_channel();
    let ports = Ports {
        journal: storage.journal.clone(),
        records: storage.records.clone(),
        blobs: storage.blobs.clone(),
        performer: Arc::new(Watched { begun }),
        ..test.ports()
    };
    let starting = Instant::now();
    let company = Company::start(limits(), ports, SigningKey::from_bytes(&[7; 32])).await?;
    let registered = company.figures().registered;
    let ready = starting.elapsed();
    let everybody: Vec<PersonaId> = storage.records.roster().await?.into_iter().map(|record| record.id).collect();
    let by = By { who: "bench".to_owned(), trace: TraceId(test.world.new_id()) };
    let (mut receipts, mut first_step, mut two_commits) = (company.receipts(), Vec::new(), Vec::new());
    for number in 0..WARM_UP + WAKES {
        let persona = everybody[number * STRIDE % everybody.len()];
        let sent = Instant::now();
        let (delivered, first) =
            tokio::join!(company.deliver(quick_work(persona), &by), tokio::time::timeout(PATIENCE, first_steps.recv()));
        let goal = delivered?.goal.id;
        let (who, at) = first?.context("nobody works any more")?;
        ensure!(who == persona, "somebody else was woken");
        let is_end = |receipt: &Receipt| receipt.goal == Some(goal) && receipt.phase == Some(Phase::Decision);
        while !is_end(&*receipts.recv().await?) {}
        let bare = bare(&*storage.journal, &test.world).await?;
        if number >= WARM_UP {
            first_step.push(at - sent);
            two_commits.push(bare);
        }
    }
    company.end().await;
    Ok(Woken { registered, ready, first_step: Times::of(first_step), two_commits: Times::of(two_commits) })
}

/// What has to be durable before a first step, without anything else.
async fn bare(journal: &dyn Journal, world: &TestWorld) -> anyhow::Result<Duration> {
    let chain = ChainId::System("bare".parse()?);
    let began = Instant::now();
    for _ in 0..2 {
        let receipts = vec![testing::draft(world, chain.clone(), None, "was written")];
        journal.write(vec![Commit { receipts, ..Commit::default() }]).await?;
    }
    Ok(began.elapsed())
}

/// Says who began a step, and when.
struct Watched {
    begun: mpsc::UnboundedSender<(PersonaId, Instant)>,
}

#[async_trait]
impl Performer for Watched {
    async fn perform(&self, call: Call, _stop: CancellationToken) -> Outcome {
        // Whoever does not listen any more has ended.
        let _ = self.begun.send((call.persona, Instant::now()));
        Outcome::done(format!("did {}", call.tool), json!({ "value": "A line." }))
    }

    async fn rest(&self, _persona: PersonaId) {}

    async fn release(&self, _persona: PersonaId) {}
}
