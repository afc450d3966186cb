//! `budgets`, `ledger_entries` and the sums of `ledger_totals`.

use actors::domain::{Bound, BudgetScope, Budgets, Entry, Totals};
use diesel::prelude::*;

use super::{Columns, text};
use crate::storage::{
    db::DbError,
    schema::{budgets, ledger_entries},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = budgets)]
pub(in crate::storage) struct BudgetsRow {
    scope: String,
    version: i64,
    limits: String,
}

/// Reserved tokens and micro-dollars, spent tokens and micro-dollars.
pub(in crate::storage) type TotalsRow = (i64, i64, i64, i64);

#[derive(Queryable, Selectable)]
#[diesel(table_name = ledger_entries)]
pub(in crate::storage) struct EntryRow {
    id: Vec<u8>,
    persona: Option<Vec<u8>>,
    user_name: String,
    goal: Option<Vec<u8>>,
    run: Option<Vec<u8>>,
    step: i32,
    at_ms: i64,
    reserved_tokens: i64,
    reserved_micro_usd: i64,
}

impl TryFrom<BudgetsRow> for Budgets {
    type Error = DbError;

    fn try_from(row: BudgetsRow) -> Result<Self, DbError> {
        let read = Columns("budgets");
        Ok(Self { scope: read.word(&row.scope)?, version: row.version, limits: read.json(&row.limits)? })
    }
}

impl TryFrom<EntryRow> for Entry {
    type Error = DbError;

    fn try_from(row: EntryRow) -> Result<Self, DbError> {
        let read = Columns("ledger_entries");
        Ok(Self {
            id: read.id(&row.id)?,
            persona: row.persona.map(|id| read.id(&id)).transpose()?,
            user: row.user_name,
            goal: row.goal.map(|id| read.id(&id)).transpose()?,
            run: row.run.map(|id| read.id(&id)).transpose()?,
            step: read.count(row.step)?,
            at_ms: row.at_ms,
            reserved: bound(&read, row.reserved_tokens, row.reserved_micro_usd)?,
        })
    }
}

/// What a span has had, from its sums.
pub(in crate::storage) fn totals(
    (tokens, micro_usd, spent_tokens, spent_micro_usd): TotalsRow,
) -> Result<Totals, DbError> {
    let read = Columns("ledger_totals");
    let (reserved, spent) = (bound(&read, tokens, micro_usd)?, bound(&read, spent_tokens, spent_micro_usd)?);
    Ok(Totals { reserved, spent })
}

fn bound(read: &Columns, tokens: i64, micro_usd: i64) -> Result<Bound, DbError> {
    Ok(Bound { tokens: read.count(tokens)?, micro_usd: read.count(micro_usd)? })
}

/// A scope as it is stored.
pub(in crate::storage) fn scope_text(scope: &BudgetScope) -> String {
    text(scope.to_string())
}
