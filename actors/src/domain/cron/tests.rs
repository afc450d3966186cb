//! Cron against the calendars of real zones.

use chrono_tz::{Europe::Berlin, Tz, UTC};
use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn at(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp_millis()
}

fn cron(text: &str) -> Cron {
    text.parse().unwrap()
}

/// The due times from one moment to another.
fn all(cron: &Cron, from: &str, until: &str, zone: Tz) -> Vec<String> {
    let mut found = Vec::new();
    let mut now = at(from);
    while let Some(next) = cron.next_after(now, zone).filter(|next| *next <= at(until)) {
        found.push(DateTime::from_timestamp_millis(next).unwrap().format("%m-%dT%H:%M").to_string());
        now = next;
    }
    found
}

#[test]
fn it_is_due_by_the_clock_on_the_wall() {
    let nine = cron("0 9 * * MON-FRI");
    // A Friday, so the next is on Monday.
    assert_eq!(nine.next_after(at("2026-11-20T08:00:00Z"), Berlin), Some(at("2026-11-23T08:00:00Z")));
    assert_eq!(nine.next_after(at("2026-11-20T07:59:59.999Z"), Berlin), Some(at("2026-11-20T08:00:00Z")));
    assert_eq!(nine.next_after(at("2026-07-03T00:00:00Z"), Berlin), Some(at("2026-07-03T07:00:00Z")), "summer");
}

#[test]
fn a_fixed_time_comes_once_on_days_when_clocks_change() {
    let half_past_two = cron("30 2 * * *");
    // 29 March 2026: from 02:00 to 03:00. 25 October 2026: from 03:00 back to 02:00.
    let spring = all(&half_past_two, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z", Berlin);
    assert_eq!(spring, ["03-29T01:00", "03-30T00:30"], "at the moment clocks are set forward");
    let autumn = all(&half_past_two, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z", Berlin);
    assert_eq!(autumn, ["10-25T00:30", "10-26T01:30"], "the first time only");
}

#[test]
fn every_hour_is_every_real_hour() {
    let hourly = cron("0 * * * *");
    assert_eq!(all(&hourly, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", Berlin).len(), 23);
    assert_eq!(all(&hourly, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", Berlin).len(), 25);
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let now = at("2026-11-21T12:00:00Z");
    for bad in ["", "   ", "nine o'clock", "61 * * * *", "* * *", "0 9 * * 8", &"1,".repeat(60)] {
        assert!(bad.parse::<Cron>().is_err(), "{bad}");
    }
    let never = cron("0 0 30 2 *").check(UTC, now, MINUTE).unwrap_err();
    assert_eq!(never.to_string(), "`0 0 30 2 *` never comes: there is no such day");
    let past = cron("0 0 0 1 1 * 2020").check(UTC, now, MINUTE).unwrap_err();
    assert!(matches!(past, BadCron::Never(_)));
    let often = cron("* * * * * *").check(UTC, now, MINUTE).unwrap_err();
    assert!(often.to_string().contains("every 1 s at its busiest; the shortest pause allowed is 60 s"), "{often}");
    assert!(cron("*/30 0 9 * * *").check(UTC, now, MINUTE).is_err(), "only at nine, but twice a minute");
    assert_eq!(cron("* * * * *").check(UTC, now, MINUTE), Ok(()));
    assert_eq!(cron("0 0 29 2 *").check(UTC, now, MINUTE), Ok(()), "a leap day comes");
    assert!(cron("* * * * *").check(UTC, now, 5 * MINUTE).is_err(), "another floor");
}

#[test]
fn of_what_was_missed_the_latest_counts() {
    let hourly = cron("0 * * * *");
    let (slept, woke) = (at("2026-11-21T12:00:00Z"), at("2026-11-21T15:20:00Z"));
    let due = hourly.between(slept, woke, UTC);
    assert_eq!(due, Some(Due { at_ms: at("2026-11-21T15:00:00Z"), missed: 2, more: false }));
    assert_eq!(hourly.between(woke, woke + 1, UTC), None);
    assert_eq!(hourly.between(woke, slept, UTC), None, "the clock was set back");
    let year = cron("* * * * *").between(at("2025-11-21T12:00:00Z"), woke, UTC).unwrap();
    assert_eq!(year, Due { at_ms: at("2026-11-21T15:20:00Z"), missed: MOST_COUNTED, more: true });
}

#[test]
fn it_reads_as_it_was_written_and_says_it_in_words() {
    let nine = cron(" 0 9 * * 1-5 ");
    assert_eq!(nine.to_string(), "0 9 * * 1-5");
    assert_eq!(serde_json::from_str::<Cron>(&serde_json::to_string(&nine).unwrap()).unwrap(), nine);
    assert!(nine.described().contains("09:00"), "{}", nine.described());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the pauses between looks, each due time is either the one that runs or a missed one, and none twice.
    #[test]
    fn nothing_is_counted_twice_or_left_out(
        minute in 0u32..60, every in 1u32..12, zone in 0usize..chrono_tz::TZ_VARIANTS.len(),
        start in 1_700_000_000_000i64..1_900_000_000_000, pauses in prop::collection::vec(1i64..90_000_000, 1..20),
    ) {
        let zone = chrono_tz::TZ_VARIANTS[zone];
        let cron = cron(&format!("{minute} */{every} * * *"));
        let (mut handled, mut now, mut seen) = (start, start, 0u32);
        for pause in pauses {
            now += pause;
            if let Some(due) = cron.between(handled, now, zone) {
                prop_assert!(due.at_ms > handled && due.at_ms <= now);
                seen += due.missed + 1;
                handled = due.at_ms;
            }
        }
        let mut times = 0;
        let mut at = start;
        while let Some(next) = cron.next_after(at, zone).filter(|next| *next <= now) {
            times += 1;
            at = next;
        }
        prop_assert_eq!(seen, times);
    }
}
