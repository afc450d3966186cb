//! `/api/personas/{persona}/secrets`: a persona's own keys. They go in and never come out; lists show four characters.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, http::Method, web};
use actors::domain::PersonaId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::personas;
use crate::{
    secrets::SHORTEST_SECRET,
    storage::VaultError,
    web::{
        Deps,
        auth::Caller,
        cursor::Page,
        errors::Problem,
        input::{Checks, Loose},
        routes::{Route, Table, Who},
    },
};

const ALL: &str = "/api/personas/{persona}/secrets";
const ONE: &str = "/api/personas/{persona}/secrets/{name}";
const MOST_KEYS: usize = 100;

/// `/api/personas/{persona}/secrets…`.
pub fn routes() -> Table {
    vec![
        Route::get(ALL, Who::Member, "Its keys, four characters of each", list).gives_page::<SecretView>(),
        Route::new(Method::PUT, ONE, Who::Member, "Keeps a key, sealed", put)
            .takes::<NewSecret>()
            .gives::<SecretView>(),
        Route::new(Method::DELETE, ONE, Who::Member, "Forgets a key", delete),
    ]
}

/// A key as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretView {
    pub name: String,
    pub last_four: String,
    pub updated_ms: i64,
}

/// A key to keep.
#[derive(Deserialize, ToSchema)]
pub struct NewSecret {
    pub value: String,
}

/// Keys that came with a persona, checked. No value: the key is to go.
#[derive(Default)]
pub struct NewKeys(Vec<(String, Option<String>)>);

impl NewKeys {
    /// Takes what is sound, complains about the rest.
    pub fn checked(keys: BTreeMap<String, Option<String>>, checks: &mut Checks) -> Self {
        checks.check("api_keys", keys.len() <= MOST_KEYS, format!("must hold at most {MOST_KEYS} keys"));
        for (name, value) in &keys {
            let field = format!("api_keys.{name}");
            checks.check(&field, is_name(name), NAME_RULE);
            if let Some(value) = value {
                check_value(&field, value, checks);
            }
        }
        Self(keys.into_iter().collect())
    }
}

const NAME_RULE: &str = "must be named by 1 to 64 letters, digits, `_`, `-` or `.`";

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

fn check_value(field: &str, value: &str, checks: &mut Checks) {
    checks.line(field, value, 1..=4_096);
    let why =
        format!("must have at least {SHORTEST_SECRET} characters: a shorter one cannot be hidden in what is reported");
    checks.check(field, value.is_empty() || value.chars().count() >= SHORTEST_SECRET, why);
}

fn owner(persona: PersonaId) -> String {
    format!("persona:{persona}")
}

/// A persona's keys, as lists show them.
pub async fn of(deps: &Deps, persona: PersonaId) -> Result<Vec<SecretView>, Problem> {
    let labels = deps.vault.list(&owner(persona)).await?;
    let view = |label: crate::storage::SecretLabel| SecretView {
        name: label.name,
        last_four: label.last_four,
        updated_ms: label.updated_ms,
    };
    Ok(labels.into_iter().map(view).collect())
}

/// Keeps and forgets keys as asked, with a receipt that names them.
pub async fn keep(deps: &Deps, caller: &Caller, persona: PersonaId, keys: NewKeys) -> Result<(), Problem> {
    for (name, value) in keys.0 {
        let did = match value {
            Some(value) => deps.vault.set(&owner(persona), &name, &value).await.map(|()| "kept a key")?,
            None => deps.vault.delete(&owner(persona), &name).await.map(|_| "forgot a key")?,
        };
        let data = json!({ "persona": persona, "name": name });
        deps.company.record_act(format!("{did}: {name}"), data, &caller.by()).await?;
    }
    Ok(())
}

async fn list(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<Page<SecretView>>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    Ok(web::Json(Page::whole(of(&deps, persona.id).await?)))
}

async fn put(
    path: web::Path<(String, String)>,
    caller: Caller,
    input: Loose<NewSecret>,
    deps: web::Data<Deps>,
) -> Result<web::Json<SecretView>, Problem> {
    let (persona, name) = path.into_inner();
    let persona = personas::find(&deps, &persona).await?;
    let mut checks = Checks::default();
    checks.check("name", is_name(&name), NAME_RULE);
    check_value("value", &input.value, &mut checks);
    checks.done()?;
    keep(&deps, &caller, persona.id, NewKeys(vec![(name.clone(), Some(input.0.value))])).await?;
    let kept = of(&deps, persona.id).await?.into_iter().find(|key| key.name == name);
    kept.map(web::Json).ok_or_else(|| Problem::conflict("The key was removed meanwhile."))
}

async fn delete(
    path: web::Path<(String, String)>,
    caller: Caller,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let (persona, name) = path.into_inner();
    let persona = personas::find(&deps, &persona).await?;
    if !of(&deps, persona.id).await?.iter().any(|key| key.name == name) {
        return Err(Problem::not_found("key", &name));
    }
    keep(&deps, &caller, persona.id, NewKeys(vec![(name, None)])).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        tracing::warn!("a secret could not be kept or read: {error}");
        Self::unavailable(format!("The secret was not kept: {error}."))
    }
}
