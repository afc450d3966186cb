//! An agent's run of ten steps with a model that answers at once: what is left is the time of the runtime.
//!
//! The whole company on SQLite with `synchronous = FULL`, the artifacts on the same disk. Each of four thoughts reserves its
//! worst case first, as a priced model's does, and leaves its prompt and answer as artifacts, each synced; of the six calls
//! two go side by side. Beside it: a bare commit of one producer on the same file system in the same run of the benchmark.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use actors::{
    domain::{
        AgentPayload, ArtifactKind, Bound, Call, ChatAnswer, Choice, Chosen, Cost, Effect, Finish, GoalState, Limits,
        NewArtifact, Outcome, Payload, PersonaId, Proof, Step, StepError, Thought, ToolCall, TraceId, WaitsFor, Weight,
    },
    ports::{Performer, Ports, World as _},
    supervisor::{By, Company, NewPersona, NewWork, Work},
    testing::TestWorld,
};
use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use ed25519_dalek::SigningKey;
use serde_json::{Map, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    commits::{pipeline, place::Database},
    personas,
    report::{Aim, Line, Report},
};

const WARM: usize = 20;
const RUNS: usize = 300;
const STEPS: u32 = 10;
/// Calls that each thought but the last one chooses.
const CALLS: [usize; 3] = [2, 2, 2];
const BARE: Duration = Duration::from_millis(800);
/// A prompt of the usual length.
const PROMPT_BYTES: usize = 8 << 10;

/// Adds the line of the agent's run.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bare = runtime.block_on(pipeline::measure(&Database::Sqlite.place()?, 1, BARE))?;
    let Measured { mut per_step, receipts } = runtime.block_on(runs())?;
    per_step.sort_unstable();
    let at = |percentile: usize| per_step.get(per_step.len() * percentile / 100).copied().unwrap_or_default();
    let ms = |took: Duration| took.as_secs_f64() * 1_000.0;
    let commits = f64::from(u32::try_from(receipts)?) * ms(bare.p50) / f64::from(STEPS);
    report.add(Line {
        what: format!(
            "agent's run of {STEPS} steps, {receipts} receipts, SQLite: runtime a step, median of {RUNS} runs"
        ),
        figure: format!("{:.2} ms (p99 {:.2} ms)", ms(at(50)), ms(at(99))),
        ratio: Some((ms(at(50)) / commits, "as many bare commits")),
        aim: Aim::AtMost { aim: 10.0, value: ms(at(50)) },
    });
    report.add(Line {
        what: "bare commit of one producer beside it, median".into(),
        figure: format!("{:.2} ms", ms(bare.p50)),
        ratio: None,
        aim: Aim::None,
    });
    Ok(())
}

struct Measured {
    per_step: Vec<Duration>,
    /// Of one run.
    receipts: usize,
}

async fn runs() -> anyhow::Result<Measured> {
    let (world, place) = (Arc::new(TestWorld::new(3)), Database::Sqlite.place()?);
    let storage = place.open(world.clone()).await?;
    let key = SigningKey::from_bytes(&[7; 32]);
    storage.register_signing_key(&key.verifying_key()).await?;
    let ports = Ports {
        journal: storage.journal.clone(),
        records: storage.records.clone(),
        performer: Arc::new(Instantly),
        blobs: storage.blobs.clone(),
        world: world.clone(),
    };
    let limits = Limits { active_personas: NonZeroUsize::MIN, ..personas::limits() };
    let company = Company::start(limits, ports, key).await?;
    let by = By { who: "bench".to_owned(), trace: TraceId(world.new_id()) };
    let persona = company.create_persona(worker()?, &by).await?.id;
    let mut measured = Measured { per_step: Vec::with_capacity(RUNS), receipts: 0 };
    for run in 0..WARM + RUNS {
        let (took, receipts) = one(&company, persona, &by).await?;
        measured.receipts = receipts;
        if run >= WARM {
            measured.per_step.push(took / STEPS);
        }
    }
    company.end().await;
    Ok(measured)
}

/// From the receipt that says that the run began to the one that says how it ended: it only looked, so nothing is proven.
async fn one(company: &Company, persona: PersonaId, by: &By) -> anyhow::Result<(Duration, usize)> {
    let mut live = company.receipts();
    let goal = company.deliver(work(persona), by).await?.goal.id;
    let (mut began, mut receipts) = (None, 0);
    loop {
        let receipt = live.recv().await?;
        if receipt.goal != Some(goal) || receipt.run.is_none() {
            continue;
        }
        let began = *began.get_or_insert_with(Instant::now);
        receipts += 1;
        let state = receipt.state.as_deref().and_then(|state| state.parse::<GoalState>().ok());
        if receipt.step.is_none() && state.is_some_and(GoalState::is_over) {
            ensure!(state == Some(GoalState::Unconfirmed), "the run did not come to its end: {:?}", receipt.body);
            return Ok((began.elapsed(), receipts));
        }
    }
}

fn worker() -> anyhow::Result<NewPersona> {
    Ok(NewPersona {
        slug: "agent".parse().context("a slug")?,
        name: "Agent".to_owned(),
        role: None,
        description: String::new(),
        profile: Default::default(),
        hosts: Vec::new(),
        model: None,
        weight: Weight::ORDINARY,
        hours: Default::default(),
    })
}

fn work(persona: PersonaId) -> NewWork {
    let payload = Payload::Agent(Box::new(AgentPayload {
        task: "Look at a few things and say what you found.".to_owned(),
        max_steps: 40,
        max_minutes: 5,
        model: None,
        tools: Vec::new(),
        secrets: Default::default(),
        agent: None,
        delegated: None,
        fork: None,
    }));
    NewWork {
        persona,
        what: Work::Goal { title: "look".to_owned(), payload, proof: Proof::default() },
        priority: None,
        serve_by_ms: None,
        due_ms: None,
        correlation: None,
        project: None,
        waits_for: WaitsFor::default(),
    }
}

/// A model and tools that take no time.
struct Instantly;

#[async_trait]
impl Performer for Instantly {
    async fn perform(&self, call: Call, _: CancellationToken) -> Outcome {
        match &*call.tool {
            "think" => thinks(&call),
            _ => Outcome::done("looked", json!({"value": "three postings", "url": "http://rehearsal.localhost/jobs"})),
        }
    }

    async fn bound(&self, call: &Call) -> Result<Option<Bound>, StepError> {
        Ok((call.tool == "think").then_some(Bound { micro_usd: 1_000, tokens: 5_000 }))
    }

    async fn rest(&self, _: PersonaId) {}

    async fn release(&self, _: PersonaId) {}
}

fn thinks(call: &Call) -> Outcome {
    let turns = call.args["turns"].as_array().map(Vec::as_slice).unwrap_or_default();
    let answered = turns.iter().filter(|turn| turn["role"] == "assistant").count();
    let many = CALLS.get(answered).copied().unwrap_or(0);
    let chosen: Vec<Chosen> = (0..many).map(|number| chosen(answered, number)).collect();
    let calls = chosen.iter().map(|chosen| chosen.call.clone()).collect();
    let text = if many == 0 { "There are three.".to_owned() } else { String::new() };
    let finish = if many == 0 { Finish::Stop } else { Finish::Calls };
    let thought = Thought { answer: ChatAnswer { text, calls, finish }, chosen };
    let cost = Some(Cost { input_tokens: 900, output_tokens: 40, micro_usd: 300 });
    let mut prompt = call.args.to_string().into_bytes();
    prompt.resize(prompt.len().max(PROMPT_BYTES), b' ');
    let answer = serde_json::to_vec(&thought).unwrap_or_default();
    let kept = |name: &str, bytes| NewArtifact {
        kind: ArtifactKind::Text,
        name: name.to_owned(),
        media_type: "application/json",
        bytes,
    };
    Outcome { cost, ..Outcome::done("thought", json!({"model": "instant"})) }
        .with_artifact(kept("prompt.json", prompt))
        .with_artifact(kept(Thought::FILE, answer))
}

/// The first two go side by side; the others look at a page and go one after the other.
fn chosen(thought: usize, number: usize) -> Chosen {
    let step = match thought {
        0 => Step::Tool {
            name: format!("look_{number}"),
            args: Map::new(),
            effect: Effect::Read,
            outreach: false,
            save_as: None,
            timeout_ms: None,
        },
        _ => Step::Extract {
            selector: format!("#a{thought}{number}"),
            save_as: "text".to_owned(),
            attribute: None,
            timeout_ms: None,
        },
    };
    let call =
        ToolCall { id: format!("c{thought}{number}"), name: step.tool().into_owned(), arguments: "{}".to_owned() };
    Chosen { call, what: Choice::Step(Box::new(step)) }
}
