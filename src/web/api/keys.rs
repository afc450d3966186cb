//! `/api/admin/keys`: virtual keys for programs. Shown once, kept as hashes, revoked at once.

use actix_web::{HttpResponse, http::Method, web};
use actors::domain::{BudgetScope, Zone};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    budgets::{self, LimitsInput},
    personas,
};
use crate::{
    storage::{DbError, VirtualKey},
    web::{
        Deps,
        auth::{Caller, random},
        cursor::Page,
        errors::{FieldError, Problem},
        input::{Checks, Loose},
        routes::{Route, Table, Who},
        spending::{self, SpendingView},
        v1::keys::Keys,
    },
};

const ALL: &str = "/api/admin/keys";
const MOST_MODELS: usize = 64;
const MOST_PER_MINUTE: i64 = 100_000;

/// `/api/admin/keys…`.
pub fn routes() -> Table {
    vec![
        Route::get(ALL, Who::Owner, "Virtual keys by name, what they may and have spent; never their text", list)
            .gives_page::<KeyView>(),
        Route::post(ALL, Who::Owner, "Makes a virtual key; its text is shown once", create)
            .takes::<NewKey>()
            .gives::<MadeKey>(),
        Route::new(Method::DELETE, "/api/admin/keys/{key}", Who::Owner, "Revokes a virtual key", revoke),
    ]
}

/// A key as lists show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyView {
    pub name: String,
    /// Its last four characters.
    pub tail: String,
    /// Slug of the persona that is charged beside it.
    pub persona: Option<String>,
    /// What it may ask for: names, or a beginning and `*`.
    pub models: Vec<String>,
    /// Requests in any minute; 0: no limit.
    pub per_minute: u32,
    /// What its calls ask and are answered is kept as artifacts.
    pub keeps_words: bool,
    pub created_by: String,
    pub created_ms: i64,
    pub revoked_ms: Option<i64>,
    pub spending: SpendingView,
}

/// A key to be.
#[derive(Deserialize, ToSchema)]
pub struct NewKey {
    /// Small letters, digits and dashes, 1 to 40; never given twice.
    pub name: String,
    /// Names of `/v1/models`, or a beginning and `*`; left out: everything.
    pub models: Option<Vec<String>>,
    /// Requests in any minute; left out or 0: no limit.
    pub per_minute: Option<i64>,
    /// Whether what its calls ask and are answered is kept as artifacts, which every member may read; left out: it is not.
    pub keeps_words: Option<bool>,
    /// Slug or id of a persona: its budgets hold as well, and its secrets are used first.
    pub persona: Option<String>,
    /// Its own budgets, as `PUT …/budgets` takes them.
    #[schema(value_type = Option<Object>)]
    pub limits: Option<LimitsInput>,
}

/// A new key with its text.
#[derive(Serialize, ToSchema)]
pub struct MadeKey {
    pub name: String,
    /// For `Authorization: Bearer …`. It is not shown again.
    pub key: String,
}

/// Every key with what it has spent, the newest first.
pub async fn views(deps: &Deps) -> Result<Vec<KeyView>, DbError> {
    let mut views = Vec::new();
    for key in deps.accounts.keys().await?.into_iter().rev() {
        let persona = match key.persona {
            Some(id) => deps.db.persona(id).await?.map(|persona| persona.slug.to_string()),
            None => None,
        };
        let spending = spending::of(deps, BudgetScope::Key(key.name.clone()), Zone::UTC).await?;
        views.push(KeyView {
            name: key.name,
            tail: key.tail,
            persona,
            models: key.models,
            per_minute: key.per_minute,
            keeps_words: key.keeps_words,
            created_by: key.created_by,
            created_ms: key.created_ms,
            revoked_ms: key.revoked_ms,
            spending,
        });
    }
    Ok(views)
}

async fn list(deps: web::Data<Deps>) -> Result<web::Json<Page<KeyView>>, Problem> {
    Ok(web::Json(Page::whole(views(&deps).await?)))
}

fn check(new: &NewKey) -> Result<(), Problem> {
    let mut checks = Checks::default();
    checks.line("name", &new.name, 1..=40);
    let is_plain = new.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    checks.check("name", is_plain, "may hold small letters, digits and dashes");
    if let Some(models) = &new.models {
        checks.check("models", !models.is_empty(), "must name one at least; leave it out for all");
        checks.lines("models", models, MOST_MODELS, 200);
    }
    let fits = (0..=MOST_PER_MINUTE).contains(&new.per_minute.unwrap_or(0));
    checks.check("per_minute", fits, format!("must be 0 to {MOST_PER_MINUTE}"));
    checks.done()
}

async fn create(caller: Caller, input: Loose<NewKey>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let Loose(new) = input;
    check(&new)?;
    let limits = budgets::checked(new.limits.unwrap_or_default())?;
    let persona = match &new.persona {
        Some(name) => Some(personas::find(&deps, name).await?),
        None => None,
    };
    let text = format!("gk_{}", random::new_secret(deps.world.as_ref()));
    let key = VirtualKey {
        id: deps.world.new_id(),
        name: new.name,
        tail: text[text.len() - 4..].to_owned(),
        persona: persona.as_ref().map(|persona| persona.id),
        models: new.models.unwrap_or_else(|| vec!["*".to_owned()]),
        per_minute: new.per_minute.and_then(|most| u32::try_from(most).ok()).unwrap_or(0),
        keeps_words: new.keeps_words.unwrap_or(false),
        created_by: caller.name.clone(),
        created_ms: deps.world.now_ms(),
        revoked_ms: None,
    };
    let made = match deps.accounts.create_key(key, random::hash_of(&text)).await {
        Err(DbError::Taken(name)) => return Err(taken(&name)),
        made => made?,
    };
    // Nobody knows its text yet, so nothing can be spent before its budgets stand.
    if !limits.is_empty() {
        deps.company.set_budgets(BudgetScope::Key(made.name.clone()), 0, limits, &caller.by()).await?;
    }
    let data = json!({
        "key": made.name, "models": made.models, "per_minute": made.per_minute,
        "keeps_words": made.keeps_words, "persona": persona.map(|persona| persona.slug.to_string()),
    });
    deps.company.record_act(format!("made virtual key {}", made.name), data, &caller.by()).await?;
    Ok(HttpResponse::Created().json(MadeKey { name: made.name, key: text }))
}

fn taken(name: &str) -> Problem {
    let errors = vec![FieldError::new("name", "is or was the name of a key: choose another")];
    let detail = format!("There is or was a key `{name}`, and receipts name it. Choose another name.");
    Problem { errors, ..Problem::conflict(detail) }
}

async fn revoke(
    name: web::Path<String>,
    caller: Caller,
    deps: web::Data<Deps>,
    keys: web::Data<Keys>,
) -> Result<HttpResponse, Problem> {
    if !deps.accounts.revoke_key(&name).await? {
        return Err(Problem::not_found("key", &name));
    }
    keys.forget(&name);
    let (said, data) = (format!("revoked virtual key {name}"), json!({ "key": name.as_str() }));
    deps.company.record_act(said, data, &caller.by()).await?;
    Ok(HttpResponse::NoContent().finish())
}
