//! `/api/goals`: work for personas, with the proof it needs.

mod acts;
pub(super) mod known;
pub(super) mod payload;
mod templated;
mod view;

use actix_web::{HttpResponse, web};
use actors::{
    domain::{Goal, GoalId, GoalKind, GoalState, IfFailed, Payload, PersonaId, Priority, Proof, WaitsFor},
    supervisor::{NewWork, Work},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

pub use self::view::{BigThreeView, GoalView};

use super::personas;
use crate::web::{
    Deps,
    auth::Caller,
    cursor::{IdCursor, Limit, Page},
    errors::{FieldError, Problem},
    input::{Checks, IdempotencyKey, Loose, LooseQuery},
    names::Names,
    routes::{Route, Table, Who},
};

/// `/api/goals…` and `/api/personas/{persona}/goals`.
pub fn routes() -> Table {
    let mut table = vec![
        Route::get("/api/goals", Who::Member, "Goals, newest first", list).query::<List>().gives_page::<GoalView>(),
        Route::post("/api/goals", Who::Member, "Gives a goal to the persona it names", create)
            .takes::<NewGoal>()
            .gives::<GoalView>(),
        Route::get("/api/goals/{goal}", Who::Member, "One goal", show).gives::<GoalView>(),
        Route::get("/api/personas/{persona}/goals", Who::Member, "Its goals, newest first", list_of)
            .query::<List>()
            .gives_page::<GoalView>(),
        Route::post("/api/personas/{persona}/goals", Who::Member, "Gives it a goal", create_for)
            .takes::<NewGoal>()
            .gives::<GoalView>(),
    ];
    table.extend(acts::routes());
    table
}

/// A goal to be.
#[derive(Deserialize, ToSchema)]
pub struct NewGoal {
    /// Slug or id; not needed where the path names it.
    pub persona: Option<String>,
    /// `browser`, `io`, `ai` or `report`; may stand in the payload instead.
    #[schema(value_type = Option<String>)]
    pub kind: Option<GoalKind>,
    /// One of `/api/templates`, instead of kind, payload and proof; its fields stand in `params`.
    pub template: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub params: Option<Map<String, Value>>,
    /// One line; left out: made from the kind.
    pub title: Option<String>,
    /// `{"steps": […]}`, `{"prompt": …}` or `{"file": …}`, by kind.
    #[schema(value_type = Object)]
    pub payload: Option<Value>,
    #[schema(value_type = Object)]
    pub proof: Option<Proof>,
    /// 0 to 1; 0.5 when left out. Above 0.8 it starts within ten seconds.
    pub priority: Option<f64>,
    /// Start no later than this, else expire, also while it waits for others.
    pub serve_by_ms: Option<i64>,
    /// Not before this moment.
    pub due_ms: Option<i64>,
    /// The same key brings the same goal only once; also as `Idempotency-Key`.
    pub correlation: Option<String>,
    pub project: Option<String>,
    /// Ids of goals that must be over before it begins, of any persona; at most 64.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub waits_for: Vec<GoalId>,
    /// What becomes of it when one of them is over but not done: `fail` (it fails too; when left out) or `release`.
    #[schema(value_type = Option<String>)]
    pub if_failed: Option<IfFailed>,
}

#[derive(Debug, Deserialize, IntoParams)]
struct List {
    /// Slug or id.
    persona: Option<String>,
    #[param(value_type = Option<String>)]
    state: Option<GoalState>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<IdCursor>,
    /// 1 to 500; 50 when left out.
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

/// The goal a path names.
pub async fn find(deps: &Deps, id: &str) -> Result<Goal, Problem> {
    let not_found = || Problem::not_found("goal", id);
    let id: GoalId = id.parse().map_err(|_| not_found())?;
    deps.db.goal(id).await?.ok_or_else(not_found)
}

/// A priority in 0 to 1 as the company counts it; none: nobody said one.
pub(super) fn priority_of(said: Option<f64>, checks: &mut Checks) -> Option<Priority> {
    let said = said?;
    let fits = (0.0..=1.0).contains(&said);
    checks.check("priority", fits, "must be between 0 and 1");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: 0 to 1,000")]
    let thousandths = if fits { (said * 1000.0).round() as u16 } else { 0 };
    Priority::try_from(thousandths).ok()
}

async fn list(
    query: LooseQuery<List>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<Page<GoalView>>, Problem> {
    let persona = match &query.persona {
        Some(name) => Some(personas::find(&deps, name).await?.id),
        None => None,
    };
    page(&deps, &names, persona, query.0).await
}

async fn list_of(
    name: web::Path<String>,
    query: LooseQuery<List>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<Page<GoalView>>, Problem> {
    if query.persona.is_some() {
        return Err(Problem::field("persona", "stands in the path already; leave it out"));
    }
    let persona = personas::find(&deps, &name).await?;
    page(&deps, &names, Some(persona.id), query.0).await
}

async fn page(
    deps: &Deps,
    names: &Names,
    persona: Option<PersonaId>,
    query: List,
) -> Result<web::Json<Page<GoalView>>, Problem> {
    let filter = crate::storage::GoalFilter {
        persona,
        state: query.state,
        limit: query.limit.and_one(),
        before: query.cursor.map(|cursor| GoalId(cursor.0)),
    };
    let rows = deps.db.goals(filter).await?;
    let page = Page::of(rows, query.limit.get(), |goal| IdCursor(goal.id.0).to_string());
    Ok(web::Json(Page { items: GoalView::read_all(page.items, deps, names).await?, next: page.next }))
}

async fn show(id: web::Path<String>, deps: web::Data<Deps>, names: web::Data<Names>) -> Result<HttpResponse, Problem> {
    let goal = find(&deps, &id).await?;
    let tag = format!("\"{}\"", goal.version);
    Ok(HttpResponse::Ok().insert_header(("ETag", tag)).json(GoalView::read(goal, &deps, &names).await?))
}

async fn create(
    caller: Caller,
    key: IdempotencyKey,
    input: Loose<NewGoal>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let name = input.persona.clone().ok_or_else(|| Problem::field("persona", "is required"))?;
    let found = personas::find(&deps, &name).await;
    let persona = found.map_err(|problem| match problem.status.as_u16() {
        404 => Problem::field("persona", format!("there is no persona `{name}`")),
        _ => problem,
    })?;
    deliver(&deps, &caller, key, persona.id, input.0).await
}

async fn create_for(
    name: web::Path<String>,
    caller: Caller,
    key: IdempotencyKey,
    input: Loose<NewGoal>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let persona = personas::find(&deps, &name).await?;
    if input.persona.as_ref().is_some_and(|said| *said != persona.slug.as_str() && *said != persona.id.to_string()) {
        return Err(Problem::field("persona", "differs from the persona in the path; leave it out"));
    }
    deliver(&deps, &caller, key, persona.id, input.0).await
}

/// Checks a goal and makes it durable.
pub async fn deliver(
    deps: &Deps,
    caller: &Caller,
    key: IdempotencyKey,
    persona: PersonaId,
    new: NewGoal,
) -> Result<HttpResponse, Problem> {
    let (view, repeated) = delivered(deps, caller, key, persona, new).await?;
    let address = format!("/api/goals/{}", view.id);
    let mut answer = if repeated { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(answer.insert_header(("Location", address)).json(view))
}

/// The goal, durable, and whether it was there already by its key.
pub async fn delivered(
    deps: &Deps,
    caller: &Caller,
    key: IdempotencyKey,
    persona: PersonaId,
    mut new: NewGoal,
) -> Result<(GoalView, bool), Problem> {
    let from_template = templated::take(deps, persona, &mut new).await?;
    let mut checks = Checks::default();
    let payload = match from_template {
        Some(payload) => Ok(payload),
        None => payload::read(new.kind, new.payload),
    };
    let title = new.title.unwrap_or_else(|| payload.as_ref().map_or_else(|_| "?".into(), default_title));
    checks.line("title", &title, 1..=200);
    if let Some(project) = &new.project {
        checks.line("project", project, 1..=120);
    }
    let priority = priority_of(new.priority, &mut checks);
    if let Err(FieldError { field, reason }) = &payload {
        checks.check(field, false, reason.clone());
    }
    checks.done()?;
    let payload = payload.map_err(|error| Problem::invalid(vec![error]))?;
    known::check(deps, persona, &payload).await?;
    let what = Work::Goal { title, payload, proof: new.proof.unwrap_or_default() };
    let correlation = key.or_in_body(new.correlation)?;
    let (serve_by_ms, due_ms, project) = (new.serve_by_ms, new.due_ms, new.project);
    let waits_for = WaitsFor { goals: new.waits_for, if_failed: new.if_failed.unwrap_or_default() };
    let work = NewWork { persona, what, priority, serve_by_ms, due_ms, correlation, project, waits_for };
    let delivered = deps.company.deliver(work, &caller.by()).await?;
    let slug = deps.db.persona_named(&persona.to_string()).await?.map(|persona| persona.slug.to_string());
    let id = delivered.goal.id;
    let waits_for = deps.db.prerequisites(&[id]).await?.remove(&id).unwrap_or_default();
    Ok((GoalView::new(delivered.goal, slug, &waits_for), delivered.repeated))
}

fn default_title(payload: &Payload) -> String {
    match payload {
        Payload::Browser(plan) => format!("Browse, {} steps", plan.steps.len()),
        Payload::Io(plan) => format!("Files, {} steps", plan.steps.len()),
        Payload::Ai(ai) => ai.prompt.lines().next().unwrap_or_default().trim().chars().take(80).collect(),
        Payload::Report(report) => format!("Report {}", report.file),
        Payload::Rollback(back) => format!("Roll back with {}", back.call.tool()),
        Payload::Forked(plan) => format!("Go on behind step {}", plan.fork.from),
        Payload::Agent(agent) => agent.task.lines().next().unwrap_or_default().trim().chars().take(80).collect(),
    }
}
