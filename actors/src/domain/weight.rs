//! How much of the company's time a persona is due.

use serde::{Deserialize, Serialize};

const LEAST: u16 = 100;
const MOST: u16 = 10_000;

/// A persona's share of the company's time when there is not enough for all, over an ordinary one: 0.1 to 10.
/// Written as that number, kept in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Weight(u16);

/// A number that cannot be a weight; what is not a number, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number from 0.1 to 10")]
pub struct BadWeight;

impl Weight {
    /// As much as everybody.
    pub const ORDINARY: Self = Self(1_000);

    /// The value in thousandths, 100 to 10,000.
    pub const fn thousandths(self) -> u16 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::ORDINARY
    }
}

impl TryFrom<u16> for Weight {
    type Error = BadWeight;

    /// From thousandths.
    fn try_from(thousandths: u16) -> Result<Self, BadWeight> {
        (LEAST..=MOST).contains(&thousandths).then_some(Self(thousandths)).ok_or(BadWeight)
    }
}

impl TryFrom<f64> for Weight {
    type Error = BadWeight;

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0.1 and 10")]
    fn try_from(share: f64) -> Result<Self, BadWeight> {
        // Not a number is in no range.
        if (0.1..=10.0).contains(&share) { Ok(Self((share * 1_000.0).round() as u16)) } else { Err(BadWeight) }
    }
}

impl From<Weight> for f64 {
    fn from(weight: Weight) -> Self {
        Self::from(weight.0) / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_a_number_from_a_tenth_to_ten() {
        for (share, thousandths) in [(0.1, 100), (1.0, 1_000), (2.0004, 2_000), (10.0, 10_000)] {
            assert_eq!(Weight::try_from(share).unwrap().thousandths(), thousandths);
        }
        for share in [0.0, -1.0, 0.099_9, 10.000_1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Weight::try_from(share), Err(BadWeight), "{share}");
        }
        assert_eq!((Weight::try_from(99_u16), Weight::try_from(10_001_u16)), (Err(BadWeight), Err(BadWeight)));
        assert_eq!(serde_json::to_string(&Weight::ORDINARY).unwrap(), "1.0");
        assert_eq!(serde_json::from_str::<Weight>("0.25").unwrap().thousandths(), 250);
    }
}
