//! Made-up spending.

use std::collections::BTreeMap;

use super::{pages::frame, records::NOW};
use crate::web::{
    api::keys::KeyView,
    pages::{
        frame::Section,
        keys::{KeysPage, Row},
        persona::budgets::Budgets,
    },
    spending::{AmountView, LimitView, PeriodView, SpendingView},
};

pub(super) fn keys() -> KeysPage {
    let spending = |name: &str| SpendingView { scope: format!("key:{name}"), version: 1, periods: periods() };
    let key = |name: &str, persona: Option<&str>, revoked_ms| KeyView {
        name: name.to_owned(),
        tail: "x7Qa".to_owned(),
        persona: persona.map(str::to_owned),
        models: vec!["house".to_owned(), "persona/*".to_owned()],
        per_minute: 60,
        keeps_words: persona.is_some(),
        created_by: "admin".to_owned(),
        created_ms: NOW - 86_400_000,
        revoked_ms,
        spending: spending(name),
    };
    let all = [key("ci", None, None), key("desk", Some("jason"), None), key("old", None, Some(NOW - 60_000))];
    KeysPage {
        frame: frame("Keys", Section::Keys),
        rows: all.into_iter().map(|key| Row::new(key, NOW)).collect(),
        base_url: "http://127.0.0.1:7878/v1".to_owned(),
    }
}

pub(super) fn budgets() -> Budgets {
    let spending = SpendingView { scope: "persona:1".to_owned(), version: 3, periods: periods() };
    Budgets::new(&spending, NOW)
}

fn periods() -> Vec<PeriodView> {
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
    vec![day, month]
}
