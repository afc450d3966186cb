//! What a call must reserve before it begins, what it is settled at, and what is said when there is no room for it. Pure.
//!
//! **Before.** The worst case of a call is reserved in the commit of its intent, guarded by every limit of everybody who
//! is charged: its persona (in days and months of its own zone), the user or key that asked, and the company (universal
//! time).
//! The limits are those that were read: if they changed since, the commit is refused and they are read again.
//!
//! **After.** It is settled in the commit of its outcome, at what the provider said; at its worst case when nobody said
//! anything: killed, timed out, cut off. What never left our hands cost nothing.

use sha2::{Digest as _, Sha256};
use uuid::Builder;

use crate::{
    domain::{
        AlertId, Bound, Budget, BudgetLeft, BudgetPeriod, BudgetScope, BudgetSpan, BudgetUnit, Budgets, Ended, Entry,
        Outcome, Totals, Zone,
    },
    ports::{Change, Guard, LedgerChange, LedgerGuard},
};

/// A reservation on its way: what it is, and what must be so.
#[derive(Debug, Clone, PartialEq)]
pub struct Charge {
    pub entry: Entry,
    /// Every limit it must stay below.
    pub limits: Vec<BudgetLeft>,
    versions: Vec<(BudgetScope, i64)>,
}

impl Charge {
    /// `budgets`: those of everybody who is charged. `zone`: the persona's own.
    pub fn new(entry: Entry, budgets: &[Budgets], zone: Zone) -> Self {
        let mut limits = Vec::new();
        for of_scope in budgets {
            for limit in &of_scope.limits {
                let span = span(of_scope.scope.clone(), limit.period, zone, entry.at_ms);
                limits.push(BudgetLeft { span, limit: *limit, amount: entry.reserved.of(limit.unit) });
            }
        }
        let versions = budgets.iter().map(|of_scope| (of_scope.scope.clone(), of_scope.version)).collect();
        Self { entry, limits, versions }
    }

    /// What must still be so when it is written.
    pub fn guards(&self) -> Vec<Guard> {
        let versions = self.versions.iter().map(|(scope, version)| LedgerGuard::BudgetsAt(scope.clone(), *version));
        let left = self.limits.iter().cloned().map(LedgerGuard::BudgetLeft);
        versions.chain(left).map(Guard::Ledger).collect()
    }

    /// The version of a scope's budgets that was read.
    pub fn version(&self, scope: &BudgetScope) -> i64 {
        self.versions.iter().find(|(of, _)| of == scope).map_or(0, |(_, version)| *version)
    }

    /// What is written with the intent.
    pub fn change(&self) -> Change {
        Change::Ledger(LedgerChange::Reserved(self.entry.clone()))
    }
}

/// The period of a scope's budget that a moment lies in. `persona`: the persona's own zone.
pub fn span(scope: BudgetScope, period: BudgetPeriod, persona: Zone, at_ms: i64) -> BudgetSpan {
    let zone = zone_of(&scope, persona);
    BudgetSpan::of(scope, period, zone, at_ms)
}

/// By whose days a scope's budgets go.
const fn zone_of(scope: &BudgetScope, persona: Zone) -> Zone {
    match scope {
        BudgetScope::Persona(_) => persona,
        BudgetScope::User(_) | BudgetScope::Key(_) | BudgetScope::Company => Zone::UTC,
    }
}

/// What a call took, from what came of it.
pub fn spent(reserved: Bound, outcome: &Outcome) -> Bound {
    match (outcome.ended, outcome.cost) {
        (Ended::NotBegun, None) => Bound::default(),
        (Ended::Unknown, _) | (Ended::Done, None) => reserved,
        (Ended::Done | Ended::NotBegun, Some(cost)) => {
            let tokens = cost.input_tokens.saturating_add(cost.output_tokens);
            Bound { micro_usd: cost.micro_usd, tokens }.kept()
        }
    }
}

/// Which of a budget's two limits was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    Soft,
    Hard,
}

/// The alert of one limit in one period: the same for everybody who comes to it, another one when the limit is changed.
/// It sorts by the period's beginning.
pub fn alert_id(span: &BudgetSpan, limit: &Budget, reached: Reached) -> AlertId {
    let BudgetSpan { scope, from_ms, until_ms } = span;
    let Budget { unit, soft, hard, .. } = limit;
    let of = match reached {
        Reached::Soft => *soft,
        Reached::Hard => Some(*hard),
    };
    let digest = Sha256::digest(format!("{reached:?} {scope} {from_ms} {until_ms} {unit} {of:?}"));
    let mut tail = [0; 10];
    tail.copy_from_slice(&digest[..10]);
    AlertId(Builder::from_unix_timestamp_millis(from_ms.unsigned_abs(), &tail).into_uuid())
}

/// Only what other calls reserved stands in the way, and they are settled soon.
pub fn is_only_reserved(left: &BudgetLeft, totals: &Totals) -> bool {
    totals.spent.of(left.limit.unit).saturating_add(left.amount) <= left.limit.hard
}

/// Why a call is not made, and what to do. `totals`: what the period has had. `zone`: the persona's own.
pub fn refusal(left: &BudgetLeft, totals: &Totals, zone: Zone) -> String {
    let BudgetLeft { span, limit: Budget { period, unit, hard, .. }, amount } = left;
    let (whose, zone) = (whose(&span.scope), zone_of(&span.scope, zone));
    let free = hard.saturating_sub(totals.taken(*unit));
    let (free, all, wanted) = (said(*unit, free), said(*unit, *hard), said(*unit, *amount));
    let room = format!("{whose} has {free} of {all} left for the {period}, and the call may take {wanted}");
    if left.never_fits() {
        return format!("{room}, which no {period} would hold: raise the budget, or ask for less");
    }
    if is_only_reserved(left, totals) {
        return format!("{room}: what is reserved for calls under way may leave room soon");
    }
    format!("{room}: it renews at {} ({zone}); wait, or raise the budget", zone.minute(span.until_ms))
}

/// Why a call is not made of which nobody knows what it could cost.
pub fn unbounded(left: &BudgetLeft, why: &str) -> String {
    let Budget { period, unit, hard, .. } = left.limit;
    let (whose, all) = (whose(&left.span.scope), said(unit, hard));
    format!("{whose} allows {all} a {period}, and what the call could cost is not known: {why}")
}

/// What is told when more is spent than a soft limit.
pub fn warning(span: &BudgetSpan, limit: &Budget, totals: &Totals) -> String {
    let (whose, unit) = (whose(&span.scope), limit.unit);
    let (taken, soft) = (said(unit, totals.spent.of(unit)), said(unit, limit.soft.unwrap_or(0)));
    let (period, hard) = (limit.period, said(unit, limit.hard));
    format!("{whose} has passed its soft limit of {soft} a {period}: {taken} are spent, and at {hard} its calls stop")
}

fn whose(scope: &BudgetScope) -> String {
    match scope {
        BudgetScope::Company => "the company’s budget".to_owned(),
        BudgetScope::User(name) => format!("the budget of user {name}"),
        BudgetScope::Key(name) => format!("the budget of key {name}"),
        BudgetScope::Persona(_) => "the persona’s budget".to_owned(),
    }
}

/// An amount for people: `$0.06`, `1200 tokens`.
pub fn said(unit: BudgetUnit, amount: u64) -> String {
    match unit {
        BudgetUnit::Tokens => format!("{amount} tokens"),
        BudgetUnit::MicroUsd => {
            let (dollars, micros) = (amount / 1_000_000, format!("{:06}", amount % 1_000_000));
            let fraction = micros.trim_end_matches('0');
            format!("${dollars}.{fraction:0<2}")
        }
    }
}

#[cfg(test)]
mod tests;
