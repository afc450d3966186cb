//! How hot the machine is, and how many may work therefore.

use serde::Serialize;

use super::words::words;

words! {
    /// What the company makes of the machine.
    LoadLevel("load level") {
        /// All slots; optional work may begin.
        Calm = "calm",
        /// It was hot and is cooling down: slots come back, optional work waits.
        Warm = "warm",
        /// Slots are taken out of use as they come free, optional work waits.
        Hot = "hot",
    }
}

/// How many may work now, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Load {
    pub level: LoadLevel,
    /// Slots in use at most.
    pub cap: usize,
    /// Slots when the machine is calm.
    pub configured: usize,
    /// What was seen when this was decided; empty: nothing yet.
    pub why: String,
}

impl Load {
    /// All slots.
    pub const fn calm(configured: usize) -> Self {
        Self { level: LoadLevel::Calm, cap: configured, configured, why: String::new() }
    }

    /// Whether work that nobody waits for may begin.
    pub fn admits_optional(&self) -> bool {
        self.level == LoadLevel::Calm
    }
}
