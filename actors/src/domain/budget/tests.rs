//! Limits, scopes and periods.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// 2026-11-20 12:00:00 UTC.
const NOON_MS: i64 = 1_795_176_000_000;
const DAY_MS: i64 = 86_400_000;

fn budget(soft: Option<u64>, hard: u64) -> Budget {
    Budget { period: BudgetPeriod::Day, unit: BudgetUnit::MicroUsd, soft, hard }
}

#[test]
fn a_limit_that_cannot_be_right_is_named() {
    let refused = |limits: &[Budget]| Budgets::check(limits).unwrap_err().to_string();
    assert_eq!(refused(&[budget(Some(3), 2)]), "limits[0].soft must not be above the hard limit, 2");
    assert!(
        refused(&[budget(None, 1), budget(None, 2)]).starts_with("limits[1].unit is limited twice: micro_usd a day")
    );
    assert!(refused(&[budget(None, u64::MAX)]).starts_with("limits[0].hard must be at most"));
    let month = Budget { period: BudgetPeriod::Month, ..budget(None, 9) };
    assert!(Budgets::check(&[budget(Some(2), 2), month, budget_of_tokens(0)]).is_ok());
}

fn budget_of_tokens(hard: u64) -> Budget {
    Budget { unit: BudgetUnit::Tokens, ..budget(None, hard) }
}

#[test]
fn a_scope_reads_as_it_is_written() {
    let persona = BudgetScope::Persona(PersonaId(Uuid::from_u128(7)));
    for scope in [BudgetScope::Company, BudgetScope::User("ada:x".into()), BudgetScope::Key("ci".into()), persona] {
        assert_eq!(scope.to_string().parse(), Ok(scope));
    }
    for text in ["", "companyx", "persona:7", "room:x"] {
        assert!(text.parse::<BudgetScope>().is_err(), "{text}");
    }
}

#[test]
fn days_and_months_are_those_of_the_zone() {
    let tokyo: Zone = "Asia/Tokyo".parse().unwrap();
    // 2026-11-30 20:00 UTC is December in Tokyo.
    let at_ms = NOON_MS + 10 * DAY_MS + 8 * 3_600_000;
    let (here, there) = (BudgetPeriod::Month.span(Zone::UTC, at_ms), BudgetPeriod::Month.span(tokyo, at_ms));
    assert_eq!((here.end - here.start) / DAY_MS, 30);
    assert_eq!((there.end - there.start) / DAY_MS, 31);
    assert_eq!(there.start, here.end - 9 * 3_600_000);
    let day = BudgetPeriod::Day.span(tokyo, at_ms);
    assert_eq!((day.start, day.end), (there.start, there.start + DAY_MS));
}

proptest! {
    #[test]
    fn every_zone_begins_its_days_and_months_at_a_slot(which in 0_usize..600, days in 0_i64..3_000) {
        let zone = Zone::all().nth(which % Zone::all().count()).unwrap();
        let at_ms = NOON_MS + days * DAY_MS;
        for period in BudgetPeriod::ALL {
            let span = period.span(zone, at_ms);
            prop_assert!(span.contains(&at_ms));
            prop_assert_eq!((span.start % SLOT_MS, span.end % SLOT_MS), (0, 0), "{}", zone);
            prop_assert_eq!(period.span(zone, span.end).start, span.end, "no gap in {}", zone);
        }
    }
}
