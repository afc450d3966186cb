//! `tool_search` and `tool_describe`: what a persona may use, found by words, and how it is called.

use actors::domain::{Outcome, Persona, StepError, nearest};
use serde_json::{Value, json};

use crate::tools::{
    registry::{self, All, Listed, Tool},
    search::{About, Index},
    told,
};

/// Tools that one search brings.
const MOST: usize = 8;

/// Names and one-line signatures of what fits; only tools that it may use.
pub(in crate::tools) fn search(all: &All<'_>, index: &Index, query: &str) -> Outcome {
    let found = index.search(query, usize::MAX);
    let usable = found.into_iter().filter_map(|at| all.at(at)).filter(|tool| all.is_usable(*tool));
    let line = |tool: Listed| json!({"name": tool.name, "signature": registry::signature_told(&tool)});
    let lines: Vec<Value> = usable.take(MOST).map(|tool| line(all.told(tool))).collect();
    let summary = match lines.len() {
        0 => "found no tool".to_owned(),
        1 => "found a tool".to_owned(),
        many => format!("found {many} tools"),
    };
    Outcome::done(summary, json!({"step": "tool_search", "tools": lines}))
}

/// What is searched, in the order of the list.
pub(in crate::tools) fn index(tools: &[Listed]) -> Index {
    let about = |tool: &'_ Listed| -> Vec<String> { tool.keywords.clone() };
    let keywords: Vec<Vec<String>> = tools.iter().map(about).collect();
    let all = tools.iter().zip(&keywords);
    Index::new(all.map(|(tool, keywords)| About { name: &tool.name, description: &tool.description, keywords }))
}

/// Schema, effect, examples, and what it needs before it.
pub(in crate::tools) fn describe(all: &All<'_>, persona: &Persona, name: &str) -> Outcome {
    let Some(tool) = all.named(name).map(|tool| all.told(tool)) else {
        let known: Vec<&str> = all.tools().filter(|tool| all.is_usable(*tool)).map(Tool::name).collect();
        let near = nearest(name, &known).join(", ");
        let error = StepError::permanent(format!("there is no tool `{name}`; nearest: {near}"));
        return Outcome::does_not_hold("found no such tool", json!({"step": "tool_describe", "tools": []}), error);
    };
    let needed = |name: &str| all.named(name).map(Tool::requires).unwrap_or_default();
    let (grant, slug) = (tool.granted != Some(false), &persona.slug);
    let refused = tool
        .unavailable
        .map(str::to_owned)
        .or((!grant).then(|| format!("not granted: an operator may say `greenroom tool grant {slug} {name}`")));
    let description = match tool.from {
        registry::BUILT_IN => tool.description.clone(),
        _ => told::about(&tool.name, &tool.description),
    };
    let found = json!({
        "name": tool.name, "description": description, "effect": tool.effect, "parameters": tool.parameters,
        "examples": tool.examples, "needs": tool.requires, "goes_with": tool.recommends, "refused": refused,
        "in_this_order": registry::chain_of(&needed, name),
    });
    Outcome::done(format!("read about {name}"), json!({"step": "tool_describe", "tools": [found]}))
}
