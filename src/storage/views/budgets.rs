//! Budgets, and what their periods have had.

use actors::domain::{AlertId, BudgetScope, BudgetSpan, Budgets, Entry, GoalId, GoalState, ParkedOn, Totals};
use diesel::{dsl::count_star, prelude::*};

use crate::storage::{
    db::{Db, DbError, on_db},
    journal::ledger::sums_of,
    rows::{
        Columns,
        ledger::{BudgetsRow, EntryRow, TotalsRow, scope_text, totals},
    },
    schema::{alerts, budgets, goals, ledger_entries},
};

impl Db {
    /// The budgets of these scopes, in their order; version 0 where nobody set any.
    pub async fn budgets(&self, scopes: &[BudgetScope]) -> Result<Vec<Budgets>, DbError> {
        let texts: Vec<_> = scopes.iter().map(scope_text).collect();
        let rows: Vec<BudgetsRow> = on_db!(self, all:
            budgets::table.filter(budgets::scope.eq_any(texts)).select(BudgetsRow::as_select()));
        let mut set = rows.into_iter().map(Budgets::try_from).collect::<Result<Vec<_>, _>>()?;
        let mut of = |scope: &BudgetScope| {
            let at = set.iter().position(|found| found.scope == *scope);
            at.map_or_else(|| Budgets::none(scope.clone()), |at| set.swap_remove(at))
        };
        Ok(scopes.iter().map(&mut of).collect())
    }

    /// What a stretch of time has had.
    pub async fn totals(&self, span: &BudgetSpan) -> Result<Totals, DbError> {
        let span = span.clone();
        let sums: Option<TotalsRow> = on_db!(self, one: sums_of!(span));
        totals(sums.unwrap_or_default())
    }

    /// What the goal's calls reserved and nobody settled, oldest first.
    pub async fn open_entries(&self, goal: GoalId) -> Result<Vec<Entry>, DbError> {
        let goal = goal.as_bytes().to_vec();
        let rows: Vec<EntryRow> = on_db!(self, all:
            ledger_entries::table
                .filter(ledger_entries::goal.eq(goal).and(ledger_entries::settled_ms.is_null()))
                .order(ledger_entries::id)
                .select(EntryRow::as_select()));
        rows.into_iter().map(Entry::try_from).collect()
    }

    /// What calls of programs, and of goals that are over, reserved and nobody settled, oldest first.
    pub async fn lost_entries(&self) -> Result<Vec<Entry>, DbError> {
        let over = GoalState::ALL.iter().filter(|state| state.is_over()).map(|state| state.as_str());
        let over: Vec<_> = over.collect();
        let rows: Vec<EntryRow> = on_db!(self, all:
            ledger_entries::table
                .left_join(goals::table.on(ledger_entries::goal.eq(goals::id.nullable())))
                .filter(ledger_entries::settled_ms.is_null())
                .filter(ledger_entries::goal.is_null().or(goals::state.eq_any(over.clone())))
                .order(ledger_entries::id)
                .select(EntryRow::as_select()));
        rows.into_iter().map(Entry::try_from).collect()
    }

    /// Goals that wait for a budget.
    pub async fn parked_on_budgets(&self) -> Result<Vec<GoalId>, DbError> {
        let rows: Vec<Vec<u8>> = on_db!(self, all:
            goals::table
                .filter(goals::state.eq(GoalState::Parked.as_str()))
                .filter(goals::parked_on.eq(ParkedOn::Budget.as_str()))
                .order(goals::id)
                .select(goals::id));
        rows.iter().map(|id| Columns("goals").id(id)).collect()
    }

    /// Whether this alert was ever raised.
    pub async fn has_alert(&self, id: AlertId) -> Result<bool, DbError> {
        let id = id.as_bytes().to_vec();
        let found: Option<i64> = on_db!(self, one: alerts::table.filter(alerts::id.eq(id)).select(count_star()));
        Ok(found.unwrap_or(0) > 0)
    }
}
