//! What a persona may use: tools granted or revoked by name or by kind, over what holds without anybody's word. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Role, is_tool_name, words::words};

words! {
    /// A kind of tool: what a grant may name instead of one tool.
    ToolKind("kind of tool") {
        /// Its own browser, on the hosts of its list.
        Browser = "browser",
        /// Files in its folder.
        Files = "files",
        /// Requests over HTTP, and searches of the web.
        Network = "network",
        /// Asking a person.
        People = "people",
        /// Giving work to others, or to itself later.
        Company = "company",
        /// What it remembers.
        Memory = "memory",
        /// Its voice, which costs money.
        Voice = "voice",
        /// Finding tools.
        Registry = "registry",
        /// Tools that the operator added.
        Own = "own",
        /// Tools of MCP servers that people confirmed.
        Mcp = "mcp",
    }
}

impl ToolKind {
    /// Whether it may be used when nobody has said anything.
    pub fn is_open_to(self, role: Option<Role>) -> bool {
        match self {
            Self::Browser | Self::Files | Self::People | Self::Registry | Self::Own | Self::Mcp => true,
            Self::Network | Self::Memory | Self::Voice => false,
            Self::Company => role == Some(Role::Manager),
        }
    }
}

/// Names at most, of tools and kinds together.
const MOST: usize = 200;

/// What was said about one persona's tools, by name of tool or kind: granted or revoked. A tool's own name counts before
/// its kind's, and either before what holds for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(BTreeMap<String, bool>);

/// What is to change; names may be of tools and of kinds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantChange {
    pub grant: Vec<String>,
    pub revoke: Vec<String>,
    /// What holds for everybody holds for these again.
    pub reset: Vec<String>,
}

impl Grants {
    /// Whether it may use a tool.
    pub fn permits(&self, tool: &str, kind: ToolKind, role: Option<Role>) -> bool {
        self.said(tool, kind).unwrap_or_else(|| kind.is_open_to(role))
    }

    /// Whether somebody said something about exactly this name, so that it can be taken back.
    pub fn names(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What somebody said about a tool or its kind; none: nobody did.
    fn said(&self, tool: &str, kind: ToolKind) -> Option<bool> {
        self.0.get(tool).or_else(|| self.0.get(kind.as_str())).copied()
    }

    /// By name: granted or revoked.
    pub fn iter(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().map(|(name, granted)| (name.as_str(), *granted))
    }

    /// With a change made; the error names what cannot be right.
    pub fn with(&self, change: &GrantChange) -> Result<Self, (&'static str, String)> {
        let mut names = self.0.clone();
        let said = [("grant", &change.grant, Some(true)), ("revoke", &change.revoke, Some(false))];
        for (field, list, granted) in said.into_iter().chain([("reset", &change.reset, None)]) {
            for name in list {
                if !is_tool_name(name) {
                    return Err((field, format!("`{name}` is no name of a tool or of a kind of tools")));
                }
                match granted {
                    Some(granted) => drop(names.insert(name.clone(), granted)),
                    None => drop(names.remove(name)),
                }
            }
        }
        if names.len() > MOST {
            return Err(("grant", format!("at most {MOST} names can be granted or revoked: use kinds of tools")));
        }
        Ok(Self(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(grant: &[&str], revoke: &[&str], reset: &[&str]) -> GrantChange {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        GrantChange { grant: owned(grant), revoke: owned(revoke), reset: owned(reset) }
    }

    #[test]
    fn a_tools_name_counts_before_its_kind_and_both_before_what_holds_for_all() {
        let none = Grants::default();
        let fetch = |grants: &Grants| grants.permits("http_fetch", ToolKind::Network, None);
        assert!(!fetch(&none) && none.permits("file_write", ToolKind::Files, None));
        let kind = none.with(&change(&["network"], &["files"], &[])).unwrap();
        assert!(fetch(&kind) && !kind.permits("file_write", ToolKind::Files, None));
        let but = kind.with(&change(&["file_write"], &["http_fetch"], &[])).unwrap();
        assert!(!fetch(&but) && but.permits("web_search", ToolKind::Network, None));
        assert!(but.permits("file_write", ToolKind::Files, None) && !but.permits("csv_append", ToolKind::Files, None));
        assert_eq!(but.with(&change(&[], &[], &["file_write", "http_fetch", "network", "files"])).unwrap(), none);
    }

    #[test]
    fn only_managers_give_work_to_others_by_themselves() {
        let none = Grants::default();
        assert!(none.permits("delegate", ToolKind::Company, Some(Role::Manager)));
        assert!(!none.permits("delegate", ToolKind::Company, Some(Role::Worker)));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "*", "../x", "Browser", "a b"] {
            assert_eq!(Grants::default().with(&change(&[], &[name], &[])).unwrap_err().0, "revoke", "{name}");
        }
        let many: Vec<String> = (0..=MOST).map(|n| format!("tool_{n}")).collect();
        assert!(Grants::default().with(&GrantChange { grant: many, ..GrantChange::default() }).is_err());
    }
}
