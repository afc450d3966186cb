//! What the receipts of a goal say about its steps. Pure.
//!
//! Headers decide what may run again (a body can be erased): an outcome's `state` is how the call ended, a reconciled
//! receipt's `state` is what a person or a read-back found. Only which effect of an earlier attempt an agent's step means
//! is told by a body, the intent's.

use std::collections::BTreeSet;

use serde_json::Value;

use super::broker::NOTED;
use crate::domain::{ArtifactKind, Body, Effect, Ended, Phase, Receipt, ReceiptKind, RunId, RunState, StepIndex};

/// A step's newest outcome, as far as later steps need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub seq: i64,
    pub run: Option<RunId>,
    /// The step brought what was wanted.
    pub holds: bool,
    /// None: the body was erased, or nobody saw the outcome (a person said that it happened).
    pub body: Option<Body>,
}

impl Recorded {
    /// A text of the outcome's data.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.body.as_ref()?.data.get(key).and_then(Value::as_str)
    }

    /// Whoever carried it out said that it failed; not only what it left could not be kept.
    pub fn went_wrong(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.data.get(NOTED).and_then(|noted| noted.get("failed")).is_some())
    }

    /// Whether a picture of the page was kept.
    pub fn has_screenshot(&self) -> bool {
        self.body
            .as_ref()
            .is_some_and(|body| body.artifacts.iter().any(|a| a.kind == ArtifactKind::Screenshot && !a.missing))
    }
}

/// Where a step key stands, over all attempts.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// Never tried, or nothing left our hands: free.
    Open,
    /// Closed for good.
    Done(Recorded),
    /// It may have happened.
    Unknown {
        /// The intent, or the receipt that says unknown.
        seq: i64,
        /// A receipt already says so.
        marked: bool,
    },
}

/// The steps of one goal as its receipts tell them.
#[derive(Debug, Clone, Default)]
pub struct History {
    receipts: Vec<Receipt>,
}

impl History {
    /// `receipts`: all of the goal, in order.
    pub fn new(receipts: Vec<Receipt>) -> Self {
        Self { receipts }
    }

    /// Takes in what was just committed.
    pub fn extend(&mut self, receipts: impl IntoIterator<Item = Receipt>) {
        self.receipts.extend(receipts);
    }

    /// Every receipt, in order.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// Where the key of an effect stands.
    pub fn key(&self, step: StepIndex) -> Key {
        // What a try that was not begun comes back to: one before it may have gone through, and nobody settled that.
        let (mut key, mut before) = (Key::Open, Key::Open);
        for receipt in self.of(step) {
            let ended = ended(receipt);
            key = match (receipt.phase, ended) {
                (Some(Phase::Intent), _) => Key::Unknown { seq: receipt.seq, marked: false },
                // Whoever keeps files looks at the place itself, and nothing outside hangs on it.
                (Some(Phase::Outcome), Some(Ended::NotBegun)) if receipt.kind == ReceiptKind::File => Key::Open,
                (Some(Phase::Denied), _) | (Some(Phase::Outcome), Some(Ended::NotBegun)) => before.clone(),
                (Some(Phase::Reconciled), Some(Ended::NotBegun)) => Key::Open,
                (Some(Phase::Outcome | Phase::Reconciled), Some(Ended::Done)) => Key::Done(recorded(receipt)),
                (Some(Phase::Unknown | Phase::Outcome | Phase::Reconciled), _) => {
                    Key::Unknown { seq: receipt.seq, marked: true }
                }
                _ => key,
            };
            if receipt.phase != Some(Phase::Intent) {
                before = key.clone();
            }
        }
        key
    }

    /// The newest outcome of a step that brought what was wanted, in any attempt.
    pub fn newest(&self, step: StepIndex) -> Option<Recorded> {
        self.of(step)
            .rev()
            .find(|receipt| receipt.phase == Some(Phase::Outcome))
            .map(recorded)
            .filter(|found| found.holds)
    }

    /// The step is behind this run: its outcome holds, or it was skipped. `failed_too`: a model is told what failed, and
    /// chooses what comes then. What was refused may only have waited, unless the run went on behind it.
    pub fn satisfied(&self, step: StepIndex, run: RunId, failed_too: bool) -> bool {
        let went_past = |refused: &Receipt| {
            let own = self.receipts.iter().filter(|receipt| receipt.run == Some(run) && receipt.seq > refused.seq);
            own.filter_map(|receipt| receipt.step).any(|later| later > step)
        };
        self.of(step).any(|receipt| {
            receipt.run == Some(run)
                && match receipt.phase {
                    Some(Phase::Outcome) if failed_too => ended(receipt) != Some(Ended::Unknown),
                    Some(Phase::Denied) => failed_too && went_past(receipt),
                    Some(Phase::Outcome) => recorded(receipt).holds,
                    Some(Phase::Reconciled) => ended(receipt) == Some(Ended::Done),
                    Some(Phase::Skipped) => true,
                    _ => false,
                }
        })
    }

    /// How long this run has been under way by its receipts, in milliseconds: the time that it was parked, backed off or
    /// its process was dead does not count. `before_seq`: up to that receipt.
    pub fn worked_ms(&self, run: RunId, before_seq: i64) -> i64 {
        let (mut worked_ms, mut since_ms) = (0, None::<i64>);
        let own = self.receipts.iter().filter(|receipt| receipt.run == Some(run) && receipt.seq < before_seq);
        for receipt in own {
            let became = receipt.state.as_deref().filter(|_| receipt.step.is_none());
            let goes_on = became == Some(RunState::Running.as_str());
            if let Some(since_ms) = since_ms.filter(|_| !goes_on) {
                worked_ms += (receipt.at_ms - since_ms).max(0);
            }
            let stands = became.is_some() && !goes_on;
            since_ms = (goes_on || (since_ms.is_some() && !stands)).then_some(receipt.at_ms);
        }
        worked_ms
    }

    /// The number of the first step of this run; of a run without any: the one behind all others.
    pub fn first_step(&self, run: RunId) -> StepIndex {
        let own = self.receipts.iter().filter(|receipt| receipt.run == Some(run)).filter_map(|receipt| receipt.step);
        let all = self.receipts.iter().filter_map(|receipt| receipt.step);
        own.min().unwrap_or_else(|| all.max().map_or(0, |last| last.saturating_add(1)))
    }

    /// When a step was begun last: its newest intent, or what came of it if nothing had to be meant first.
    pub fn asked_at(&self, step: StepIndex) -> Option<i64> {
        self.intent(step).or_else(|| self.came_of(step)).map(|receipt| receipt.seq)
    }

    /// The newest receipt that says what came of a step.
    pub fn came_of(&self, step: StepIndex) -> Option<&Receipt> {
        let says = |receipt: &&Receipt| receipt.phase.is_some_and(|phase| phase != Phase::Intent);
        self.of(step).rev().find(says)
    }

    /// What came of the steps of a run, from its first on, as far as that is known. An agent's run has numbers of its own;
    /// a plan's are its places, and what an earlier attempt did for good is told by the receipt of that.
    pub fn steps_of(&self, run: RunId, is_agent: bool) -> impl Iterator<Item = &Receipt> {
        let first = if is_agent { self.first_step(run) } else { 0 };
        let came_of = move |step: StepIndex| {
            let says = |receipt: &&Receipt| receipt.phase.is_some_and(|phase| phase != Phase::Intent);
            self.of(step).rev().filter(|receipt| receipt.run == Some(run)).find(says)
        };
        let done = move |receipt| if is_agent { receipt } else { self.done_before(receipt).unwrap_or(receipt) };
        (0..).map_while(move |place: u32| came_of(first.saturating_add(place))).map(done)
    }

    /// What a receipt says that a step was skipped for.
    fn done_before(&self, skip: &Receipt) -> Option<&Receipt> {
        let seq = skip.body.as_ref()?.data.get("done_at_seq")?.as_i64();
        self.receipts.iter().find(|receipt| Some(receipt.seq) == seq)
    }

    /// Whether the newest that is known of a step was written behind this receipt, and says that it did not succeed.
    pub fn failed_after(&self, step: StepIndex, seq: i64) -> bool {
        self.came_of(step).is_some_and(|receipt| {
            receipt.seq > seq
                && match receipt.phase {
                    Some(Phase::Outcome) => !recorded(receipt).holds,
                    Some(Phase::Denied | Phase::Unknown) => true,
                    _ => is_left_out(receipt),
                }
        })
    }

    /// Where the effect that another step than this meant under this key stands.
    pub fn keyed(&self, key: &str, but: StepIndex) -> Key {
        let meant = |receipt: &&Receipt| {
            let body = receipt.body.as_ref().filter(|_| receipt.phase == Some(Phase::Intent));
            body.is_some_and(|body| body.data.get("key").and_then(Value::as_str) == Some(key))
        };
        let steps: BTreeSet<_> = self.receipts.iter().filter(meant).filter_map(|intent| intent.step).collect();
        steps
            .into_iter()
            .filter(|step| *step != but)
            .map(|step| self.key(step))
            .find(|key| *key != Key::Open)
            .unwrap_or(Key::Open)
    }

    /// An effect has happened, or nobody knows that it has not; `but`: another one than this.
    pub fn has_effect(&self, but: Option<StepIndex>) -> bool {
        self.intended(|key| *key != Key::Open).into_iter().any(|step| but != Some(step))
    }

    /// An effect of this run that cannot be taken back has happened, or nobody knows that it has not.
    pub fn has_irreversible(&self, run: RunId) -> bool {
        let own = |receipt: &&Receipt| receipt.run == Some(run) && receipt.effect == Some(Effect::Irreversible);
        self.receipts.iter().filter(own).filter_map(|receipt| receipt.step).any(|step| self.has_happened(step))
    }

    /// The last effect of another run than this that cannot be taken back and has happened, as far as anyone knows: whose
    /// it is, and its step. An agent's steps are numbered through all its runs.
    pub fn last_irreversible(&self, but: RunId) -> Option<(RunId, StepIndex)> {
        let irreversible = self.receipts.iter().filter(|receipt| receipt.effect == Some(Effect::Irreversible));
        let steps = irreversible.filter_map(|receipt| Some((receipt.run.filter(|run| *run != but)?, receipt.step?)));
        steps.filter(|(_, step)| self.has_happened(*step)).max_by_key(|(_, step)| *step)
    }

    /// It was done, here or before, or nobody knows that it was not.
    pub fn has_happened(&self, step: StepIndex) -> bool {
        self.key(step) != Key::Open || self.skipped(step).is_some()
    }

    /// What an earlier attempt did for good, so that this step was skipped.
    pub fn skipped(&self, step: StepIndex) -> Option<Recorded> {
        let is_skipped = |receipt: &&Receipt| receipt.phase == Some(Phase::Skipped) && !is_left_out(receipt);
        let skip = self.of(step).rev().find(is_skipped)?;
        Some(recorded(self.done_before(skip).unwrap_or(skip)))
    }

    /// Steps whose intent has neither outcome nor a receipt that says unknown; those that only reserved money too.
    pub fn open_intents(&self) -> Vec<StepIndex> {
        self.begun(is_intent, |key| matches!(key, Key::Unknown { marked: false, .. }))
    }

    /// Effects that may or may not have happened, marked or not.
    pub fn unknown_steps(&self) -> Vec<StepIndex> {
        self.intended(|key| matches!(key, Key::Unknown { .. }))
    }

    /// Effects beyond our own files that have happened, or may have.
    pub fn happened_outside(&self) -> Vec<StepIndex> {
        let outside = |receipt: &Receipt| receipt.intends_effect() && receipt.kind != ReceiptKind::File;
        self.begun(outside, |key| *key != Key::Open)
    }

    /// Whether anything was ever begun that says so before.
    pub fn has_intents(&self) -> bool {
        self.receipts.iter().any(is_intent)
    }

    /// Effects whose key stands like this, in the order of their steps.
    fn intended(&self, stands: impl Fn(&Key) -> bool) -> Vec<StepIndex> {
        self.begun(Receipt::intends_effect, stands)
    }

    fn begun(&self, says: impl Fn(&Receipt) -> bool, stands: impl Fn(&Key) -> bool) -> Vec<StepIndex> {
        let said = self.receipts.iter().filter(|receipt| says(receipt));
        let steps: BTreeSet<_> = said.filter_map(|receipt| receipt.step).collect();
        steps.into_iter().filter(|step| stands(&self.key(*step))).collect()
    }

    /// The newest intent of a step: what an `unknown` receipt repeats of it.
    pub fn intent(&self, step: StepIndex) -> Option<&Receipt> {
        self.of(step).rev().find(|receipt| receipt.phase == Some(Phase::Intent))
    }

    fn of(&self, step: StepIndex) -> impl DoubleEndedIterator<Item = &Receipt> {
        self.receipts.iter().filter(move |receipt| receipt.step == Some(step))
    }
}

/// Nothing was done for the step, and nothing had been done before.
pub(super) fn is_left_out(receipt: &Receipt) -> bool {
    receipt.phase == Some(Phase::Skipped) && ended(receipt) == Some(Ended::NotBegun)
}

fn is_intent(receipt: &Receipt) -> bool {
    receipt.phase == Some(Phase::Intent)
}

fn ended(receipt: &Receipt) -> Option<Ended> {
    receipt.state.as_deref().and_then(|state| state.parse().ok())
}

fn recorded(receipt: &Receipt) -> Recorded {
    // An erased body cannot show an error; a step that failed ended its run, so its success is not assumed.
    let holds = ended(receipt) == Some(Ended::Done) && receipt.body.as_ref().is_none_or(|body| body.error.is_none());
    Recorded { seq: receipt.seq, run: receipt.run, holds, body: receipt.body.clone() }
}
