//! What the in-memory journal knows of money. Nothing is added up beforehand: what databases keep as running totals is
//! summed here from the entries.

use std::collections::BTreeMap;

use crate::{
    domain::{Bound, BudgetScope, BudgetSpan, Budgets, Entry, EntryId, GoalId, Totals},
    ports::{LedgerChange, LedgerGuard},
};

#[derive(Default)]
pub(super) struct Ledger {
    budgets: BTreeMap<BudgetScope, Budgets>,
    /// What was spent; none: not settled.
    entries: BTreeMap<EntryId, (Entry, Option<Bound>)>,
}

impl Ledger {
    pub(super) fn holds(&self, guard: &LedgerGuard) -> bool {
        match guard {
            LedgerGuard::BudgetsAt(scope, version) => self.budgets(scope).version == *version,
            LedgerGuard::BudgetLeft(left) => left.fits(&self.totals(&left.span)),
        }
    }

    pub(super) fn apply(&mut self, change: LedgerChange) {
        match change {
            LedgerChange::BudgetsSet(budgets) => drop(self.budgets.insert(budgets.scope.clone(), budgets)),
            LedgerChange::Reserved(entry) => {
                let before = self.entries.insert(entry.id, (entry, None));
                assert!(before.is_none(), "the entry {before:?} was reserved twice");
            }
            LedgerChange::Settled(settled) => {
                let spent = self.entries.get_mut(&settled.entry.id).map(|(_, spent)| spent);
                if let Some(spent) = spent {
                    spent.get_or_insert(settled.spent);
                }
            }
        }
    }

    pub(super) fn budgets(&self, scope: &BudgetScope) -> Budgets {
        self.budgets.get(scope).cloned().unwrap_or_else(|| Budgets::none(scope.clone()))
    }

    pub(super) fn totals(&self, span: &BudgetSpan) -> Totals {
        let mut totals = Totals::default();
        for (entry, spent) in self.entries.values() {
            if !span.holds(entry.at_ms) || !entry.scopes().contains(&span.scope) {
                continue;
            }
            match spent {
                Some(spent) => totals.spent = totals.spent.plus(*spent),
                None => totals.reserved = totals.reserved.plus(entry.reserved),
            }
        }
        totals
    }

    pub(super) fn open(&self, goal: GoalId) -> Vec<Entry> {
        let open = |(entry, spent): &&(Entry, Option<Bound>)| entry.goal == Some(goal) && spent.is_none();
        self.entries.values().filter(open).map(|(entry, _)| entry.clone()).collect()
    }

    /// What nobody settled, of any goal or of none.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|(_, spent)| spent.is_none()).map(|(entry, _)| entry)
    }

    /// Every entry with what was spent, in order of ids.
    pub(super) fn entries(&self) -> Vec<(Entry, Option<Bound>)> {
        self.entries.values().cloned().collect()
    }
}
