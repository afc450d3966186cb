//! The typed fields of a template, and what people filled in.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// One field of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    pub about: &'static str,
    #[serde(flatten)]
    pub sort: Sort,
    pub required: bool,
}

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Sort {
    /// One line of at most so many characters.
    Line {
        most: usize,
    },
    /// At most so many characters.
    Text {
        most: usize,
    },
    /// One of these words.
    Choice {
        of: &'static [&'static str],
    },
    Count {
        least: u32,
        most: u32,
    },
}

/// A field that cannot be right: which, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct BadField {
    /// `template` or `params.<name>`.
    pub field: String,
    pub reason: String,
}

impl BadField {
    pub(super) fn param(name: &str, reason: impl Into<String>) -> Self {
        Self { field: format!("params.{name}"), reason: reason.into() }
    }
}

/// What was filled in, checked; empty fields are not among it.
#[derive(Debug, Clone, Default)]
pub(super) struct Filled(BTreeMap<&'static str, String>);

impl Filled {
    /// Every field as its template wants it, and nothing else.
    pub(super) fn read(fields: &'static [Field], params: &Map<String, Value>) -> Result<Self, BadField> {
        if let Some(unknown) = params.keys().find(|name| !fields.iter().any(|field| field.name == *name)) {
            let known = fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
            return Err(BadField::param(unknown, format!("is not known; known are: {known}")));
        }
        let mut filled = BTreeMap::new();
        for field in fields {
            match params.get(field.name).filter(|value| !is_empty(value)) {
                Some(value) => drop(filled.insert(field.name, field.sort.text(field.name, value)?)),
                None if field.required => return Err(BadField::param(field.name, "is required")),
                None => {}
            }
        }
        Ok(Self(filled))
    }

    /// What a required field says.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What a field says, or this.
    pub(super) fn or(&self, name: &str, default: &str) -> String {
        self.0.get(name).map_or_else(|| default.to_owned(), Clone::clone)
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

impl Sort {
    fn text(self, name: &str, value: &Value) -> Result<String, BadField> {
        let bad = |reason: String| Err(BadField::param(name, reason));
        if let Self::Count { least, most } = self {
            let count = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
            return match count.filter(|count| (u64::from(least)..=u64::from(most)).contains(count)) {
                Some(count) => Ok(count.to_string()),
                None => bad(format!("must be a whole number from {least} to {most}")),
            };
        }
        let Some(text) = value.as_str().map(str::trim) else { return bad("must be a text".to_owned()) };
        match self {
            Self::Choice { of } if !of.contains(&text) => {
                bad(format!("`{text}` is not known; known are: {}", of.join(", ")))
            }
            Self::Line { .. } if text.contains(['\n', '\r']) => bad("must be one line".to_owned()),
            Self::Line { most } | Self::Text { most } if text.chars().count() > most => {
                bad(format!("must have at most {most} characters, it has {}", text.chars().count()))
            }
            _ if text.contains("{{") || text.contains("${") => {
                bad("must not hold `{{` or `${`: the template fills in what is needed".to_owned())
            }
            _ => Ok(text.to_owned()),
        }
    }
}
