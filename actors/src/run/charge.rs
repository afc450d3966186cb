//! What stands before a call: its intent, and with it the reservation of what it may take at worst.
//!
//! An intent is written for every effect and for every call that costs something. Both are one commit, so a call that was
//! begun is on record with its worst case, and one without room is not begun.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use serde_json::{Value, json};
use tracing::warn;

use super::{
    arguments,
    broker::{Act, Acted, Broker, NoRoom, StoreGone},
    plan,
};
use crate::{
    domain::{
        Alert, AlertId, AlertKind, Approval, ApprovalState, Bound, BudgetLeft, BudgetScope, BudgetSpan, Call, Entry,
        EntryId, Outcome, Phase, ReceiptKind, Settlement, StepError,
    },
    evidence::RecordError,
    ledger::{self, Charge, Reached},
    ports::{ApprovalChange, ApprovalGuard, Change, Commit, Guard, LedgerGuard, Outdated, Unavailable},
};

/// How often budgets are read again that change while a call is about to begin.
const RACES: usize = 5;

/// Whether a call may be performed.
pub(super) enum Begun {
    /// With what it reserved, if it costs anything.
    Yes(Option<Charge>),
    No(Box<Acted>),
}

impl Broker {
    /// Commits what must be on record before the call; else says what kept it from being begun, on record too.
    pub(super) async fn begin(&self, act: &Act<'_>, call: &Call, rule: Option<String>) -> Result<Begun, StoreGone> {
        let bound = self.bound(call).await;
        for _ in 0..RACES {
            let charge = match self.charge(act, &bound).await? {
                Ok(charge) => charge,
                Err((why, told)) => return Ok(Begun::No(self.deny(act, why, told).await?.into())),
            };
            if charge.is_none() && !call.effect.needs_intent() {
                return Ok(Begun::Yes(None));
            }
            match self.intend(act, call, rule.as_deref(), charge.as_ref()).await? {
                Ok(()) => return Ok(Begun::Yes(charge)),
                Err(Outdated { guard: Guard::Ledger(LedgerGuard::BudgetsAt(..)) }) => {}
                Err(outdated) => return Ok(Begun::No(self.not_begun(act, outdated, charge.as_ref()).await?.into())),
            }
        }
        warn!(tool = %call.tool, "{} was not begun: its budgets kept changing", call.tool);
        Err(StoreGone)
    }

    /// Never waits past the call's own limit, and never lets a panic out.
    async fn bound(&self, call: &Call) -> Result<Option<Bound>, StepError> {
        let asked = AssertUnwindSafe(self.ports.performer.bound(call)).catch_unwind();
        match tokio::time::timeout(call.limit, asked).await {
            Ok(Ok(Ok(Some(bound)))) if !bound.is_of_one_call() => {
                Err(StepError::permanent("its worst case is beyond all measure"))
            }
            Ok(Ok(answer)) => answer,
            Ok(Err(_panic)) => Err(StepError::permanent("working it out failed inside the runtime")),
            Err(_elapsed) => Err(StepError::permanent("working it out took too long")),
        }
    }

    /// What the call has to reserve; none: it costs nothing. The inner error: nobody knows what it could cost.
    async fn charge(
        &self,
        act: &Act<'_>,
        bound: &Result<Option<Bound>, StepError>,
    ) -> Result<Result<Option<Charge>, (String, Value)>, StoreGone> {
        if matches!(bound, Ok(None)) {
            return Ok(Ok(None));
        }
        let goal = act.about.goal;
        // Who gave the work away pays for it, in days of its own.
        let delegated = goal.payload.delegated();
        let entry = Entry {
            id: EntryId(act.about.world.new_id()),
            persona: Some(goal.payer()),
            user: goal.created_by.clone(),
            goal: Some(goal.id),
            run: Some(act.run),
            step: act.index,
            at_ms: act.about.world.now_ms(),
            reserved: bound.as_ref().ok().copied().flatten().unwrap_or_default(),
        };
        let budgets = self.ports.records.budgets(&entry.scopes()).await.map_err(|_| StoreGone)?;
        let charge = Charge::new(entry, &budgets, delegated.map_or(act.zone, |delegated| delegated.zone));
        match (bound, charge.limits.first()) {
            // What may be known later is said by whoever makes the call.
            (Err(error), None) if !error.retryable => {
                let told = json!({"unbounded": error.text, "limits": []});
                Ok(Err((error.text.clone(), told)))
            }
            (Err(error), Some(limit)) => {
                let told = json!({"unbounded": error.text, "limits": [limit]});
                Ok(Err((ledger::unbounded(limit, &error.text), told)))
            }
            _ => Ok(Ok(Some(charge))),
        }
    }

    /// Commits the intent with its reservation. The inner error: what kept it from being written.
    async fn intend(
        &self,
        act: &Act<'_>,
        call: &Call,
        rule: Option<&str>,
        charge: Option<&Charge>,
    ) -> Result<Result<(), Outdated>, StoreGone> {
        let label = plan::label(act.step);
        let (args, large) = arguments::on_record(act.step, call);
        let kept = self.keep(large.into_iter().collect()).await;
        if kept.iter().any(|kept| kept.missing) {
            return Err(StoreGone);
        }
        let mut data = json!({"step": label, "args": args, "key": call.key, "page": call.page, "rule": rule});
        if let Some(charge) = charge {
            data["reserved"] = json!(charge.entry.reserved);
            if !charge.limits.is_empty() {
                data["limits"] = json!(charge.limits);
            }
        }
        if let Some(approval) = act.yes {
            let by = approval.decided.as_ref().map(|said| said.by.as_str());
            data["approval"] = json!({"id": approval.id, "by": by, "became": ApprovalState::Used});
        }
        let mut draft = self.draft(act, Phase::Intent, format!("is about to {label}"), data);
        draft.body.artifacts = kept;
        let mut guards = vec![Guard::GoalOpen(act.about.goal.id), Guard::RunLive(act.run)];
        guards.extend(act.place.guards.iter().cloned().chain(charge.iter().flat_map(|charge| charge.guards())));
        let mut changes = act.place.changes.clone();
        changes.extend(charge.map(Charge::change));
        if let Some(Approval { id, digest, .. }) = act.yes.cloned() {
            guards.push(Guard::Approval(ApprovalGuard::Usable { id, digest, at_ms: act.about.world.now_ms() }));
            changes.push(Change::Approval(ApprovalChange::Moved { id, state: ApprovalState::Used, decided: None }));
        }
        match self.evidence.record(Commit { guards, changes, receipts: vec![draft] }).await {
            Ok(_) => Ok(Ok(())),
            Err(RecordError::Outdated(outdated)) => Ok(Err(outdated)),
            Err(RecordError::Unavailable(_) | RecordError::Ended) => Err(StoreGone),
        }
    }

    /// There is no room for it, or the goal is no longer ours to act on.
    async fn not_begun(&self, act: &Act<'_>, outdated: Outdated, charge: Option<&Charge>) -> Result<Acted, StoreGone> {
        let why = outdated.to_string();
        let (why, acted, told) = match outdated.guard {
            Guard::QuotaLeft(full) => (why, Acted::Full(full), json!({"full": full})),
            Guard::Ledger(LedgerGuard::BudgetLeft(left)) => {
                let totals = self.ports.records.totals(&left.span).await.map_err(|_| StoreGone)?;
                let why = ledger::refusal(&left, &totals, act.zone);
                let told = json!({"no_room": left, "totals": totals});
                let only_reserved = ledger::is_only_reserved(&left, &totals);
                let version = charge.map_or(0, |charge| charge.version(&left.span.scope));
                let no_room = NoRoom { left, why: why.clone(), only_reserved, version };
                (why, Acted::OverBudget(Box::new(no_room)), told)
            }
            Guard::Approval(_) => (why, Acted::Unapproved, Value::Null),
            _ => (why, Acted::Ended, Value::Null),
        };
        self.write_denied(act, format!("did not begin {}", plan::label(act.step)), &why, told).await?;
        Ok(acted)
    }

    pub(super) fn settlement(&self, entry: &Entry, outcome: &Outcome) -> Settlement {
        let spent = ledger::spent(entry.reserved, outcome);
        Settlement { entry: entry.clone(), spent, at_ms: self.ports.world.now_ms() }
    }

    /// Looks after the commit of an outcome, so that of many calls at once the last one sees what all of them took.
    pub(super) async fn warn_of_soft_limits(&self, act: &Act<'_>, charge: &Charge) {
        for BudgetLeft { span, limit, .. } in &charge.limits {
            let Some(soft) = limit.soft else { continue };
            let told: Result<(), Unavailable> = async {
                let totals = self.ports.records.totals(span).await?;
                let id = ledger::alert_id(span, limit, Reached::Soft);
                if totals.spent.of(limit.unit) < soft || self.ports.records.has_alert(id).await? {
                    return Ok(());
                }
                let alert = self.budget_alert(id, span, AlertKind::BudgetLow, ledger::warning(span, limit, &totals));
                let draft = act.about.draft(
                    ReceiptKind::Log,
                    None,
                    alert.text.clone(),
                    json!({"alert": id, "span": span, "totals": totals}),
                );
                let changes = vec![Change::AlertRaised(Box::new(alert))];
                // Without the store it is looked at again after the next call.
                let _ = self.write(Commit { changes, receipts: vec![draft], ..Commit::default() }).await;
                Ok(())
            }
            .await;
            if let Err(error) = told {
                warn!("a soft limit could not be looked at: {error}");
            }
        }
    }

    /// An alert about a budget; about its persona, if it is one's.
    pub(super) fn budget_alert(&self, id: AlertId, span: &BudgetSpan, kind: AlertKind, text: String) -> Alert {
        let persona = match span.scope {
            BudgetScope::Persona(persona) => Some(persona),
            BudgetScope::User(_) | BudgetScope::Key(_) | BudgetScope::Company => None,
        };
        let raised_ms = self.ports.world.now_ms();
        Alert { id, kind, persona, goal: None, text, raised_ms, resolved_ms: None }
    }
}
