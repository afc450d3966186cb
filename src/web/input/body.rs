//! The extractors: bodies bounded and read loosely, query strings likewise.

use std::{ops::Deref, pin::Pin, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::StatusCode, web::BytesMut};
use futures::StreamExt;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{from_query, from_value, parse_json};
use crate::web::errors::Problem;

/// A body may have this many bytes.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// A body over the limit is read on to here, so that its sender hears the answer; then the line is cut.
const DRAIN_LIMIT: usize = 32 * 1024 * 1024;

const BODY_TIME: Duration = Duration::from_secs(30);

/// A JSON body. An empty one is `{}`.
pub struct Loose<T>(pub T);

impl<T> Deref for Loose<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Loose<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        Box::pin(async move {
            let read = tokio::time::timeout(BODY_TIME, read_body(payload)).await;
            let bytes = read.map_err(|_| {
                let detail = "The body did not arrive within 30 seconds. Send it again.";
                Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body came too slowly", detail)
            })??;
            from_value(parse_json(&bytes)?).map(Self)
        })
    }
}

async fn read_body(mut payload: Payload) -> Result<BytesMut, Problem> {
    let mut body = BytesMut::new();
    let mut seen = 0;
    while let Some(part) = payload.next().await {
        let part = part.map_err(|error| Problem::malformed(format!("The body broke off: {error}.")))?;
        seen += part.len();
        if seen <= BODY_LIMIT {
            body.extend_from_slice(&part);
        } else if seen > DRAIN_LIMIT {
            break;
        }
    }
    if seen > BODY_LIMIT {
        let detail = format!("A body may have {BODY_LIMIT} bytes; this one has more. Send less, or in parts.");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail));
    }
    Ok(body)
}

/// The body of a call that needs none: empty, or `{}`. Whoever sends more is told that it would not be heard.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

/// A query string; unknown names are refused as in bodies.
pub struct LooseQuery<T>(pub T);

impl<T> Deref for LooseQuery<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for LooseQuery<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(read_query(request.query_string()).map(Self))
    }
}

fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut pairs = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        // A token may stand in any query of the observe endpoints; who may call is decided elsewhere.
        if name == "token" {
            continue;
        }
        if pairs.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
            return Err(Problem::field(name, "stands twice; send it once"));
        }
    }
    from_query(pairs)
}
