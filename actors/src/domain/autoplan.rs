//! What a persona's days are planned from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who gives planned goals.
pub const PLANNER: &str = "planner";

/// Whether the planner makes this persona's goals, and from which templates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Autoplan {
    pub on: bool,
    /// Those that count as the same thing take turns.
    pub work: Vec<Recipe>,
}

/// A template with its fields filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    pub template: String,
    #[serde(default)]
    pub params: Map<String, Value>,
}
