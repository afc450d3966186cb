//! When to ask a model again, and how long to wait before. Pure.

use std::time::Duration;

/// No provider makes a run wait longer than this before one more try.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// What to do with an answer that is not a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Ask again after this pause.
    Again(Duration),
    /// Busy or broken, and no try is left or there is no time for one.
    GiveUp,
    /// It would say the same again.
    Refused,
}

/// How long a provider asks to be left alone: seconds, or a date, which is measured from the answer's own `Date`, because
/// the provider's clock is none of ours.
pub(super) fn asked_pause(retry_after: &str, date: Option<&str>) -> Option<Duration> {
    let retry_after = retry_after.trim();
    if let Ok(seconds) = retry_after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let read = |text: &str| chrono::DateTime::parse_from_rfc2822(text.trim()).ok();
    let pause = read(retry_after)?.signed_duration_since(read(date?)?);
    Some(pause.to_std().unwrap_or(Duration::ZERO))
}

/// Whether a try that was answered so may be billed all the same: somebody between gave up waiting, or lost the model that
/// was at work. Who is busy or broken and says so itself, before any word of an answer, bills nothing.
pub(super) const fn may_bill(status: u16) -> bool {
    matches!(status, 408 | 502 | 504 | 520..=527)
}

/// `tries` were made, this answer the last of them; `left` is the time until the request's own limit.
pub(super) fn after(status: u16, asked: Option<Duration>, tries: u32, retries: u32, left: Duration) -> After {
    if status != 408 && status != 429 && status < 500 {
        return After::Refused;
    }
    // One worst case is reserved for each writer, so what may be billed is its last try.
    if tries > retries || may_bill(status) {
        return After::GiveUp;
    }
    let pause = asked.unwrap_or_else(|| FIRST_WAIT.saturating_mul(1 << (tries - 1).min(6)).min(LONGEST_WAIT));
    if pause <= LONGEST_WAIT && pause < left { After::Again(pause) } else { After::GiveUp }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn busy_answers_are_asked_again_with_growing_pauses() {
        assert_eq!(after(503, None, 1, 3, MINUTE), After::Again(Duration::from_millis(500)));
        assert_eq!(after(500, None, 3, 3, MINUTE), After::Again(Duration::from_secs(2)));
        assert_eq!(after(500, None, 4, 3, MINUTE), After::GiveUp, "one try and three retries");
        assert_eq!(after(429, None, 40, 90, MINUTE), After::Again(LONGEST_WAIT), "never longer");
    }

    #[test]
    fn what_the_provider_asks_for_is_kept_within_bounds() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(after(429, seconds(7), 1, 3, MINUTE), After::Again(Duration::from_secs(7)));
        assert_eq!(after(429, seconds(7), 1, 3, Duration::from_secs(5)), After::GiveUp, "no time for it");
        assert_eq!(after(429, seconds(3600), 1, 3, Duration::MAX), After::GiveUp, "an hour is no pause");
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_as_a_date() {
        assert_eq!(asked_pause(" 7 ", None), Some(Duration::from_secs(7)));
        let (date, at) = ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:09 GMT");
        assert_eq!(asked_pause(at, Some(date)), Some(Duration::from_secs(9)));
        assert_eq!(asked_pause(date, Some(at)), Some(Duration::ZERO), "it has passed");
        assert_eq!(asked_pause(at, None), None, "no date to measure from");
        assert_eq!(asked_pause("soon", Some(date)), None);
        assert_eq!(asked_pause("-3", Some(date)), None);
    }

    #[test]
    fn what_may_be_billed_is_the_last_try() {
        for status in [408, 502, 504, 520, 524, 527] {
            assert!(may_bill(status), "{status}");
            assert_eq!(after(status, Some(Duration::ZERO), 1, 3, MINUTE), After::GiveUp, "{status}");
        }
        for status in [429, 500, 501, 503, 529] {
            assert!(!may_bill(status), "{status}");
            assert_eq!(after(status, Some(Duration::ZERO), 1, 3, MINUTE), After::Again(Duration::ZERO), "{status}");
        }
    }

    #[test]
    fn a_refusal_is_final() {
        for status in [301, 400, 401, 403, 404, 422] {
            assert_eq!(after(status, Some(Duration::ZERO), 1, 3, MINUTE), After::Refused, "{status}");
        }
    }
}
