//! A run once more: replayed from its receipts, or begun anew from one of its steps.

use actix_web::{HttpResponse, web};
use actors::{domain::RunId, run::replay::Replayed, supervisor::ForkFrom};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::find;
use crate::web::{
    Deps,
    api::goals::GoalView,
    auth::Caller,
    errors::Problem,
    input::{Checks, Loose, Nothing},
    names::Names,
    routes::{Route, Table, Who},
};

pub(super) fn routes() -> Table {
    vec![
        Route::post("/api/runs/{run}/replay", Who::Member, "Carries it out again from its receipts alone", replay)
            .gives::<ReplayView>(),
        Route::post("/api/runs/{run}/fork", Who::Member, "A new goal that goes on from one of its steps", fork)
            .takes::<NewFork>()
            .gives::<GoalView>(),
    ]
}

/// What a replay came to. Nothing was performed; one receipt on the node's own chain says that it was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayView {
    #[schema(value_type = String)]
    pub run: RunId,
    /// Every receipt came out again.
    pub holds: bool,
    /// The same in a line.
    pub said: String,
    /// Receipts that came out again, byte for byte in their bodies.
    pub equal: usize,
    /// Receipts of people about the run, taken as told.
    pub told: usize,
    /// How often the run was begun or carried on.
    pub stretches: usize,
    /// The first receipt that does not come out again.
    pub difference: Option<DifferenceView>,
}

/// Where replay and record part: only what differs, on both sides.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceView {
    /// The receipt on record; null: the replay goes on where the record ends.
    pub seq: Option<i64>,
    /// From 1, as pages number them; null: it is about the run.
    pub step: Option<u32>,
    #[schema(value_type = Object)]
    pub recorded: Value,
    #[schema(value_type = Object)]
    pub replayed: Value,
}

impl From<Replayed> for ReplayView {
    fn from(replayed: Replayed) -> Self {
        let said = replayed.said();
        let Replayed { run, equal, told, stretches, difference } = replayed;
        let difference = difference.map(|difference| DifferenceView {
            seq: difference.seq,
            step: difference.step.map(|step| step.saturating_add(1)),
            recorded: difference.recorded,
            replayed: difference.replayed,
        });
        Self { run, holds: difference.is_none(), said, equal, told, stretches, difference }
    }
}

/// From where, and with what instead.
#[derive(Deserialize, ToSchema)]
pub struct NewFork {
    /// The first step that is done anew, from 1 as pages number them. Those before it come from the record.
    pub from: u32,
    /// A configured model's or route's name, for the steps that ask one; left out: as in the run.
    pub model: Option<String>,
    /// An agent's task; of given steps the prompt of the one that asks a model. Left out: as in the run.
    pub task: Option<String>,
}

async fn replay(
    id: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
) -> Result<web::Json<ReplayView>, Problem> {
    let run = find(&deps, &id).await?;
    Ok(web::Json(deps.company.replay_run(run.id, &caller.by()).await?.into()))
}

async fn fork(
    id: web::Path<String>,
    caller: Caller,
    input: Loose<NewFork>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<HttpResponse, Problem> {
    let run = find(&deps, &id).await?;
    let Loose(NewFork { from, model, task }) = input;
    let mut checks = Checks::default();
    if let Some(model) = &model {
        checks.line("model", model, 1..=120);
        let unknown = deps.models.why_unknown(model);
        checks.check("model", unknown.is_none(), unknown.unwrap_or_default());
    }
    checks.check("task", task.as_ref().is_none_or(|task| !task.trim().is_empty()), "must not be empty");
    checks.done()?;
    let from = ForkFrom { step: from, model, task };
    let delivered = deps.company.fork_run(run.id, from, &caller.by()).await?;
    let view = GoalView::read(delivered.goal, &deps, &names).await?;
    let address = format!("/api/goals/{}", view.id);
    Ok(HttpResponse::Created().insert_header(("Location", address)).json(view))
}
