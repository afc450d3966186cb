//! What is asked, settled and said.

use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::domain::{Cost, EntryId, GoalId, PersonaId, RunId, StepError};

/// 2026-11-20 12:00:00 UTC.
const NOON_MS: i64 = 1_795_176_000_000;

fn entry(reserved: Bound) -> Entry {
    let id = Uuid::from_u128(1);
    Entry {
        id: EntryId(id),
        persona: Some(PersonaId(id)),
        user: "ada".into(),
        goal: Some(GoalId(id)),
        run: Some(RunId(id)),
        step: 0,
        at_ms: NOON_MS,
        reserved,
    }
}

fn limit(period: BudgetPeriod, unit: BudgetUnit, hard: u64) -> Budget {
    Budget { period, unit, soft: None, hard }
}

fn day(hard: u64) -> BudgetLeft {
    let span = span(BudgetScope::Company, BudgetPeriod::Day, Zone::UTC, NOON_MS);
    BudgetLeft { span, limit: limit(BudgetPeriod::Day, BudgetUnit::MicroUsd, hard), amount: 60_000 }
}

#[test]
fn every_limit_of_everybody_who_is_charged_is_asked_in_its_own_days() {
    let reserved = Bound { micro_usd: 7, tokens: 90 };
    let entry = entry(reserved);
    let [persona, user, company] = entry.scopes().try_into().unwrap();
    let budgets = [
        Budgets { scope: persona, version: 4, limits: vec![limit(BudgetPeriod::Day, BudgetUnit::Tokens, 100)] },
        Budgets::none(user),
        Budgets { scope: company, version: 2, limits: vec![limit(BudgetPeriod::Month, BudgetUnit::MicroUsd, 8)] },
    ];
    let charge = Charge::new(entry, &budgets, "Asia/Tokyo".parse().unwrap());
    let asked: Vec<_> = charge.limits.iter().map(|left| (left.amount, left.span.until_ms - NOON_MS)).collect();
    // It is 21:00 in Tokyo, and ten and a half days to December by universal time.
    assert_eq!(asked, [(90, 3 * 3_600_000), (7, 252 * 3_600_000)]);
    assert_eq!(charge.guards().len(), 5, "and each budget must be the one that was read, also where there is none");
}

#[test]
fn who_said_nothing_is_paid_in_full_and_who_did_nothing_is_not() {
    let reserved = Bound { micro_usd: 60, tokens: 900 };
    let cost = Some(Cost { input_tokens: 10, output_tokens: 20, micro_usd: 5 });
    let error = || StepError::retryable("no");
    let reported = Bound { micro_usd: 5, tokens: 30 };
    for (outcome, expected) in [
        (Outcome { cost, ..Outcome::done("did", Value::Null) }, reported),
        (Outcome { cost, ..Outcome::does_not_hold("did", Value::Null, error()) }, reported),
        (Outcome::done("did", Value::Null), reserved),
        (Outcome::does_not_hold("did", Value::Null, error()), reserved),
        (Outcome { cost, ..Outcome::unknown("cut off", error()) }, reserved),
        (Outcome::not_begun("did not", error()), Bound::default()),
    ] {
        assert_eq!(spent(reserved, &outcome), expected, "{outcome:?}");
    }
}

#[test]
fn a_refusal_says_what_is_left_when_it_renews_and_what_to_do() {
    let totals = |reserved, spent| Totals {
        reserved: Bound { micro_usd: reserved, tokens: 0 },
        spent: Bound { micro_usd: spent, tokens: 0 },
    };
    let soon = refusal(&day(1_000_000), &totals(20_000, 930_000), Zone::UTC);
    assert!(soon.contains("what is reserved for calls under way may leave room"), "{soon}");
    let totals = totals(5_000, 945_000);
    assert_eq!(
        refusal(&day(1_000_000), &totals, "Asia/Tokyo".parse().unwrap()),
        "the company’s budget has $0.05 of $1.00 left for the day, and the call may take $0.06: it renews at \
         2026-11-21 00:00 (UTC); wait, or raise the budget"
    );
    let never = refusal(&day(50_000), &Totals::default(), Zone::UTC);
    assert!(never.contains("which no day would hold: raise the budget"), "{never}");
    assert!(unbounded(&day(1), "no price").contains("what the call could cost is not known: no price"));
}

#[test]
fn amounts_read_as_people_write_them() {
    let dollars = |amount| said(BudgetUnit::MicroUsd, amount);
    assert_eq!(
        [dollars(0), dollars(1), dollars(1_500_000), dollars(12_345_600)],
        ["$0.00", "$0.000001", "$1.50", "$12.3456"]
    );
    assert_eq!(said(BudgetUnit::Tokens, 9), "9 tokens");
}

#[test]
fn an_alert_is_one_for_each_limit_and_period() {
    let (left, other) = (day(5), day(6));
    let tomorrow = span(BudgetScope::Company, BudgetPeriod::Day, Zone::UTC, left.span.until_ms);
    let id = |span: &BudgetSpan, limit: &Budget| alert_id(span, limit, Reached::Hard);
    assert_eq!(id(&left.span, &left.limit), id(&day(5).span, &day(5).limit));
    let others = [
        id(&left.span, &other.limit),
        id(&tomorrow, &left.limit),
        alert_id(&left.span, &Budget { soft: Some(5), ..left.limit }, Reached::Soft),
    ];
    assert!(!others.contains(&id(&left.span, &left.limit)), "{others:?}");
}

proptest! {
    /// Any number of calls, admitted while they fit and settled at up to their worst case, in any order.
    #[test]
    fn nobody_passes_a_limit(hard in 0_u64..2_000, calls in prop::collection::vec((0_u64..400, 0_u64..=100, any::<bool>()), 0..60)) {
        let mut totals = Totals::default();
        let mut under_way: Vec<(Bound, u64)> = Vec::new();
        for (worst, percent, ends_one) in calls {
            let reserved = Bound { micro_usd: worst, tokens: 0 };
            let left = BudgetLeft { amount: worst, ..day(hard) };
            if left.fits(&totals) {
                totals.reserved = totals.reserved.plus(reserved);
                under_way.push((reserved, worst * percent / 100));
            }
            if ends_one && !under_way.is_empty() {
                let (reserved, spent) = under_way.remove(0);
                totals.reserved = totals.reserved.minus(reserved);
                totals.spent = totals.spent.plus(Bound { micro_usd: spent, tokens: 0 });
            }
            prop_assert!(totals.taken(BudgetUnit::MicroUsd) <= hard);
        }
    }
}
