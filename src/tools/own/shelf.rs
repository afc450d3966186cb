//! The tools that somebody has: those for everyone, and those of one persona. A broken one is named and passed over.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use actors::domain::{Persona, PersonaId, ToolKind};
use jsonschema::Validator;
use serde_json::{Map, Value};

use super::{
    manifest::{self, FILE, Fault, Manifest},
    place::{Found, Taken},
};

/// Whose own tools are looked for, besides everyone's.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    pub id: PersonaId,
    pub slug: &'a str,
}

impl<'a> From<&'a Persona> for Whose<'a> {
    fn from(persona: &'a Persona) -> Self {
        Self { id: persona.id, slug: persona.slug.as_str() }
    }
}

/// A tool that can be used. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OwnTool {
    pub manifest: Arc<Manifest>,
    pub from: Origin,
    pub folder: PathBuf,
    validator: Validator,
}

/// Whose tool it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `<data root>/tools`: everyone's.
    Shared,
    /// `<data root>/personas/<slug or id>/tools`: one persona's.
    Persona,
    /// No folder: an MCP server announced it.
    Mcp,
}

impl OwnTool {
    pub(super) const fn new(manifest: Arc<Manifest>, from: Origin, folder: PathBuf, validator: Validator) -> Self {
        Self { manifest, from, folder, validator }
    }

    /// A tool that lies in no folder.
    pub(in crate::tools) fn announced(manifest: Manifest, from: Origin, validator: Validator) -> Self {
        Self { manifest: Arc::new(manifest), from, folder: PathBuf::new(), validator }
    }

    /// What a grant may name instead of it.
    pub(in crate::tools) const fn kind(&self) -> ToolKind {
        match self.from {
            Origin::Mcp => ToolKind::Mcp,
            Origin::Shared | Origin::Persona => ToolKind::Own,
        }
    }

    /// Why these arguments are not taken; none: they are.
    pub fn misfit(&self, arguments: &Map<String, Value>) -> Option<String> {
        manifest::misfit(&self.validator, arguments)
    }

    /// The same with every place that does not fit (`lines[0].text`; empty: the whole).
    pub fn misfits(&self, arguments: &Map<String, Value>) -> Vec<(String, String)> {
        manifest::misfits(&self.validator, arguments)
    }
}

/// A tool that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its folder's name.
    pub name: String,
    pub from: Origin,
    pub file: PathBuf,
    /// None: it is not of one field.
    pub field: Option<String>,
    pub reason: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if let Some(field) = &self.field {
            write!(f, "`{field}`: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// In the order of their names.
    pub tools: Arc<[OwnTool]>,
    pub broken: Vec<Broken>,
}

impl Loaded {
    /// The tool of this name.
    pub fn named(&self, name: &str) -> Option<&OwnTool> {
        let at = self.tools.binary_search_by(|tool| tool.manifest.name.as_str().cmp(name));
        at.ok().and_then(|at| self.tools.get(at))
    }

    /// What was found in places, of which an earlier one's tool stands before a later one's of the same name.
    pub(super) fn of(places: &[Arc<[Arc<Found>]>], taken: Taken) -> Self {
        let (mut tools, mut broken) = (BTreeMap::new(), Vec::new());
        for found in places.iter().flat_map(|place| place.iter()) {
            let Found { name, from, folder, tool } = &**found;
            if tools.contains_key(name) {
                continue;
            }
            match tool {
                Ok(tool) => {
                    tools.insert(name.clone(), tool.clone());
                }
                Err(Fault { field, reason }) => {
                    let (name, file, field, reason) = (name.clone(), folder.join(FILE), field.clone(), reason.clone());
                    broken.push(Broken { name, from: *from, file, field, reason });
                }
            }
        }
        without_what_they_need(&mut tools, &mut broken, taken);
        Self { tools: tools.into_values().collect(), broken }
    }
}

/// Who requires a tool that is not there is of no use; then neither is who requires that one.
fn without_what_they_need(tools: &mut BTreeMap<String, OwnTool>, broken: &mut Vec<Broken>, taken: Taken) {
    loop {
        let lacking = |tool: &OwnTool| {
            let needed = tool.manifest.requires.iter().find(|name| !taken(name) && !tools.contains_key(*name));
            needed.map(|lacking| (tool.manifest.name.clone(), lacking.clone()))
        };
        let useless: Vec<_> = tools.values().filter_map(lacking).collect();
        if useless.is_empty() {
            return;
        }
        for (name, lacking) in useless {
            let Some(tool) = tools.remove(&name) else { continue };
            let (field, reason) = (Some("requires".to_owned()), format!("there is no tool `{lacking}`"));
            broken.push(Broken { name, from: tool.from, file: tool.folder.join(FILE), field, reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use actors::testing::{self, TestPorts};

    use super::{
        super::{known::load, place::MOST},
        *,
    };

    fn put(root: &Path, place: &str, name: &str, more: &str) {
        let folder = root.join(place).join(name);
        fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "name = \"{name}\"\ndescription = \"{place}\"\ncommand = [\"true\"]\neffect = \"pure\"\n{more}\n\
             parameters = {{ type = \"object\" }}\n"
        );
        fs::write(folder.join(FILE), text).unwrap();
    }

    #[test]
    fn a_broken_tool_keeps_nobody_else_away() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "tools", "good", "");
        put(root.path(), "tools", "file_write", "");
        put(root.path(), "tools", "needs", "requires = [\"gone\"]");
        put(root.path(), "tools", "needs_it", "requires = [\"needs\", \"file_write\"]");
        put(root.path(), "tools", "odd", "colour = 1");
        fs::create_dir_all(root.path().join("tools/empty")).unwrap();
        let loaded = load(root.path(), None, |name| name == "file_write");
        let names: Vec<_> = loaded.tools.iter().map(|tool| tool.manifest.name.as_str()).collect();
        assert_eq!(names, ["good"]);
        let said = |name: &str| loaded.broken.iter().find(|broken| broken.name == name).unwrap().to_string();
        assert!(said("odd").contains("tools/odd/tool.toml: `colour`: unknown field"), "{}", said("odd"));
        assert!(said("file_write").contains("`name`: is the name of a built-in tool"));
        assert!(said("needs").contains("`requires`: there is no tool `gone`"));
        assert!(said("needs_it").contains("there is no tool `needs`"));
        assert!(said("empty").contains("there is no such file"));
    }

    #[test]
    fn of_one_place_only_so_many_are_looked_at() {
        let root = tempfile::tempdir().unwrap();
        for at in 0..=MOST {
            fs::create_dir_all(root.path().join(format!("tools/t{at:05}"))).unwrap();
        }
        put(root.path(), "tools", "z_last", "");
        let loaded = load(root.path(), None, |_| false);
        assert_eq!((loaded.tools.len(), loaded.broken.len()), (0, MOST + 2));
        let said = |at: usize| loaded.broken[at].reason.contains("only the first 8192 tools");
        assert!(!said(MOST - 1) && said(MOST) && said(MOST + 1), "{:?}", loaded.broken[MOST]);
    }

    #[test]
    fn a_personas_own_tool_stands_before_everyones() {
        let (root, ports) = (tempfile::tempdir().unwrap(), TestPorts::obliging());
        let (ada, bo) = (testing::persona(&*ports.world, "ada"), testing::persona(&*ports.world, "bo"));
        put(root.path(), "tools", "greet", "");
        put(root.path(), "personas/ada/tools", "greet", "");
        put(root.path(), &format!("personas/{}/tools", ada.id), "sums", "");
        let of = |persona: &Persona| {
            let loaded = load(root.path(), Some(persona.into()), |_| false);
            loaded.tools.iter().map(|tool| (tool.manifest.name.clone(), tool.from)).collect::<Vec<_>>()
        };
        assert_eq!(of(&ada), [("greet".to_owned(), Origin::Persona), ("sums".to_owned(), Origin::Persona)]);
        assert_eq!(of(&bo), [("greet".to_owned(), Origin::Shared)]);
    }
}
