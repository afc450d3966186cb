//! On the Settings tab: what the persona may use, by kind, and how it went of late.

use actors::domain::{Grants, ToolKind};

use crate::{tools::registry::Listed, web::usage::Used};

/// The panel.
#[derive(Debug, Clone)]
pub struct Tools {
    pub kinds: Vec<Kind>,
}

/// The tools of one kind.
#[derive(Debug, Clone)]
pub struct Kind {
    pub word: &'static str,
    pub about: &'static str,
    /// `11 of 13 granted`.
    pub granted: String,
    /// Somebody said so of the whole kind.
    pub said: bool,
    pub tools: Vec<Row>,
}

/// One tool.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    pub about: String,
    pub effect: String,
    pub granted: bool,
    /// Somebody said so; else it holds for everybody.
    pub said: bool,
    /// `12 calls, 1 failed, 40 ms`; empty: none of late.
    pub used: String,
    /// Why it cannot be used.
    pub error: Option<String>,
    /// It is in order, but what it stands on is not there.
    pub unavailable: bool,
}

impl Tools {
    /// Prepares the list.
    pub fn new(listed: &[Listed], used: &[Used], grants: &Grants) -> Self {
        let of_kind = |kind: &ToolKind| {
            let tools: Vec<Row> =
                listed.iter().filter(|tool| tool.category == *kind).map(|tool| Row::new(tool, used)).collect();
            let granted = tools.iter().filter(|tool| tool.granted).count();
            let granted = format!("{granted} of {} granted", tools.len());
            Kind { word: kind.as_str(), about: about(*kind), granted, said: grants.names(kind.as_str()), tools }
        };
        Self { kinds: ToolKind::ALL.iter().map(of_kind).filter(|kind| !kind.tools.is_empty()).collect() }
    }
}

impl Row {
    fn new(tool: &Listed, used: &[Used]) -> Self {
        let seen = used.iter().find(|one| one.tool == tool.name).map(Used::in_words);
        Self {
            name: tool.name.clone(),
            about: tool.description.clone(),
            effect: tool.effect.map(|effect| effect.to_string()).unwrap_or_default(),
            granted: tool.granted == Some(true),
            said: tool.said,
            used: seen.unwrap_or_default(),
            error: tool.error.clone().or_else(|| tool.unavailable.map(str::to_owned)),
            unavailable: tool.unavailable.is_some(),
        }
    }
}

const fn about(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Browser => "its own browser, on its hosts",
        ToolKind::Files => "files in its folder",
        ToolKind::Network => "requests on its hosts, and searches",
        ToolKind::People => "asking a person",
        ToolKind::Company => "giving work to others, or to itself later",
        ToolKind::Memory => "looking into what it remembers",
        ToolKind::Voice => "its voice, which costs money",
        ToolKind::Registry => "finding tools",
        ToolKind::Own => "tools that were added",
        ToolKind::Mcp => "tools of MCP servers that people confirmed",
    }
}
