//! `mcp.toml`: how a server is reached, and what its tools do to the world. What a server says of itself counts for
//! nothing here: a tool is irreversible unless its operator says otherwise.

use std::{collections::BTreeMap, time::Duration};

use actors::domain::Effect;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

/// Name of the file in a server's folder.
pub(in crate::tools) const FILE: &str = "mcp.toml";

const MOST_HEADERS: usize = 16;
const LONGEST: Duration = Duration::from_secs(120);

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The same as its folder's.
    pub name: String,
    /// Program and arguments, spoken with over standard input and output, in the sandbox; `./name` is in the server's
    /// folder.
    #[serde(default)]
    pub command: Vec<String>,
    /// Where it is spoken with over streamable HTTP instead.
    pub url: Option<String>,
    /// Sent with every request; `${secret:name}` is filled in.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A command may read the persona's folder.
    #[serde(default)]
    pub workspace: bool,
    /// Of one call.
    #[serde(default = "half_a_minute", with = "humantime_serde")]
    pub timeout: Duration,
    #[serde(default = "memory_mb")]
    pub memory_mb: u64,
    /// What its tools do to the world, by the operator's word; those not named are irreversible.
    #[serde(default)]
    pub effects: BTreeMap<String, Effect>,
    /// Those of its tools that write to strangers, by the operator's word: only by the policy of the host that a call names
    /// in `host`, to who stands in `to`.
    #[serde(default)]
    pub outreach: Vec<String>,
}

const fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

const fn memory_mb() -> u64 {
    256
}

/// A manifest that is not in its folder yet: its name. The error names the field.
pub(in crate::tools) fn check_new(text: &str) -> Result<String, (Option<String>, String)> {
    let named = toml::from_str::<toml::Table>(text).map_err(|error| (None, error.message().trim().to_owned()))?;
    let name = named.get("name").and_then(toml::Value::as_str).unwrap_or_default();
    match Manifest::parse(text, name) {
        Ok(manifest) => Ok(manifest.name),
        Err(reason) => Err(match reason.strip_prefix('`').and_then(|rest| rest.split_once("`: ")) {
            Some((field, reason)) => (Some(field.to_owned()), reason.to_owned()),
            None => (None, reason),
        }),
    }
}

impl Manifest {
    /// Reads and checks one; the error names the field.
    pub(super) fn parse(text: &str, folder: &str) -> Result<Self, String> {
        let reader = toml::Deserializer::parse(text).map_err(|error| error.message().trim().to_owned())?;
        let manifest: Self = serde_path_to_error::deserialize(reader).map_err(|error| {
            let path = error.path().to_string();
            let reason = error.into_inner().message().trim().to_owned();
            if path == "." { reason } else { format!("`{path}`: {reason}") }
        })?;
        match manifest.fault(folder) {
            Some((field, reason)) => Err(format!("`{field}`: {reason}")),
            None => Ok(manifest),
        }
    }

    /// What a tool does to the world.
    pub fn effect(&self, tool: &str) -> Effect {
        self.effects.get(tool).copied().unwrap_or(Effect::Irreversible)
    }

    fn fault(&self, folder: &str) -> Option<(String, &'static str)> {
        let said = |field: &str, reason| Some((field.to_owned(), reason));
        match self {
            _ if !is_server_name(&self.name) => {
                said("name", "must be 1 to 20 lower-case letters, digits or `_` (no two in a row), first a letter")
            }
            _ if self.name != folder => said("name", "must be the folder's"),
            _ if self.command.is_empty() == self.url.is_none() => said("command", "or `url`: one of them is needed"),
            _ if self.command.first().is_some_and(|word| word.trim().is_empty()) => {
                said("command", "must name a program")
            }
            _ if self.command.iter().any(|word| word.contains('\0')) => said("command", "must not hold a zero byte"),
            _ if self.url.as_deref().is_some_and(|url| !is_web(url)) => {
                said("url", "must begin with http:// or https://")
            }
            _ if self.url.is_some() && self.workspace => said("workspace", "is for commands only"),
            _ if self.url.is_none() && !self.headers.is_empty() => said("headers", "are for addresses only"),
            _ if self.headers.len() > MOST_HEADERS => said("headers", "must be at most 16"),
            _ if !(Duration::from_millis(100)..=LONGEST).contains(&self.timeout) => {
                said("timeout", "must be 100ms to 2m")
            }
            _ if !(16..=4_096).contains(&self.memory_mb) => said("memory_mb", "must be 16 to 4096"),
            _ => self.bad_header().or_else(|| self.bad_effect()),
        }
    }

    fn bad_header(&self) -> Option<(String, &'static str)> {
        let fits = |name: &str, value: &str| HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok();
        let bad = self.headers.iter().find(|(name, value)| !fits(name, value));
        bad.map(|(name, _)| (format!("headers.{name}"), "is no header of HTTP"))
    }

    /// Only where a tool can see nothing outside it can be pure.
    fn bad_effect(&self) -> Option<(String, &'static str)> {
        let pure = self.effects.iter().find(|(_, effect)| **effect == Effect::Pure);
        let sees = self.workspace || self.url.is_some();
        pure.filter(|_| sees).map(|(name, _)| (format!("effects.{name}"), "cannot be pure: this server sees more"))
    }
}

fn is_server_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let ends = name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with('_');
    (1..=20).contains(&name.len()) && ends && name.chars().all(fits) && !name.contains("__")
}

fn is_web(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "name = \"notes\"\ncommand = [\"python3\", \"./server.py\"]\neffects = { search = \"read\" }\n";

    #[test]
    fn only_the_operator_says_that_a_tool_is_harmless() {
        let manifest = Manifest::parse(SOUND, "notes").unwrap();
        assert_eq!((manifest.effect("search"), manifest.effect("send")), (Effect::Read, Effect::Irreversible));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        for (from, to, said) in [
            ("name = \"notes\"", "name = \"a__b\"", "`name`: must be 1 to 20"),
            ("name = \"notes\"", "name = \"other\"", "`name`: must be the folder's"),
            ("command = [\"python3\", \"./server.py\"]", "", "`command`: or `url`"),
            ("effects", "url = \"http://x.test/\"\neffects", "`command`: or `url`"),
            ("command = [\"python3\", \"./server.py\"]", "url = \"file:///etc\"", "`url`: must begin"),
            ("effects", "headers = { a = \"b\" }\neffects", "`headers`: are for addresses"),
            ("effects", "colour = 1\neffects", "`colour`: unknown field"),
            ("effects", "workspace = true\neffects", ""),
            ("\"read\"", "\"harmless\"", "`effects.search`: "),
        ] {
            let text = SOUND.replace(from, to);
            assert_ne!(text, SOUND);
            match Manifest::parse(&text, "notes") {
                Err(reason) => assert!(reason.starts_with(said) && !said.is_empty(), "{to}: {reason}"),
                Ok(_) => assert_eq!(said, "", "{to}"),
            }
        }
        let pure = SOUND.replace("effects", "workspace = true\neffects").replace("\"read\"", "\"pure\"");
        assert!(Manifest::parse(&pure, "notes").unwrap_err().starts_with("`effects.search`: cannot be pure"));
    }
}
