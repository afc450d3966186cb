//! What guards ask about money, and how it changes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use actors::{
    domain::{BudgetScope, BudgetSpan, EntryId, Totals},
    ports::{LedgerChange, LedgerGuard},
};

/// The keys a batch asks about.
#[derive(Debug, Default)]
pub(in crate::storage::journal) struct WantedLedger {
    pub budgets: BTreeSet<BudgetScope>,
    pub spans: BTreeSet<BudgetSpan>,
    /// Reservations that are settled.
    pub entries: BTreeSet<EntryId>,
}

impl WantedLedger {
    pub(super) fn add_guard(&mut self, guard: &LedgerGuard) {
        match guard {
            LedgerGuard::BudgetsAt(scope, _) => drop(self.budgets.insert(scope.clone())),
            LedgerGuard::BudgetLeft(left) => drop(self.spans.insert(left.span.clone())),
        }
    }

    pub(super) fn add_change(&mut self, change: &LedgerChange) {
        if let LedgerChange::Settled(settled) = change {
            self.entries.insert(settled.entry.id);
        }
    }
}

/// What is known of budgets and of what was taken from them.
#[derive(Debug, Default)]
pub(in crate::storage::journal) struct LedgerFacts {
    /// The version; 0: nobody set any.
    pub budgets: BTreeMap<BudgetScope, i64>,
    pub totals: BTreeMap<BudgetSpan, Totals>,
    /// Whether nobody has settled it.
    pub entries: BTreeMap<EntryId, bool>,
}

impl LedgerFacts {
    pub(super) fn leave_unknown(&self, wanted: &mut WantedLedger) {
        wanted.budgets.retain(|scope| !self.budgets.contains_key(scope));
        wanted.spans.retain(|span| !self.totals.contains_key(span));
        wanted.entries.retain(|id| !self.entries.contains_key(id));
    }

    pub(super) fn len(&self) -> usize {
        self.budgets.len() + self.totals.len() + self.entries.len()
    }

    pub(super) fn holds(&self, guard: &LedgerGuard) -> bool {
        match guard {
            LedgerGuard::BudgetsAt(scope, version) => self.budgets.get(scope).copied().unwrap_or(0) == *version,
            LedgerGuard::BudgetLeft(left) => self.totals.get(&left.span).is_some_and(|totals| left.fits(totals)),
        }
    }

    pub(super) fn apply(&mut self, change: &LedgerChange) {
        match change {
            LedgerChange::BudgetsSet(budgets) => drop(self.budgets.insert(budgets.scope.clone(), budgets.version)),
            LedgerChange::Reserved(entry) => {
                self.entries.insert(entry.id, true);
                let entry_reserved = entry.reserved;
                self.move_totals(&entry.scopes(), entry.at_ms, |totals| {
                    totals.reserved = totals.reserved.plus(entry_reserved);
                });
            }
            LedgerChange::Settled(settled) => {
                let Some(open) = self.entries.get_mut(&settled.entry.id).filter(|open| **open) else { return };
                *open = false;
                let (entry, spent) = (&settled.entry, settled.spent);
                self.move_totals(&entry.scopes(), entry.at_ms, |totals| {
                    totals.reserved = totals.reserved.minus(entry.reserved);
                    totals.spent = totals.spent.plus(spent);
                });
            }
        }
    }

    fn move_totals(&mut self, scopes: &[BudgetScope], at_ms: i64, step: impl Fn(&mut Totals)) {
        for scope in scopes {
            let first = BudgetSpan { scope: scope.clone(), from_ms: i64::MIN, until_ms: i64::MIN };
            let of_scope = self.totals.range_mut(first..).take_while(|(span, _)| span.scope == *scope);
            of_scope.filter(|(span, _)| span.holds(at_ms)).for_each(|(_, totals)| step(totals));
        }
    }
}
