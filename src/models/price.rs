//! What tokens cost. Pure.

use actors::domain::{Bound, Cost};

use crate::config::ProviderConfig;

/// Tokens that providers add to a request with tools or a schema, at most (a few hundred are known), beyond what its
/// bytes hold.
const ADDED_BY_PROVIDER: u64 = 1_024;

/// Tokens as a provider counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub input: u64,
    pub output: u64,
}

/// Micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    pub input: u64,
    pub output: u64,
}

impl Price {
    /// The model's own, else the provider's; none: nobody said.
    pub(super) fn of_model(config: &ProviderConfig, model: &str) -> Option<Self> {
        if let Some(own) = config.prices.get(model) {
            return Some(Self { input: own.input_micro_usd_per_million, output: own.output_micro_usd_per_million });
        }
        let input = config.input_micro_usd_per_million?;
        Some(Self { input, output: config.output_micro_usd_per_million? })
    }

    /// What these tokens cost, rounded up.
    pub(super) fn cost(self, usage: Usage) -> Cost {
        let micro =
            u128::from(usage.input) * u128::from(self.input) + u128::from(usage.output) * u128::from(self.output);
        let micro_usd = u64::try_from(micro.div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Cost { input_tokens: usage.input, output_tokens: usage.output, micro_usd }
    }

    /// The worst case of a request of so many bytes: a token is at least one of them.
    pub(super) fn worst(self, request_bytes: usize, most_output: u32) -> Cost {
        let input = u64::try_from(request_bytes).unwrap_or(u64::MAX).saturating_add(ADDED_BY_PROVIDER);
        self.cost(Usage { input, output: u64::from(most_output) })
    }

    /// The same, to be reserved.
    pub(super) fn bound(self, request_bytes: usize, most_output: u32) -> Bound {
        let Cost { input_tokens, output_tokens, micro_usd } = self.worst(request_bytes, most_output);
        Bound { micro_usd, tokens: input_tokens.saturating_add(output_tokens) }
    }
}

/// Both together.
pub(super) const fn sum(one: Cost, other: Cost) -> Cost {
    Cost {
        input_tokens: one.input_tokens.saturating_add(other.input_tokens),
        output_tokens: one.output_tokens.saturating_add(other.output_tokens),
        micro_usd: one.micro_usd.saturating_add(other.micro_usd),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn money_is_rounded_up() {
        let price = Price { input: 150_000, output: 600_000 };
        assert_eq!(price.cost(Usage { input: 1, output: 0 }).micro_usd, 1);
        assert_eq!(price.cost(Usage { input: 1_000_000, output: 500_000 }).micro_usd, 450_000);
        let dear = Price { input: u64::MAX, output: 0 };
        assert_eq!(dear.cost(Usage { input: u64::MAX, output: 0 }).micro_usd, u64::MAX, "no overflow");
    }

    proptest! {
        #[test]
        fn what_is_settled_never_passes_the_bound(
            (input, output) in (0..u64::MAX, 0..u64::MAX),
            (bytes, most) in (0_usize..10_000_000, any::<u32>()),
            (read, written) in (0.0..=1.0_f64, 0.0..=1.0_f64),
        ) {
            let price = Price { input, output };
            let bound = price.bound(bytes, most);
            // Any count up to one token a byte and up to the limit that was set.
            let share = |most: f64, part: f64| (most * part).floor() as u64;
            let usage = Usage { input: share(bytes as f64, read), output: share(f64::from(most), written) };
            let cost = price.cost(usage);
            prop_assert!(cost.micro_usd <= bound.micro_usd && cost.input_tokens + cost.output_tokens <= bound.tokens);
        }
    }
}
