//! What changes about money, and what must still be so.

use std::fmt;

use crate::domain::{BudgetLeft, BudgetScope, Budgets, Entry, Settlement};

/// What must still be so about budgets when the commit is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerGuard {
    /// The scope's budgets have this version; 0: nobody set any.
    BudgetsAt(BudgetScope, i64),
    /// A budget has room for what the call may take at worst.
    BudgetLeft(BudgetLeft),
}

impl fmt::Display for LedgerGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BudgetsAt(scope, version) => write!(f, "budgets of {scope} at version {version}"),
            Self::BudgetLeft(left) => {
                let (unit, hard, period) = (left.limit.unit, left.limit.hard, left.limit.period);
                write!(f, "room for {} {unit} below {hard} a {period} of {}", left.amount, left.span.scope)
            }
        }
    }
}

/// Every change of money there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerChange {
    /// They replace those that were there.
    BudgetsSet(Budgets),
    /// Counts against everybody who is charged until it is settled.
    Reserved(Entry),
    /// Counts as what was spent from now on. A second settlement of the same reservation changes nothing.
    Settled(Settlement),
}
