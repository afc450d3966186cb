//! The tables beside the log are projections: what they say of a goal can be read out of the headers alone.

use std::{
    collections::{BTreeMap, HashSet},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use actors::{
    domain::{
        AiPayload, ArtifactKind, Call, GoalId, GoalState, InboxLimits, InnerLife, Length, Limits, NewArtifact, Outcome,
        Pace, Payload, Profile, Proof, Receipt, RoomRules, RunId, StepError, TraceId, Unit, WaitsFor, Weight,
    },
    ports::{Ports, World},
    supervisor::{By, Company, NewPersona, NewWork, Work},
    testing::{self, ScriptedPerformer},
};
use ed25519_dalek::SigningKey;
use greenroom::storage::{GoalFilter, ReceiptFilter};
use serde_json::json;

use super::{on_both_databases, stores::Store};

on_both_databases! { goals_are_what_the_headers_say }

pub fn limits() -> Limits {
    Limits {
        node: testing::node(),
        active_personas: NonZeroUsize::MIN,
        retry_after: vec![Duration::ZERO],
        circuit_after: 100,
        passivate_after: Duration::from_secs(60),
        restarts: 3,
        restart_window: Duration::from_secs(60),
        step: Duration::from_secs(5),
        standing_hosts: Vec::new(),
        approve_within: Duration::from_secs(24 * 3600),
        pace: Pace { default_per_1000_s: 500, sites: Vec::new() },
        serve_within: Duration::from_secs(3600),
        inbox: InboxLimits::default(),
        inner_life: InnerLife::default(),
        rooms: RoomRules::default(),
        calendar: Default::default(),
        load: Default::default(),
        quotas: Default::default(),
    }
}

/// A model that does what the prompt says.
fn script(call: &Call) -> Outcome {
    let prompt = call.args.to_string();
    if prompt.contains("never") {
        Outcome::not_begun("did not", StepError::permanent("it never works"))
    } else if prompt.contains("not yet") {
        Outcome::not_begun("did not", StepError::retryable("it does not work yet"))
    } else {
        let (name, bytes) = ("line.txt".to_owned(), b"a line".to_vec());
        let line = NewArtifact { kind: ArtifactKind::Text, name, media_type: "text/plain", bytes };
        Outcome::done("composed", json!({"value": "a line"})).with_artifact(line)
    }
}

fn work(persona: &actors::domain::Persona, prompt: &str) -> NewWork {
    let payload = Payload::Ai(AiPayload { prompt: prompt.to_owned(), file: None, length: Length::Short });
    // Only what works is proven, so only that counts.
    let proof = match prompt {
        "works too" => Proof { counts_as: Some(Unit::Post), units: Some(3), ..Proof::default() },
        "never works" => Proof { counts_as: Some(Unit::Post), ..Proof::default() },
        _ => Proof::default(),
    };
    NewWork {
        persona: persona.id,
        what: Work::Goal { title: prompt.to_owned(), payload, proof },
        priority: None,
        serve_by_ms: None,
        due_ms: None,
        correlation: None,
        project: None,
        waits_for: WaitsFor::default(),
    }
}

fn livia() -> NewPersona {
    NewPersona {
        slug: "livia".parse().unwrap(),
        name: "Livia".to_owned(),
        role: None,
        description: String::new(),
        profile: Profile::default(),
        hosts: Vec::new(),
        model: None,
        weight: Weight::ORDINARY,
        hours: Default::default(),
    }
}

async fn goals_are_what_the_headers_say(store: Store) {
    let performer = Arc::new(ScriptedPerformer::new(script));
    let storage = store.storage();
    let ports = Ports {
        journal: storage.journal.clone(),
        records: storage.records.clone(),
        performer,
        blobs: storage.blobs.clone(),
        world: store.world.clone(),
    };
    let company = Company::start(limits(), ports, SigningKey::from_bytes(&[7; 32])).await.unwrap();
    let by = By { who: "ada".to_owned(), trace: TraceId(store.world.new_id()) };
    let livia = company.create_persona(livia(), &by).await.unwrap();
    let mut live = company.receipts();
    let mut goals = Vec::new();
    for prompt in ["works", "never works", "does not work yet", "works too"] {
        goals.push(company.deliver(work(&livia, prompt), &by).await.unwrap().goal.id);
    }
    let mut open: HashSet<GoalId> = goals.iter().copied().collect();
    while !open.is_empty() {
        let receipt = live.recv().await.unwrap();
        let over = goal_state(&receipt).is_some_and(GoalState::is_over);
        open.retain(|goal| !(over && receipt.goal == Some(*goal)));
    }
    company.retry_goal(goals[1], &by).await.unwrap();
    let paused = company.pause(livia.id, &by).await.unwrap();
    assert_eq!(paused.id, livia.id);
    company.end().await;

    let all = ReceiptFilter { newest_first: false, limit: 1000, ..ReceiptFilter::default() };
    let receipts = storage.db.receipts(all).await.unwrap();
    let rebuilt = rebuilt(&receipts);
    let kept = storage.db.goals(GoalFilter::default()).await.unwrap();
    assert_eq!(kept.len(), 4);
    let units = units(&receipts);
    for goal in kept {
        assert_eq!(rebuilt[&goal.id], (goal.state, goal.attempts), "{}", goal.title);
        let taken = storage.db.quota_use(goal.id).await.unwrap();
        let proven = taken.filter(|_| goal.state == GoalState::Done).map(|taken| i64::from(taken.units));
        assert_eq!(units.get(&goal.id).copied(), proven, "{}", goal.title);
    }
    assert_eq!(units.values().sum::<i64>(), 3);
}

/// What a goal became, when a receipt is about the goal and not about one of its steps.
fn goal_state(receipt: &Receipt) -> Option<GoalState> {
    receipt.step.is_none().then_some(receipt.state.as_deref()?.parse().ok()?)
}

/// What every proven goal counts as, from nothing but receipts.
fn units(receipts: &[Receipt]) -> BTreeMap<GoalId, i64> {
    receipts.iter().filter_map(|receipt| Some((receipt.goal?, receipt.units?))).collect()
}

/// State and attempts of every goal, from nothing but receipts.
fn rebuilt(receipts: &[Receipt]) -> BTreeMap<GoalId, (GoalState, u32)> {
    let mut goals = BTreeMap::new();
    let mut begun: HashSet<RunId> = HashSet::new();
    for receipt in receipts {
        let (Some(goal), Some(state)) = (receipt.goal, goal_state(receipt)) else { continue };
        let known = goals.entry(goal).or_insert((state, 0));
        known.0 = state;
        match receipt.run {
            Some(run) if begun.insert(run) => known.1 += 1,
            // Given, or given again by a person: it begins anew.
            None if state == GoalState::Pending => known.1 = 0,
            _ => {}
        }
    }
    goals
}
