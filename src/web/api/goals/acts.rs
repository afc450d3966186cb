//! What a person may do with a goal: cancel, retry, correct, resolve.

use actix_web::{http::Method, web};
use actors::{
    domain::{GoalId, GoalKind, IfFailed, Proof},
    supervisor::{Correction, Resolution},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{GoalView, find, known, payload};
use crate::web::{
    Deps,
    auth::Caller,
    errors::Problem,
    input::{Checks, IfMatch, Loose, Nothing, version_read},
    names::Names,
    routes::{Route, Table, Who},
};

pub(super) fn routes() -> Table {
    vec![
        Route::new(Method::PATCH, "/api/goals/{goal}", Who::Member, "Corrects what is to be done", correct)
            .takes::<GoalChange>()
            .gives::<GoalView>(),
        Route::post("/api/goals/{goal}/cancel", Who::Member, "Nothing more is done for it", cancel).gives::<GoalView>(),
        Route::post("/api/goals/{goal}/retry", Who::Member, "A new first attempt", retry).gives::<GoalView>(),
        Route::post("/api/goals/{goal}/resolve", Who::Member, "Says whether an unknown effect happened", resolve)
            .takes::<Resolved>()
            .gives::<GoalView>(),
        Route::post("/api/goals/{goal}/answer", Who::Member, "Answers what it asked a person", answer)
            .takes::<Answered>()
            .gives::<GoalView>(),
    ]
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub struct GoalChange {
    /// The version this correction was made from.
    pub version: Option<i64>,
    /// The same, by its other name.
    pub if_version: Option<i64>,
    pub title: Option<String>,
    /// Only to say which kind the payload is of; a goal keeps its kind.
    #[schema(value_type = Option<String>)]
    pub kind: Option<GoalKind>,
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub proof: Option<Proof>,
    /// Ids of the goals that it waits for instead; only while it has not begun, or is over.
    #[schema(value_type = Option<Vec<String>>)]
    pub waits_for: Option<Vec<GoalId>>,
    #[schema(value_type = Option<String>)]
    pub if_failed: Option<IfFailed>,
}

/// What a person saw.
#[derive(Deserialize, ToSchema)]
pub struct Resolved {
    /// `done`: it happened; `not_done`: it did not, and may be tried again.
    pub resolution: ResolutionWord,
    /// How this is known; kept in the receipt.
    pub note: Option<String>,
}

/// What a person says.
#[derive(Deserialize, ToSchema)]
pub struct Answered {
    /// 1 to 4,000 characters; the model that asked reads it as data.
    pub answer: String,
}

/// Whether it happened.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolutionWord {
    Done,
    NotDone,
}

async fn correct(
    id: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<GoalChange>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<GoalView>, Problem> {
    let goal = find(&deps, &id).await?;
    let version = version_read(input.version, input.if_version, if_match)?;
    let Loose(change) = input;
    let own_kind = goal.payload.kind();
    let mut checks = Checks::default();
    checks.check("kind", change.kind.is_none_or(|kind| kind == own_kind), format!("a goal stays `{own_kind}`"));
    if let Some(title) = &change.title {
        checks.line("title", title, 1..=200);
    }
    checks.done()?;
    let payload = change.payload.map(|payload| payload::read(Some(own_kind), Some(payload))).transpose();
    let payload = payload.map_err(|error| Problem::invalid(vec![error]))?;
    if let Some(payload) = &payload {
        known::check(&deps, goal.persona, payload).await?;
    }
    let GoalChange { title, proof, waits_for, if_failed, .. } = change;
    let correction = Correction { version, title, payload, proof, waits_for, if_failed };
    match deps.company.correct_goal(goal.id, correction, &caller.by()).await {
        Ok(goal) => Ok(web::Json(GoalView::read(goal, &deps, &names).await?)),
        Err(error) => Err(with_version(&deps, &id, error.into()).await),
    }
}

/// A conflict says which version is current, so that the caller can read and decide again.
async fn with_version(deps: &Deps, id: &str, problem: Problem) -> Problem {
    if problem.status != 409 {
        return problem;
    }
    match find(deps, id).await {
        Ok(goal) => problem.with_current_version(goal.version),
        Err(_) => problem,
    }
}

async fn cancel(
    id: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<GoalView>, Problem> {
    let goal = find(&deps, &id).await?;
    let goal = deps.company.cancel_goal(goal.id, &caller.by()).await?;
    Ok(web::Json(GoalView::read(goal, &deps, &names).await?))
}

async fn retry(
    id: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<GoalView>, Problem> {
    let goal = find(&deps, &id).await?;
    let goal = deps.company.retry_goal(goal.id, &caller.by()).await?;
    Ok(web::Json(GoalView::read(goal, &deps, &names).await?))
}

async fn answer(
    id: web::Path<String>,
    caller: Caller,
    input: Loose<Answered>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<GoalView>, Problem> {
    let goal = find(&deps, &id).await?;
    let Loose(said) = input;
    let mut checks = Checks::default();
    checks.text("answer", &said.answer, 1..=4_000);
    checks.done()?;
    let goal = deps.company.answer_goal(goal.id, said.answer, &caller.by()).await?;
    Ok(web::Json(GoalView::read(goal, &deps, &names).await?))
}

async fn resolve(
    id: web::Path<String>,
    caller: Caller,
    input: Loose<Resolved>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<GoalView>, Problem> {
    let goal = find(&deps, &id).await?;
    let Loose(said) = input;
    let note = said.note.unwrap_or_default();
    let mut checks = Checks::default();
    checks.text("note", &note, 0..=2_000);
    checks.done()?;
    let resolution = match said.resolution {
        ResolutionWord::Done => Resolution::Done,
        ResolutionWord::NotDone => Resolution::NotDone,
    };
    let goal = deps.company.resolve_goal(goal.id, resolution, note, &caller.by()).await?;
    Ok(web::Json(GoalView::read(goal, &deps, &names).await?))
}
