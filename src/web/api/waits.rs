//! `/api/personas/{persona}/waits`: what a persona wants to be told about others.

use actix_web::{HttpResponse, http::Method, web};
use actors::{
    domain::{Condition, Happening, StandingWait, StandingWaitId},
    supervisor::NewStandingWait,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::personas;
use crate::web::{
    Deps,
    auth::Caller,
    cursor::Page,
    errors::Problem,
    input::{Checks, Loose},
    names::Names,
    routes::{Route, Table, Who},
};

const PATH: &str = "/api/personas/{persona}/waits";

/// `/api/personas/{persona}/waits`, `/api/waits`.
pub fn routes() -> Table {
    vec![
        Route::get(PATH, Who::Member, "What it wants to be told about others", list).gives_page::<WaitView>(),
        Route::post(PATH, Who::Member, "It is told from now on what happens to another one", add)
            .takes::<NewWait>()
            .gives::<WaitView>(),
        Route::new(Method::DELETE, "/api/waits/{wait}", Who::Member, "Nothing more is told", remove),
    ]
}

/// What a persona wants to be told about another one.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitView {
    #[schema(value_type = String)]
    pub id: StandingWaitId,
    /// The slug of the persona that is told.
    pub waiter: String,
    /// The slug of the persona whose doings are looked at; its id when it is deleted.
    pub watched: String,
    /// A kind of happening; none: any.
    pub kind: Option<&'static str>,
    pub tag: Option<String>,
    pub text: Option<String>,
    /// Matches told so far.
    pub told: u32,
    pub told_ms: Option<i64>,
    pub created_by: String,
    pub created_ms: i64,
}

impl WaitView {
    async fn read(wait: StandingWait, waiter: String, names: &Names) -> Self {
        let watched = names.of(wait.watched).await.map(|named| named.slug.clone());
        let Condition { kind, tag, text } = wait.condition;
        Self {
            id: wait.id,
            waiter,
            watched: watched.unwrap_or_else(|| wait.watched.to_string()),
            kind: kind.map(Happening::as_str),
            tag,
            text,
            told: wait.told,
            told_ms: wait.told_ms,
            created_by: wait.created_by,
            created_ms: wait.created_ms,
        }
    }
}

/// When to tell: kind, tag and text must hold, as far as they are given; at least one is.
#[derive(Deserialize, ToSchema)]
pub struct NewWait {
    /// Slug or id of the persona whose doings are looked at. Not one that waits for this one, however far away.
    pub watched: String,
    /// `message` (it received one), `goal_over`, `done`, `unconfirmed`, `failed`, `cancelled` (what became of a goal),
    /// `http`, `screenshot`, `file`, `execution` or `llm` (a step that was carried out).
    #[schema(value_type = Option<String>)]
    pub kind: Option<Happening>,
    /// The project label of the work, or `#tag` in a text.
    pub tag: Option<String>,
    /// These words, whatever their case.
    pub text: Option<String>,
}

async fn list(
    name: web::Path<String>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<Page<WaitView>>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let mut views = Vec::new();
    for wait in deps.db.standing_waits_of(persona.id).await? {
        views.push(WaitView::read(wait, persona.slug.to_string(), &names).await);
    }
    Ok(web::Json(Page::whole(views)))
}

async fn add(
    name: web::Path<String>,
    caller: Caller,
    input: Loose<NewWait>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<HttpResponse, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let Loose(new) = input;
    let mut checks = Checks::default();
    checks.line("watched", &new.watched, 1..=120);
    for (field, text) in [("tag", &new.tag), ("text", &new.text)] {
        if let Some(text) = text {
            checks.line(field, text, 1..=200);
        }
    }
    checks.done()?;
    let watched = deps.db.persona_named(&new.watched).await?;
    let watched =
        watched.ok_or_else(|| Problem::field("watched", "names no persona; a deleted one has no doings any more"))?;
    let condition = Condition { kind: new.kind, tag: new.tag, text: new.text };
    let new = NewStandingWait { waiter: persona.id, watched: watched.id, condition };
    let wait = deps.company.stand_in_wait(new, &caller.by()).await?;
    Ok(HttpResponse::Created().json(WaitView::read(wait, persona.slug.to_string(), &names).await))
}

async fn remove(id: web::Path<String>, caller: Caller, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let wait: StandingWaitId = id.parse().map_err(|_| Problem::not_found("standing wait", &id))?;
    deps.company.end_standing_wait(wait, &caller.by()).await?;
    Ok(HttpResponse::NoContent().finish())
}
