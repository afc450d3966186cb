//! `/api/artifacts/{hash}`: files that prove something. They are shown, never run.
//!
//! A page a persona visited may have put anything into one, so a browser is told its exact type, may not guess
//! another, may not run what is in it, and shows only pictures and plain text; everything else is saved.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use actors::domain::{ArtifactRef, Hash};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::web::{
    Deps,
    errors::Problem,
    input::LooseQuery,
    routes::{Route, Table, Who},
};

/// `/api/artifacts/{hash}`.
pub fn routes() -> Table {
    vec![Route::get("/api/artifacts/{hash}", Who::Member, "An artifact by its SHA-256", show).query::<How>()]
}

#[derive(Debug, Deserialize, IntoParams)]
struct How {
    /// Save it, whatever it is.
    #[serde(default)]
    download: bool,
}

const POLICY: &str = "sandbox; default-src 'none'; style-src 'none'; script-src 'none'; frame-ancestors 'none'";

async fn show(
    hash: web::Path<String>,
    query: LooseQuery<How>,
    request: HttpRequest,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let not_found = || Problem::not_found("artifact", &hash);
    let id: Hash = hash.parse().map_err(|_| not_found())?;
    let artifact = deps.db.artifact(id).await?.ok_or_else(not_found)?;
    let tag = format!("\"{id}\"");
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let mut answer = if known.is_some_and(|known| known.split(',').any(|one| same_tag(one, &tag))) {
        HttpResponse::NotModified().finish()
    } else {
        let gone = || Problem::not_found("artifact any more: collected or not written:", &hash);
        let bytes = deps.blobs.get(id).await?.ok_or_else(gone)?;
        HttpResponse::Ok().body(bytes)
    };
    let kind = media_type(&artifact.media_type);
    let headers = answer.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = header::HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, &kind);
    set(header::CONTENT_DISPOSITION, &disposition(&artifact, &kind, query.download));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::ETAG, &tag);
    set(header::CACHE_CONTROL, "private, max-age=31536000, immutable");
    Ok(answer)
}

/// Compression makes a tag weak.
fn same_tag(given: &str, tag: &str) -> bool {
    let given = given.trim();
    given.strip_prefix("W/").unwrap_or(given) == tag
}

/// The type as it was recorded, if it is one.
fn media_type(recorded: &str) -> String {
    let part =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let essence = recorded.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.split_once('/') {
        Some(("text", sub)) if part(sub) => format!("text/{sub}; charset=utf-8"),
        Some((kind, sub)) if part(kind) && part(sub) => essence,
        _ => "application/octet-stream".to_owned(),
    }
}

/// Pictures and plain text may be looked at in place; SVG is a program.
fn disposition(artifact: &ArtifactRef, kind: &str, download: bool) -> String {
    const SHOWN: [&str; 5] = ["image/png", "image/jpeg", "image/webp", "image/gif", "text/plain; charset=utf-8"];
    let how = if SHOWN.contains(&kind) && !download { "inline" } else { "attachment" };
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_. ".contains(c) { c } else { '_' };
    let ascii: String = artifact.name.chars().take(100).map(plain).collect();
    let mut utf8 = String::new();
    for byte in artifact.name.chars().take(100).collect::<String>().bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"-_.".contains(&b) => utf8.push(char::from(b)),
            b => utf8.push_str(&format!("%{b:02X}")),
        }
    }
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{utf8}")
}

#[cfg(test)]
mod tests {
    use actors::domain::ArtifactKind;

    use super::*;

    fn shown(name: &str, recorded: &str) -> String {
        let (kind, hash) = (ArtifactKind::File, Hash::ZERO);
        let media_type = recorded.to_owned();
        let artifact = ArtifactRef { kind, name: name.into(), media_type, bytes: 1, hash, missing: false };
        disposition(&artifact, &super::media_type(recorded), false)
    }

    #[test]
    fn only_pictures_and_plain_text_are_shown_in_place() {
        assert!(shown("a.png", "image/png").starts_with("inline"));
        assert!(shown("a.txt", "text/plain").starts_with("inline"));
        for program in ["text/html", "image/svg+xml", "application/pdf", "TEXT/HTML", "", "x\r\ny/z"] {
            assert!(shown("a", program).starts_with("attachment"), "{program}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_header() {
        let header = shown("a\"; b\r\nc/é.html", "text/html");
        assert_eq!(
            header,
            "attachment; filename=\"a__ b__c__.html\"; filename*=UTF-8''a%22%3B%20b%0D%0Ac%2F%C3%A9.html"
        );
    }
}
