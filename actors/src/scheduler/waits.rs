//! How long work waited until it was begun, by how important it is: counts in buckets of bounded number.

use serde::Serialize;

use crate::domain::Priority;

/// Buckets per doubling: a figure is at most 1/32 too high.
const FINE: usize = 32;
/// Up to 2^33 ms, a hundred days.
const DOUBLINGS: usize = 28;
const BUCKETS: usize = FINE * (DOUBLINGS + 1);

/// Priorities that are reported together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Up to 0.3.
    Low,
    /// Up to 0.8.
    Middle,
    /// Above 0.8.
    Urgent,
}

impl Band {
    /// From the least important.
    pub const ALL: [Self; 3] = [Self::Low, Self::Middle, Self::Urgent];

    /// Where a priority belongs.
    pub const fn of(priority: Priority) -> Self {
        match priority.thousandths() {
            0..=300 => Self::Low,
            301..=800 => Self::Middle,
            _ => Self::Urgent,
        }
    }

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Middle => "middle",
            Self::Urgent => "urgent",
        }
    }
}

/// How long the work of a band waited. Zeros when there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Waits {
    pub band: Band,
    /// How many were begun.
    pub begun: u64,
    pub p50_ms: u64,
    pub p95_ms: u64,
    pub p99_ms: u64,
    pub longest_ms: u64,
}

/// Waits of one band, counted.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
    begun: u64,
    longest_ms: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], begun: 0, longest_ms: 0 }
    }
}

impl Histogram {
    pub(crate) fn note(&mut self, waited_ms: i64) {
        let waited_ms = u64::try_from(waited_ms).unwrap_or(0);
        self.counts[bucket(waited_ms)] += 1;
        self.begun += 1;
        self.longest_ms = self.longest_ms.max(waited_ms);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, others)| *mine += others);
        self.begun += other.begun;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
    }

    pub(crate) fn waits(&self, band: Band) -> Waits {
        let [p50_ms, p95_ms, p99_ms] = [50, 95, 99].map(|percent| self.percentile(percent));
        Waits { band, begun: self.begun, p50_ms, p95_ms, p99_ms, longest_ms: self.longest_ms }
    }

    /// So many in a hundred waited at most this long.
    fn percentile(&self, percent: u64) -> u64 {
        let wanted = (self.begun * percent).div_ceil(100);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        found.map_or(0, |bucket| upper_ms(bucket).min(self.longest_ms))
    }
}

/// Exact below 32 ms, then 32 buckets per doubling.
fn bucket(ms: u64) -> usize {
    let doublings = ms.checked_ilog2().unwrap_or(0).saturating_sub(5) as usize;
    let within = usize::try_from(ms >> doublings).unwrap_or(usize::MAX);
    doublings.saturating_mul(FINE).saturating_add(within).min(BUCKETS - 1)
}

fn upper_ms(bucket: usize) -> u64 {
    let doublings = (bucket / FINE).saturating_sub(1);
    let within = (bucket - doublings * FINE) as u64;
    ((within + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_has_a_bucket_and_is_reported_at_most_a_thirtysecond_too_long() {
        for ms in (0..4_000).chain([65_535, 65_536, 3_600_000, 86_400_000, 8_000_000_000]) {
            let upper = upper_ms(bucket(ms));
            assert!(ms <= upper && upper - ms <= ms / 32, "{ms} ms is reported as {upper}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_those_of_all_waits_together() {
        let (mut first, mut second) = (Histogram::default(), Histogram::default());
        assert_eq!(first.waits(Band::Low).p99_ms, 0);
        (1..=60).for_each(|ms| first.note(ms));
        (61..=100).for_each(|ms| second.note(ms));
        first.add(&second);
        let waits = first.waits(Band::Urgent);
        assert_eq!((waits.begun, waits.p50_ms, waits.longest_ms), (100, 50, 100));
        assert!((95..=98).contains(&waits.p95_ms) && (99..=100).contains(&waits.p99_ms), "{waits:?}");
    }

    #[test]
    fn bands_meet_at_their_edges() {
        let band = |thousandths| Band::of(Priority::try_from(thousandths).unwrap());
        let bands = [0, 300, 301, 800, 801, 1_000].map(band);
        assert_eq!(bands, [Band::Low, Band::Low, Band::Middle, Band::Middle, Band::Urgent, Band::Urgent]);
    }
}
