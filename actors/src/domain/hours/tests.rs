//! Days of 23, 24 and 25 hours, and hours over midnight.

use proptest::prelude::*;

use super::*;

const HOUR_MS: i64 = 60 * 60 * 1000;

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn hours(name: &str, wakes: &str, sleeps: &str) -> Hours {
    Hours { zone: zone(name), wakes: wakes.parse().unwrap(), sleeps: sleeps.parse().unwrap() }
}

fn at(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

fn one(part: Range<i64>) -> Vec<Range<i64>> {
    std::iter::once(part).collect()
}

fn length_h(zone_name: &str, noon: &str) -> i64 {
    let day = zone(zone_name).day(at(noon));
    (day.ends_ms - day.begins_ms) / HOUR_MS
}

#[test]
fn days_are_as_long_as_the_zone_makes_them() {
    assert_eq!(length_h("Europe/Berlin", "2026-03-29T12:00:00Z"), 23);
    assert_eq!(length_h("Europe/Berlin", "2026-10-25T12:00:00Z"), 25);
    assert_eq!(length_h("Europe/Berlin", "2026-11-21T12:00:00Z"), 24);
    assert_eq!(length_h("UTC", "2026-03-29T12:00:00Z"), 24);
    // Here the clock goes from 24:00 to 01:00, so this day has no midnight.
    let cairo = zone("Africa/Cairo").day(at("2026-04-24T12:00:00Z"));
    assert_eq!((cairo.date.to_string(), cairo.begins_ms), ("2026-04-24".to_owned(), at("2026-04-23T22:00:00Z")));
    assert_eq!(cairo.ends_ms - cairo.begins_ms, 23 * HOUR_MS);
}

#[test]
fn a_clock_set_back_over_midnight_begins_no_day_twice() {
    // St. John's went from 00:01 back to 23:01: what follows belongs to the day that had begun.
    let zone = zone("America/St_Johns");
    let shown_again = at("2006-10-29T02:45:00Z");
    assert_eq!(zone.wall(shown_again).to_string(), "2006-10-28 23:15:00");
    let day = zone.day(shown_again);
    assert_eq!(day.date.to_string(), "2006-10-29");
    assert!((day.begins_ms..day.ends_ms).contains(&shown_again));
}

#[test]
fn a_day_that_a_zone_left_out_is_no_day() {
    // Samoa went from the 29th to the 31st.
    let zone = zone("Pacific/Apia");
    let before = zone.day(at("2011-12-30T09:00:00Z"));
    assert_eq!(before.date.to_string(), "2011-12-29");
    assert_eq!(zone.day(before.ends_ms).date.to_string(), "2011-12-31");
}

#[test]
fn hours_are_those_of_the_wall_clock() {
    let working = hours("Europe/Berlin", "09:00", "17:30");
    let day = working.day(at("2026-03-29T12:00:00Z"));
    assert_eq!(working.up(&day), one(at("2026-03-29T07:00:00Z")..at("2026-03-29T15:30:00Z")));
    assert!(working.is_up(at("2026-03-29T07:00:00Z")) && !working.is_up(at("2026-03-29T15:30:00Z")));
    let night = hours("Europe/Berlin", "22:00", "02:30");
    let day = night.day(at("2026-03-29T12:00:00Z"));
    // 02:30 does not exist on this day: the first part ends when clocks are set.
    let parts = [
        at("2026-03-28T23:00:00Z")..at("2026-03-29T01:00:00Z"),
        at("2026-03-29T20:00:00Z")..at("2026-03-29T22:00:00Z"),
    ];
    assert_eq!(night.up(&day), parts);
    let all_day = Hours::ALWAYS;
    let day = all_day.day(at("2026-11-21T12:00:00Z"));
    assert_eq!(all_day.up(&day), one(day.begins_ms..day.ends_ms));
}

#[test]
fn what_is_no_zone_and_no_time_is_refused() {
    for bad in ["", "Mars/Olympus", "europe/berlin", "+02:00", "Europe/Berlin "] {
        let error = bad.parse::<Zone>().unwrap_err();
        assert!(error.to_string().starts_with(&format!("there is no time zone `{bad}`")), "{error}");
    }
    for bad in ["", "9:00", "09", "09:60", "24:01", "25:00", "-1:00", "09:00:00", "+9:00", "٠٩:٠٠"] {
        assert!(bad.parse::<WallTime>().is_err(), "{bad}");
    }
    for (wakes, sleeps) in [("09:00", "09:00"), ("24:00", "00:00"), ("00:00", "00:00"), ("24:00", "24:00")] {
        assert!(hours("UTC", wakes, sleeps).check().is_err(), "{wakes} to {sleeps}");
    }
    for (wakes, sleeps) in [("00:00", "24:00"), ("22:00", "06:00"), ("22:00", "24:00"), ("24:00", "06:00")] {
        assert!(hours("UTC", wakes, sleeps).check().is_ok(), "{wakes} to {sleeps}");
    }
}

#[test]
fn hours_have_one_spelling() {
    let text = serde_json::to_string(&hours("Asia/Tokyo", "07:05", "24:00")).unwrap();
    assert_eq!(text, r#"{"zone":"Asia/Tokyo","wakes":"07:05","sleeps":"24:00"}"#);
    assert_eq!(serde_json::from_str::<Hours>(&text).unwrap(), hours("Asia/Tokyo", "07:05", "24:00"));
}

fn any_zone() -> impl Strategy<Value = Zone> {
    (0..chrono_tz::TZ_VARIANTS.len()).prop_map(|at| Zone(chrono_tz::TZ_VARIANTS[at]))
}

proptest! {
    /// In every zone, every moment lies in exactly one day, and days touch.
    #[test]
    fn days_follow_each_other(zone in any_zone(), at_ms in 0..4_102_444_800_000_i64) {
        let day = zone.day(at_ms);
        prop_assert!((day.begins_ms..day.ends_ms).contains(&at_ms));
        prop_assert_eq!(zone.day(day.begins_ms), day);
        prop_assert_eq!(zone.day(day.ends_ms - 1), day);
        let next = zone.day(day.ends_ms);
        prop_assert_eq!(next.begins_ms, day.ends_ms);
        prop_assert!(next.date > day.date);
        prop_assert!(day.ends_ms - day.begins_ms <= 48 * HOUR_MS);
    }

    /// Whatever the hours, what is up lies within the day and does not overlap.
    #[test]
    fn up_lies_within_the_day(zone in any_zone(), at_ms in 0..4_102_444_800_000_i64, a in 0..=1440_u16, b in 0..=1440_u16) {
        let hours = Hours { zone, wakes: WallTime { minute: a }, sleeps: WallTime { minute: b } };
        prop_assume!(hours.check().is_ok());
        let day = hours.day(at_ms);
        let up = hours.up(&day);
        let mut last = day.begins_ms;
        for part in &up {
            prop_assert!(last <= part.start && part.start < part.end && part.end <= day.ends_ms);
            last = part.end;
        }
    }
}
