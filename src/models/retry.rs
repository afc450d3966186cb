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

/// `tries` were made, this answer the last of them; `left` is the time until the request's own limit.
pub(super) fn after(status: u16, retry_after: Option<&str>, tries: u32, retries: u32, left: Duration) -> After {
    if status != 408 && status != 429 && status < 500 {
        return After::Refused;
    }
    if tries > retries {
        return After::GiveUp;
    }
    let asked = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
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
        assert_eq!(after(429, Some("7"), 1, 3, MINUTE), After::Again(Duration::from_secs(7)));
        assert_eq!(after(429, Some("7"), 1, 3, Duration::from_secs(5)), After::GiveUp, "no time for it");
        assert_eq!(after(429, Some("3600"), 1, 3, Duration::MAX), After::GiveUp, "an hour is no pause");
        let date = Some("Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(after(429, date, 1, 3, MINUTE), After::Again(FIRST_WAIT), "a date is read as no advice");
    }

    #[test]
    fn a_refusal_is_final() {
        for status in [301, 400, 401, 403, 404, 422] {
            assert_eq!(after(status, Some("0"), 1, 3, MINUTE), After::Refused, "{status}");
        }
    }
}
