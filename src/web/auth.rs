//! Who is calling, and may they: server-side sessions for pages, opaque tokens for programs, no passwords.
//!
//! Every route is mounted behind [`guard`] with the role its table states. Reads need a login too; open are only
//! health, version and the login itself. A cookie alone never changes anything: the call must also come from our
//! own origin and be JSON.

pub mod links;
mod origin;
pub mod random;
pub mod throttle;
pub mod tickets;

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse,
    body::BoxBody,
    cookie::{Cookie, SameSite},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web,
};
use actors::{
    domain::{Hash, TraceId},
    supervisor::By,
};
use subtle::ConstantTimeEq;

pub use origin::{is_own, own_origin_needed};

use super::{
    Deps,
    errors::Problem,
    routes::{Face, Who},
    trace::trace_of,
    v1::{
        errors::Refusal,
        keys::{KeyInUse, Keys},
    },
};
use crate::storage::{UserId, UserRole};

/// The cookie that carries a session.
pub const SESSION_COOKIE: &str = "greenroom_session";

/// Who calls, once it is known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// None: the command line on this machine, by the server's own token.
    pub user: Option<UserId>,
    pub name: String,
    pub role: UserRole,
    pub via: Via,
    pub trace: TraceId,
}

/// How a caller showed who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// A session cookie, by its hash.
    Session(Hash),
    /// A bearer token, by its hash.
    Token(Hash),
    /// The token in `server.json`.
    Local,
    /// Allowed without a name: a seeding call on loopback.
    Loopback,
}

impl Caller {
    /// As operators' acts name them.
    pub fn by(&self) -> By {
        By { who: self.name.clone(), trace: self.trace }
    }

    /// The user behind the call, where only a user will do.
    pub fn user(&self) -> Result<UserId, Problem> {
        self.user.ok_or_else(|| Problem::forbidden("Only a user can do this, not the local command line."))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Self>().cloned();
        std::future::ready(caller.ok_or_else(login_needed))
    }
}

/// Lets a call through to its handler, or answers in its place.
pub async fn guard(
    who: Who,
    face: Face,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if who == Who::Key {
        return match program(request.request()).await {
            Ok(key) => {
                request.extensions_mut().insert(key);
                next.call(request).await
            }
            Err(refusal) => Ok(request.error_response(refusal)),
        };
    }
    match admit(who, face, request.request()).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.call(request).await
        }
        Err(problem) if face == Face::Page && problem.status == 401 => Ok(request.into_response(to_login())),
        Err(problem) => Ok(request.error_response(problem)),
    }
}

/// Sends a person to the login.
pub fn to_login() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/login")).finish()
}

/// The virtual key of a program, good and not used too often.
async fn program(request: &HttpRequest) -> Result<KeyInUse, Refusal> {
    let keys = request.app_data::<web::Data<Keys>>().ok_or_else(|| Refusal::broken("The server is not ready."))?;
    let text = bearer(request).ok_or_else(Refusal::no_key)?;
    keys.admit(text).await?.ok_or_else(Refusal::no_key)?
}

/// Who asks for a page that is on no table.
pub async fn visitor(request: &HttpRequest) -> Result<Caller, Problem> {
    identify(Face::Page, request).await
}

async fn admit(who: Who, face: Face, request: &HttpRequest) -> Result<Option<Caller>, Problem> {
    match who {
        // A program is nobody's login; the guard has asked for its key.
        Who::Anyone | Who::Key => Ok(None),
        Who::Seeder => origin::seeder(request, deps(request)?).map(Some),
        Who::Observer if has_status_token(request, deps(request)?) => Ok(None),
        Who::Observer | Who::Member => identify(face, request).await.map(Some),
        Who::Owner => {
            let caller = identify(face, request).await?;
            match caller.role {
                UserRole::Owner => Ok(Some(caller)),
                UserRole::Member => Err(Problem::forbidden("Only an owner may do this. Ask one.")),
            }
        }
    }
}

async fn identify(face: Face, request: &HttpRequest) -> Result<Caller, Problem> {
    let deps = deps(request)?;
    if request.headers().contains_key(header::AUTHORIZATION) {
        let token = bearer(request)
            .ok_or_else(|| Problem::unauthorized("The `Authorization` header must read `Bearer <token>`."))?;
        return by_token(token, deps, trace_of(request)).await;
    }
    let cookie = request.cookie(SESSION_COOKIE).ok_or_else(login_needed)?;
    let caller = by_session(random::hash_of(cookie.value()), deps, trace_of(request)).await?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        own_origin_needed(request, &deps.config.server.allowed_origins)?;
        if face == Face::Api {
            json_needed(request)?;
        }
    }
    Ok(caller)
}

async fn by_token(token: &str, deps: &Deps, trace: TraceId) -> Result<Caller, Problem> {
    if same_secret(token, &deps.local_token) {
        return Ok(Caller { user: None, name: "cli".into(), role: UserRole::Owner, via: Via::Local, trace });
    }
    let hash = random::hash_of(token);
    let known = deps.accounts.token(hash).await?;
    let token = known.ok_or_else(|| {
        Problem::unauthorized("This token is not known or was revoked. Make another with `POST /api/admin/tokens`.")
    })?;
    Ok(Caller { user: Some(token.user_id), name: token.user_name, role: token.role, via: Via::Token(hash), trace })
}

async fn by_session(hash: Hash, deps: &Deps, trace: TraceId) -> Result<Caller, Problem> {
    let now_ms = deps.world.now_ms();
    let session = deps.accounts.session(hash, now_ms).await?.ok_or_else(login_needed)?;
    let lasts_ms = lasts_ms(deps);
    // Written at most twice per lifetime and session, not with every call.
    if session.expires_ms - now_ms < lasts_ms / 2 {
        deps.accounts.extend_session(hash, now_ms + lasts_ms).await?;
    }
    let (user, name) = (Some(session.user_id), session.user_name);
    Ok(Caller { user, name, role: session.role, via: Via::Session(hash), trace })
}

/// Whether the session or token a socket was opened with is still good.
pub async fn still_valid(via: Via, deps: &Deps) -> bool {
    match via {
        Via::Session(hash) => matches!(deps.accounts.session(hash, deps.world.now_ms()).await, Ok(Some(_))),
        Via::Token(hash) => matches!(deps.accounts.token(hash).await, Ok(Some(_))),
        Via::Local | Via::Loopback => true,
    }
}

/// How long a session lasts without use, in milliseconds.
pub(super) fn lasts_ms(deps: &Deps) -> i64 {
    i64::try_from(deps.config.server.session_lasts.as_millis()).unwrap_or(i64::MAX / 4)
}

/// The cookie of a new session. `Secure` when the browser itself says it came over TLS.
pub(super) fn session_cookie(value: String, lasts_ms: i64, request: &HttpRequest) -> Cookie<'static> {
    let tls = request.headers().get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    Cookie::build(SESSION_COOKIE, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(tls)
        .max_age(actix_web::cookie::time::Duration::milliseconds(lasts_ms))
        .finish()
}

fn has_status_token(request: &HttpRequest, deps: &Deps) -> bool {
    let in_query = || {
        let mut pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
        pairs.find(|(name, _)| name == "token").map(|(_, value)| value.into_owned())
    };
    let given = bearer(request).map(str::to_owned).or_else(in_query);
    given.is_some_and(|token| same_secret(&token, &deps.status_token))
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Compares without telling by the time taken how much was right. An empty secret opens nothing.
fn same_secret(given: &str, secret: &str) -> bool {
    let (given, wanted) = (random::hash_of(given), random::hash_of(secret));
    !secret.is_empty() && bool::from(given.0.ct_eq(&wanted.0))
}

fn json_needed(request: &HttpRequest) -> Result<(), Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "A call with a session cookie must say `Content-Type: application/json`. Programs use a token.";
    let status = actix_web::http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(Problem::new(status, "json-needed", "JSON needed", detail))
}

fn login_needed() -> Problem {
    Problem::unauthorized("Log in with `greenroom login`, or send `Authorization: Bearer <token>`.")
}

/// What the server was started with.
pub(super) fn deps(request: &HttpRequest) -> Result<&Deps, Problem> {
    let deps = request.app_data::<web::Data<Deps>>().map(|data| data.get_ref());
    deps.ok_or_else(|| Problem::unavailable("The server is not ready."))
}
