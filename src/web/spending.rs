//! What a scope has spent, has reserved and may still take, as API and pages show it.

use std::collections::BTreeMap;

use actors::{
    domain::{Bound, Budget, BudgetPeriod, BudgetScope, BudgetSpan, BudgetUnit, Zone},
    ledger,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::Deps;
use crate::storage::DbError;

/// The budgets of one scope, and what their periods have had.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpendingView {
    /// `company`, `user:<name>` or `persona:<id>`.
    pub scope: String,
    /// Of its budgets; send it back with a change. 0: nobody set any.
    pub version: i64,
    /// `day` and `month`, those that it is now.
    pub periods: Vec<PeriodView>,
}

/// One period.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeriodView {
    /// `day` or `month`.
    pub period: &'static str,
    pub begins_ms: i64,
    /// When it renews.
    pub ends_ms: i64,
    /// Settled.
    pub spent: AmountView,
    /// The worst case of calls that are under way.
    pub reserved: AmountView,
    /// By unit, `tokens` or `micro_usd`; what is not here is not limited.
    pub limits: BTreeMap<&'static str, LimitView>,
}

/// Money and tokens.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct AmountView {
    pub micro_usd: u64,
    /// In and out together.
    pub tokens: u64,
}

/// One limit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LimitView {
    /// From here on people are told.
    pub soft: Option<u64>,
    /// Never passed.
    pub hard: u64,
    /// What calls may still take.
    pub left: u64,
}

impl From<Bound> for AmountView {
    fn from(Bound { micro_usd, tokens }: Bound) -> Self {
        Self { micro_usd, tokens }
    }
}

/// Reads budgets and sums. `zone`: of the persona, if it is one's.
pub async fn of(deps: &Deps, scope: BudgetScope, zone: Zone) -> Result<SpendingView, DbError> {
    let budgets = deps.db.budgets(std::slice::from_ref(&scope)).await?.pop();
    let (version, limits) = budgets.map_or_else(Default::default, |budgets| (budgets.version, budgets.limits));
    let now_ms = deps.world.now_ms();
    let mut periods = Vec::with_capacity(BudgetPeriod::ALL.len());
    for period in BudgetPeriod::ALL {
        let span = ledger::span(scope.clone(), *period, zone, now_ms);
        let totals = deps.db.totals(&span).await?;
        let of_period = limits.iter().filter(|limit| limit.period == *period);
        let BudgetSpan { from_ms, until_ms, .. } = span;
        let view = |limit: &Budget| {
            let left = limit.hard.saturating_sub(totals.taken(limit.unit));
            (limit.unit.as_str(), LimitView { soft: limit.soft, hard: limit.hard, left })
        };
        periods.push(PeriodView {
            period: period.as_str(),
            begins_ms: from_ms,
            ends_ms: until_ms,
            spent: totals.spent.into(),
            reserved: totals.reserved.into(),
            limits: of_period.map(view).collect(),
        });
    }
    Ok(SpendingView { scope: scope.to_string(), version, periods })
}

impl AmountView {
    /// In this unit.
    pub const fn of(self, unit: BudgetUnit) -> u64 {
        match unit {
            BudgetUnit::Tokens => self.tokens,
            BudgetUnit::MicroUsd => self.micro_usd,
        }
    }
}
