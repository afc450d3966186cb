//! What a server says now of a tool beside what was confirmed, line by line.

use similar::{ChangeTag, TextDiff};

use crate::tools::mcp::{Described, ToolView};

/// A line of either text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `same`, `old` or `new`.
    pub tone: &'static str,
    /// With its sign: so that it can be told without colours.
    pub text: String,
}

/// The description and the schema, one below the other.
pub fn text(description: &str, parameters: &impl serde::Serialize) -> String {
    let schema = serde_json::to_string_pretty(parameters).unwrap_or_default();
    format!("{description}\n\n{schema}\n")
}

/// From what was confirmed to what is said now.
pub fn lines(confirmed: &Described, now: &ToolView) -> Vec<Line> {
    let (old, new) = (text(&confirmed.description, &confirmed.parameters), text(&now.description, &now.parameters));
    let difference = TextDiff::from_lines(&old, &new);
    let line = |change: similar::Change<&str>| {
        let (tone, sign) = match change.tag() {
            ChangeTag::Equal => ("same", ' '),
            ChangeTag::Delete => ("old", '-'),
            ChangeTag::Insert => ("new", '+'),
        };
        Line { tone, text: format!("{sign} {}", change.value().trim_end_matches('\n')) }
    };
    difference.iter_all_changes().map(line).collect()
}
