//! `/api/personas`: make them, look at them, change them, send them to sleep.

mod hours;
mod input;

use actix_web::{HttpResponse, http::Method, web};
use actors::{
    domain::{Hours, Persona, PersonaId, PersonaStatus, Profile},
    supervisor::ActorInfo,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use self::input::{NewPersona, PersonaChange, PersonaWhole};

use super::secrets::{self, SecretView};
use crate::web::{
    Deps,
    auth::Caller,
    cursor::Page,
    errors::Problem,
    input::{IfMatch, Loose, LooseQuery, Nothing, version_read},
    names::Names,
    routes::{Route, Table, Who},
};

const ONE: &str = "/api/personas/{persona}";

/// `/api/personas…`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/personas", Who::Member, "Lists personas", list).query::<List>().gives_page::<PersonaView>(),
        Route::post("/api/personas", Who::Member, "Makes a persona", create)
            .takes::<NewPersona>()
            .gives::<PersonaView>(),
        Route::get(ONE, Who::Member, "One persona, by slug or id", show).gives::<PersonaView>(),
        Route::new(Method::PATCH, ONE, Who::Member, "Changes what is named", patch)
            .takes::<PersonaChange>()
            .gives::<PersonaView>(),
        Route::new(Method::PUT, ONE, Who::Member, "Replaces all of it", put)
            .takes::<PersonaWhole>()
            .gives::<PersonaView>(),
        Route::new(Method::DELETE, ONE, Who::Member, "Deletes it; its chain stays", delete),
        Route::post("/api/personas/{persona}/pause", Who::Member, "It begins nothing more", pause)
            .gives::<PersonaView>(),
        Route::post("/api/personas/{persona}/resume", Who::Member, "It works again", resume).gives::<PersonaView>(),
        Route::post("/api/personas/{persona}/restart", Who::Member, "Ends its actor and starts it anew", restart)
            .gives::<PersonaView>(),
    ]
}

/// A persona.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonaView {
    #[schema(value_type = String)]
    pub id: PersonaId,
    pub slug: String,
    pub name: String,
    /// `manager`, `worker`, `performer` or `friend`.
    pub role: Option<&'static str>,
    pub description: String,
    /// `active`, `paused` or `deleted`.
    pub status: &'static str,
    /// Send it back with a change.
    pub version: i64,
    #[schema(value_type = Object)]
    pub profile: Profile,
    pub hosts: Vec<String>,
    pub model: Option<String>,
    /// Its share of the company's time when there is not enough for all: 0.1 to 10, ordinarily 1.
    pub weight: f64,
    /// Its time zone, and when in its days it is up: `zone`, `wakes`, `sleeps`.
    #[schema(value_type = Object)]
    pub hours: Hours,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// What its actor does now; none: it is not on the roster yet.
    #[schema(value_type = Option<Object>)]
    pub actor: Option<ActorInfo>,
    /// Its keys by name, with their last four characters; only when one persona is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<Vec<SecretView>>,
}

#[derive(Debug, Deserialize, IntoParams)]
struct List {
    /// Deleted ones too.
    #[serde(default)]
    deleted: bool,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 500 when left out.
    limit: Option<u16>,
}

/// The persona a path or field names, by slug or id; deleted ones are not found.
pub async fn find(deps: &Deps, name: &str) -> Result<Persona, Problem> {
    let found = deps.db.persona_named(name).await?.filter(|persona| persona.status != PersonaStatus::Deleted);
    found.ok_or_else(|| Problem::not_found("persona", name))
}

/// A persona with its keys, as answered.
pub async fn view(deps: &Deps, persona: Persona) -> Result<PersonaView, Problem> {
    let api_keys = Some(secrets::of(deps, persona.id).await?);
    let actor = deps.company.actors().iter().find(|actor| actor.persona == persona.id).cloned();
    Ok(PersonaView { api_keys, ..plain_view(persona, actor) })
}

fn plain_view(persona: Persona, actor: Option<ActorInfo>) -> PersonaView {
    PersonaView {
        id: persona.id,
        slug: persona.slug.to_string(),
        name: persona.name,
        role: persona.role.map(|role| role.as_str()),
        description: persona.description,
        status: persona.status.as_str(),
        version: persona.version,
        profile: persona.profile,
        hosts: persona.hosts,
        model: persona.model,
        weight: persona.weight.into(),
        hours: persona.hours,
        created_ms: persona.created_ms,
        updated_ms: persona.updated_ms,
        actor,
        api_keys: None,
    }
}

async fn list(query: LooseQuery<List>, deps: web::Data<Deps>) -> Result<web::Json<Page<PersonaView>>, Problem> {
    let limit = query.limit.unwrap_or(500);
    if !(1..=500).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 500"));
    }
    let mut personas = deps.db.personas(query.deleted).await?;
    personas.sort_by(|a, b| a.slug.cmp(&b.slug));
    // The last slug of the page before.
    if let Some(after) = &query.cursor {
        personas.retain(|persona| persona.slug.as_str() > after.as_str());
    }
    let page = Page::of(personas, limit.into(), |persona| persona.slug.to_string());
    let roster = deps.company.actors();
    let actor = |id| roster.iter().find(|actor| actor.persona == id).cloned();
    Ok(web::Json(page.map(|persona| {
        let actor = actor(persona.id);
        plain_view(persona, actor)
    })))
}

async fn create(caller: Caller, input: Loose<NewPersona>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let made = create_from(&deps, &caller, input.0).await?;
    let address = format!("/api/personas/{}", made.slug);
    Ok(HttpResponse::Created().insert_header(("Location", address)).json(made))
}

/// Makes a persona and keeps the keys that came with it.
pub async fn create_from(deps: &Deps, caller: &Caller, new: NewPersona) -> Result<PersonaView, Problem> {
    let (new, keys) = new.checked()?;
    let persona = deps.company.create_persona(new, &caller.by()).await?;
    secrets::keep(deps, caller, persona.id, keys).await?;
    view(deps, persona).await
}

async fn show(name: web::Path<String>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let persona = find(&deps, &name).await?;
    let tag = format!("\"{}\"", persona.version);
    Ok(HttpResponse::Ok().insert_header(("ETag", tag)).json(view(&deps, persona).await?))
}

async fn patch(
    name: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<PersonaChange>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<PersonaView>, Problem> {
    let persona = find(&deps, &name).await?;
    let version = version_read(input.version, input.if_version, if_match)?;
    let (change, keys) = input.0.checked(&persona)?;
    update(&deps, &names, &caller, persona, version, change, keys).await
}

async fn put(
    name: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<PersonaWhole>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<PersonaView>, Problem> {
    let persona = find(&deps, &name).await?;
    let version = version_read(input.version, input.if_version, if_match)?;
    let (change, keys) = input.0.checked(&persona)?;
    update(&deps, &names, &caller, persona, version, change, keys).await
}

async fn update(
    deps: &Deps,
    names: &Names,
    caller: &Caller,
    persona: Persona,
    version: i64,
    mut change: actors::supervisor::PersonaPatch,
    keys: secrets::NewKeys,
) -> Result<web::Json<PersonaView>, Problem> {
    change.profile = change.profile.map(|profile| profile.still_fitted(&persona.profile));
    let updated = deps.company.update_persona(persona.id, version, change, &caller.by()).await;
    let updated = match updated {
        Ok(updated) => updated,
        Err(error) => return Err(with_version(deps, persona.id, error.into()).await),
    };
    names.forget(updated.id);
    secrets::keep(deps, caller, updated.id, keys).await?;
    view(deps, updated).await.map(web::Json)
}

/// A conflict says which version is current, so that the caller can read and decide again.
pub(super) async fn with_version(deps: &Deps, id: PersonaId, problem: Problem) -> Problem {
    if problem.status != 409 {
        return problem;
    }
    match deps.db.persona_named(&id.to_string()).await {
        Ok(Some(persona)) => problem.with_current_version(persona.version),
        _ => problem,
    }
}

async fn delete(name: web::Path<String>, caller: Caller, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let persona = find(&deps, &name).await?;
    deps.company.delete_persona(persona.id, &caller.by()).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn pause(
    name: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
) -> Result<web::Json<PersonaView>, Problem> {
    let persona = find(&deps, &name).await?;
    let paused = deps.company.pause(persona.id, &caller.by()).await?;
    view(&deps, paused).await.map(web::Json)
}

async fn resume(
    name: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
) -> Result<web::Json<PersonaView>, Problem> {
    let persona = find(&deps, &name).await?;
    let resumed = deps.company.resume(persona.id, &caller.by()).await?;
    view(&deps, resumed).await.map(web::Json)
}

async fn restart(
    name: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
) -> Result<web::Json<PersonaView>, Problem> {
    let persona = find(&deps, &name).await?;
    deps.company.restart(persona.id, &caller.by()).await?;
    view(&deps, persona).await.map(web::Json)
}
