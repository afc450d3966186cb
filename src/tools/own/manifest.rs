//! `tool.toml`: what a tool is, and whether that can be right.

use std::{collections::BTreeMap, time::Duration};

use actors::domain::{Effect, is_tool_name};
use jsonschema::{Validator, error::ValidationErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::config::Isolation;

/// Name of the file in a tool's folder.
pub const FILE: &str = "tool.toml";

const MOST_TEXT: usize = 1_000;
const MOST_WORDS: usize = 32;
/// Misfits that are told of at once.
const MOST_MISFITS: usize = 8;
const MOST_MEMORY_MB: u64 = 4_096;
const LONGEST: Duration = Duration::from_secs(120);

/// What a tool says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The same as its folder's.
    pub name: String,
    /// A model chooses by it.
    pub description: String,
    #[serde(default)]
    pub version: String,
    /// Program and arguments; `./name` is in the tool's folder. It begins in `/workspace`.
    pub command: Vec<String>,
    pub effect: Effect,
    #[serde(default = "ten_seconds", with = "humantime_serde")]
    pub timeout: Duration,
    #[serde(default = "memory_mb")]
    pub memory_mb: u64,
    /// JSON Schema of its arguments: an object.
    pub parameters: Map<String, Value>,
    #[serde(default)]
    pub keywords: Vec<String>,
    #[serde(default)]
    pub examples: Vec<Example>,
    /// Names of tools without which it is of no use.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Names of tools that often come with it.
    #[serde(default)]
    pub recommends: Vec<String>,
    /// What takes back what it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse: Option<Inverse>,
    /// What it runs in; none: what the settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// It reaches the hosts of the persona that it runs for, by proxy, and nothing else.
    #[serde(default)]
    pub network: bool,
    /// It writes to strangers: only by the policy of the host that a call names in `host`, to who stands in `to`, and it
    /// reaches no other host. What is sent stands in `text`.
    #[serde(default, skip_serializing_if = "is_no")]
    pub outreach: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_no(said: &bool) -> bool {
    !*said
}

/// The tool that takes back what another one did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Inverse {
    pub tool: String,
    /// By its arguments: where each comes from, `args.<name>` of the call or `value.<name>` of what it answered.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
}

impl Inverse {
    fn is_sound(&self) -> bool {
        let comes =
            |from: &String| ["args.", "value."].iter().any(|start| from.len() > start.len() && from.starts_with(start));
        is_tool_name(&self.tool) && self.args.values().all(comes)
    }
}

/// Arguments that fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    pub arguments: Map<String, Value>,
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

const fn memory_mb() -> u64 {
    256
}

/// A field that cannot be right, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// None: it is not of one field.
    pub field: Option<String>,
    pub reason: String,
}

fn fault(field: impl Into<String>, reason: impl Into<String>) -> Fault {
    Fault { field: Some(field.into()), reason: reason.into() }
}

/// Reads and checks a manifest; with it, what checks the arguments of calls.
pub(super) fn parse(text: &str, folder: &str) -> Result<(Manifest, Validator), Fault> {
    let reader = toml::Deserializer::parse(text)
        .map_err(|error| Fault { field: None, reason: error.message().trim().to_owned() })?;
    let manifest: Manifest = serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        let field = Some(path).filter(|path| path != ".");
        Fault { field, reason: error.into_inner().message().trim().to_owned() }
    })?;
    manifest.check(folder)?;
    let validator = manifest.validator()?;
    for (at, example) in manifest.examples.iter().enumerate() {
        misfit(&validator, &example.arguments)
            .map_or(Ok(()), |reason| Err(fault(format!("examples[{at}].arguments"), reason)))?;
    }
    Ok((manifest, validator))
}

/// Why arguments do not fit; none: they do.
pub(super) fn misfit(validator: &Validator, arguments: &Map<String, Value>) -> Option<String> {
    let arguments = Value::Object(arguments.clone());
    // The first one: how many there are nothing bounds.
    let error = validator.validate(&arguments).err()?;
    let path = error.instance_path().to_string();
    let text: String = error.to_string().chars().take(300).collect();
    Some(if path.is_empty() { text } else { format!("{path}: {text}") })
}

/// Every argument that does not fit, by its place (`lines[0].text`; empty: the whole), and why.
pub(super) fn misfits(validator: &Validator, arguments: &Map<String, Value>) -> Vec<(String, String)> {
    let arguments = Value::Object(arguments.clone());
    let said = validator.iter_errors(&arguments).take(MOST_MISFITS).map(|error| {
        let mut place = String::new();
        for part in error.instance_path().to_string().split('/').skip(1) {
            put_part(&mut place, &part.replace("~1", "/").replace("~0", "~"));
        }
        match error.kind() {
            ValidationErrorKind::Required { property: Value::String(name) } => put_part(&mut place, name),
            ValidationErrorKind::AdditionalProperties { unexpected } if unexpected.len() == 1 => {
                put_part(&mut place, &unexpected[0]);
            }
            _ => {}
        }
        (place, error.to_string().chars().take(300).collect())
    });
    said.collect()
}

fn put_part(place: &mut String, part: &str) {
    match part.parse::<usize>() {
        Ok(at) => place.push_str(&format!("[{at}]")),
        Err(_) if place.is_empty() => place.push_str(part),
        Err(_) => place.push_str(&format!(".{part}")),
    }
}

/// A manifest that is not in its folder yet: its name says what that will be called. The error: which field, and why.
pub(in crate::tools) fn check_new(
    text: &str,
    taken: &dyn Fn(&str) -> bool,
) -> Result<Manifest, (Option<String>, String)> {
    let named = toml::from_str::<toml::Table>(text).map_err(|error| (None, error.message().trim().to_owned()))?;
    let name = named.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
    let (manifest, _) = parse(text, &name).map_err(|Fault { field, reason }| (field, reason))?;
    match taken(&manifest.name) {
        true => Err((Some("name".to_owned()), "is the name of a built-in tool: choose another".to_owned())),
        false => Ok(manifest),
    }
}

impl Manifest {
    fn check(&self, folder: &str) -> Result<(), Fault> {
        let words = |list: &[String]| list.len() <= MOST_WORDS && list.iter().all(|word| !word.trim().is_empty());
        let found = match self {
            _ if !is_tool_name(&self.name) => {
                ("name", "must be 1 to 40 lower-case letters, digits or `_`, and begin with a letter".to_owned())
            }
            _ if self.name != folder => ("name", format!("must be the folder's: `{folder}`")),
            _ if self.description.trim().is_empty() || self.description.len() > MOST_TEXT => {
                ("description", format!("must be 1 to {MOST_TEXT} bytes: a model chooses by it"))
            }
            _ if self.version.len() > 40 => ("version", "must be at most 40 bytes".to_owned()),
            _ if self.command.first().is_none_or(|word| word.trim().is_empty()) => {
                ("command", "must name a program".to_owned())
            }
            _ if self.command.iter().any(|word| word.contains('\0')) => {
                ("command", "must not hold a zero byte".to_owned())
            }
            _ if !(Duration::from_millis(100)..=LONGEST).contains(&self.timeout) => {
                ("timeout", "must be 100ms to 2m".to_owned())
            }
            _ if !(16..=MOST_MEMORY_MB).contains(&self.memory_mb) => {
                ("memory_mb", format!("must be 16 to {MOST_MEMORY_MB}"))
            }
            _ if !words(&self.keywords) => ("keywords", format!("must be at most {MOST_WORDS} words")),
            _ if !words(&self.requires) => ("requires", format!("must be at most {MOST_WORDS} names of tools")),
            _ if !words(&self.recommends) => ("recommends", format!("must be at most {MOST_WORDS} names of tools")),
            _ if self.inverse.as_ref().is_some_and(|inverse| !inverse.is_sound()) => (
                "inverse",
                "must name a tool, and for each of its arguments `args.<name>` or `value.<name>`".to_owned(),
            ),
            _ if self.network && self.effect == Effect::Pure => {
                ("network", "a pure tool asks nobody: its effect is `read` at least".to_owned())
            }
            _ if self.outreach
                && !(self.effect.needs_intent() && ["host", "to", "text"].iter().all(|name| self.takes(name))) =>
            {
                let why = "is for what changes the world and takes `host`, `to` and `text`: policies judge by them";
                ("outreach", why.to_owned())
            }
            _ if self.effect == Effect::Idempotent && self.takes("key") => {
                ("parameters.properties.key", "an idempotent tool is given `key` by the runtime".to_owned())
            }
            _ => return Ok(()),
        };
        Err(fault(found.0, found.1))
    }

    fn takes(&self, name: &str) -> bool {
        self.parameters.get("properties").is_some_and(|known| known.get(name).is_some())
    }

    fn validator(&self) -> Result<Validator, Fault> {
        if self.parameters.get("type") != Some(&Value::from("object")) {
            return Err(fault("parameters.type", "must be \"object\": arguments are named"));
        }
        let schema = Value::Object(self.parameters.clone());
        jsonschema::validator_for(&schema).map_err(|error| {
            let place = error.instance_path().to_string().replace('/', ".");
            fault(format!("parameters{place}"), format!("is no JSON Schema: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
        name = "word_count"
        description = "Counts the words of a text."
        command = ["python3", "./tool.py"]
        effect = "pure"
        parameters = { type = "object", required = ["text"], additionalProperties = false, properties = { text = { type = "string" } } }
        examples = [{ arguments = { text = "a b" } }]
    "#;

    fn refused(change: (&str, &str)) -> String {
        let text = SOUND.replace(change.0, change.1);
        assert_ne!(text, SOUND, "{change:?}");
        let found = parse(&text, "word_count").unwrap_err();
        format!("{}: {}", found.field.unwrap_or_default(), found.reason)
    }

    #[test]
    fn a_sound_manifest_is_read_with_its_defaults() {
        let (manifest, validator) = parse(SOUND, "word_count").unwrap();
        assert_eq!((manifest.timeout, manifest.memory_mb), (Duration::from_secs(10), 256));
        let arguments = |value: Value| value.as_object().unwrap().clone();
        assert_eq!(misfit(&validator, &arguments(serde_json::json!({"text": "x"}))), None);
        let wrong = misfit(&validator, &arguments(serde_json::json!({"text": 7}))).unwrap();
        assert!(wrong.starts_with("/text: "), "{wrong}");
        let places = |value: Value| misfits(&validator, &arguments(value)).into_iter().map(|(place, _)| place);
        assert_eq!(places(serde_json::json!({"text": [7]})).collect::<Vec<_>>(), ["text"]);
        let (missing, more) = (places(serde_json::json!({})), places(serde_json::json!({"text": "", "colour": 1})));
        assert_eq!(missing.chain(more).collect::<Vec<_>>(), ["text", "colour"]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        for (change, said) in [
            (("effect = \"pure\"", "effect = \"harmless\""), "effect: "),
            (("effect = \"pure\"", "effect = \"pure\"\ncolour = 1"), "colour: unknown field"),
            (("effect = \"pure\"", "effect = \"pure\"\nnetwork = true"), "network: a pure tool asks nobody"),
            (("effect = \"pure\"", "effect = \"pure\"\noutreach = true"), "outreach: is for what changes the world"),
            (("effect = \"pure\"", "effect = \"irreversible\"\noutreach = true"), "outreach: is for what"),
            (("effect = \"pure\"", "effect = \"pure\"\ntimeout = \"1h\""), "timeout: must be"),
            (("effect = \"pure\"", "effect = \"pure\"\nmemory_mb = 1"), "memory_mb: must be"),
            (
                ("effect = \"pure\"", "effect = \"pure\"\ninverse = { tool = \"x\", args = { a = \"b\" } }"),
                "inverse: must name",
            ),
            (("\"word_count\"", "\"other\""), "name: must be the folder's"),
            (("\"word_count\"", "\"../x\""), "name: must be 1 to 40"),
            (("[\"python3\", \"./tool.py\"]", "[]"), "command: must name"),
            (("text = \"a b\"", "text = 7"), "examples[0].arguments: /text"),
            (("type = \"object\"", "type = \"list\""), "parameters.type: must be"),
            (("text = { type = \"string\" }", "text = { type = \"letters\" }"), "parameters.properties.text.type: "),
            (("{ type = \"string\" }", "{ \"$ref\" = \"http://x.test/y\" }"), "parameters"),
            (("effect = \"pure\"", "effect ="), ": "),
        ] {
            let text = refused(change);
            assert!(text.starts_with(said), "{change:?}: {text}");
        }
        let key = SOUND.replace("\"pure\"", "\"idempotent\"").replace("text", "key");
        assert_eq!(parse(&key, "word_count").unwrap_err().field.unwrap(), "parameters.properties.key");
    }
}
