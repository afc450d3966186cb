//! A deserializer that matches field names without regard to case and underscores, at every depth.
//!
//! Serde tells a deserializer which fields a struct has; here that list is used to rename what came in, to refuse
//! what is unknown with the nearest known name, and to refuse one field written twice in two spellings.

use std::fmt;

use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

use crate::{
    config::words::wrong_sort,
    web::errors::{FieldError, Problem},
};

/// Why a value does not fit; `field` when it is one the path does not name yet.
#[derive(Debug)]
pub struct LooseError {
    field: Option<String>,
    reason: String,
}

impl fmt::Display for LooseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for LooseError {}

impl Error for LooseError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self { field: None, reason: reason.to_string() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: Some(field.to_owned()), reason: "is required".to_owned() }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::custom(wrong_sort(&found, wanted))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::custom(wrong_sort(&found, wanted))
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self { field: None, reason: unknown(found, known, &format!("`{}` is not known", shortened(found))) }
    }
}

impl LooseError {
    fn at(field: &str, reason: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), reason: reason.into() }
    }
}

/// Whether two names are the same field.
pub fn same_name(a: &str, b: &str) -> bool {
    let letters = |text: &'_ str| -> Vec<char> {
        text.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    letters(a) == letters(b)
}

/// The known name that was probably meant.
fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let found = found.to_lowercase();
    let rated = known.iter().map(|name| (strsim::jaro_winkler(&found, name), *name));
    rated.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// `what` is wrong with a name, and which there are.
pub fn unknown(found: &str, known: &[&str], what: &str) -> String {
    let known_names = || match known {
        [] => "nothing is read here".to_owned(),
        known => format!("known are: {}", known.join(", ")),
    };
    match nearest(found, known) {
        Some(name) => format!("{what}; did you mean `{name}`? {}", known_names()),
        None => format!("{what}; {}", known_names()),
    }
}

fn shortened(found: &str) -> String {
    found.chars().take(60).collect()
}

/// Reads a body's value.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    read(LooseValue { value, texts: false })
}

/// Reads the pairs of a query string: numbers and booleans come as text.
pub fn from_query<T: DeserializeOwned>(pairs: Map<String, Value>) -> Result<T, Problem> {
    read(LooseValue { value: Value::Object(pairs), texts: true })
}

fn read<T: DeserializeOwned>(value: LooseValue) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let LooseError { field, reason } = error.into_inner();
        let field = match field {
            Some(field) if path.is_empty() => field,
            Some(field) => format!("{path}.{field}"),
            None if path.is_empty() => "body".to_owned(),
            None => path,
        };
        Problem::invalid(vec![FieldError::new(field, reason)])
    })
}

/// A value on its way into a type.
struct LooseValue {
    value: Value,
    /// Numbers and booleans may come as text.
    texts: bool,
}

impl LooseValue {
    fn inner(&self, value: Value) -> Self {
        Self { value, texts: self.texts }
    }

    /// What a text stands for, where texts may stand for numbers and booleans.
    fn scalar(self) -> Value {
        match self.value {
            Value::String(text) if self.texts => match serde_json::from_str::<Value>(text.trim()) {
                Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
                _ => Value::String(text),
            },
            value => value,
        }
    }
}

macro_rules! scalars {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, LooseError> {
            one(self.scalar(), visitor)
        })+
    };
}

impl<'de> serde::Deserializer<'de> for LooseValue {
    type Error = LooseError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, LooseError> {
        match self.value {
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), texts: self.texts }),
            Value::Object(fields) => {
                let fields = fields.into_iter().collect::<Vec<_>>().into_iter();
                visitor.visit_map(Fields { fields, value: Value::Null, texts: self.texts })
            }
            value => one(value, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, LooseError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, LooseError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, LooseError> {
        let texts = self.texts;
        match self.value {
            Value::Object(fields) => {
                let fields = renamed(fields, known)?.into_iter();
                visitor.visit_map(Fields { fields, value: Value::Null, texts })
            }
            value => Err(LooseError::custom(format!("must be an object, it is {}", sort_of(&value)))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, LooseError> {
        let (name, content) = match &self.value {
            Value::String(name) => (name.clone(), None),
            Value::Object(fields) if fields.len() == 1 => {
                let (name, content) = fields.iter().next().map(|(k, v)| (k.clone(), v.clone())).unwrap_or_default();
                (name, Some(self.inner(content)))
            }
            value => return Err(LooseError::custom(format!("must be a word, it is {}", sort_of(value)))),
        };
        let name = known.iter().find(|known| same_name(known, &name)).map_or(name, |known| (*known).to_owned());
        visitor.visit_enum(Variant { name, content })
    }

    scalars! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// A value that is neither list nor object; those are refused.
fn one<'de, V: Visitor<'de>>(value: Value, visitor: V) -> Result<V::Value, LooseError> {
    match value {
        Value::Null => visitor.visit_unit(),
        Value::Bool(value) => visitor.visit_bool(value),
        Value::String(text) => visitor.visit_string(text),
        Value::Array(_) => Err(LooseError::invalid_type(Unexpected::Seq, &visitor)),
        Value::Object(_) => Err(LooseError::invalid_type(Unexpected::Map, &visitor)),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(value), ..) => visitor.visit_u64(value),
            (_, Some(value), _) => visitor.visit_i64(value),
            (.., Some(value)) => visitor.visit_f64(value),
            _ => Err(LooseError::custom("is a number that cannot be held")),
        },
    }
}

/// The same fields under their known names.
fn renamed(fields: Map<String, Value>, known: &[&str]) -> Result<Vec<(String, Value)>, LooseError> {
    let mut out: Vec<(String, Value)> = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let Some(canonical) = known.iter().find(|known| same_name(known, &name)) else {
            return Err(LooseError::at(&name, unknown(&name, known, "is not a field here")));
        };
        if out.iter().any(|(taken, _)| taken == canonical) {
            return Err(LooseError::at(canonical, format!("stands twice, also as `{name}`; send it once")));
        }
        out.push(((*canonical).to_owned(), value));
    }
    Ok(out)
}

fn sort_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

struct Items {
    items: std::vec::IntoIter<Value>,
    texts: bool,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = LooseError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, LooseError> {
        let texts = self.texts;
        self.items.next().map(|value| seed.deserialize(LooseValue { value, texts })).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Fields {
    fields: std::vec::IntoIter<(String, Value)>,
    value: Value,
    texts: bool,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = LooseError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, LooseError> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.value = value;
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, LooseError> {
        seed.deserialize(LooseValue { value: self.value.take(), texts: self.texts })
    }
}

struct Variant {
    name: String,
    content: Option<LooseValue>,
}

/// What stands behind a variant's name.
struct Content(Option<LooseValue>);

impl<'de> EnumAccess<'de> for Variant {
    type Error = LooseError;
    type Variant = Content;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), LooseError> {
        let name = seed.deserialize(self.name.into_deserializer())?;
        Ok((name, Content(self.content)))
    }
}

impl<'de> VariantAccess<'de> for Content {
    type Error = LooseError;

    fn unit_variant(self) -> Result<(), LooseError> {
        match self.0 {
            None => Ok(()),
            Some(content) => Err(LooseError::custom(format!("takes no value, it has {}", sort_of(&content.value)))),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, LooseError> {
        seed.deserialize(self.0.ok_or_else(|| LooseError::custom("needs a value"))?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, LooseError> {
        serde::Deserializer::deserialize_any(self.0.ok_or_else(|| LooseError::custom("needs a list"))?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, LooseError> {
        let content = self.0.ok_or_else(|| LooseError::custom("needs fields"))?;
        serde::Deserializer::deserialize_struct(content, "", known, visitor)
    }
}

#[cfg(test)]
#[path = "loose_tests.rs"]
mod tests;
