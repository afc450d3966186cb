//! A receipt as pages show it: one line, and everything behind it.

use actors::domain::{ArtifactKind, ArtifactRef, Body, Cost, Hash, Phase, Receipt, ReceiptKind};
use serde_json::Value;

use super::show::{self, When};

/// A receipt, ready to be shown.
#[derive(Debug, Clone)]
pub struct ReceiptRow {
    /// Unique on a page and the same in every rendering, so that an opened row stays open.
    pub id: String,
    pub seq: i64,
    pub icon: &'static str,
    pub kind: &'static str,
    /// Empty for a plain outcome.
    pub phase: &'static str,
    /// Display name of the persona, or `system`.
    pub who: String,
    pub summary: String,
    /// It went wrong, or a rule said no.
    pub bad: bool,
    /// What it cost or weighs: `812 tok · $0.0021`.
    pub note: String,
    pub at: When,
    pub hash: Hash,
    pub prev: Hash,
    pub run_href: Option<String>,
    pub error: Option<String>,
    pub facts: Vec<Fact>,
    pub shots: Vec<Shot>,
    pub files: Vec<FileLink>,
    pub erased: bool,
    /// Shown opened at first.
    pub open: bool,
}

/// One entry of a receipt's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub name: String,
    pub value: String,
    /// Long or of several lines: shown in a box of its own.
    pub long: bool,
}

/// A picture that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shot {
    pub src: String,
    /// A small rendering for grids; the picture itself when there is none.
    pub thumb: String,
    pub name: String,
    pub caption: String,
    /// The page it shows.
    pub page: String,
    pub size: String,
    pub hash: Hash,
}

/// A file that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLink {
    pub href: String,
    pub name: String,
    pub description: String,
    pub kind: &'static str,
    pub size: String,
    pub hash: Hash,
    /// It could not be written when the receipt was.
    pub missing: bool,
}

impl ReceiptRow {
    /// Prepares a receipt of somebody, as seen from now.
    pub fn new(receipt: &Receipt, who: &str, now_ms: i64) -> Self {
        let erased = receipt.body.is_none();
        let empty = Body::default();
        let body = receipt.body.as_ref().unwrap_or(&empty);
        let phase = receipt.phase.filter(|phase| *phase != Phase::Outcome && *phase != Phase::Decision);
        let denied = matches!(phase, Some(Phase::Denied | Phase::Unknown | Phase::Dropped | Phase::Expired));
        let shots = shots(body);
        let shown = !shots.is_empty();
        Self {
            id: anchor(receipt),
            seq: receipt.seq,
            icon: icon(receipt.kind),
            kind: receipt.kind.as_str(),
            phase: phase.map_or("", Phase::as_str),
            who: who.to_owned(),
            summary: if erased { "content erased; the chain still verifies".to_owned() } else { body.summary.clone() },
            bad: body.error.is_some() || denied || refused(body).is_some(),
            note: note(body),
            at: When::at(receipt.at_ms, now_ms),
            hash: receipt.hash,
            prev: receipt.prev,
            run_href: receipt.run.map(|run| format!("/runs/{run}#{}", anchor(receipt))),
            error: body.error.clone(),
            facts: facts(&body.data, shown),
            shots,
            files: files(body),
            erased,
            open: false,
        }
    }
}

/// Why a call that a model chose was not made; the first one of those.
pub fn refused(body: &Body) -> Option<&str> {
    body.data.get("calls")?.as_array()?.iter().find_map(|call| call.get("refused")?.as_str())
}

/// The name of a receipt on every page that shows it.
pub fn anchor(receipt: &Receipt) -> String {
    let hash = receipt.hash.to_string();
    format!("r-{}", hash.get(..12).unwrap_or_default())
}

/// The symbol of a kind, by its name in `icons.svg`.
pub const fn icon(kind: ReceiptKind) -> &'static str {
    match kind {
        ReceiptKind::Log => "lines",
        ReceiptKind::Http => "globe",
        ReceiptKind::Screenshot => "camera",
        ReceiptKind::File => "file",
        ReceiptKind::Execution => "play",
        ReceiptKind::Llm => "spark",
        ReceiptKind::Decision => "fork",
    }
}

/// `812 tok · $0.0021`, or nothing.
pub fn cost(cost: &Cost) -> String {
    let mut parts = Vec::new();
    let tokens = cost.input_tokens + cost.output_tokens;
    if tokens > 0 {
        parts.push(format!("{} tok", show::count(tokens)));
    }
    if cost.micro_usd > 0 {
        parts.push(show::money(cost.micro_usd));
    }
    parts.join(" · ")
}

fn note(body: &Body) -> String {
    let spent = body.cost.as_ref().map(cost).unwrap_or_default();
    if !spent.is_empty() {
        return spent;
    }
    let kept = body.artifacts.iter().filter(|artifact| artifact.kind != ArtifactKind::Thumbnail);
    let bytes: u64 = kept.map(|artifact| artifact.bytes).sum();
    if bytes > 0 { show::size(bytes) } else { String::new() }
}

/// Longer than this and a value gets a box of its own.
const ONE_LINE: usize = 100;
/// Longer than this and the page shows the beginning; the whole is in the artifact or the API.
const MOST_SHOWN: usize = 4_000;

/// What the data says and the rest of the row does not; below a picture stands the page it shows.
fn facts(data: &Value, below_picture: bool) -> Vec<Fact> {
    let Value::Object(entries) = data else { return Vec::new() };
    let told = |name: &str| match name {
        "step" | "ok" | "file" | "caption" | "description" => true,
        "url" | "title" => below_picture,
        _ => false,
    };
    let fact = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => text.clone(),
            Value::Array(_) | Value::Object(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
            plain => plain.to_string(),
        };
        let text = value.as_i64().filter(|_| name.ends_with("_ms")).map_or(text, moment_or_span);
        let long = text.len() > ONE_LINE || text.contains('\n');
        Some(Fact { name: name.trim_end_matches("_ms").replace('_', " "), value: show::clip(&text, MOST_SHOWN), long })
    };
    entries.iter().filter(|(name, _)| !told(name)).filter_map(fact).collect()
}

/// Milliseconds as people read them: since 1970 where they are so many, else how long something was.
fn moment_or_span(ms: i64) -> String {
    const LONG_AGO_MS: i64 = 1_000_000_000_000;
    match ms {
        LONG_AGO_MS.. => show::second(ms),
        _ => show::took(ms),
    }
}

fn address(hash: &Hash) -> String {
    format!("/api/artifacts/{hash}")
}

fn text_of<'a>(body: &'a Body, name: &str) -> &'a str {
    body.data.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn shots(body: &Body) -> Vec<Shot> {
    let of = |kind: ArtifactKind| body.artifacts.iter().filter(move |one| one.kind == kind && !one.missing);
    let thumb = of(ArtifactKind::Thumbnail).next().map(|one| address(&one.hash));
    let shot = |one: &ArtifactRef| {
        let src = address(&one.hash);
        let page = match (text_of(body, "title"), text_of(body, "url")) {
            ("", url) => url.to_owned(),
            (title, "") => title.to_owned(),
            (title, url) => format!("{title} · {url}"),
        };
        let caption = text_of(body, "caption");
        Shot {
            thumb: thumb.clone().unwrap_or_else(|| src.clone()),
            src,
            name: one.name.clone(),
            caption: if caption.is_empty() { one.name.clone() } else { caption.to_owned() },
            page,
            size: show::size(one.bytes),
            hash: one.hash,
        }
    };
    of(ArtifactKind::Screenshot).map(shot).collect()
}

fn files(body: &Body) -> Vec<FileLink> {
    let is_file = |one: &&ArtifactRef| {
        matches!(one.kind, ArtifactKind::File | ArtifactKind::CsvRow | ArtifactKind::Text) || one.missing
    };
    let link = |one: &ArtifactRef| FileLink {
        href: address(&one.hash),
        name: one.name.clone(),
        description: text_of(body, "description").to_owned(),
        kind: match one.kind {
            ArtifactKind::CsvRow => "row",
            ArtifactKind::Text => "text",
            ArtifactKind::Screenshot | ArtifactKind::Thumbnail => "picture",
            ArtifactKind::File => "file",
        },
        size: show::size(one.bytes),
        hash: one.hash,
        missing: one.missing,
    };
    body.artifacts.iter().filter(is_file).map(link).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn milliseconds_are_shown_as_moments_or_spans() {
        let told = facts(&json!({"expires_ms": 1_795_183_331_482_i64, "took_ms": 4_250, "tries": 3}), false);
        let told: Vec<_> = told.iter().map(|fact| (fact.name.as_str(), fact.value.as_str())).collect();
        assert_eq!(told, [("expires", "20 Nov 2026, 14:02:11 UTC"), ("took", "4.2 s"), ("tries", "3")]);
    }
}
