//! What a goal must show before it counts as done.

use serde::{Deserialize, Serialize};

use super::{ArtifactKind, words::words};

words! {
    /// What a proven goal counts as, in the numbers of a day.
    Unit("unit of work") {
        Post = "post",
        Proposal = "proposal",
        Deliverable = "deliverable",
        /// To somebody who did not ask for it.
        Message = "message",
    }
}

/// The proof a goal declares. Every `expect_*` step of its plan must hold as well.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proof {
    /// Each must be shown by a receipt of this goal.
    pub assertions: Vec<Assertion>,
    /// At least one artifact of each kind must be kept and named by a receipt of this goal.
    pub artifacts: Vec<ArtifactKind>,
    /// Looked up anew at the end, and after an effect that ended unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// What it counts as once all that is shown; its last receipt says how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts_as: Option<Unit>,
    /// How many of these it counts as; none: one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<u32>,
}

/// A statement about the world that a receipt can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Assertion {
    /// An `expect_title` with this text held.
    TitleContains(String),
    /// An `expect_selector` for it held.
    Selector(String),
    /// An `expect_text` with this text held.
    TextContains(String),
    /// This file was written.
    File(String),
}

/// A fresh look at the world: open the address, find the text. Placeholders are filled as in steps. What ended unknown it
/// settles only where the text holds `{{idempotency_key}}`, the address does not, and one effect alone can have carried it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadBack {
    pub url: String,
    pub contains: String,
}

impl Proof {
    /// What it counts as, and how many.
    pub fn counted(&self) -> Option<(Unit, u32)> {
        Some((self.counts_as?, self.units.unwrap_or(1)))
    }

    /// Nothing is to be shown.
    pub fn is_empty(&self) -> bool {
        self.assertions.is_empty() && self.artifacts.is_empty() && self.read_back.is_none()
    }
}
