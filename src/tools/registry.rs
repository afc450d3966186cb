//! Every tool that there is, built in or own, with what people and programs want to know of it.

use std::path::Path;

use actors::domain::Effect;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    own::{self, Loaded, Origin, Whose},
    toolbox,
};

/// One tool.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Listed {
    pub name: String,
    pub description: String,
    /// `built_in`, `shared` (everyone's own) or `persona` (this persona's own).
    pub from: &'static str,
    /// `pure`, `read`, `idempotent` or `irreversible`; none: it cannot be used.
    #[schema(value_type = Option<String>)]
    pub effect: Option<Effect>,
    /// JSON Schema of its arguments.
    #[schema(value_type = Object)]
    pub parameters: Value,
    pub version: String,
    pub keywords: Vec<String>,
    /// Tools without which it is of no use.
    pub requires: Vec<String>,
    /// How long it may take, in milliseconds; none: as long as a step.
    pub timeout_ms: Option<u64>,
    /// Why it cannot be used, with file and field.
    pub error: Option<String>,
}

/// The own tools of a data root that can be used, and those that cannot.
pub fn own_tools(data_root: &Path, whose: Option<Whose<'_>>) -> Loaded {
    own::load(data_root, whose, &toolbox::is_built_in)
}

/// All tools: what is built in first, then own ones by name.
pub fn list(data_root: &Path, whose: Option<Whose<'_>>) -> Vec<Listed> {
    let loaded = own_tools(data_root, whose);
    let built_in = toolbox::offers(&[], &[]).into_iter().map(|offer| Listed {
        effect: toolbox::effect(&offer.name),
        name: offer.name,
        description: offer.description,
        from: "built_in",
        parameters: offer.parameters,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        keywords: Vec::new(),
        requires: Vec::new(),
        timeout_ms: None,
        error: None,
    });
    let usable = loaded.tools.iter().map(|tool| {
        let manifest = tool.manifest.clone();
        Listed {
            name: manifest.name,
            description: manifest.description,
            from: from_word(tool.from),
            effect: Some(manifest.effect),
            parameters: Value::Object(manifest.parameters),
            version: manifest.version,
            keywords: manifest.keywords,
            requires: manifest.requires,
            timeout_ms: u64::try_from(manifest.timeout.as_millis()).ok(),
            error: None,
        }
    });
    let broken = loaded.broken.iter().map(|broken| Listed {
        name: broken.name.clone(),
        description: String::new(),
        from: from_word(broken.from),
        effect: None,
        parameters: Value::Object(Map::new()),
        version: String::new(),
        keywords: Vec::new(),
        requires: Vec::new(),
        timeout_ms: None,
        error: Some(broken.to_string()),
    });
    built_in.chain(usable).chain(broken).collect()
}

const fn from_word(from: Origin) -> &'static str {
    match from {
        Origin::Shared => "shared",
        Origin::Persona => "persona",
    }
}
