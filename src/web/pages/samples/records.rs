//! Made-up records: two personas of the demo and some more, with goals, runs and receipts.

use actors::{
    domain::{
        Alert, AlertId, AlertKind, ArtifactKind, ArtifactRef, Assertion, Body, ChainId, Cost, Goal, GoalId, GoalState,
        Hash, LengthTargets, Level, Message, MessageId, MessageKind, MessageState, Mood, NodeName, Payload, Persona,
        PersonaId, PersonaStatus, Phase, Priority, Profile, Proof, ReadBack, Receipt, ReceiptKind, Role, Run, RunId,
        RunState, Slug, Step, TraceId, Unit, Vitals, Weight,
    },
    supervisor::{ActorInfo, ActorState, Figures},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::web::pages::card::Numbers;

/// Someone with this energy, and nothing else wrong.
pub(super) fn vitals(mood: Mood, energy_thousandths: u16) -> Vitals {
    let energy = Level::from(f64::from(energy_thousandths) / 1_000.0);
    Vitals { mood, energy, attention: Level::from(1.0), compute: Level::from(1.0) }
}

/// When the samples are looked at: 20 November 2026, 14:02:11.482 UTC.
pub(super) const NOW: i64 = 1_795_183_331_482;

pub(super) fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0193_5555_0000_7000_8000_0000_0000_0000 + number)
}

/// A hash that looks like one.
pub(super) fn hash(number: i64) -> Hash {
    actors::evidence::canonical::sha256(&number.to_be_bytes())
}

pub(super) fn figures() -> Figures {
    Figures { active_personas: 2, cap: 8, waiting_for_slice: 1, awake: 4, registered: 5, inbox: 63 }
}

/// A persona by name; its slug is the name in small letters.
pub(super) fn persona(number: u128, name: &str, role: Option<Role>, status: PersonaStatus) -> Option<Persona> {
    Some(Persona {
        id: PersonaId(id(number)),
        slug: Slug::from_name(name).ok()?,
        name: name.to_owned(),
        role,
        description: "Finds postings that fit and answers them.".to_owned(),
        status,
        version: 3,
        profile: Profile {
            style_primer: "Plain words. One thought per sentence. Never promise a date you do not control.".to_owned(),
            do_: vec!["Name the next step".to_owned(), "Quote the posting".to_owned()],
            dont: vec!["No superlatives & no <b>markup</b>".to_owned()],
            topics: vec!["data pipelines".to_owned(), "audits".to_owned()],
            signature_phrases: vec!["Let us trace one order end to end.".to_owned()],
            temperature_thousandths: Some(700),
            length: LengthTargets::default(),
            ..Profile::default()
        },
        hosts: vec!["example.com".to_owned(), "docs.example.org:8443".to_owned()],
        model: None,
        weight: Weight::ORDINARY,
        hours: Default::default(),
        quotas: Default::default(),
        autoplan: Default::default(),
        permissions: Default::default(),
        grants: Default::default(),
        agents: Vec::new(),
        created_ms: NOW - 86_400_000,
        updated_ms: NOW - 3_600_000,
        resumed_ms: None,
    })
}

pub(super) fn company() -> Vec<(Persona, Option<ActorInfo>, Numbers)> {
    let active = PersonaStatus::Active;
    let cast = [
        (
            persona(1, "Livia", Some(Role::Manager), active),
            Some("step 4/7 · click “Send invite”"),
            true,
            [3, 4, 0, 212],
        ),
        (
            persona(2, "Jason", Some(Role::Worker), active),
            Some("step 7/12 · compose proposal “Data pipeline audit”"),
            true,
            [11, 12, 1, 640],
        ),
        (persona(3, "Mara", Some(Role::Performer), active), Some("waits for a slice"), false, [48, 31, 2, 480]),
        (persona(4, "Otis", Some(Role::Friend), active), None, false, [0, 2, 0, 18]),
        (persona(5, "Theo", Some(Role::Worker), PersonaStatus::Paused), None, false, [1, 0, 3, 37]),
    ];
    let mut all = Vec::new();
    for (persona, now, on_stage, [inbox, done, failed, receipts]) in cast {
        let Some(persona) = persona else { continue };
        let asleep = now.is_none();
        let actor = ActorInfo {
            persona: persona.id,
            slug: persona.slug.clone(),
            state: match persona.status {
                PersonaStatus::Paused => ActorState::Paused,
                _ if asleep => ActorState::Asleep,
                _ => ActorState::Awake,
            },
            restarts: u32::from(persona.name == "Theo"),
            inbox,
            uptime_ms: (!asleep).then_some(93_000),
            on_stage,
            now: now.map(str::to_owned),
            vitals: match persona.name.as_str() {
                "Mara" => vitals(Mood::Tired, 220),
                _ if on_stage => vitals(Mood::Active, 640),
                _ => vitals(Mood::Idle, 1_000),
            },
        };
        let last = (persona.name != "Livia").then(|| "wrote weekly-outline.md".to_owned());
        let [done, failed, receipts_today] = [done, failed, receipts].map(u64::from);
        let numbers = Numbers { inbox: u64::from(inbox), done, failed, unconfirmed: 0, receipts_today, last };
        all.push((persona, Some(actor), numbers));
    }
    all
}

pub(super) fn alerts(theo: &Persona) -> Vec<Alert> {
    vec![Alert {
        id: AlertId(id(70)),
        kind: AlertKind::CircuitOpen,
        persona: Some(theo.id),
        goal: None,
        text: "Three goals in a row failed: the job board answered 503. Look at the last run, then resume Theo."
            .to_owned(),
        raised_ms: NOW - 200_000,
        resolved_ms: None,
    }]
}

fn proposal_steps() -> Vec<Step> {
    let steps = json!([
        {"action": "goto", "url": "http://rehearsal.localhost/login"},
        {"action": "type", "selector": "#user", "text": "jason"},
        {"action": "type", "selector": "#password", "text": "${secret:JOBS_PASSWORD}"},
        {"action": "click", "selector": "#sign-in"},
        {"action": "goto", "url": "http://rehearsal.localhost/jobs"},
        {"action": "extract", "selector": ".posting h2", "save_as": "posting"},
        {"action": "compose", "prompt": "A proposal for {{posting}}", "save_as": "text", "length": "long"},
        {"action": "type", "selector": "#proposal", "text": "{{text}}"},
        {"action": "click", "selector": "#submit"},
        {"action": "expect_title", "contains": "Submitted"},
        {"action": "screenshot", "caption": "the confirmation", "file": "proposal-submitted.jpg"},
        {"action": "append_csv", "path": "proposals.csv", "row": [["posting", "{{posting}}"]], "description": "ledger of proposals"}
    ]);
    serde_json::from_value(steps).unwrap_or_default()
}

/// A goal of this persona in some state.
pub(super) fn goal(number: u128, owner: &Persona, title: &str, state: GoalState) -> Goal {
    let payload = Payload::Browser(actors::domain::StepsPayload { steps: proposal_steps() });
    Goal {
        id: GoalId(id(100 + number)),
        persona: owner.id,
        title: title.to_owned(),
        payload,
        proof: Proof {
            assertions: vec![
                Assertion::TitleContains("Submitted".to_owned()),
                Assertion::File("proposals.csv".to_owned()),
            ],
            artifacts: vec![ArtifactKind::Screenshot, ArtifactKind::CsvRow],
            read_back: Some(ReadBack {
                url: "http://rehearsal.localhost/proposals".to_owned(),
                contains: "Data pipeline audit".to_owned(),
            }),
            counts_as: Some(Unit::Proposal),
            units: None,
        },
        state,
        parked_on: None,
        attempts: 1,
        last_error: None,
        result: None,
        due_ms: None,
        version: 2,
        trace: TraceId(id(900)),
        correlation: None,
        project: None,
        created_by: "admin".to_owned(),
        created_ms: NOW - 240_000,
        updated_ms: NOW - 4_000,
    }
}

pub(super) fn run(number: u128, goal: &Goal, state: RunState) -> Run {
    let over = state.is_over();
    Run {
        id: RunId(id(200 + number)),
        goal: goal.id,
        persona: goal.persona,
        attempt: goal.attempts,
        state,
        started_ms: NOW - 16_000,
        ended_ms: over.then_some(NOW - 4_000),
        error: (state == RunState::Failed)
            .then(|| "waited 10 s for #submit: no such element; look at the snapshot".to_owned()),
        trace: goal.trace,
        waited_ms: 4,
        first_seq: 40,
        last_seq: over.then_some(60),
    }
}

pub(super) fn message(number: u128, goal: &Goal, kind: MessageKind, text: &str) -> Message {
    Message {
        id: MessageId(id(300 + number)),
        persona: goal.persona,
        kind,
        sender: "admin".to_owned(),
        text: text.to_owned(),
        goal: goal.id,
        priority: Priority::BASE,
        scored: false,
        falls: 0,
        coalescing: None,
        optional: false,
        deadline_ms: 0,
        state: MessageState::Done,
        received_ms: goal.created_ms,
        serve_by_ms: NOW + 900_000,
        trace: goal.trace,
        correlation: None,
        project: None,
    }
}

pub(super) fn artifact(kind: ArtifactKind, name: &str, media_type: &str, bytes: u64) -> ArtifactRef {
    ArtifactRef {
        kind,
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        bytes,
        hash: hash(i64::from(name.len() as u32)),
        missing: false,
    }
}

/// What happened at a step: kind, step, phase, milliseconds after the start, summary, data.
type Happened = (ReceiptKind, u32, Phase, i64, &'static str, Value);

fn happened() -> Vec<Happened> {
    let (act, done, begun) = (ReceiptKind::Execution, Phase::Outcome, Phase::Intent);
    let page = |title: &str| json!({"ok": true, "url": "http://rehearsal.localhost/jobs/118", "title": title});
    vec![
        (act, 0, done, 900, "opened rehearsal.localhost/login", page("Sign in")),
        (act, 1, done, 1_050, "filled #user", page("Sign in")),
        (act, 2, done, 1_190, "filled #password", page("Sign in")),
        (act, 3, begun, 1_200, "will click #sign-in", Value::Null),
        (act, 3, done, 1_612, "clicked #sign-in", page("Jobs")),
        (act, 4, done, 2_010, "opened rehearsal.localhost/jobs", page("Jobs")),
        (act, 5, done, 2_060, "read .posting h2", json!({"ok": true, "value": "Data pipeline audit"})),
        (
            ReceiptKind::Llm,
            6,
            done,
            6_300,
            "composed 186 words",
            json!({"ok": true, "provider": "understudy", "model": "templates", "value": "I would start by tracing one order end to end.\n\nThen I would write down where it waits."}),
        ),
        (act, 7, done, 6_480, "filled #proposal", page("Data pipeline audit")),
        (act, 8, begun, 9_400, "will click #submit", Value::Null),
        (act, 8, done, 9_840, "clicked #submit", page("Submitted · Rehearsal Jobs")),
        (act, 9, done, 9_850, "title contains “Submitted”", page("Submitted · Rehearsal Jobs")),
        (
            ReceiptKind::Screenshot,
            10,
            done,
            9_960,
            "took proposal-submitted.jpg",
            json!({"ok": true, "file": "proposal-submitted.jpg", "caption": "the confirmation", "url": "http://rehearsal.localhost/jobs/118", "title": "Submitted · Rehearsal Jobs"}),
        ),
        (ReceiptKind::File, 11, begun, 9_970, "will append to proposals.csv", Value::Null),
        (
            ReceiptKind::File,
            11,
            done,
            9_990,
            "appended row 12 to proposals.csv",
            json!({"ok": true, "file": "proposals.csv", "description": "ledger of proposals"}),
        ),
    ]
}

/// The receipts of a run, in order, each continuing the one before it.
pub(super) fn receipts(goal: &Goal, run: &Run) -> Vec<Receipt> {
    let one = |(seq, what): (i64, Happened)| receipt(goal, run, seq, what);
    (40..).zip(happened()).filter_map(one).collect()
}

fn receipt(goal: &Goal, run: &Run, seq: i64, what: Happened) -> Option<Receipt> {
    let (kind, step, phase, after, summary, data) = what;
    let artifacts = match (kind, phase) {
        (ReceiptKind::Screenshot, _) => {
            vec![artifact(ArtifactKind::Screenshot, "proposal-submitted.jpg", "image/jpeg", 41_800)]
        }
        (ReceiptKind::File, Phase::Outcome) => vec![artifact(ArtifactKind::CsvRow, "proposals.csv", "text/csv", 118)],
        _ => Vec::new(),
    };
    let cost = (kind == ReceiptKind::Llm).then_some(Cost { input_tokens: 612, output_tokens: 200, micro_usd: 2_100 });
    Some(Receipt {
        pos: 1_000 + seq,
        chain: ChainId::Persona(goal.persona),
        seq,
        prev: hash(seq - 1),
        hash: hash(seq),
        at_ms: run.started_ms + after,
        node: "local".parse::<NodeName>().ok()?,
        kind,
        phase: Some(phase),
        state: (phase == Phase::Outcome).then(|| "done".to_owned()),
        tool: goal.payload.steps().get(step as usize).map(|step| step.tool().into_owned()),
        effect: None,
        goal: Some(goal.id),
        run: Some(run.id),
        step: Some(step),
        replay_of: None,
        trace: Some(goal.trace),
        project: None,
        units: None,
        body: Some(Body { summary: summary.to_owned(), data, artifacts, cost, error: None }),
    })
}
