//! Canonical form 1: the exact bytes of a header, and the salted hash that ties a body to it.
//!
//! `header` is UTF-8 JSON: keys in the order below, no white space, integers only (|n| < 2^53), absent keys left
//! out. It is hashed exactly as stored and never written again. `body = SHA-256(salt ‖ body bytes)`, so a body can
//! be erased and the chain still verifies.

#[cfg(test)]
mod vectors;

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{Body, ChainId, Draft, Hash, Rendered};

const HEX: &[u8; 16] = b"0123456789abcdef";
/// Room for the usual header before its tail, and for the tail: one allocation each.
const HEAD_BYTES: usize = 192;
const TAIL_BYTES: usize = 448;

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

/// What a header says about its body.
pub fn commitment(salt: &[u8; 16], body: &str) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(body.as_bytes());
    Hash(hasher.finalize().into())
}

/// The body as it is stored and hashed.
pub fn body_text(body: &Body) -> String {
    // A body is strings, integers and JSON values: it always has a JSON form.
    serde_json::to_string(body).unwrap_or_default()
}

/// Everything of a draft's texts that does not depend on its place.
pub fn render(draft: &Draft) -> Rendered {
    let body = body_text(&draft.body);
    Rendered { header_tail: header_tail(draft, &commitment(&draft.salt, &body)), body }
}

/// The header of a draft at its place in the chain: what comes before the tail, and the tail.
pub fn header(chain: &ChainId, seq: i64, prev: &Hash, tail: &str) -> String {
    let mut out = Keys(String::with_capacity(HEAD_BYTES + tail.len()));
    out.0.push_str("{\"v\":1");
    match chain {
        ChainId::Persona(id) => out.id("chain", Some(id.0)),
        ChainId::System(node) => out.display("chain", format_args!("system:{node}")),
    }
    out.integer("seq", seq);
    out.hash("prev", prev);
    out.0.push_str(tail);
    out.0
}

fn header_tail(draft: &Draft, body: &Hash) -> String {
    let mut out = Keys(String::with_capacity(TAIL_BYTES));
    out.integer("at_ms", draft.at_ms);
    out.text("node", draft.node.as_str());
    out.text("kind", draft.kind.as_str());
    out.optional("phase", draft.phase.map(|phase| phase.as_str()));
    out.optional("state", draft.state);
    out.optional("tool", draft.tool.as_deref());
    out.optional("effect", draft.effect.map(|effect| effect.as_str()));
    out.id("goal", draft.goal.map(|id| id.0));
    out.id("run", draft.run.map(|id| id.0));
    out.optional_integer("step", draft.step.map(i64::from));
    out.optional_integer("replay_of", draft.replay_of);
    if let Some(trace) = draft.trace {
        out.display("trace", format_args!("{}", trace.0.simple()));
    }
    out.optional("project", draft.project.as_deref());
    out.optional_integer("units", draft.units);
    out.hash("body", body);
    out.0.push('}');
    out.0
}

/// A header read back. Unknown keys are refused: form 1 has none.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header<'a> {
    pub v: u8,
    #[serde(borrow)]
    pub chain: Cow<'a, str>,
    pub seq: i64,
    #[serde(borrow)]
    pub prev: Cow<'a, str>,
    pub at_ms: i64,
    #[serde(borrow)]
    pub node: Cow<'a, str>,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub phase: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub state: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub tool: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub effect: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub goal: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub run: Option<Cow<'a, str>>,
    #[serde(default)]
    pub step: Option<u32>,
    #[serde(default)]
    pub replay_of: Option<i64>,
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub trace: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub project: Option<Cow<'a, str>>,
    #[serde(default)]
    pub units: Option<i64>,
    #[serde(borrow)]
    pub body: Cow<'a, str>,
}

/// Reads a stored header.
pub fn parse(header: &str) -> Result<Header<'_>, serde_json::Error> {
    serde_json::from_str(header)
}

/// Serde borrows a `Cow` only when no `Option` is around it.
fn borrowed<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Text::deserialize(from).map(|text| Some(text.0))
}

/// Writes `,"key":value` pairs.
struct Keys(String);

impl Keys {
    fn key(&mut self, key: &str) {
        self.0.push_str(",\"");
        self.0.push_str(key);
        self.0.push_str("\":");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_json_string(&mut self.0, value);
    }

    fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A value that needs no escapes.
    fn display(&mut self, key: &str, value: fmt::Arguments<'_>) {
        self.key(key);
        // Writing to a string cannot fail.
        let _ = write!(self.0, "\"{value}\"");
    }

    fn id(&mut self, key: &str, id: Option<Uuid>) {
        if let Some(id) = id {
            let mut text = [0; 36];
            self.key(key);
            self.0.push('"');
            self.0.push_str(id.hyphenated().encode_lower(&mut text));
            self.0.push('"');
        }
    }

    fn hash(&mut self, key: &str, hash: &Hash) {
        self.key(key);
        self.0.push('"');
        for byte in hash.0 {
            self.0.push(char::from(HEX[usize::from(byte >> 4)]));
            self.0.push(char::from(HEX[usize::from(byte & 15)]));
        }
        self.0.push('"');
    }

    fn integer(&mut self, key: &str, value: i64) {
        debug_assert!(value.unsigned_abs() < 1 << 53, "an integer that every JSON reader keeps exact");
        self.key(key);
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{value}");
    }

    fn optional_integer(&mut self, key: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.integer(key, value);
        }
    }
}

/// Escapes `"`, `\`, \b \f \n \r \t, other controls as \u00xx in lower case; everything else stays raw UTF-8.
fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            0x0c => "\\f",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(&text[plain_from..at]);
        plain_from = at + 1;
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain_from..]);
    out.push('"');
}
