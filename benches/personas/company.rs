//! A company of many, brought to where it is to be weighed.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use actors::{
    domain::{GoalKind, InboxLimits, InnerLife, Limits, Pace, Payload, PersonaId, Proof, RoomRules, TraceId, WaitsFor},
    ports::{Ports, World as _},
    supervisor::{By, Company, NewWork, Work},
    testing::{self, MemoryBlobs, TestWorld},
};
use anyhow::ensure;
use ed25519_dalek::SigningKey;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use super::{
    Part, Weighed,
    hollow::{Hollow, Obliging, persona_id},
    process::{Footprint, cpu, wake_ups},
};

/// How long nothing happens while wake-ups are counted.
pub(super) const IDLE: Duration = Duration::from_secs(5);

/// Signatures follow the last receipt within a second.
const SETTLING: Duration = Duration::from_secs(2);
const DELIVERIES_AT_ONCE: usize = 64;

/// Brings a company of `count` there and weighs this process.
pub(super) async fn weigh(part: Part, count: usize) -> anyhow::Result<Weighed> {
    let world = Arc::new(TestWorld::new(7));
    let registered = if part == Part::Empty { 0 } else { count };
    let journal = Arc::new(Hollow::new(count, registered));
    let ports = Ports {
        journal: journal.clone(),
        records: journal.clone(),
        performer: Arc::new(Obliging),
        blobs: Arc::new(MemoryBlobs::default()),
        world: world.clone(),
    };
    let company = Company::start(limits(), ports, SigningKey::from_bytes(&[7; 32])).await?;
    if part == Part::Awake {
        let by = By { who: "bench".to_owned(), trace: TraceId(world.new_id()) };
        let deliveries = stream::iter(0..count).map(|number| company.deliver(quick_work(persona_id(number)), &by));
        deliveries.buffer_unordered(DELIVERIES_AT_ONCE).try_for_each(|_| async { Ok(()) }).await?;
        journal.settled(count).await;
    }
    tokio::time::sleep(SETTLING).await;
    let figures = company.figures();
    let awake = if part == Part::Awake { count } else { 0 };
    ensure!(
        (figures.registered, figures.awake, figures.active_personas, figures.inbox) == (registered, awake, 0, 0),
        "the company is not as it should be: {figures:?}"
    );
    let (before, ran) = (wake_ups()?, cpu()?);
    tokio::time::sleep(IDLE).await;
    let (wake_ups, cpu) = (wake_ups()? - before, cpu()? - ran);
    Ok(Weighed { at_rest: Footprint::now()?, wake_ups, cpu })
}

/// As the product's defaults, but nobody leaves memory while it is looked at.
pub(crate) fn limits() -> Limits {
    Limits {
        node: testing::node(),
        active_personas: NonZeroUsize::new(8).unwrap_or(NonZeroUsize::MIN),
        retry_after: vec![Duration::from_secs(60)],
        circuit_after: 3,
        passivate_after: Duration::from_secs(3_600),
        restarts: 3,
        restart_window: Duration::from_secs(300),
        step: Duration::from_secs(30),
        standing_hosts: Vec::new(),
        approve_within: Duration::from_secs(24 * 3600),
        pace: Pace { default_per_1000_s: 300, sites: Vec::new() },
        serve_within: Duration::from_secs(3_600),
        inbox: InboxLimits::default(),
        inner_life: InnerLife::default(),
        rooms: RoomRules::default(),
        calendar: Default::default(),
        load: Default::default(),
        quotas: Default::default(),
    }
}

/// A line to write, for this persona.
pub(super) fn quick_work(persona: PersonaId) -> NewWork {
    let payload = json!({ "prompt": "Write a line." });
    NewWork {
        persona,
        what: match Payload::parse(GoalKind::Ai, payload) {
            Ok(payload) => Work::Goal { title: "a line".to_owned(), payload, proof: Proof::default() },
            Err(_) => Work::Chat { text: "Write a line.".to_owned() },
        },
        priority: None,
        serve_by_ms: None,
        due_ms: None,
        correlation: None,
        project: None,
        waits_for: WaitsFor::default(),
    }
}
