//! Logging in and out: one-time links that become sessions.
//!
//! Opening a link only shows a button, so that a preview or a prefetch does not use it up; pressing it does.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::Cookie,
    http::{Method, StatusCode, header},
    web,
};
use actors::ports::World;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{Caller, SESSION_COOKIE, Via, lasts_ms, origin, random, session_cookie, throttle::Throttle};
use crate::{
    storage::{Accounts, DbError, UserId, UserRole},
    web::{
        Deps,
        errors::Problem,
        input::{Loose, Nothing},
        routes::{Route, Table, Who},
    },
};

const LINK_LASTS_MS: i64 = 15 * 60 * 1000;

/// `/login`, `/api/auth/{me,logout,login-links}`.
pub fn routes() -> Table {
    vec![
        Route::new(Method::POST, "/login", Who::Anyone, "Uses a login link up and starts a session", use_up),
        Route::get("/api/auth/me", Who::Member, "Who is calling", me).gives::<Me>(),
        Route::post("/api/auth/logout", Who::Member, "Ends the session", logout),
        Route::post("/api/auth/login-links", Who::Owner, "Makes a one-time login link", make)
            .takes::<NewLink>()
            .gives::<LinkView>(),
    ]
}

/// A login link: the address is the secret, shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkView {
    pub url: String,
    pub expires_ms: i64,
}

/// Whom a link is for.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewLink {
    /// A user's name; left out: yourself, or the first owner.
    pub user: Option<String>,
}

/// Who is calling.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    pub name: String,
    #[schema(value_type = String)]
    pub role: UserRole,
}

/// The first owner; made when there is no user yet.
pub async fn first_owner(accounts: &Accounts) -> Result<UserId, DbError> {
    let users = accounts.users().await?;
    match users.iter().find(|user| user.role == UserRole::Owner) {
        Some(owner) => Ok(owner.id),
        None => Ok(accounts.create_user("owner", UserRole::Owner).await?.id),
    }
}

/// Makes a link for a user: what the first start prints, and what `greenroom login` asks for.
pub async fn new_link(
    accounts: &Accounts,
    world: &dyn World,
    base_url: &str,
    user: UserId,
) -> Result<LinkView, DbError> {
    let secret = random::new_secret(world);
    let expires_ms = world.now_ms() + LINK_LASTS_MS;
    accounts.create_login_link(random::hash_of(&secret), user, expires_ms).await?;
    Ok(LinkView { url: format!("{base_url}/login?token={secret}"), expires_ms })
}

async fn make(
    caller: Caller,
    input: Loose<NewLink>,
    deps: web::Data<Deps>,
) -> Result<(web::Json<LinkView>, StatusCode), Problem> {
    let user = match (&input.user, caller.user) {
        (Some(name), _) => {
            let users = deps.accounts.users().await?;
            let found = users.into_iter().find(|user| user.name == *name);
            found.ok_or_else(|| Problem::field("user", "there is no user with this name"))?.id
        }
        (None, Some(user)) => user,
        (None, None) => first_owner(&deps.accounts).await?,
    };
    let link = new_link(&deps.accounts, deps.world.as_ref(), &deps.base_url, user).await?;
    deps.company.record_act("made a login link".into(), json!({ "user": user.to_string() }), &caller.by()).await?;
    Ok((web::Json(link), StatusCode::CREATED))
}

#[derive(Deserialize)]
struct Pressed {
    token: String,
}

async fn use_up(
    form: web::Form<Pressed>,
    request: HttpRequest,
    deps: web::Data<Deps>,
    throttle: web::Data<Throttle>,
) -> Result<HttpResponse, Problem> {
    from_our_page(&request, &deps)?;
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    throttle.admit(peer)?;
    let now_ms = deps.world.now_ms();
    let Some(user) = deps.accounts.use_login_link(random::hash_of(&form.token), now_ms).await? else {
        throttle.failed(peer);
        return Ok(see("/login?refused=1"));
    };
    let secret = random::new_secret(deps.world.as_ref());
    let lasts_ms = lasts_ms(&deps);
    deps.accounts.create_session(user, random::hash_of(&secret), now_ms + lasts_ms).await?;
    let by = actors::supervisor::By { who: user.to_string(), trace: crate::web::trace::trace_of(&request) };
    if let Err(error) = deps.company.record_act("logged in".into(), json!({ "user": user.to_string() }), &by).await {
        tracing::warn!("a login could not be recorded: {error}");
    }
    let mut answer = see("/personas");
    if let Err(error) = answer.add_cookie(&session_cookie(secret, lasts_ms, &request)) {
        return Err(Problem::unavailable(format!("The session cookie could not be set: {error}.")));
    }
    Ok(answer)
}

/// A form on a foreign page must not log anyone in; programs without an origin may.
fn from_our_page(request: &HttpRequest, deps: &Deps) -> Result<(), Problem> {
    let by_browser = ["origin", "sec-fetch-site"].iter().any(|name| request.headers().contains_key(*name));
    if by_browser { origin::own_origin_needed(request, &deps.config.server.allowed_origins) } else { Ok(()) }
}

fn see(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}

async fn me(caller: Caller) -> web::Json<Me> {
    web::Json(Me { name: caller.name, role: caller.role })
}

async fn logout(caller: Caller, _: Loose<Nothing>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    if let Via::Session(hash) = caller.via {
        deps.accounts.delete_session(hash).await?;
        let user = caller.user.map(|user| user.to_string());
        deps.company.record_act("logged out".into(), json!({ "user": user }), &caller.by()).await?;
    }
    let mut gone = Cookie::build(SESSION_COOKIE, "").path("/").http_only(true).finish();
    gone.make_removal();
    Ok(HttpResponse::NoContent().cookie(gone).finish())
}
