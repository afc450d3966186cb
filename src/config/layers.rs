//! The layers of settings: defaults, file, environment; and which of them a setting came from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use figment::{
    Metadata, Profile, Provider,
    value::{Dict, Map, Num, Value},
};

use super::{ConfigError, DEFAULTS, EnvKeys, FILE_NAME, LoadOptions, Problem, known};

/// What every variable of ours begins with, unless it has a short name.
pub(super) const PREFIX: &str = "GREENROOM_";

/// Names operators know, and the settings they stand for. A later line wins over an earlier one.
const SHORT_NAMES: [(&str, &str); 11] = [
    ("ACTIVE_PERSONAS", "company.active_personas"),
    ("ALLOWED_HOSTS", "egress.allowed_hosts"),
    ("STATUS_TOKEN", "server.status_token"),
    ("TITAN_DATA_ROOT", "data_root"),
    ("DATA_ROOT", "data_root"),
    ("PLAYWRIGHT_ROOT", "browser.root"),
    ("BROWSER_ROOT", "browser.root"),
    ("DATABASE_URL", "storage.database_url"),
    ("ALLOW_SEED", "server.allow_seed"),
    ("GIT_SHA", "server.git_sha"),
    ("PORT", "server.port"),
];

/// Keys for outside services; kept under the name in lower case.
const KEYS: [&str; 2] = ["OPENROUTER_API_KEY", "ELEVENLABS_API_KEY"];

/// Settings that came from one place.
pub(super) struct Layer {
    /// The file or the environment variable, for people.
    pub(super) origin: String,
    pub(super) values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// The settings that are compiled in.
pub(super) fn defaults() -> Result<Dict, Problem> {
    parse(DEFAULTS, "config/default.toml")
}

/// The layer of the settings file, if there is one, and the data root when something above the file names it.
pub(super) fn find_file(
    options: &LoadOptions,
    from_env: &[Layer],
) -> Result<(Option<Layer>, Option<PathBuf>), ConfigError> {
    let named =
        |layer: &Layer| layer.values.get("data_root")?.as_str().filter(|root| !root.is_empty()).map(PathBuf::from);
    let above = options.data_root.clone().or_else(|| from_env.iter().rev().find_map(named));
    if let Some(file) = &options.file {
        return Ok((Some(read(file)?), above));
    }
    let root = match above {
        Some(root) => root,
        None => default_data_root(options)?,
    };
    let file = root.join(FILE_NAME);
    if !file.exists() {
        return Ok((None, Some(root)));
    }
    let layer = read(&file)?;
    if layer.values.contains_key("data_root") {
        let text =
            format!("a file in the data root cannot move it: set DATA_ROOT, or pass --config {}", file.display());
        return Err(Problem { key: Some("data_root".into()), origin: Some(layer.origin), text }.into());
    }
    Ok((Some(layer), Some(root)))
}

/// `~/.local/share/greenroom`.
pub(super) fn default_data_root(options: &LoadOptions) -> Result<PathBuf, Problem> {
    let home = options.var("HOME").map(|home| Path::new(home).join(".local/share/greenroom"));
    home.ok_or_else(|| Problem {
        key: Some("data_root".into()),
        origin: None,
        text: "is not set and HOME is neither: set DATA_ROOT to a folder of Greenroom's own".into(),
    })
}

/// A layer that sets nothing but the data root.
pub(super) fn data_root(origin: &str, root: &Path) -> Layer {
    let values = Dict::from([("data_root".to_owned(), Value::from(root.display().to_string()))]);
    Layer { origin: origin.to_owned(), values }
}

/// One layer per variable that is ours: first `GREENROOM_*`, then the short names.
pub(super) fn from_env(env: &[(String, String)], defaults: &Dict) -> Result<Vec<Layer>, ConfigError> {
    let mut layers = Vec::new();
    let mut problems = Vec::new();
    let mut set = |name: &str, key: &str, text: &str| match env_value(name, key, text, defaults) {
        Ok(layer) => layers.push(layer),
        Err(problem) => problems.push(problem),
    };
    let mut ours: Vec<_> =
        env.iter().filter_map(|(name, text)| Some((name, name.strip_prefix(PREFIX)?, text))).collect();
    ours.sort();
    for (name, rest, text) in ours {
        set(name, &rest.to_lowercase().replace("__", "."), text);
    }
    for (name, key) in SHORT_NAMES {
        // An empty short name is how a shell says "not set".
        if let Some((_, text)) = env.iter().find(|(known, text)| known == name && !text.is_empty()) {
            set(name, key, text);
        }
    }
    if problems.is_empty() { Ok(layers) } else { Err(ConfigError { problems }) }
}

/// Keys of outside services in the environment.
pub(super) fn env_keys(options: &LoadOptions) -> EnvKeys {
    let keys = KEYS.iter().filter_map(|name| Some((name.to_lowercase(), options.var(name)?.to_owned())));
    EnvKeys(keys.collect())
}

/// Where each setting came from; the first layer, the defaults, is left out.
pub(super) fn sources(layers: &[Layer]) -> BTreeMap<String, String> {
    let set = layers.iter().skip(1).flat_map(|layer| {
        let keys = leaves(&layer.values).into_iter();
        keys.map(|(path, _)| (path.join("."), layer.origin.clone()))
    });
    set.collect()
}

/// Every value that is not a table, with its path.
pub(super) fn leaves(values: &Dict) -> Vec<(Vec<String>, &Value)> {
    let mut found = Vec::new();
    for (key, value) in values {
        match value {
            Value::Dict(_, inner) => {
                found.extend(leaves(inner).into_iter().map(|(path, value)| {
                    let path = std::iter::once(key.clone()).chain(path).collect();
                    (path, value)
                }));
            }
            value => found.push((vec![key.clone()], value)),
        }
    }
    found
}

/// The name in the environment that sets this key.
pub(super) fn env_name(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join("__").to_uppercase())
}

fn env_value(name: &str, key: &str, text: &str, defaults: &Dict) -> Result<Layer, Problem> {
    let origin = format!("environment variable {name}");
    let path: Vec<_> = key.split('.').map(str::to_owned).collect();
    let Some(example) = known::example(defaults, &path) else {
        return Err(Problem { key: None, origin: Some(origin), text: known::unknown_env(defaults, name) });
    };
    let value = in_the_form_of(example, text).map_err(|text| Problem {
        key: Some(key.to_owned()),
        origin: Some(origin.clone()),
        text,
    })?;
    let values = path.iter().rev().fold(value, |value, part| Dict::from([(part.clone(), value)]).into());
    Ok(Layer { origin, values: values.into_dict().unwrap_or_default() })
}

/// Reads a text as the kind of value the default is.
fn in_the_form_of(example: &Value, text: &str) -> Result<Value, String> {
    let expected = |what: &str| format!("`{text}` is not {what}");
    match example {
        Value::String(..) => Ok(text.into()),
        Value::Bool(..) => match text.to_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true.into()),
            "0" | "false" | "no" | "off" => Ok(false.into()),
            _ => Err(expected("true or false")),
        },
        Value::Num(_, Num::F32(_) | Num::F64(_)) => {
            text.parse::<f64>().map(Value::from).map_err(|_| expected("a number"))
        }
        Value::Num(..) => text.parse::<i64>().map(Value::from).map_err(|_| expected("a whole number")),
        Value::Array(..) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(parts.map(Value::from).collect::<Vec<_>>().into())
        }
        Value::Dict(..) => Err("is a section: name one of its settings after a double underscore".into()),
        _ => Err(expected("a setting of a known form")),
    }
}

fn read(file: &Path) -> Result<Layer, Problem> {
    let origin = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| Problem {
        key: None,
        origin: Some(origin.clone()),
        text: format!("this settings file cannot be read: {error}"),
    })?;
    let values = parse(&text, &origin)?;
    Ok(Layer { origin, values })
}

fn parse(text: &str, origin: &str) -> Result<Dict, Problem> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().map(|span| text.get(..span.start).unwrap_or_default());
        let line = before.map(|text| format!("line {}: ", text.matches('\n').count() + 1)).unwrap_or_default();
        Problem { key: None, origin: Some(origin.to_owned()), text: format!("{line}{}", error.message()) }
    })
}
