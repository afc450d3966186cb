//! Every tool that there is, built in or own, with what people, programs and models want to know of it.

mod all;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use actors::domain::{Effect, Persona, PersonaId, ToolKind};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    fitted::Fitted,
    own::{self, Broken, Inverse, Loaded, Origin, OwnTool, OwnTools, Whose},
    shelves::Shelves,
    told,
    toolbox::{self, BuiltIn},
};
pub(super) use all::{All, Tool};

/// Characters of a description in a signature.
const LINE: usize = 100;
/// Where built-in tools are from.
pub(in crate::tools) const BUILT_IN: &str = "built_in";
/// As [`Listed::from`] says it of a persona's own tool.
const PERSONA: &str = "persona";

/// One tool.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Listed {
    pub name: String,
    pub description: String,
    /// `built_in`, `shared` (everyone's own), `persona` (this persona's own) or `mcp` (an MCP server's, confirmed).
    pub from: &'static str,
    /// Its kind. A grant names the tool or its kind.
    #[schema(value_type = String)]
    pub category: ToolKind,
    /// Whether the persona that was asked about may use it; none: nobody was asked about.
    pub granted: Option<bool>,
    /// Somebody granted or revoked it by its name for this persona; else it follows its kind, or what holds for everybody.
    pub said: bool,
    /// `pure`, `read`, `idempotent` or `irreversible`; none: it cannot be used.
    #[schema(value_type = Option<String>)]
    pub effect: Option<Effect>,
    /// JSON Schema of its arguments.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// Arguments that fit.
    #[schema(value_type = Vec<Object>)]
    pub examples: Vec<Map<String, Value>>,
    pub version: String,
    pub keywords: Vec<String>,
    /// Tools without which it is of no use.
    pub requires: Vec<String>,
    /// Tools that often come with it.
    pub recommends: Vec<String>,
    /// The tool that takes back what it did.
    pub inverse: Option<Inverse>,
    /// How long it may take, in milliseconds; none: as long as a step.
    pub timeout_ms: Option<u64>,
    /// Why it cannot be used, with file and field.
    pub error: Option<String>,
    /// Why it is not available here: what it stands on is not there. It is offered to nobody.
    pub unavailable: Option<&'static str>,
}

impl Listed {
    /// Whether it can be used, and may be.
    pub fn is_usable(&self) -> bool {
        self.error.is_none() && self.unavailable.is_none() && self.granted != Some(false)
    }

    fn built_in(tool: &BuiltIn) -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            name: tool.name.to_owned(),
            description: tool.description.to_owned(),
            from: BUILT_IN,
            category: tool.kind(),
            granted: None,
            said: false,
            effect: tool.effect(),
            parameters: tool.schema(),
            examples: vec![tool.arguments()],
            version: env!("CARGO_PKG_VERSION").to_owned(),
            keywords: texts(tool.keywords),
            requires: texts(tool.requires),
            recommends: texts(tool.recommends),
            inverse: None,
            timeout_ms: None,
            error: None,
            unavailable: None,
        }
    }

    fn own(tool: &OwnTool) -> Self {
        let manifest = own::Manifest::clone(&tool.manifest);
        Self {
            name: manifest.name,
            description: manifest.description,
            from: from_word(tool.from),
            category: tool.kind(),
            granted: None,
            said: false,
            effect: Some(manifest.effect),
            parameters: Value::Object(manifest.parameters),
            examples: manifest.examples.into_iter().map(|example| example.arguments).collect(),
            version: manifest.version,
            keywords: manifest.keywords,
            requires: manifest.requires,
            recommends: manifest.recommends,
            inverse: manifest.inverse,
            timeout_ms: u64::try_from(manifest.timeout.as_millis()).ok(),
            error: None,
            unavailable: None,
        }
    }

    fn broken(broken: &Broken) -> Self {
        Self {
            name: broken.name.clone(),
            description: String::new(),
            from: from_word(broken.from),
            category: ToolKind::Own,
            granted: None,
            said: false,
            effect: None,
            parameters: Value::Object(Map::new()),
            examples: Vec::new(),
            version: String::new(),
            keywords: Vec::new(),
            requires: Vec::new(),
            recommends: Vec::new(),
            inverse: None,
            timeout_ms: None,
            error: Some(broken.to_string()),
            unavailable: None,
        }
    }
}

/// The own tools of a data root that can be used, and those that cannot, for who looks once. Blocks.
pub fn own_tools(data_root: &Path, whose: Option<Whose<'_>>) -> Loaded {
    own::load(data_root, whose, toolbox::is_built_in)
}

/// The same for who looks again and again.
pub fn watched(data_root: PathBuf) -> OwnTools {
    OwnTools::new(data_root, toolbox::is_built_in)
}

/// All tools: what is built in first, then own ones by name, then what people `confirmed` of MCP servers. With a persona:
/// its own too, and what it may use. What stands on something that is not fitted says so. Blocks.
pub fn list(own: &OwnTools, persona: Option<&Persona>, confirmed: &[OwnTool], fitted: Fitted) -> Vec<Listed> {
    All { own: &own.of(persona.map(Whose::from)), confirmed, persona, fitted }.listed()
}

/// Whether a name is of a built-in tool.
pub fn is_built_in(name: &str) -> bool {
    toolbox::is_built_in(name)
}

/// Which of these have a folder of own tools or of MCP servers. Reads folders.
pub fn having_own<'a>(data_root: &Path, personas: &'a [Persona]) -> Vec<&'a Persona> {
    let has = |folder: &Path| folder.join("tools").is_dir() || folder.join("mcp").is_dir();
    let all = own::folders(&data_root.join("personas")).into_iter();
    let having: BTreeSet<String> = all.filter(|(_, folder)| has(folder)).map(|(name, _)| name).collect();
    let is_named = |one: &&Persona| having.contains(one.slug.as_str()) || having.contains(&one.id.to_string());
    personas.iter().filter(is_named).collect()
}

/// `invoice(to, amount?): Writes one.`
pub fn signature(tool: &Listed) -> String {
    signed(tool, &told::line(&tool.name, &tool.description, LINE))
}

/// The same for a model: words of whoever made a tool are marked as theirs.
pub(in crate::tools) fn signature_told(tool: &Listed) -> String {
    match tool.from {
        BUILT_IN => signature(tool),
        _ => signed(tool, &told::quoted_line(&tool.name, &tool.description, LINE)),
    }
}

fn signed(tool: &Listed, said: &str) -> String {
    let required: Vec<&str> =
        tool.parameters["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let known = tool.parameters["properties"].as_object();
    let optional = known.into_iter().flatten().map(|(name, _)| name.as_str()).filter(|name| !required.contains(name));
    let names: Vec<String> =
        required.iter().map(|name| (*name).to_owned()).chain(optional.map(|name| format!("{name}?"))).collect();
    format!("{}({}): {said}", tool.name, names.join(", "))
}

/// Finds tools by words as `tool_search` does; its indexes are kept while the tools stay as they are.
#[derive(Default)]
pub struct Finder(Shelves);

impl Finder {
    /// The places of what fits, best first. `whose`: as whose tools they were listed.
    pub fn search(&self, whose: Option<PersonaId>, tools: &[Listed], query: &str) -> Vec<usize> {
        self.0.of_listed(whose, tools).search(query, tools.len())
    }
}

/// What must be used before a tool, in order, and itself; what goes in a circle stands once.
pub fn chain(tools: &[Listed], name: &str) -> Vec<String> {
    let needed = |name: &str| -> Vec<&str> {
        let tool = tools.iter().find(|tool| tool.name == name);
        tool.into_iter().flat_map(|tool| &tool.requires).map(String::as_str).collect()
    };
    chain_of(&needed, name)
}

/// The same by what each tool needs.
pub(super) fn chain_of<'a>(needed: &dyn Fn(&str) -> Vec<&'a str>, name: &str) -> Vec<String> {
    fn follow<'a>(needed: &dyn Fn(&str) -> Vec<&'a str>, name: &str, seen: &mut Vec<String>, chain: &mut Vec<String>) {
        if seen.iter().any(|other| other == name) {
            return;
        }
        seen.push(name.to_owned());
        for before in needed(name) {
            follow(needed, before, seen, chain);
        }
        chain.push(name.to_owned());
    }
    let mut found = Vec::new();
    follow(needed, name, &mut Vec::new(), &mut found);
    found
}

const fn from_word(from: Origin) -> &'static str {
    match from {
        Origin::Shared => "shared",
        Origin::Persona => PERSONA,
        Origin::Mcp => "mcp",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_needs_comes_before_it_and_circles_end() {
        let root = tempfile::tempdir().unwrap();
        let mut tools = list(&watched(root.path().to_path_buf()), None, &[], Fitted::ALL);
        assert_eq!(chain(&tools, "browser_click"), ["browser_navigate", "browser_click"]);
        let open = tools.iter_mut().find(|tool| tool.name == "browser_navigate").unwrap();
        open.requires = vec!["browser_click".to_owned()];
        assert_eq!(chain(&tools, "browser_click"), ["browser_navigate", "browser_click"]);
    }
}
