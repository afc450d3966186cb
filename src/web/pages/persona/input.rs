//! Input: what was said to the persona, what it answered, and the evidence between.

use actors::domain::{
    Effect, Ended, Goal, GoalKind, GoalState, Message, MessageKind, MessageState, ParkedOn, Payload, Phase, Receipt,
    ReceiptKind, Run,
};
use serde_json::Value;

use super::goal::{self, Badge};
use crate::web::pages::{
    evidence::ReceiptRow,
    plan::{self, Holds},
    show::{self, When},
};

/// The tab.
#[derive(Debug)]
pub struct Input {
    /// Oldest first.
    pub turns: Vec<Turn>,
    /// Where the conversation before these is.
    pub earlier: Option<String>,
}

/// A message and all that followed from it.
#[derive(Debug, Clone)]
pub struct Turn {
    pub id: String,
    pub sender: String,
    pub at: When,
    pub text: String,
    /// What it is, unless somebody wrote to the persona: `goal`, `room`.
    pub tag: &'static str,
    pub goal: String,
    pub run: Option<(u32, String)>,
    pub evidence: Vec<ReceiptRow>,
    /// More receipts than are shown here.
    pub more: usize,
    pub badge: Badge,
    /// `4 proofs`, when it is done.
    pub proofs: String,
    pub answer: String,
    pub answered: Option<When>,
    pub failed: bool,
    /// It brought the persona down twice: someone must say what becomes of it.
    pub is_dead_letter: bool,
    /// Nothing more will happen.
    pub over: bool,
    /// What a person can do about what it waits for, and where.
    pub see: Option<(&'static str, String)>,
}

/// A message with everything that is needed to show it.
pub struct Parts<'a> {
    pub message: &'a Message,
    pub goal: &'a Goal,
    pub run: Option<&'a Run>,
    /// In order.
    pub receipts: &'a [Receipt],
}

/// Receipts of one goal in the conversation; the run page has all.
const MOST_RECEIPTS: usize = 60;

impl Turn {
    /// Prepares a message to a persona of this name, as `reader` sees it.
    pub fn new(parts: &Parts<'_>, persona: &str, reader: &str, now_ms: i64) -> Self {
        let Parts { message, goal, run, receipts } = parts;
        let shown: Vec<&Receipt> = receipts.iter().filter(|receipt| is_told(receipt)).collect();
        let more = shown.len().saturating_sub(MOST_RECEIPTS);
        let mut evidence: Vec<ReceiptRow> =
            shown[more..].iter().map(|receipt| ReceiptRow::new(receipt, persona, now_ms)).collect();
        if let Some(last) = evidence.iter_mut().rfind(|row| !row.shots.is_empty()) {
            last.open = true;
        }
        Self {
            id: message.id.to_string(),
            sender: if message.sender == *reader { "you".to_owned() } else { message.sender.clone() },
            at: When::at(message.received_ms, now_ms),
            text: said(message, goal),
            tag: if message.kind == MessageKind::Chat { "" } else { message.kind.as_str() },
            goal: show::short(goal.id),
            run: run.map(|run| (run.attempt, format!("/runs/{}", run.id))),
            evidence,
            more,
            badge: Badge::of_goal(goal.state),
            proofs: proofs(goal, receipts),
            answer: answer(message, goal, receipts, now_ms),
            answered: goal.state.is_over().then(|| When::at(goal.updated_ms, now_ms)),
            failed: goal.state == GoalState::Failed,
            is_dead_letter: message.state == MessageState::DeadLettered,
            over: goal.state.is_over(),
            see: see(goal),
        }
    }
}

/// What was said to it; of a goal in words its task too, which its title only names.
fn said(message: &Message, goal: &Goal) -> String {
    match &goal.payload {
        Payload::Agent(agent) if message.kind == MessageKind::Goal && agent.task != message.text => {
            format!("{}\n\n{}", message.text, agent.task)
        }
        _ => message.text.clone(),
    }
}

fn see(goal: &Goal) -> Option<(&'static str, String)> {
    match goal.parked_on? {
        ParkedOn::Approval => Some(("Decide", "/approvals".to_owned())),
        ParkedOn::Answer => Some(("Answer", goal::href(goal.persona, goal.id))),
        ParkedOn::Reconcile => Some(("Say what happened", goal::href(goal.persona, goal.id))),
        _ => None,
    }
}

/// Intents and bookkeeping are in the logs; the conversation tells what came of a step.
fn is_told(receipt: &Receipt) -> bool {
    let ended = !matches!(receipt.phase, Some(Phase::Intent | Phase::Decision) | None);
    ended && receipt.step.is_some() && receipt.kind != ReceiptKind::Log
}

/// What the persona says at the end of a turn.
fn answer(message: &Message, goal: &Goal, receipts: &[Receipt], now_ms: i64) -> String {
    match goal.state {
        GoalState::Done => {
            let composed = (goal.payload.kind() == GoalKind::Ai).then(|| newest_text(receipts)).flatten();
            composed.or_else(|| goal.result.clone()).unwrap_or_else(|| "Done.".to_owned())
        }
        GoalState::Unconfirmed => unproven(goal, receipts),
        GoalState::Failed => format!("Did not work: {}", reason(goal)),
        GoalState::Cancelled => {
            let ended =
                matches!(message.state, MessageState::Coalesced | MessageState::Dropped | MessageState::Expired);
            // A turn in a room says why it passed.
            let by_itself = ended || message.kind == MessageKind::Room;
            let why = goal.result.as_deref().or(goal.last_error.as_deref()).filter(|_| by_itself);
            why.map_or_else(|| "Cancelled.".to_owned(), capitalised)
        }
        GoalState::Running => "Working on it…".to_owned(),
        GoalState::Pending | GoalState::Parked => {
            // Where it asks something, that stands in place of an error.
            let what = if goal.parked_on == Some(ParkedOn::Answer) { "It asks" } else { "Last time" };
            let error = goal.last_error.as_deref().map(|error| format!(" {what}: {error}")).unwrap_or_default();
            format!("{}.{error}", capitalised(&goal::waits(goal, now_ms)))
        }
    }
}

/// What a model answered stands behind what became of it. Where no effect was done there is nothing to have carried out.
fn unproven(goal: &Goal, receipts: &[Receipt]) -> String {
    let done = |receipt: &Receipt| {
        let ended = matches!(receipt.phase, Some(Phase::Outcome | Phase::Reconciled));
        ended
            && receipt.state.as_deref() == Some(Ended::Done.as_str())
            && receipt.effect.is_some_and(Effect::needs_intent)
    };
    match &goal.result {
        None => format!("Carried out, but not proven: {}", reason(goal)),
        Some(said) if receipts.iter().any(done) => {
            format!("Carried out, but not proven: {}. It answered: {said}", reason(goal))
        }
        Some(said) => format!("Answered, but nothing was proven: {said}"),
    }
}

fn proofs(goal: &Goal, receipts: &[Receipt]) -> String {
    let shown = plan::proof(goal, receipts).into_iter().filter(|line| line.holds == Holds::Yes).count();
    if goal.state == GoalState::Done { show::counted(shown as u64, "proof") } else { String::new() }
}

fn reason(goal: &Goal) -> &str {
    goal.last_error.as_deref().or(goal.result.as_deref()).unwrap_or("no reason was recorded")
}

fn newest_text(receipts: &[Receipt]) -> Option<String> {
    let text = |receipt: &Receipt| {
        let value = receipt.body.as_ref()?.data.get("value").and_then(Value::as_str)?;
        Some(value.to_owned())
    };
    receipts.iter().rev().filter(|receipt| receipt.kind == ReceiptKind::Llm).find_map(text)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
