//! The receipts of one stretch of a run, read in their order while the run is carried out again.
//!
//! Whatever the run asks is answered from the next receipt: it says what time it is, what came of a call, how long a site
//! made it wait. What the run would write is held against the next one. When the record of an interrupted stretch is at
//! its end, the run is cut off there, as it was.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Opening,
    difference::{self, Difference},
    is_told,
};
use crate::{
    domain::{
        AlertId, ApprovalId, ApprovalState, BudgetLeft, BudgetSpan, Call, Draft, Ended, Hash, Outcome, Phase,
        QuotaLeft, Receipt, Run, RunState, StepError, StepIndex, Totals,
    },
    evidence::RecordError,
    ports::{Commit, Committed, Guard, LedgerGuard, Outdated},
    run::broker::{NOTED, Seen},
};

/// From where to where a run was carried without a break.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    /// Among the run's receipts.
    pub range: Range<usize>,
    /// Where its task fell, if it did, and with what.
    pub fell_at: Option<usize>,
    pub fell: Option<String>,
    /// Its record may end where the run would go on: it was interrupted, or still goes on.
    pub breaks_off: bool,
}

impl Stretch {
    /// None: they do not begin with what the run was told.
    pub fn all(own: &[Receipt], run: &Run) -> Option<Vec<Self>> {
        let mut begins: Vec<usize> = (0..own.len()).filter(|at| Opening::is_on(&own[*at])).collect();
        (begins.first() == Some(&0)).then_some(())?;
        begins.push(own.len());
        let stretch = |pair: &[usize]| {
            let range = pair[0]..pair[1];
            let breaks_off = pair[1] < own.len() || matches!(run.state, RunState::Running | RunState::Cancelled);
            let (fell_at, fell) = fall(&own[range.clone()]).unzip();
            Self { range, breaks_off: breaks_off || fell.is_some(), fell_at, fell }
        };
        Some(begins.windows(2).map(stretch).collect())
    }
}

/// Where the receipts begin that settled a run whose task fell, and with what it fell.
fn fall(own: &[Receipt]) -> Option<(usize, String)> {
    let fell = |receipt: &Receipt| receipt.body.as_ref()?.data.get("fell")?.as_str().map(str::to_owned);
    let (at, text) = own.iter().enumerate().find_map(|(at, receipt)| Some((at, fell(receipt)?)))?;
    let lost = own[1..at].iter().rev().take_while(|receipt| receipt.phase == Some(Phase::Unknown)).count();
    Some((at - lost, text))
}

/// Reads the receipts of a stretch.
pub(in crate::run) struct Tape {
    reading: Mutex<Reading>,
    cut: CancellationToken,
}

struct Reading {
    receipts: Vec<Receipt>,
    /// The next one.
    at: usize,
    /// Behind the last one that this part may come to.
    until: usize,
    breaks_off: bool,
    /// Calls whose outcome was read and not written yet.
    open: BTreeSet<StepIndex>,
    /// A call of which nobody saw the end.
    unseen: Option<(StepIndex, Value)>,
    equal: usize,
    told: usize,
    difference: Option<Difference>,
}

/// What a stretch came to.
pub(super) struct ReadOut {
    pub equal: usize,
    pub told: usize,
    pub difference: Option<Difference>,
}

impl Tape {
    pub(super) fn new(receipts: Vec<Receipt>, stretch: &Stretch) -> Self {
        let until = stretch.fell_at.unwrap_or(receipts.len());
        let reading = Reading {
            receipts,
            at: 0,
            until,
            breaks_off: stretch.breaks_off,
            open: BTreeSet::new(),
            unseen: None,
            equal: 0,
            told: 0,
            difference: None,
        };
        Self { reading: Mutex::new(reading), cut: CancellationToken::new() }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Comes when the run must go no further: it was interrupted here, or differs from its record.
    pub(super) async fn cut_off(&self) {
        self.cut.cancelled().await;
    }

    /// From here on the receipts are read that settled the run whose task fell. `false`: it differs already.
    pub(super) fn goes_on_after_fall(&self) -> bool {
        let mut reading = self.reading();
        (reading.until, reading.unseen) = (reading.receipts.len(), None);
        reading.difference.is_none()
    }

    /// The run has ended: so must the record.
    pub(super) fn close(&self) {
        let mut reading = self.reading();
        if reading.difference.is_none()
            && let Some(next) = reading.peek().cloned()
        {
            reading.difference = Some(difference::instead(&next, Value::Null));
        }
    }

    pub(super) fn read_out(&self) -> ReadOut {
        let reading = self.reading();
        ReadOut { equal: reading.equal, told: reading.told, difference: reading.difference.clone() }
    }

    /// What the journal said to a commit, when its receipts come out again.
    pub(super) fn commit(&self, commit: &Commit) -> Result<Committed, RecordError> {
        let mut reading = self.reading();
        let mut receipts = Vec::with_capacity(commit.receipts.len());
        for draft in &commit.receipts {
            if self.cut.is_cancelled() {
                return Err(RecordError::Ended);
            }
            let Some(next) = reading.peek().cloned() else {
                reading.end(draft.step, || difference::said(draft));
                self.cut.cancel();
                return Err(RecordError::Ended);
            };
            if let Some(guard) = refused(commit, draft, &next) {
                return Err(Outdated { guard }.into());
            }
            if let Some(difference) = difference::between(&next, draft) {
                reading.difference = Some(difference);
                self.cut.cancel();
                return Err(RecordError::Ended);
            }
            reading.take(&next);
            receipts.push(next);
        }
        if reading.is_stuck() {
            self.cut.cancel();
        }
        Ok(Committed { receipts })
    }

    /// What came of a call. Never answers when nobody saw it.
    pub async fn seen(&self, call: &Call, asked: Hash) -> Seen {
        let found = {
            let mut reading = self.reading();
            let found = reading.outcome_of(call.step);
            if found.is_none() {
                reading.unseen = Some((call.step, json!({"call": call.tool, "args": call.args})));
                if reading.is_stuck() {
                    self.cut.cancel();
                }
            }
            found
        };
        match found {
            Some(receipt) => seen(&receipt, asked),
            None => std::future::pending().await,
        }
    }

    /// How long the site made the run wait, if so long that it was written down.
    pub fn pace(&self) -> Result<(), Duration> {
        let wait = self.next(|next| next.body.as_ref()?.data.get("wait_ms")?.as_u64());
        wait.map_or(Ok(()), |ms| Err(Duration::from_millis(ms)))
    }

    /// Whether the page of the steps before was still there when others had had the slot.
    pub fn page_is_kept(&self) -> bool {
        let mut reading = self.reading();
        reading.skip_told();
        let rest = &reading.receipts[reading.at..reading.until];
        rest.iter().find(|receipt| receipt.step.is_some()).is_none_or(|receipt| receipt.replay_of.is_none())
    }

    /// Whether the stretch is on record as begun.
    pub(super) fn has_begun(&self) -> bool {
        self.reading().at > 0
    }

    /// What was read so far.
    pub(super) fn taken(&self) -> Vec<Receipt> {
        let reading = self.reading();
        reading.receipts[..reading.at].to_vec()
    }

    /// Something of the next receipt.
    pub(super) fn next<T>(&self, read: impl FnOnce(&Receipt) -> Option<T>) -> Option<T> {
        self.reading().peek().and_then(read)
    }

    /// Wall time, as the next receipt has it.
    pub(super) fn now_ms(&self) -> i64 {
        let mut reading = self.reading();
        if let Some(next) = reading.peek() {
            return next.at_ms;
        }
        reading.receipts.last().map_or(0, |last| last.at_ms)
    }

    /// The limits that the next call had to stay below.
    pub(super) fn limits(&self) -> Vec<BudgetLeft> {
        self.data("limits").unwrap_or_default()
    }

    /// What a period had had.
    pub(super) fn totals(&self, span: &BudgetSpan) -> Option<Totals> {
        let about = self.data::<BudgetSpan>("span").or_else(|| Some(self.data::<BudgetLeft>("no_room")?.span));
        about.filter(|about| about == span).and_then(|_| self.data("totals"))
    }

    /// The question that the next receipt puts, or the one behind it, when that closes an earlier one.
    pub(super) fn question(&self) -> Option<ApprovalId> {
        let mut reading = self.reading();
        reading.skip_told();
        let rest = &reading.receipts[reading.at..reading.until];
        rest.iter().take(2).find_map(|receipt| {
            let data = &receipt.body.as_ref()?.data;
            let asks = data.get("became")?.as_str()? == ApprovalState::Waiting.as_str();
            asks.then(|| ApprovalId::deserialize(data.get("approval")?).ok())?
        })
    }

    /// The alert that the next receipt raises.
    pub(super) fn alert(&self) -> Option<AlertId> {
        self.data("alert")
    }

    /// What the next call could take at worst, or why nobody knew.
    pub(super) fn data<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.next(|next| T::deserialize(next.body.as_ref()?.data.get(key)?).ok())
    }

    /// The receipts from the next one on that say that nobody saw the end of a call.
    pub(super) fn lost(&self) -> Vec<Receipt> {
        let mut reading = self.reading();
        reading.skip_told();
        let rest = reading.receipts[reading.at..reading.until].iter().skip_while(|receipt| Opening::is_on(receipt));
        rest.take_while(|receipt| receipt.phase == Some(Phase::Unknown)).cloned().collect()
    }

    /// Whether the commit that ends the run pauses the persona too.
    pub(super) fn pauses_persona(&self) -> bool {
        let mut reading = self.reading();
        reading.skip_told();
        let behind = reading.receipts[reading.at..].get(1);
        behind.is_some_and(|receipt| receipt.state.as_deref() == Some("paused"))
    }
}

impl Reading {
    fn skip_told(&mut self) {
        while self.at < self.until && is_told(&self.receipts[self.at]) {
            self.at += 1;
            self.told += 1;
        }
    }

    fn peek(&mut self) -> Option<&Receipt> {
        self.skip_told();
        self.receipts[..self.until].get(self.at)
    }

    fn take(&mut self, receipt: &Receipt) {
        self.at += 1;
        self.equal += 1;
        if let Some(step) = receipt.step.filter(|_| receipt.phase != Some(Phase::Intent)) {
            self.open.remove(&step);
        }
    }

    fn outcome_of(&mut self, step: StepIndex) -> Option<Receipt> {
        let rest = &self.receipts[self.at..self.until];
        let ended = |receipt: &&Receipt| receipt.step == Some(step) && noted(receipt).is_some();
        let found = rest.iter().find(ended).cloned();
        if found.is_some() {
            self.open.insert(step);
        }
        found
    }

    /// A call waits for an end that nobody saw, and nothing else is left to be written before.
    fn is_stuck(&mut self) -> bool {
        if self.unseen.is_none() || !self.open.is_empty() {
            return false;
        }
        let Some((step, what)) = self.unseen.take() else { return false };
        match self.peek().cloned() {
            None => self.end(Some(step), || what),
            Some(next) => self.difference = Some(difference::instead(&next, what)),
        }
        true
    }

    /// The record is at its end, and the run would go on with this.
    fn end(&mut self, step: Option<StepIndex>, what: impl FnOnce() -> Value) {
        if !self.breaks_off {
            self.difference = Some(difference::beyond(step, what()));
        }
    }
}

/// What the broker noted of a call that was made.
fn noted(receipt: &Receipt) -> Option<&Value> {
    receipt.body.as_ref()?.data.get(NOTED)
}

/// What kept a call from being begun.
fn refused(commit: &Commit, draft: &Draft, next: &Receipt) -> Option<Guard> {
    let refused = draft.phase == Some(Phase::Intent) && next.phase == Some(Phase::Denied) && next.step == draft.step;
    let body = next.body.as_ref().filter(|_| refused)?;
    let full = body.data.get("full").and_then(|full| QuotaLeft::deserialize(full).ok());
    let no_room = body.data.get("no_room").and_then(|left| BudgetLeft::deserialize(left).ok());
    let by_its_words = || {
        let says = |guard: &&Guard| Some(Outdated { guard: (*guard).clone() }.to_string()) == body.error;
        commit.guards.iter().find(says).cloned()
    };
    full.map(Guard::QuotaLeft)
        .or_else(|| no_room.map(|left| Guard::Ledger(LedgerGuard::BudgetLeft(left))))
        .or_else(by_its_words)
}

/// The error that was written down so.
pub(super) fn error_of(failed: &str, text: String) -> StepError {
    match failed {
        "denied" => StepError::denied(text),
        "throttled" => StepError::throttled(text),
        "retryable" => StepError::retryable(text),
        _ => StepError::permanent(text),
    }
}

/// The outcome as the performer reported it.
fn seen(receipt: &Receipt, asked: Hash) -> Seen {
    let body = receipt.body.clone().unwrap_or_default();
    let mut data = body.data;
    let (mut took, mut failed) = (Duration::ZERO, None);
    if let Value::Object(fields) = &mut data {
        took = Duration::from_millis(fields.remove("took_ms").and_then(|ms| ms.as_u64()).unwrap_or_default());
        failed = fields.remove(NOTED).and_then(|noted| noted.get("failed")?.as_str().map(str::to_owned));
        fields.remove("charged");
    }
    let text = body.error.unwrap_or_default();
    let error = failed.map(|failed| error_of(&failed, text));
    let ended = receipt.state.as_deref().and_then(|state| state.parse().ok()).unwrap_or(Ended::Unknown);
    let outcome = Outcome { ended, cost: body.cost, error, ..Outcome::done(body.summary, data) };
    Seen { outcome, asked, took, kept: body.artifacts }
}
