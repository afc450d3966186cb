//! Headers that say what a change relies on: `If-Match` and `Idempotency-Key`.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
};

use crate::web::errors::Problem;

/// The version named by `If-Match`, plain or in quotes.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Option<i64>);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(header::IF_MATCH) else { return ready(Ok(Self(None))) };
        let text = value.to_str().unwrap_or_default().trim();
        let number = text.trim_start_matches("W/").trim_matches('"').parse();
        ready(
            number
                .map(|version| Self(Some(version)))
                .map_err(|_| Problem::field("If-Match", "must be the version you read, like `\"3\"`")),
        )
    }
}

/// The version a change relies on, from the body (`version` or `ifVersion`) or from `If-Match`.
pub fn version_read(version: Option<i64>, if_version: Option<i64>, IfMatch(header): IfMatch) -> Result<i64, Problem> {
    let mut said = [version, if_version, header].into_iter().flatten();
    let Some(first) = said.next() else {
        let detail = "Send the `version` you read with the change (in the body, or as `If-Match`), so that nobody's \
                      change is lost unseen.";
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "version-needed", "Version needed", detail));
    };
    if said.any(|other| other != first) {
        return Err(Problem::field("version", "differs from `ifVersion` or `If-Match`; send one"));
    }
    Ok(first)
}

/// The caller's key for what must happen only once.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<String>);

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get("idempotency-key") else { return ready(Ok(Self(None))) };
        let text = value.to_str().unwrap_or_default().trim().trim_matches('"');
        ready(if is_key(text) {
            Ok(Self(Some(text.to_owned())))
        } else {
            Err(Problem::field("Idempotency-Key", KEY_RULE))
        })
    }
}

impl IdempotencyKey {
    /// The header's key, or the one in the body's `correlation`.
    pub fn or_in_body(self, correlation: Option<String>) -> Result<Option<String>, Problem> {
        match (self.0, correlation) {
            (_, Some(key)) if !is_key(&key) => Err(Problem::field("correlation", KEY_RULE)),
            (Some(header), Some(body)) if header != body => {
                Err(Problem::field("correlation", "differs from `Idempotency-Key`; send one"))
            }
            (header, body) => Ok(header.or(body)),
        }
    }
}

const KEY_RULE: &str = "must be 1 to 200 visible ASCII characters";

fn is_key(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}
