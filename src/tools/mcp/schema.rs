//! A server's schema: what checks arguments is bounded, and a model is told of it in marks.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use actors::domain::Hash;
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

/// Bytes and levels of a schema with its references written out. Arguments are held against all of that, so this bounds
/// what a check may cost.
const MOST_BYTES: usize = 64 << 10;
const DEEPEST: usize = 32;
/// `unevaluatedProperties` and `unevaluatedItems`: one within the other costs twice what is inside, and so on.
const MOST_UNEVALUATED: usize = 2;
/// Of one compiled pattern. None goes back and forth in a text: that has no bound.
const MOST_PATTERN_BYTES: usize = 64 << 10;
/// What has checked arguments lately; beyond that all are made anew.
const MOST_KEPT: usize = 1_024;

/// What checks arguments, by the hash of the definition it was made of. Making one takes milliseconds: not for a thread
/// that others wait for.
#[derive(Debug, Default)]
pub(super) struct Validators(Mutex<HashMap<Hash, Result<Validator, String>>>);

impl Validators {
    /// Of a schema, or why there is none.
    pub(super) fn of(&self, hash: Hash, schema: &Map<String, Value>) -> Result<Validator, String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        kept.unwrap_or_else(|| {
            let made = validator(schema);
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= MOST_KEPT {
                all.clear();
            }
            all.insert(hash, made.clone());
            made
        })
    }
}

fn validator(schema: &Map<String, Value>) -> Result<Validator, String> {
    if schema.get("type") != Some(&Value::from("object")) {
        return Err("its schema is not of an object: arguments are named".to_owned());
    }
    let patterns = PatternOptions::regex().size_limit(MOST_PATTERN_BYTES);
    let made = jsonschema::options().with_pattern_options(patterns).build(&written_out(schema)?);
    made.map_err(|error| {
        let text: String = error.to_string().chars().take(200).collect();
        format!("its schema is no JSON Schema: {text}")
    })
}

/// The same without references: each is replaced by what it stands for.
fn written_out(schema: &Map<String, Value>) -> Result<Value, String> {
    let whole = Value::Object(schema.clone());
    let mut without = schema.clone();
    // They stand where they are referred to.
    without.retain(|word, _| !matches!(word.as_str(), "$defs" | "definitions"));
    Writing { whole: &whole, bytes: 0, unevaluated: 0 }.part(&Value::Object(without), 0)
}

struct Writing<'a> {
    whole: &'a Value,
    /// Written so far.
    bytes: usize,
    /// Words so far that look at everything inside once more.
    unevaluated: usize,
}

impl<'a> Writing<'a> {
    fn part(&mut self, part: &Value, level: usize) -> Result<Value, String> {
        if level > DEEPEST {
            return Err(format!("its schema is deeper than {DEEPEST} levels with its references written out"));
        }
        self.wrote(0)?;
        match part {
            Value::Object(fields) => self.fields(fields, level),
            Value::Array(values) => values.iter().map(|value| self.part(value, level + 1)).collect(),
            Value::String(text) => self.wrote(text.len()).map(|()| part.clone()),
            Value::Null | Value::Bool(_) | Value::Number(_) => self.wrote(4).map(|()| part.clone()),
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, level: usize) -> Result<Value, String> {
        let (mut written, mut referred) = (Map::new(), None);
        for (word, value) in fields {
            self.wrote(word.len() + 4)?;
            match (word.as_str(), value) {
                ("$ref", Value::String(to)) => {
                    let target = self.target(to)?;
                    referred = Some(self.part(target, level + 1)?);
                }
                ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                    return Err(format!("its schema has a `{word}`, which has no bound"));
                }
                ("unevaluatedProperties" | "unevaluatedItems", _) if self.unevaluated == MOST_UNEVALUATED => {
                    return Err(format!(
                        "its schema has more than {MOST_UNEVALUATED} `unevaluated…`: inside each other they have no bound"
                    ));
                }
                _ => {
                    self.unevaluated += usize::from(word.starts_with("unevaluated"));
                    written.insert(word.clone(), self.part(value, level + 1)?);
                }
            }
        }
        // Beside others it holds together with them.
        if let Some(referred) = referred {
            match written.entry("allOf").or_insert_with(|| json!([])) {
                Value::Array(all) => all.push(referred),
                _ => return Err("its schema is no JSON Schema: `allOf` is no list".to_owned()),
            }
        }
        Ok(Value::Object(written))
    }

    fn target(&self, reference: &str) -> Result<&'a Value, String> {
        let found = reference.strip_prefix('#').and_then(|place| self.whole.pointer(place));
        found.ok_or_else(|| {
            let reference: String = reference.chars().take(100).collect();
            format!("its schema refers to `{reference}`, which is not in it")
        })
    }

    fn wrote(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes += bytes + 2;
        match self.bytes > MOST_BYTES {
            true => Err(format!("its schema is larger than {MOST_BYTES} bytes with its references written out")),
            false => Ok(()),
        }
    }
}

/// A schema as a model is told of it: what it needs to call the tool. Sentences of the server's stand there as quoted, or
/// not at all; words that are no schema's are left out.
pub(super) fn told(schema: &Map<String, Value>) -> Map<String, Value> {
    schema.iter().filter_map(|(word, value)| Some((word.clone(), told_word(word, value)?))).collect()
}

fn told_word(word: &str, value: &Value) -> Option<Value> {
    match (word, value) {
        ("description", Value::String(text)) => Some(format!("the server says: {}", Value::from(text.as_str())).into()),
        ("properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions", Value::Object(named)) => {
            Some(Value::Object(named.iter().map(|(name, schema)| (name.clone(), told_part(schema))).collect()))
        }
        (
            "items"
            | "prefixItems"
            | "additionalItems"
            | "contains"
            | "additionalProperties"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties"
            | "allOf"
            | "anyOf"
            | "oneOf"
            | "not"
            | "if"
            | "then"
            | "else",
            _,
        ) => Some(told_part(value)),
        // A model that does not know these calls it wrongly.
        ("type" | "enum" | "const" | "required" | "dependentRequired" | "pattern" | "$ref", _) => Some(value.clone()),
        ("format", Value::String(name)) => {
            let is_name = name.len() <= 32 && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            is_name.then(|| value.clone())
        }
        (
            "default" | "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" | "minLength"
            | "maxLength" | "minItems" | "maxItems" | "uniqueItems" | "minContains" | "maxContains" | "minProperties"
            | "maxProperties",
            Value::Null | Value::Bool(_) | Value::Number(_),
        ) => Some(value.clone()),
        _ => None,
    }
}

fn told_part(part: &Value) -> Value {
    match part {
        Value::Object(schema) => Value::Object(told(schema)),
        Value::Array(schemas) => schemas.iter().map(told_part).collect(),
        other => other.clone(),
    }
}
