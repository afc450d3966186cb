//! `/api/admin/tokens`: keys for programs. Shown once, kept as hashes, revoked at once.

use actix_web::{HttpResponse, http::Method, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    storage::TokenLabel,
    web::{
        Deps,
        auth::{Caller, links, random},
        cursor::Page,
        errors::Problem,
        input::{Checks, Loose},
        routes::{Route, Table, Who},
    },
};

const ALL: &str = "/api/admin/tokens";

/// `/api/admin/tokens…`.
pub fn routes() -> Table {
    vec![
        Route::get(ALL, Who::Owner, "Tokens by name, never their text", list).gives_page::<TokenView>(),
        Route::post(ALL, Who::Owner, "Makes a token; its text is shown once", create)
            .takes::<NewToken>()
            .gives::<MadeToken>(),
        Route::new(Method::DELETE, "/api/admin/tokens/{token}", Who::Owner, "Revokes a token", revoke),
    ]
}

/// A token as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    pub id: Uuid,
    pub name: String,
    pub created_ms: i64,
    pub revoked_ms: Option<i64>,
}

impl From<TokenLabel> for TokenView {
    fn from(label: TokenLabel) -> Self {
        Self { id: label.id, name: label.name, created_ms: label.created_ms, revoked_ms: label.revoked_ms }
    }
}

/// A token to be.
#[derive(Deserialize, ToSchema)]
pub struct NewToken {
    /// What it is for, 1 to 80 characters.
    pub name: String,
}

/// A new token with its text.
#[derive(Serialize, ToSchema)]
pub struct MadeToken {
    pub id: Uuid,
    pub name: String,
    /// For `Authorization: Bearer …`. It is not shown again.
    pub token: String,
}

async fn list(deps: web::Data<Deps>) -> Result<web::Json<Page<TokenView>>, Problem> {
    let tokens = deps.accounts.tokens().await?;
    Ok(web::Json(Page::whole(tokens.into_iter().map(TokenView::from).collect())))
}

async fn create(caller: Caller, input: Loose<NewToken>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let mut checks = Checks::default();
    checks.line("name", &input.name, 1..=80);
    checks.done()?;
    let user = match caller.user {
        Some(user) => user,
        None => links::first_owner(&deps.accounts).await?,
    };
    let token = format!("gr_{}", random::new_secret(deps.world.as_ref()));
    let made = deps.accounts.create_token(user, &input.name, random::hash_of(&token), deps.world.now_ms()).await?;
    let data = json!({ "token": made.id, "name": made.name });
    deps.company.record_act(format!("made token {}", made.name), data, &caller.by()).await?;
    Ok(HttpResponse::Created().json(MadeToken { id: made.id, name: made.name, token }))
}

async fn revoke(id: web::Path<String>, caller: Caller, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let not_found = || Problem::not_found("token", &id);
    let token: Uuid = id.parse().map_err(|_| not_found())?;
    if !deps.accounts.revoke_token(token).await? {
        return Err(not_found());
    }
    deps.company.record_act("revoked a token".into(), json!({ "token": token }), &caller.by()).await?;
    Ok(HttpResponse::NoContent().finish())
}
