//! How times, durations, sizes and money look on pages.

use chrono::{DateTime, Utc};

/// A moment: exact for machines, short for people. Pages write UTC; `times.js` rewrites it to the reader's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    pub iso: String,
    /// `14:02`, with the date when it was another day.
    pub minute: String,
    /// `14:02:11.482`, with the date when it was another day.
    pub exact: String,
}

impl When {
    /// A moment as seen from now; both in milliseconds since 1970.
    pub fn at(at_ms: i64, now_ms: i64) -> Self {
        let moment = |ms| DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
        let (at, now) = (moment(at_ms), moment(now_ms));
        let date = if at.date_naive() == now.date_naive() { String::new() } else { at.format("%-d %b ").to_string() };
        Self {
            iso: at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            minute: format!("{date}{}", at.format("%H:%M")),
            exact: format!("{date}{}", at.format("%H:%M:%S%.3f")),
        }
    }
}

/// A moment where nobody rewrites it to the reader's zone: `20 Nov 2026, 14:02:11 UTC`.
pub fn second(at_ms: i64) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default();
    at.format("%-d %b %Y, %H:%M:%S UTC").to_string()
}

/// The first millisecond of the day, UTC.
pub fn midnight(now_ms: i64) -> i64 {
    now_ms - now_ms.rem_euclid(86_400_000)
}

/// `<1 ms`, `118 ms`, `4.2 s`, `2 m 16 s`, `3 h 4 m`.
pub fn took(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        0 => "<1 ms".to_owned(),
        1..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} m {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} m", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// `640 B`, `2.1 kB`, `3.4 MB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// `$0.0021`, from micro-dollars.
pub fn money(micro_usd: u64) -> String {
    let (dollars, rest) = (micro_usd / 1_000_000, micro_usd % 1_000_000);
    if rest.is_multiple_of(10_000) {
        format!("${dollars}.{:02}", rest / 10_000)
    } else {
        format!("${dollars}.{:04}", rest / 100)
    }
}

/// `1,452`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 goal`, `2 goals`.
pub fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// A part of a whole in percent; 0 of 0 is 0.
pub fn percent(part: u64, whole: u64) -> u8 {
    let share = part.saturating_mul(100).checked_div(whole).unwrap_or(0).min(100);
    u8::try_from(share).unwrap_or(100)
}

/// The start of an id that people can read out.
pub fn short(id: impl std::fmt::Display) -> String {
    let text = id.to_string();
    // UUIDv7 begins with the time: its end is what differs.
    text.get(text.len().saturating_sub(6)..).unwrap_or(&text).to_owned()
}

/// A text cut to at most this many characters, with an ellipsis when it was longer.
pub fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [took(-5), took(118), took(4_250), took(136_000), took(11_040_000)],
            ["<1 ms", "118 ms", "4.2 s", "2 m 16 s", "3 h 4 m"]
        );
        assert_eq!([size(640), size(2_150), size(3_400_000)], ["640 B", "2.1 kB", "3.4 MB"]);
        assert_eq!([money(2_100), money(840_000), money(1_910_000)], ["$0.0021", "$0.84", "$1.91"]);
        assert_eq!([count(0), count(999), count(1_452), count(1_000_000)], ["0", "999", "1,452", "1,000,000"]);
        assert_eq!([percent(1, 0), percent(1, 3), percent(9, 3)], [0, 33, 100]);
        assert_eq!([clip("äöü", 3), clip("äöüß", 3)], ["äöü", "äöü…"]);
    }

    #[test]
    fn another_day_shows_its_date() {
        let now = 1_795_183_331_482;
        assert_eq!(When::at(now, now).exact, "14:02:11.482");
        assert_eq!(When::at(now - 86_400_000, now).minute, "19 Nov 14:02");
        assert_eq!(When::at(now, now).iso, "2026-11-20T14:02:11.482Z");
    }
}
