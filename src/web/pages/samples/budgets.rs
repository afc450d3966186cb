//! Made-up spending.

use std::collections::BTreeMap;

use super::records::NOW;
use crate::web::{
    pages::persona::budgets::Budgets,
    spending::{AmountView, LimitView, PeriodView, SpendingView},
};

pub(super) fn budgets() -> Budgets {
    let amount = |micro_usd, tokens| AmountView { micro_usd, tokens };
    let limit = LimitView { soft: Some(800_000), hard: 1_000_000, left: 912_345 };
    let day = PeriodView {
        period: "day",
        begins_ms: NOW - 3_600_000,
        ends_ms: NOW + 7_200_000,
        spent: amount(27_655, 4_120),
        reserved: amount(60_000, 9_000),
        limits: BTreeMap::from([("micro_usd", limit)]),
    };
    let month =
        PeriodView { period: "month", spent: amount(1_400_000, 90_120), limits: BTreeMap::new(), ..day.clone() };
    let spending = SpendingView { scope: "persona:1".to_owned(), version: 3, periods: vec![day, month] };
    Budgets::new(&spending, NOW)
}
