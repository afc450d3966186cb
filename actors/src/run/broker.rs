//! The one place where an effect happens: policy → budget → intent → do under a deadline → outcome.
//!
//! A tool cannot write a receipt. It returns what it saw; the broker, which timed it and hashed what it left,
//! writes. The pace of a site is kept by the run before it comes here, because waiting gives the slice back.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    approval::{self, Changed, SEEN, void_said},
    charge::Begun,
    deed,
    drafts::About,
    plan,
    policy::{self, Rules, Verdict},
    quota::Place,
    replay::Tape,
};
use crate::{
    domain::{
        Approval, ApprovalState, ArtifactRef, Bound, BudgetLeft, Call, Draft, Effect, Ended, Hash, HostTerms,
        NewArtifact, NodeName, Outcome, Permissions, Phase, QuotaLeft, Receipt, ReceiptKind, Rule, RunId, Settlement,
        Step, StepError, StepIndex, Zone,
    },
    evidence::{Evidence, artifacts, canonical},
    ledger::Charge,
    ports::{Change, Commit, LedgerChange, Ports},
    scheduler::HostBook,
};

/// How long a performer may take past its limit to say how a call ended.
const GRACE: Duration = Duration::from_secs(5);
/// What a step with a timeout of its own gets besides, to say how it ended.
const LAST_WORD: Duration = Duration::from_secs(5);
/// No tool may say that it takes longer.
const LONGEST_TOOL: Duration = Duration::from_secs(120);

/// Where an outcome's data holds what a replay has to know of the call besides what the tool saw.
pub(super) const NOTED: &str = "broker";

/// Carries out calls and writes what came of them.
#[derive(Clone)]
pub(super) struct Broker {
    pub ports: Ports,
    pub evidence: Evidence,
    pub node: NodeName,
    /// The built-in rules.
    pub standing: Arc<[Rule]>,
    /// How long a step may take when it does not say so itself.
    pub step_limit: Duration,
    pub hosts: HostBook,
    /// A replay's: nothing is performed, the record says what came of each call.
    pub record: Option<Arc<Tape>>,
}

/// One step, ready to be carried out.
pub(super) struct Act<'a> {
    pub about: &'a About<'a>,
    pub run: RunId,
    pub index: StepIndex,
    /// The same in every attempt and resume; none: by the step's number.
    pub key: Option<String>,
    /// With its placeholders filled.
    pub step: &'a Step,
    /// The address the browser shows now.
    pub page: Option<&'a str>,
    /// The receipt whose call is performed again.
    pub replay_of: Option<i64>,
    /// What it takes from the day, if it counts as something.
    pub place: Place,
    /// What its persona may do without asking.
    pub permissions: &'a Permissions,
    /// What holds on the host that it reaches.
    pub terms: Option<&'a HostTerms>,
    /// The yes to this very call, where one was asked for.
    pub yes: Option<&'a Approval>,
    /// By which the days of the persona's budgets go.
    pub zone: Zone,
}

/// What came of a step. The receipt is already durable.
#[derive(Debug)]
pub(super) enum Acted {
    Holds(Receipt),
    Fails(Receipt, StepError),
    Unknown(Receipt),
    /// Nothing was begun: behind the intent the page was no longer the one that was approved, and the yes is void.
    Changed(Receipt),
    /// The yes was used up, closed or too late meanwhile; nothing was begun.
    Unapproved,
    /// The goal or run was ended by a person meanwhile; nothing was begun.
    Ended,
    /// The day has no room for what it counts as; nothing was begun.
    Full(QuotaLeft),
    /// A budget has no room for what it may take; nothing was begun.
    OverBudget(Box<NoRoom>),
}

/// What was seen of a call.
pub(super) struct Seen {
    /// Without its artifacts: those are kept.
    pub outcome: Outcome,
    /// The hash of what was asked.
    pub asked: Hash,
    pub took: Duration,
    pub kept: Vec<ArtifactRef>,
}

/// A budget without room for a call.
#[derive(Debug)]
pub(super) struct NoRoom {
    pub left: BudgetLeft,
    /// How much is left, when it renews and what to do.
    pub why: String,
    /// Only what other calls reserved stands in the way.
    pub only_reserved: bool,
    /// Of the scope's budgets, as they were read.
    pub version: i64,
}

/// Nothing can be written now, so nothing may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoreGone;

impl Broker {
    pub async fn carry_out(&self, act: &Act<'_>, stop: &CancellationToken) -> Result<Acted, StoreGone> {
        let call = self.call(act);
        let charge = match self.clear(act, &call).await? {
            Begun::Yes(charge) => charge,
            Begun::No(acted) => return Ok(*acted),
        };
        if let Some(changed) = self.changed_since(act, &call).await {
            return self.void(act, changed, charge.as_ref()).await;
        }
        self.end(act, self.see(call, stop).await, charge.as_ref()).await
    }

    /// Asks the rules, and commits what must be on record before the call.
    pub async fn clear(&self, act: &Act<'_>, call: &Call) -> Result<Begun, StoreGone> {
        let rule = match self.judge(act.step, act.page, act.permissions, act.terms) {
            Verdict::Allow { rule } => rule,
            Verdict::Ask { rule } if act.yes.is_some() => Some(rule),
            Verdict::Ask { rule } => {
                let reason = format!("nobody was asked ({rule})");
                return Ok(Begun::No(self.deny(act, reason, Value::Null).await?.into()));
            }
            Verdict::Deny { reason } => return Ok(Begun::No(self.deny(act, reason, Value::Null).await?.into())),
        };
        self.begin(act, call, rule).await
    }

    /// What came of a call that was begun, made durable.
    pub async fn end(&self, act: &Act<'_>, seen: Seen, charge: Option<&Charge>) -> Result<Acted, StoreGone> {
        let acted = self.conclude(act, seen, charge).await?;
        if let Some(charge) = charge {
            self.warn_of_soft_limits(act, charge).await;
        }
        self.warn_of_drift(act, &acted).await;
        Ok(acted)
    }

    pub(super) fn judge(
        &self,
        step: &Step,
        page: Option<&str>,
        permissions: &Permissions,
        terms: Option<&HostTerms>,
    ) -> Verdict {
        policy::judge(step, page, &Rules { permissions, standing: &self.standing, terms })
    }

    /// The call that an act comes down to.
    pub fn call(&self, act: &Act<'_>) -> Call {
        let goal = act.about.goal;
        Call {
            persona: goal.persona,
            goal: goal.id,
            run: act.run,
            step: act.index,
            tool: act.step.tool(),
            args: act.step.to_args(),
            effect: act.step.effect(),
            key: act.key.clone().unwrap_or_else(|| format!("{}:{}", goal.id, act.index)),
            page: act.page.map(str::to_owned),
            trace: goal.trace,
            limit: limit_of(act.step, self.step_limit),
        }
    }

    /// The run itself says that it is not done.
    pub(super) async fn refuse(&self, act: &Act<'_>, error: StepError) -> Result<Acted, StoreGone> {
        if error.denied {
            let said = format!("denied {}", plan::label(act.step));
            return Ok(Acted::Fails(self.write_denied(act, said, &error.text, Value::Null).await?, error));
        }
        let said = format!("did not begin {}", plan::label(act.step));
        let mut draft = self.draft(act, Phase::Outcome, said, json!({"failed": failure(&error)}));
        draft.state = Some(Ended::NotBegun.as_str());
        draft.body.error = Some(error.text.clone());
        let receipt = self.write(Commit { receipts: vec![draft], ..Commit::default() }).await?;
        Ok(Acted::Fails(receipt, error))
    }

    /// Nothing was done: what was approved is no longer there.
    async fn void(&self, act: &Act<'_>, changed: Changed, charge: Option<&Charge>) -> Result<Acted, StoreGone> {
        let (label, Changed { why, seen }) = (plan::label(act.step), changed);
        let said = format!("did not begin {label}: the page is no longer the one that was approved");
        let mut draft = self.draft(act, Phase::Outcome, said, json!({"changed": why, SEEN: seen}));
        draft.state = Some(Ended::NotBegun.as_str());
        draft.body.error = Some(format!("the page is no longer the one that was approved: {why}"));
        let mut changes = act.place.clone().given_back();
        if let Some(charge) = charge {
            let spent =
                Settlement { entry: charge.entry.clone(), spent: Bound::default(), at_ms: act.about.world.now_ms() };
            changes.push(Change::Ledger(LedgerChange::Settled(spent)));
        }
        let mut receipts = vec![draft];
        if let Some(approval) = act.yes {
            changes.extend(approval::closed(approval, ApprovalState::Void, act.about.world.now_ms()));
            let data = approval::told(approval, ApprovalState::Void);
            let said = void_said(&label, &why);
            receipts.push(act.about.draft(ReceiptKind::Decision, Some(Phase::Decision), said, data));
        }
        let receipt = self.write(Commit { changes, receipts, ..Commit::default() }).await?;
        Ok(Acted::Changed(receipt))
    }

    /// `told`: what the refusal rests on, if it is not the rules alone.
    pub(super) async fn deny(&self, act: &Act<'_>, reason: String, told: Value) -> Result<Acted, StoreGone> {
        let error = StepError::denied(reason);
        let receipt = self.write_denied(act, format!("denied {}", plan::label(act.step)), &error.text, told).await?;
        Ok(Acted::Fails(receipt, error))
    }

    pub(super) async fn write_denied(
        &self,
        act: &Act<'_>,
        said: String,
        why: &str,
        told: Value,
    ) -> Result<Receipt, StoreGone> {
        let mut draft = self.draft(act, Phase::Denied, said, told);
        draft.state = Some(Ended::NotBegun.as_str());
        draft.body.error = Some(why.to_owned());
        self.write(Commit { receipts: vec![draft], ..Commit::default() }).await
    }

    /// Makes the call and keeps what it left; or reads in the record what came of it.
    pub async fn see(&self, call: Call, stop: &CancellationToken) -> Seen {
        let asked = canonical::sha256(call.args.to_string().as_bytes());
        if let Some(tape) = &self.record {
            return tape.seen(&call, asked).await;
        }
        let began = Instant::now();
        let mut outcome = self.perform(call, stop).await;
        let took = began.elapsed();
        let kept = self.keep(std::mem::take(&mut outcome.artifacts)).await;
        Seen { outcome, asked, took, kept }
    }

    /// Never waits past the limit, and never lets a panic out: what it cannot know is `unknown`.
    async fn perform(&self, call: Call, stop: &CancellationToken) -> Outcome {
        let (limit, effect, tool) = (call.limit, call.effect, call.tool.clone());
        let stop = stop.child_token();
        let on_time = tokio::time::timeout(
            limit + GRACE,
            AssertUnwindSafe(self.ports.performer.perform(call, stop.clone())).catch_unwind(),
        );
        let error = match on_time.await {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(_panic)) => {
                warn!(%tool, "{tool} panicked");
                StepError::retryable(format!("{tool} failed inside the runtime; the log has the details"))
            }
            Err(_elapsed) => {
                stop.cancel();
                StepError::retryable(format!("{tool} did not answer within {} s", limit.as_secs()))
            }
        };
        match effect {
            Effect::Pure | Effect::Read => Outcome::does_not_hold(format!("{tool} did not end"), Value::Null, error),
            Effect::Idempotent | Effect::Irreversible => Outcome::unknown(format!("{tool} did not end"), error),
        }
    }

    async fn conclude(
        &self,
        act: &Act<'_>,
        Seen { outcome, asked, took, kept }: Seen,
        charge: Option<&Charge>,
    ) -> Result<Acted, StoreGone> {
        let is_effect = act.step.effect().needs_intent();
        // A look at the world that did not end changed nothing: it simply did not hold. What costs money may have cost it.
        let may_have = is_effect || charge.is_some() || outcome.ended != Ended::Unknown;
        let ended = if may_have { outcome.ended } else { Ended::NotBegun };
        let settled = charge.map(|charge| self.settlement(&charge.entry, &outcome));
        let phase = match (ended, &outcome.error) {
            (Ended::Unknown, _) => Phase::Unknown,
            (_, Some(error)) if error.denied => Phase::Denied,
            _ => Phase::Outcome,
        };
        let told = Told { asked, took, failed: outcome.error.as_ref().map(failure), settled: settled.as_ref() };
        let mut draft = self.draft(act, phase, outcome.summary, told.beside(outcome.data));
        draft.state = Some(ended.as_str());
        draft.body.cost = outcome.cost;
        draft.body.error = outcome.error.as_ref().map(|error| error.text.clone());
        draft.body.names(kept);
        let error = draft.body.error.clone();
        let mut changes = if ended == Ended::NotBegun { act.place.clone().given_back() } else { Vec::new() };
        changes.extend(settled.map(|settled| Change::Ledger(LedgerChange::Settled(settled))));
        let receipt = self.write(Commit { changes, receipts: vec![draft], ..Commit::default() }).await?;
        Ok(match (phase, outcome.error, error) {
            (Phase::Unknown, ..) if is_effect => Acted::Unknown(receipt),
            (_, Some(error), _) => Acted::Fails(receipt, error),
            (_, None, Some(text)) => Acted::Fails(receipt, StepError::retryable(text)),
            (_, None, None) => Acted::Holds(receipt),
        })
    }

    /// What cannot be kept is named as missing.
    pub(super) async fn keep(&self, artifacts: Vec<NewArtifact>) -> Vec<ArtifactRef> {
        artifacts::keep_all(&*self.ports.blobs, artifacts).await
    }

    pub(super) fn draft(&self, act: &Act<'_>, phase: Phase, summary: String, data: Value) -> Draft {
        let draft = Draft {
            tool: Some(act.step.tool()),
            effect: Some(act.step.effect()),
            replay_of: act.replay_of,
            ..act.about.step(act.index, act.step.receipt_kind(), phase, summary, data)
        };
        deed::named(draft, act.about.goal)
    }

    /// Writes a commit without guards: it cannot be refused.
    pub async fn write(&self, commit: Commit) -> Result<Receipt, StoreGone> {
        let committed = self.evidence.record(commit).await.map_err(|error| {
            warn!("a receipt could not be written: {error}");
            StoreGone
        })?;
        committed.receipts.into_iter().next().ok_or(StoreGone)
    }
}

/// What the broker adds to what a tool saw: what was asked, by its hash, how long it took and what failure it was.
struct Told<'a> {
    asked: Hash,
    took: Duration,
    failed: Option<&'static str>,
    settled: Option<&'a Settlement>,
}

impl Told<'_> {
    fn beside(self, data: Value) -> Value {
        let took_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        let mut fields = match data {
            Value::Object(fields) => fields,
            Value::Null => Map::new(),
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        fields.insert("took_ms".to_owned(), took_ms.into());
        let mut noted = json!({"asked": self.asked});
        if let Some(failed) = self.failed {
            noted["failed"] = failed.into();
        }
        fields.insert(NOTED.to_owned(), noted);
        if let Some(settled) = self.settled {
            fields.insert("charged".to_owned(), json!(settled.spent));
        }
        Value::Object(fields)
    }
}

/// What can be done about a failure, in a word: a replay must do the same about it.
pub(super) fn failure(error: &StepError) -> &'static str {
    match error {
        StepError { denied: true, .. } => "denied",
        StepError { throttled: true, .. } => "throttled",
        StepError { retryable: true, .. } => "retryable",
        _ => "permanent",
    }
}

/// A step's own timeout is for what it waits for; a browser may have to start before. A tool says itself how long it
/// takes, to whoever performs it.
fn limit_of(step: &Step, step_limit: Duration) -> Duration {
    let own = match step {
        Step::Tool { timeout_ms: None, .. } => Some(LONGEST_TOOL),
        step => step.timeout_ms().map(Duration::from_millis),
    };
    own.map_or(step_limit, |own| step_limit.max(own + LAST_WORD))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tool_that_says_two_minutes_has_them() {
        let limit = |step| limit_of(&Step::deserialize(&step).unwrap(), Duration::from_secs(30)).as_secs();
        let tool = json!({"action": "tool", "name": "slow", "effect": "read"});
        assert!(limit(tool) >= 120);
        assert_eq!(limit(json!({"action": "snapshot"})), 30);
    }
}
