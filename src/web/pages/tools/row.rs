//! One tool as lists and its own page show it.

use actors::domain::{Effect, MCP_PREFIX, Persona, ToolKind};

use crate::{
    tools::registry::{self, Listed},
    web::usage::Used,
};

/// A tool, ready to be shown.
#[derive(Debug, Clone)]
pub struct ToolRow {
    /// Differs from every other row's.
    pub id: String,
    pub name: String,
    pub href: String,
    /// `(to, amount?): Writes one.`
    pub signature: String,
    /// Its words are ours, not somebody's.
    pub is_ours: bool,
    pub kind: &'static str,
    /// Empty: it cannot be used.
    pub effect: String,
    pub effect_tone: &'static str,
    pub source: String,
    /// What has to be granted, when nobody has said anything.
    pub grant: &'static str,
    pub version: String,
    /// `browser_navigate → browser_click`; empty: it needs nothing before it.
    pub chain: String,
    /// Names of tools that often come with it.
    pub recommends: String,
    /// `12 calls, 1 failed, 40 ms`; empty: none of late.
    pub used: String,
    /// None: nobody was asked about.
    pub granted: Option<bool>,
    pub error: Option<String>,
}

impl ToolRow {
    /// Prepares a row. `of`: the persona as which it was listed; `owner`: whose own it is.
    pub fn new(tool: &Listed, all: &[Listed], used: &[Used], owner: Option<&Persona>) -> Self {
        let whose = owner.map(|persona| persona.slug.as_str());
        let chain = registry::chain(all, &tool.name);
        let said = registry::signature(tool);
        let (at, source) = match (tool.from, owner) {
            ("built_in", _) => (String::new(), "built in".to_owned()),
            ("persona", Some(persona)) => (format!("-{}", persona.id), format!("own of {}", persona.name)),
            ("mcp", _) => (String::new(), format!("MCP server {}", server_of(&tool.name))),
            _ => (String::new(), "own, shared".to_owned()),
        };
        Self {
            id: format!("tool-{}{at}", tool.name),
            href: match whose {
                Some(slug) => format!("/tools/{}?persona={slug}", tool.name),
                None => format!("/tools/{}", tool.name),
            },
            signature: said.strip_prefix(&tool.name).unwrap_or(&said).to_owned(),
            is_ours: tool.from == "built_in",
            kind: tool.category.as_str(),
            effect: tool.effect.map(|effect| effect.to_string()).unwrap_or_default(),
            effect_tone: tool.effect.map_or("bad", tone),
            source,
            grant: grant(tool.category),
            version: tool.version.clone(),
            chain: if chain.len() > 1 { chain.join(" → ") } else { String::new() },
            recommends: tool.recommends.join(", "),
            used: used.iter().find(|one| one.tool == tool.name).map(Used::in_words).unwrap_or_default(),
            granted: tool.granted,
            error: tool.error.clone().or_else(|| tool.unavailable.map(str::to_owned)),
            name: tool.name.clone(),
        }
    }
}

/// The server in `mcp__desk__look`.
fn server_of(name: &str) -> &str {
    name.strip_prefix(MCP_PREFIX).and_then(|rest| rest.split_once("__")).map_or(name, |(server, _)| server)
}

pub(super) const fn tone(effect: Effect) -> &'static str {
    match effect {
        Effect::Pure | Effect::Read => "",
        Effect::Idempotent => "live",
        Effect::Irreversible => "warn",
    }
}

/// Who may use tools of a kind without anybody's word.
const fn grant(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Browser | ToolKind::Files | ToolKind::People | ToolKind::Registry | ToolKind::Own | ToolKind::Mcp => {
            "everybody at first"
        }
        ToolKind::Network | ToolKind::Memory | ToolKind::Voice => "must be granted",
        ToolKind::Company => "managers at first",
    }
}
