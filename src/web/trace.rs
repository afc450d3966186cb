//! What wraps every call: a trace id in and out, headers that keep browsers safe, and problems for every error.

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, ContentEncoding, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use actors::domain::TraceId;
use uuid::Uuid;

use super::{
    Deps,
    errors::{PROBLEM_JSON, Problem},
    v1::errors::Refusal,
};

/// Where programs expect OpenAI's form of refusals.
const OUTWARD: &str = "/v1/";
const TRACE_HEADER: HeaderName = HeaderName::from_static("x-trace-id");

/// The trace of a request; also an extractor.
#[derive(Debug, Clone, Copy)]
pub struct Trace(pub TraceId);

impl FromRequest for Trace {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(trace_of(request))))
    }
}

/// The trace this request belongs to.
pub fn trace_of(request: &HttpRequest) -> TraceId {
    let known = request.extensions().get::<Trace>().copied();
    known.map_or(TraceId(Uuid::nil()), |trace| trace.0)
}

/// The outermost layer.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let trace = brought(request.headers()).unwrap_or_else(|| made(&request));
    request.extensions_mut().insert(Trace(trace));
    let path = request.path().to_owned();
    let answer = next.call(request).await?.map_into_boxed_body();
    let mut answer = as_problem(answer, &path, trace);
    let text = HeaderValue::from_str(&trace.0.simple().to_string());
    let headers = answer.headers_mut();
    if let Ok(text) = text {
        headers.insert(TRACE_HEADER, text);
    }
    safe_headers(headers, &path);
    Ok(answer)
}

/// `X-Trace-ID` as 32 hexadecimal digits or a UUID, else the trace of a W3C `traceparent`.
fn brought(headers: &HeaderMap) -> Option<TraceId> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let own = text(TRACE_HEADER.as_str()).and_then(|id| Uuid::try_parse(id.trim()).ok());
    let w3c = || Uuid::try_parse(text("traceparent")?.split('-').nth(1)?).ok();
    own.or_else(w3c).filter(|id| !id.is_nil()).map(TraceId)
}

fn made(request: &ServiceRequest) -> TraceId {
    let deps = request.app_data::<web::Data<Deps>>();
    TraceId(deps.map_or(Uuid::nil(), |deps| deps.world.new_id()))
}

/// Every refusal is a problem that knows its address and trace, whoever refused.
fn as_problem(answer: ServiceResponse<BoxBody>, path: &str, trace: TraceId) -> ServiceResponse<BoxBody> {
    let status = answer.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return answer;
    }
    let known = answer.response().extensions().get::<Problem>().cloned();
    let own_page =
        answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let is_outward = path.starts_with(OUTWARD);
    let problem = match known {
        Some(problem) => problem,
        None if is_outward && is_json(&answer) => return answer,
        None if own_page => return answer,
        None => foreign(status, &answer),
    };
    let (request, old) = answer.into_parts();
    let mut fresh = HttpResponse::build(status);
    for (name, value) in old.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            fresh.append_header((name.clone(), value.clone()));
        }
    }
    if is_outward {
        let body = Refusal::of_problem(&problem).json();
        return ServiceResponse::new(request, fresh.insert_header(ContentEncoding::Identity).json(body));
    }
    let body = problem.json(path, &trace.0.simple().to_string());
    ServiceResponse::new(request, fresh.content_type(PROBLEM_JSON).body(body))
}

fn is_json(answer: &ServiceResponse<BoxBody>) -> bool {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes() == b"application/json")
}

/// A refusal of the framework in our words.
fn foreign(status: StatusCode, answer: &ServiceResponse<BoxBody>) -> Problem {
    let why = answer.response().error().map(ToString::to_string);
    let title = status.canonical_reason().unwrap_or("Refused");
    if status.is_server_error() {
        tracing::error!("a request failed: {}", why.unwrap_or_default());
        return Problem::new(status, "internal", title, "The server could not answer; its log says why.");
    }
    Problem::new(status, "refused", title, why.map_or_else(|| title.to_owned(), |why| format!("{why}.")))
}

const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
                           connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

fn safe_headers(headers: &mut HeaderMap, path: &str) {
    let mut unless_set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    unless_set(header::REFERRER_POLICY, "same-origin");
    unless_set(header::X_FRAME_OPTIONS, "DENY");
    unless_set(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    unless_set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    unless_set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    if !path.starts_with("/static/") {
        unless_set(header::CACHE_CONTROL, "no-store");
    }
}
