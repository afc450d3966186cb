//! `/runs/{id}`: one attempt at a goal, step by step, with its receipts and what it proves.

mod bar;
pub mod load;

use std::collections::HashMap;

use actors::domain::{
    ArtifactKind, Goal, Payload, Persona, Phase, Receipt, ReceiptKind, Run, RunState, Step, StepIndex,
};
use askama::Template;
use serde_json::Value;

use self::bar::Bar;
use super::{
    evidence::{self, ReceiptRow},
    frame::Frame,
    persona::goal::Badge,
    plan::{self, ProofLine},
    show,
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "run.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct RunPage {
    pub frame: Frame,
    pub id: String,
    pub slug: String,
    pub persona: String,
    pub goal: String,
    pub attempt: u32,
    pub trace: String,
    pub title: String,
    pub badge: Badge,
    /// Whether every receipt continues the one before it.
    pub chain: Chain,
    pub error: Option<String>,
    pub may_cancel: bool,
    pub may_replay: bool,
    /// None: it cannot be begun anew from a step.
    pub fork: Option<ForkForm>,
    /// What it takes back; none: it is other work.
    pub undoes: Option<Undone>,
    pub kpis: Vec<Kpi>,
    pub steps: Vec<StepRow>,
    pub proof: Vec<ProofLine>,
    pub receipts: Vec<ReceiptRow>,
    /// More receipts than are shown.
    pub more: bool,
}

/// From where a run can be begun anew.
#[derive(Debug, Clone, Copy)]
pub struct ForkForm {
    /// The last step that can be done anew; of an agent's run the number behind it.
    pub most: usize,
    /// Some step asks a model, so that it can be another one.
    pub asks: bool,
    /// Another task fits: an agent's, or the only prompt of a plan.
    pub tasks: bool,
}

/// The step that a run takes back.
#[derive(Debug, Clone)]
pub struct Undone {
    /// The run that did it.
    pub href: String,
    /// The place of its receipt on the persona's chain.
    pub seq: i64,
}

/// Whether a step was or can be taken back.
#[derive(Debug, Clone, Default)]
pub struct Back {
    /// It can be, now.
    pub offered: bool,
    /// The newest goal that takes it back.
    pub goal: Option<BackGoal>,
}

/// A goal that takes a step back.
#[derive(Debug, Clone)]
pub struct BackGoal {
    pub badge: Badge,
    /// Its newest run, or its persona's goals.
    pub href: String,
}

/// A big figure with a few words.
#[derive(Debug, Clone)]
pub struct Kpi {
    pub value: String,
    pub words: String,
}

/// What the page can say about the links between the receipts it shows.
#[derive(Debug, Clone)]
pub struct Chain {
    pub text: String,
    pub tone: &'static str,
}

/// A step of the plan on the time line.
#[derive(Debug, Clone)]
pub struct StepRow {
    pub name: String,
    /// A class of `.wf`: `tool`, `llm` or `bad`.
    pub class: &'static str,
    pub took: String,
    pub note: String,
    /// The step's receipt on this page.
    pub href: Option<String>,
    pub bar: Option<Bar>,
    /// None: nothing can be said of taking it back.
    pub back: Option<Back>,
}

/// Everything that is needed to show a run.
pub struct Parts<'a> {
    pub run: &'a Run,
    pub goal: &'a Goal,
    pub persona: &'a Persona,
    /// Of this run, in order.
    pub receipts: &'a [Receipt],
    /// Of all runs of the goal, in order.
    pub goal_receipts: &'a [Receipt],
    /// Attempts a goal has.
    pub most_attempts: usize,
    /// Steps that were or can be taken back.
    pub backs: HashMap<StepIndex, Back>,
    /// There are more receipts than these.
    pub more: bool,
}

impl RunPage {
    /// Prepares a run, as seen from now.
    pub fn new(frame: Frame, parts: &Parts<'_>, now_ms: i64) -> Self {
        let Parts { run, goal, persona, receipts, .. } = parts;
        let (steps, stands) = (steps(parts, now_ms), run.state != RunState::Running);
        let fork = ForkForm::of(parts, steps.len()).filter(|_| stands);
        Self {
            frame,
            id: run.id.to_string(),
            slug: persona.slug.to_string(),
            persona: persona.name.clone(),
            goal: show::short(goal.id),
            attempt: run.attempt,
            trace: show::short(run.trace),
            title: goal.title.clone(),
            badge: Badge::of_run(run.state),
            chain: chain(receipts),
            error: run.error.clone(),
            may_cancel: !run.state.is_over(),
            may_replay: stands,
            fork,
            undoes: goal
                .payload
                .undoes()
                .map(|undoes| Undone { href: format!("/runs/{}", undoes.run), seq: undoes.seq }),
            kpis: kpis(parts, now_ms),
            steps,
            proof: plan::proof(goal, parts.goal_receipts),
            receipts: receipts.iter().map(|receipt| ReceiptRow::new(receipt, &persona.name, now_ms)).collect(),
            more: parts.more,
        }
    }
}

impl ForkForm {
    /// None: it cannot be gone on with.
    fn of(Parts { run, goal, receipts, .. }: &Parts<'_>, shown: usize) -> Option<Self> {
        match &goal.payload {
            Payload::Agent(_) => return Some(Self { most: shown + 1, asks: true, tasks: true }),
            Payload::Rollback(_) => return None,
            _ => {}
        }
        let steps = goal.payload.steps();
        let came_of = |index: &StepIndex| {
            let own = receipts.iter().rev().filter(|receipt| receipt.run == Some(run.id));
            own.filter(|receipt| receipt.phase != Some(Phase::Intent)).find(|receipt| receipt.step == Some(*index))
        };
        let held = (0..).take_while(|index| came_of(index).is_some_and(plan::receipt_holds)).count();
        let asking = steps.iter().filter(|step| matches!(step, Step::Compose { .. })).count();
        Some(Self { most: steps.len().min(held + 1), asks: asking > 0, tasks: asking == 1 })
    }
}

/// A persona does one thing at a time, but operators' acts are on other chains: within a run the
/// sequence may have gaps only where another run of the persona had its receipts.
fn chain(receipts: &[Receipt]) -> Chain {
    let breaks =
        receipts.windows(2).filter(|pair| pair[1].seq == pair[0].seq + 1 && pair[1].prev != pair[0].hash).count();
    let many = show::counted(receipts.len() as u64, "receipt");
    match (receipts.len(), breaks) {
        (0, _) => Chain { text: "no receipt yet".to_owned(), tone: "" },
        (_, 0) => Chain { text: format!("links hold · {many}"), tone: "ok" },
        _ => Chain { text: format!("{breaks} links broken · {many}"), tone: "bad" },
    }
}

fn kpis(parts: &Parts<'_>, now_ms: i64) -> Vec<Kpi> {
    let Parts { run, receipts, most_attempts, .. } = parts;
    let wall = run.ended_ms.unwrap_or(now_ms) - run.started_ms;
    let ended = receipts.iter().filter(|receipt| receipt.step.is_some() && receipt.phase == Some(Phase::Outcome));
    let costs = || receipts.iter().filter_map(|receipt| receipt.body.as_ref()?.cost);
    let tokens: u64 = costs().map(|cost| cost.input_tokens + cost.output_tokens).sum();
    let spent: u64 = costs().map(|cost| cost.micro_usd).sum();
    let worked: i64 = receipts.iter().filter_map(took_ms).sum();
    let working =
        format!("{}, {} of it working", if run.ended_ms.is_some() { "wall" } else { "so far" }, show::took(worked));
    let kpi = |value: String, words: &str| Kpi { value, words: words.to_owned() };
    vec![
        kpi(show::took(wall), &working),
        kpi(show::count(ended.count() as u64), "step outcomes, each with a receipt"),
        kpi(show::count(tokens), &format!("tokens · {}", show::money(spent))),
        kpi(format!("{} / {}", run.attempt, most_attempts.max(&(run.attempt as usize))), "attempt"),
        kpi(show::took(run.waited_ms), "waited for its slice"),
    ]
}

fn steps(parts: &Parts<'_>, now_ms: i64) -> Vec<StepRow> {
    let Parts { run, goal, receipts, .. } = parts;
    let wall = (run.ended_ms.unwrap_or(now_ms) - run.started_ms).max(1);
    let mut before = run.started_ms;
    let mut rows: Vec<StepRow> = Vec::new();
    for (index, name, kind) in plan::steps(goal, receipts) {
        let span = Span::of(receipts, index, before);
        if let Some(span) = &span {
            before = span.end;
        }
        let row = row(name, kind, span.as_ref(), run.started_ms, wall);
        rows.push(StepRow { back: parts.backs.get(&index).cloned(), ..row });
    }
    rows
}

/// When a step was worked on, and the receipt that says what came of it.
struct Span<'a> {
    waited_from: i64,
    start: i64,
    end: i64,
    receipt: &'a Receipt,
}

impl<'a> Span<'a> {
    fn of(receipts: &'a [Receipt], index: StepIndex, before: i64) -> Option<Self> {
        let mine = || receipts.iter().filter(move |receipt| receipt.step == Some(index));
        let last = mine().next_back()?;
        let is_intent = |receipt: &&Receipt| receipt.phase == Some(Phase::Intent);
        let told = took_ms(last);
        let start = match (told, mine().find(is_intent)) {
            (Some(took), _) => last.at_ms - took,
            (None, Some(intent)) => intent.at_ms,
            (None, None) => before,
        };
        Some(Self {
            waited_from: before,
            start: start.clamp(before, last.at_ms.max(before)),
            end: last.at_ms,
            receipt: last,
        })
    }
}

fn row(name: String, kind: ReceiptKind, span: Option<&Span<'_>>, started_ms: i64, wall: i64) -> StepRow {
    let receipt = span.map(|span| span.receipt);
    let intent_only = receipt.is_some_and(|receipt| receipt.phase == Some(Phase::Intent));
    let refused = receipt.and_then(|receipt| evidence::refused(receipt.body.as_ref()?)).is_some();
    let failed = refused || receipt.is_some_and(|receipt| !intent_only && !plan::receipt_holds(receipt));
    StepRow {
        name,
        class: match (failed, kind) {
            (true, _) => "bad",
            (false, ReceiptKind::Llm) => "llm",
            (false, _) => "tool",
        },
        took: span.map_or_else(|| "—".to_owned(), |span| show::took(span.end - span.start)),
        note: receipt.map(note).unwrap_or_default(),
        href: receipt.map(|receipt| format!("#{}", evidence::anchor(receipt))),
        bar: span.map(|span| Bar::of((span.waited_from, span.start, span.end), started_ms, wall)),
        back: None,
    }
}

fn took_ms(receipt: &Receipt) -> Option<i64> {
    receipt.body.as_ref()?.data.get("took_ms")?.as_i64()
}

/// What came of a step, in a few words.
fn note(receipt: &Receipt) -> String {
    let Some(body) = &receipt.body else { return "erased".to_owned() };
    if let Some(why) = evidence::refused(body) {
        return show::clip(&format!("refused: {why}"), 48);
    }
    let said = |name: &str| body.data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let spent = body.cost.as_ref().map(evidence::cost).filter(|spent| !spent.is_empty());
    let kept = body.artifacts.iter().find(|one| matches!(one.kind, ArtifactKind::Screenshot | ArtifactKind::File));
    match (&body.error, receipt.phase) {
        (Some(error), _) => show::clip(error, 48),
        (None, Some(Phase::Intent)) => "begun".to_owned(),
        (None, Some(phase)) if phase != Phase::Outcome => phase.to_string(),
        _ => spent
            .or_else(|| kept.map(|one| format!("{} · {}", show::clip(&one.name, 30), show::size(one.bytes))))
            .or_else(|| said("value").or_else(|| said("title")).map(|text| show::clip(text, 40)))
            .unwrap_or_else(|| receipt.hash.short()),
    }
}
