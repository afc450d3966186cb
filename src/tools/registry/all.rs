//! All tools of somebody in their order; none is told of at length before somebody asks for it.

use actors::domain::{Persona, ToolKind};

use super::{BuiltIn, Listed};
use crate::tools::{
    fitted::Fitted,
    own::{Broken, Loaded, OwnTool},
    toolbox,
};

/// Where they come from, and whose grants hold.
pub(in crate::tools) struct All<'a> {
    pub own: &'a Loaded,
    /// What people confirmed of MCP servers.
    pub confirmed: &'a [OwnTool],
    /// None: nobody is asked about.
    pub persona: Option<&'a Persona>,
    /// What tools stand on.
    pub fitted: Fitted,
}

/// One of them.
#[derive(Clone, Copy)]
pub(in crate::tools) enum Tool<'a> {
    BuiltIn(&'static BuiltIn),
    Own(&'a OwnTool),
    Broken(&'a Broken),
}

impl<'a> Tool<'a> {
    pub(in crate::tools) fn name(self) -> &'a str {
        match self {
            Self::BuiltIn(tool) => tool.name,
            Self::Own(tool) => &tool.manifest.name,
            Self::Broken(broken) => &broken.name,
        }
    }

    /// Names of what it needs.
    pub(in crate::tools) fn requires(self) -> Vec<&'a str> {
        match self {
            Self::BuiltIn(tool) => tool.requires.to_vec(),
            Self::Own(tool) => tool.manifest.requires.iter().map(String::as_str).collect(),
            Self::Broken(_) => Vec::new(),
        }
    }

    fn kind(self) -> ToolKind {
        match self {
            Self::BuiltIn(tool) => tool.kind(),
            Self::Own(tool) => tool.kind(),
            Self::Broken(_) => ToolKind::Own,
        }
    }
}

impl<'a> All<'a> {
    /// Built-in ones first, then own ones by name, then those of servers, then what cannot be used.
    pub(in crate::tools) fn tools(&self) -> impl Iterator<Item = Tool<'a>> {
        let own = self.own.tools.iter().chain(self.confirmed).map(Tool::Own);
        toolbox::built_in().iter().map(Tool::BuiltIn).chain(own).chain(self.own.broken.iter().map(Tool::Broken))
    }

    /// The one at this place of theirs.
    pub(in crate::tools) fn at(&self, place: usize) -> Option<Tool<'a>> {
        self.tools().nth(place)
    }

    /// The first of this name that can be used.
    pub(in crate::tools) fn named(&self, name: &str) -> Option<Tool<'a>> {
        let built_in = toolbox::built_in().iter().find(|tool| tool.name == name).map(Tool::BuiltIn);
        let own = || self.own.named(name).map(Tool::Own);
        let confirmed = || self.confirmed.iter().find(|tool| tool.manifest.name == name).map(Tool::Own);
        built_in.or_else(own).or_else(confirmed)
    }

    /// Whether it can be used, and may be.
    pub(in crate::tools) fn is_usable(&self, tool: Tool<'_>) -> bool {
        let is_sound = !matches!(tool, Tool::Broken(_)) && self.fitted.lack(tool.name()).is_none();
        is_sound && self.grants(tool) != Some(false)
    }

    /// Everything of one.
    pub(in crate::tools) fn told(&self, tool: Tool<'_>) -> Listed {
        let mut listed = match tool {
            Tool::BuiltIn(tool) => Listed::built_in(tool),
            Tool::Own(tool) => Listed::own(tool),
            Tool::Broken(broken) => Listed::broken(broken),
        };
        listed.unavailable = self.fitted.lack(&listed.name);
        listed.granted = self.grants(tool);
        listed.said = self.persona.is_some_and(|persona| persona.grants.names(&listed.name));
        listed
    }

    /// Everything of all.
    pub(in crate::tools) fn listed(&self) -> Vec<Listed> {
        self.tools().map(|tool| self.told(tool)).collect()
    }

    fn grants(&self, tool: Tool<'_>) -> Option<bool> {
        let persona = self.persona?;
        Some(persona.grants.permits(tool.name(), tool.kind(), persona.role))
    }
}
