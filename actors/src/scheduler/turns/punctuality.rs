//! Whether urgent work waits no longer than it may.

/// Whether urgent work, of whomever, has been on time of late: a fast moving average of wait over patience.
#[derive(Debug, Default)]
pub(super) struct Punctuality {
    /// In thousandths: 1,000 is as long as it may wait.
    average: i64,
}

impl Punctuality {
    /// The lane is late when the average wait is half as long again as it may be.
    const LATE: i64 = 1_500;
    /// The newest wait counts a fifth.
    const GAIN: i64 = 5;

    pub(super) fn note(&mut self, waited_ms: i64, patience_ms: i64) {
        let wait = waited_ms.saturating_mul(1_000) / patience_ms.max(1);
        self.average += (wait - self.average) / Self::GAIN;
    }

    pub(super) fn is_on_time(&self) -> bool {
        self.average < Self::LATE
    }
}
