//! Cron against the calendars of real zones.

use proptest::prelude::*;

use super::*;
use crate::domain::Zone;

const MINUTE: Duration = Duration::from_secs(60);

fn at(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp_millis()
}

fn berlin() -> Hours {
    Hours { zone: "Europe/Berlin".parse().unwrap(), ..Hours::ALWAYS }
}

fn cron(text: &str) -> Cron {
    text.parse().unwrap()
}

/// The due times from one moment to another.
fn all(cron: &Cron, from: &str, until: &str, hours: &Hours) -> Vec<String> {
    let mut found = Vec::new();
    let mut now = at(from);
    while let Some(next) = cron.next_after(now, hours).filter(|next| *next <= at(until)) {
        found.push(DateTime::from_timestamp_millis(next).unwrap().format("%m-%dT%H:%M").to_string());
        now = next;
    }
    found
}

#[test]
fn it_is_due_by_the_clock_on_the_wall() {
    let nine = cron("0 9 * * MON-FRI");
    // A Friday, so the next is on Monday.
    assert_eq!(nine.next_after(at("2026-11-20T08:00:00Z"), &berlin()), Some(at("2026-11-23T08:00:00Z")));
    assert_eq!(nine.next_after(at("2026-11-20T07:59:59.999Z"), &berlin()), Some(at("2026-11-20T08:00:00Z")));
    assert_eq!(nine.next_after(at("2026-07-03T00:00:00Z"), &berlin()), Some(at("2026-07-03T07:00:00Z")), "summer");
}

#[test]
fn a_fixed_time_comes_once_on_days_when_clocks_change() {
    let half_past_two = cron("30 2 * * *");
    // 29 March 2026: from 02:00 to 03:00. 25 October 2026: from 03:00 back to 02:00.
    let spring = all(&half_past_two, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z", &berlin());
    assert_eq!(spring, ["03-29T01:00", "03-30T00:30"], "at the moment clocks are set forward");
    let autumn = all(&half_past_two, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z", &berlin());
    assert_eq!(autumn, ["10-25T00:30", "10-26T01:30"], "the first time only");
}

#[test]
fn every_hour_is_every_real_hour() {
    let hourly = cron("0 * * * *");
    assert_eq!(all(&hourly, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", &berlin()).len(), 23);
    assert_eq!(all(&hourly, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", &berlin()).len(), 25);
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let now = at("2026-11-21T12:00:00Z");
    for bad in ["", "   ", "nine o'clock", "61 * * * *", "* * *", "0 9 * * 8", &"1,".repeat(60)] {
        assert!(bad.parse::<Cron>().is_err(), "{bad}");
    }
    let never = cron("0 0 30 2 *").check(&Hours::ALWAYS, now, MINUTE).unwrap_err();
    assert_eq!(never.to_string(), "`0 0 30 2 *` never comes: there is no such day");
    let past = cron("0 0 0 1 1 * 2020").check(&Hours::ALWAYS, now, MINUTE).unwrap_err();
    assert!(matches!(past, BadCron::Never(_)));
    let often = cron("* * * * * *").check(&Hours::ALWAYS, now, MINUTE).unwrap_err();
    assert!(often.to_string().contains("every 1 s at its busiest; the shortest pause allowed is 60 s"), "{often}");
    assert!(cron("*/30 0 9 * * *").check(&Hours::ALWAYS, now, MINUTE).is_err(), "only at nine, but twice a minute");
    assert_eq!(cron("* * * * *").check(&Hours::ALWAYS, now, MINUTE), Ok(()));
    assert_eq!(cron("0 0 29 2 *").check(&Hours::ALWAYS, now, MINUTE), Ok(()), "a leap day comes");
    assert!(cron("* * * * *").check(&Hours::ALWAYS, now, 5 * MINUTE).is_err(), "another floor");
}

#[test]
fn of_what_was_missed_the_latest_counts() {
    let hourly = cron("0 * * * *");
    let (slept, woke) = (at("2026-11-21T12:00:00Z"), at("2026-11-21T15:20:00Z"));
    let due = hourly.between(slept, woke, &Hours::ALWAYS);
    assert_eq!(due, Some(Due { at_ms: at("2026-11-21T15:00:00Z"), missed: 2, more: false }));
    assert_eq!(hourly.between(woke, woke + 1, &Hours::ALWAYS), None);
    assert_eq!(hourly.between(woke, slept, &Hours::ALWAYS), None, "the clock was set back");
    let year = cron("* * * * *").between(at("2025-11-21T12:00:00Z"), woke, &Hours::ALWAYS).unwrap();
    assert_eq!(year, Due { at_ms: at("2026-11-21T15:20:00Z"), missed: MOST_COUNTED, more: true });
}

#[test]
fn it_reads_as_it_was_written_and_says_it_in_words() {
    let nine = cron(" 0 9 * * 1-5 ");
    assert_eq!(nine.to_string(), "0 9 * * 1-5");
    assert_eq!(serde_json::from_str::<Cron>(&serde_json::to_string(&nine).unwrap()).unwrap(), nine);
    assert!(nine.described().contains("09:00"), "{}", nine.described());
}

#[test]
fn a_cadence_counts_from_waking_up_and_rests_with_its_persona() {
    let mut hours = berlin();
    (hours.wakes, hours.sleeps) = ("09:00".parse().unwrap(), "11:00".parse().unwrap());
    let found = all(&cron("every 45m"), "2026-11-20T00:00:00Z", "2026-11-21T09:00:00Z", &hours);
    assert_eq!(found, ["11-20T08:00", "11-20T08:45", "11-20T09:30", "11-21T08:00", "11-21T08:45"]);
    (hours.wakes, hours.sleeps) = ("23:00".parse().unwrap(), "01:00".parse().unwrap());
    let found = all(&cron("every 1h 30m"), "2026-11-20T12:00:00Z", "2026-11-21T12:00:00Z", &hours);
    assert_eq!(found, ["11-20T22:00", "11-20T23:00"], "over midnight it counts anew");
    assert_eq!(cron("Every 1 hour 30 min").described(), "Every 1 h 30 min while it is up");
    let year = cron("every 1m").between(at("2025-11-21T12:00:00Z"), at("2026-11-21T15:20:30Z"), &Hours::ALWAYS);
    assert_eq!(year.unwrap(), Due { at_ms: at("2026-11-21T15:20:00Z"), missed: MOST_COUNTED, more: true });
    for bad in [
        "every",
        "every 0m",
        "every 25h",
        "every 45",
        "every soon",
        "everyone",
        "every 5m h",
        "every 99999999999999999999m",
    ] {
        assert!(bad.parse::<Cron>().is_err(), "{bad}");
    }
    assert!(cron("every 1m").check(&Hours::ALWAYS, 0, 5 * MINUTE).is_err());
    assert_eq!(cron("every 7m").check(&Hours::ALWAYS, 0, 7 * MINUTE), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the pauses between looks, each due time is either the one that runs or a missed one, and none twice.
    #[test]
    fn nothing_is_counted_twice_or_left_out(
        minute in 0u32..60, every in 1u32..12, zone in 0usize..chrono_tz::TZ_VARIANTS.len(),
        start in 1_700_000_000_000i64..1_900_000_000_000, pauses in prop::collection::vec(1i64..90_000_000, 1..20),
    ) {
        let zones: Vec<_> = Zone::all().collect();
        let hours = &Hours { zone: zones[zone], ..Hours::ALWAYS };
        let cron = cron(&format!("{minute} */{every} * * *"));
        let (mut handled, mut now, mut seen) = (start, start, 0u32);
        for pause in pauses {
            now += pause;
            if let Some(due) = cron.between(handled, now, hours) {
                prop_assert!(due.at_ms > handled && due.at_ms <= now);
                seen += due.missed + 1;
                handled = due.at_ms;
            }
        }
        let mut times = 0;
        let mut at = start;
        while let Some(next) = cron.next_after(at, hours).filter(|next| *next <= now) {
            times += 1;
            at = next;
        }
        prop_assert_eq!(seen, times);
    }

    /// Whatever the hours and the zone: it comes only while the persona is up, never sooner than it says within one
    /// waking, and the last one before a moment is the one that counting finds.
    #[test]
    fn a_cadence_keeps_its_pace_and_its_personas_sleep(
        minutes in 1i64..=1_440, zone in 0usize..500, wakes in 0u16..1_440, sleeps in 0u16..=1_440,
        start in 1_700_000_000_000i64..1_900_000_000_000,
    ) {
        let zones: Vec<_> = Zone::all().collect();
        let wall = |minute| crate::domain::WallTime::from_minute(minute).unwrap();
        let hours = Hours { zone: zones[zone % zones.len()], wakes: wall(wakes), sleeps: wall(sleeps) };
        prop_assume!(hours.check().is_ok());
        let cron = cron(&format!("every {minutes}m"));
        let (mut before, mut now) = (None, start);
        for _ in 0..20 {
            let Some(next) = cron.next_after(now, &hours) else { break };
            prop_assert!(next > now && hours.is_up(next));
            if let Some(before) = before {
                let begins = hours.up(&hours.day(next)).iter().any(|part| part.start == next);
                prop_assert!(begins || next - before == minutes * 60_000, "{} after {}", next, before);
                prop_assert_eq!(cron.latest(next - 1, &hours), Some(before));
            }
            (before, now) = (Some(next), next);
        }
        prop_assert!(before.is_some());
    }
}
