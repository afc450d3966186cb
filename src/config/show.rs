//! The settings in force, one line each, with where they came from. Secrets are cut to their last characters.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::{Config, HumanDuration};

/// One setting as people may see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Such as `server.port`.
    pub key: String,
    pub value: Value,
    /// The file or environment variable, or `default`.
    pub from: String,
}

impl Config {
    /// Every setting, in the order of its key. Holds no secret.
    pub fn settings(&self) -> Vec<Setting> {
        let mut found = Vec::new();
        // A struct of strings, numbers and maps always has a JSON form.
        flatten("", serde_json::to_value(self).unwrap_or_default(), &mut found);
        let from = |key: &str| self.sources.get(key).cloned().unwrap_or_else(|| "default".to_owned());
        let setting = |(key, value): (String, Value)| Setting { from: from(&key), value: masked(&key, value), key };
        found.into_iter().map(setting).collect()
    }
}

/// A duration as the settings file writes it.
pub(super) fn duration(value: Duration) -> String {
    match serde_json::to_value(HumanDuration(value)) {
        Ok(Value::String(text)) => text,
        _ => format!("{value:?}"),
    }
}

fn flatten(prefix: &str, value: Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                flatten(&key, value, found);
            }
        }
        value => found.push((prefix.to_owned(), value)),
    }
}

fn masked(key: &str, value: Value) -> Value {
    match (key, value.as_str()) {
        ("server.status_token", Some(token)) if !token.is_empty() => last_four(token).into(),
        ("storage.database_url", Some(address)) if !address.is_empty() => without_password(address).into(),
        _ => value,
    }
}

/// At most the last four characters, and never more than a quarter of the whole.
fn last_four(secret: &str) -> String {
    let length = secret.chars().count();
    let shown = (length / 4).min(4);
    let tail: String = secret.chars().skip(length - shown).collect();
    format!("…{tail}")
}

/// A database address that may be shown: neither the password nor the parameters (one of them may be a password).
pub fn without_password(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return "…".to_owned() };
    if url.password().is_some() && url.set_password(Some("…")).is_err() {
        return "…".to_owned();
    }
    if url.query().is_some() {
        url.set_query(Some("…"));
    }
    // `…` is written in percent form inside an address.
    url.to_string().replace("%E2%80%A6", "…")
}
