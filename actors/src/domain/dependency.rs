//! What a goal waits for: other goals, of any persona.

use super::{GoalId, words::words};

words! {
    /// What becomes of a goal when one that it waits for is over, but not done.
    #[derive(Default)]
    IfFailed("policy for failed prerequisites") {
        /// It fails too, with an error that names the other.
        #[default]
        Fail = "fail",
        /// It runs anyway, as soon as all are over.
        Release = "release",
    }
}

/// The goals that one waits for, each named once; none: it waits for nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitsFor {
    pub goals: Vec<GoalId>,
    pub if_failed: IfFailed,
}
