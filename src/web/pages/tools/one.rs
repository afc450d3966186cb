//! `/tools/{tool}`: one tool, what it says of itself, who may use it, and a try by hand.

use actors::domain::{Effect, Persona};
use askama::Template;

use super::row::ToolRow;
use crate::{
    tools::registry::{self, Listed},
    web::{
        pages::{frame::Frame, show},
        usage::Used,
    },
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "tool.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct ToolPage {
    pub frame: Frame,
    pub row: ToolRow,
    pub description: String,
    /// Pretty JSON.
    pub schema: String,
    pub examples: Vec<String>,
    /// Tools before it and itself, in order.
    pub chain: Vec<String>,
    pub recommends: Vec<String>,
    /// The tool that takes back what it did, and where its arguments come from.
    pub inverse: Option<(String, String)>,
    /// `at most 10.0 s`; empty: as long as a step.
    pub limit: String,
    pub grants: Vec<GrantRow>,
    /// `3 of 7 may use it`
    pub granted: String,
    pub trial: Option<Trial>,
    /// `DELETE /api/tools/count`; none: it does not lie in a folder of ours, or the visitor is no owner.
    pub removal: Option<String>,
}

/// One persona and the tool.
#[derive(Debug, Clone)]
pub struct GrantRow {
    pub slug: String,
    pub name: String,
    pub granted: bool,
    /// Somebody said so; else it follows what holds for everybody.
    pub said: bool,
}

/// The form in which it is tried.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Its first example.
    pub arguments: String,
    /// In whose folder it may be tried: slug and name.
    pub personas: Vec<(String, String)>,
    /// It is one persona's own: nobody else has it.
    pub is_theirs: bool,
    /// It may write; the word for how.
    pub writes: Option<Effect>,
    /// Milliseconds that the page waits for its end.
    pub patience_ms: u64,
}

/// Personas that the page can show at once.
const MOST_PEOPLE: usize = 200;

impl ToolPage {
    /// Prepares the page. `owner`: whose own it is. `all`: what its requirements are looked for in.
    pub fn new(
        frame: Frame,
        tool: &Listed,
        (all, used): (&[Listed], &[Used]),
        (owner, people): (Option<&Persona>, &[Persona]),
        is_owner: bool,
    ) -> Self {
        let concerned: Vec<&Persona> = match owner {
            Some(persona) => vec![persona],
            None => people.iter().collect(),
        };
        let grants: Vec<GrantRow> = concerned.iter().map(|persona| GrantRow::new(tool, persona)).collect();
        let may = grants.iter().filter(|row| row.granted).count();
        let chain = registry::chain(all, &tool.name);
        let is_own = matches!(tool.from, "shared" | "persona") && is_owner;
        let whose = owner.map(|persona| format!("?persona={}", persona.slug)).unwrap_or_default();
        Self {
            frame,
            description: tool.description.clone(),
            schema: serde_json::to_string_pretty(&tool.parameters).unwrap_or_default(),
            examples: tool.examples.iter().map(pretty).collect(),
            chain: if chain.len() > 1 { chain } else { Vec::new() },
            recommends: tool.recommends.clone(),
            inverse: tool.inverse.as_ref().map(|inverse| {
                let args: Vec<_> = inverse.args.iter().map(|(name, from)| format!("{name} = {from}")).collect();
                (inverse.tool.clone(), args.join(", "))
            }),
            limit: tool.timeout_ms.map_or_else(String::new, |ms| {
                format!("at most {}", show::took(i64::try_from(ms).unwrap_or(i64::MAX)))
            }),
            granted: format!("{may} of {} may use it", grants.len()),
            grants: grants.into_iter().take(MOST_PEOPLE).collect(),
            trial: (is_own && tool.error.is_none()).then(|| Trial::new(tool, &concerned, owner.is_some())),
            removal: is_own.then(|| format!("DELETE /api/tools/{}{whose}", tool.name)),
            row: ToolRow::new(tool, all, used, owner),
        }
    }
}

impl GrantRow {
    fn new(tool: &Listed, persona: &Persona) -> Self {
        Self {
            slug: persona.slug.to_string(),
            name: persona.name.clone(),
            granted: persona.grants.permits(&tool.name, tool.category, persona.role),
            said: persona.grants.names(&tool.name),
        }
    }
}

impl Trial {
    fn new(tool: &Listed, people: &[&Persona], is_theirs: bool) -> Self {
        let first = tool.examples.first().map_or_else(|| "{}".to_owned(), pretty);
        Self {
            arguments: first,
            personas: people.iter().take(MOST_PEOPLE).map(|one| (one.slug.to_string(), one.name.clone())).collect(),
            is_theirs,
            writes: tool.effect.filter(|effect| effect.needs_intent()),
            patience_ms: tool.timeout_ms.unwrap_or(0) + 90_000,
        }
    }
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
