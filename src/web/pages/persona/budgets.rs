//! Budgets on the Settings tab: what was spent and what is left, and the limits to be edited.

use actors::{domain::BudgetUnit, ledger::said};

use crate::web::{
    pages::show::When,
    spending::{PeriodView, SpendingView},
};

/// The panel.
#[derive(Debug, Clone)]
pub struct Budgets {
    /// Of the budgets, not of the persona.
    pub version: i64,
    pub rows: Vec<Row>,
    pub fields: Vec<Field>,
}

/// What one period has had of one unit.
#[derive(Debug, Clone)]
pub struct Row {
    pub period: &'static str,
    pub unit: BudgetUnit,
    /// `$0.03 spent, $0.06 under way, $0.91 of $1.00 left`.
    pub said: String,
    pub renews: When,
}

/// The limits of one unit in one period.
#[derive(Debug, Clone)]
pub struct Field {
    pub period: &'static str,
    pub unit: BudgetUnit,
    /// `US dollars a day`.
    pub label: String,
    /// How the browser reads it: `dollars` or `number`.
    pub sort: &'static str,
    pub step: &'static str,
    pub soft: String,
    pub hard: String,
}

impl Budgets {
    /// The panel, as seen from now.
    pub fn new(spending: &SpendingView, now_ms: i64) -> Self {
        let each = || spending.periods.iter().flat_map(|period| UNITS.map(|unit| (period, unit)));
        Self {
            version: spending.version,
            rows: each().map(|(period, unit)| Row::new(period, unit, now_ms)).collect(),
            fields: each().map(|(period, unit)| Field::new(period, unit)).collect(),
        }
    }
}

/// Money first.
const UNITS: [BudgetUnit; 2] = [BudgetUnit::MicroUsd, BudgetUnit::Tokens];

impl Row {
    fn new(period: &PeriodView, unit: BudgetUnit, now_ms: i64) -> Self {
        let (spent, reserved) = (said(unit, period.spent.of(unit)), period.reserved.of(unit));
        let under_way = if reserved > 0 { format!(", {} under way", said(unit, reserved)) } else { String::new() };
        let left = period.limits.get(unit.as_str()).map(|limit| {
            let (left, hard) = (said(unit, limit.left), said(unit, limit.hard));
            format!(", {left} of {hard} left")
        });
        let said = format!("{spent} spent{under_way}{}", left.unwrap_or_default());
        Self { period: period.period, unit, said, renews: When::at(period.ends_ms, now_ms) }
    }
}

impl Field {
    fn new(period: &PeriodView, unit: BudgetUnit) -> Self {
        let limit = period.limits.get(unit.as_str());
        let (label, sort, step) = match unit {
            BudgetUnit::Tokens => ("Tokens", "number", "1"),
            BudgetUnit::MicroUsd => ("US dollars", "dollars", "0.000001"),
        };
        let typed = |amount: u64| match unit {
            BudgetUnit::Tokens => amount.to_string(),
            BudgetUnit::MicroUsd => said(unit, amount).trim_start_matches('$').to_owned(),
        };
        Self {
            period: period.period,
            unit,
            label: format!("{label} a {}", period.period),
            sort,
            step,
            soft: limit.and_then(|limit| limit.soft).map(typed).unwrap_or_default(),
            hard: limit.map(|limit| typed(limit.hard)).unwrap_or_default(),
        }
    }
}
