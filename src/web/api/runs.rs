//! `/api/runs`: attempts at goals.

mod again;
mod rollback;

pub(in crate::web) use rollback::tools_of;

use actix_web::web;
use actors::domain::{GoalId, PersonaId, Run, RunId, RunState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{goals::GoalView, personas};
use crate::{
    storage::RunFilter,
    web::{
        Deps,
        auth::Caller,
        cursor::{IdCursor, Limit, Page},
        errors::Problem,
        input::{Loose, LooseQuery, Nothing},
        names::Names,
        routes::{Route, Table, Who},
    },
};

/// `/api/runs…`.
pub fn routes() -> Table {
    let mut table = vec![
        Route::get("/api/runs", Who::Member, "Runs, newest first", list).query::<List>().gives_page::<RunView>(),
        Route::get("/api/runs/{run}", Who::Member, "One run", show).gives::<RunView>(),
        Route::post("/api/runs/{run}/cancel", Who::Member, "Ends a run and cancels its goal", cancel)
            .gives::<GoalView>(),
    ];
    table.extend(again::routes());
    table.extend(rollback::routes());
    table
}

/// One attempt at a goal. Its receipts: `/api/receipts?run=…`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunView {
    #[schema(value_type = String)]
    pub id: RunId,
    #[schema(value_type = String)]
    pub goal: GoalId,
    /// The persona's slug.
    pub persona: Option<String>,
    #[schema(value_type = String)]
    pub persona_id: PersonaId,
    /// 1 for the first try.
    pub attempt: u32,
    /// `running`, `parked`, `done`, `unconfirmed`, `failed` or `cancelled`.
    pub state: &'static str,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    pub error: Option<String>,
    pub trace: String,
    /// How long it waited for its first slice.
    pub waited_ms: i64,
    /// Its first receipt on its persona's chain.
    pub first_seq: i64,
    pub last_seq: Option<i64>,
}

impl RunView {
    async fn named(run: Run, names: &Names) -> Self {
        Self {
            id: run.id,
            goal: run.goal,
            persona: names.of(run.persona).await.map(|named| named.slug.clone()),
            persona_id: run.persona,
            attempt: run.attempt,
            state: run.state.as_str(),
            started_ms: run.started_ms,
            ended_ms: run.ended_ms,
            error: run.error,
            trace: run.trace.0.simple().to_string(),
            waited_ms: run.waited_ms,
            first_seq: run.first_seq,
            last_seq: run.last_seq,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
struct List {
    /// Slug or id.
    persona: Option<String>,
    #[param(value_type = Option<String>)]
    goal: Option<GoalId>,
    #[param(value_type = Option<String>)]
    state: Option<RunState>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<IdCursor>,
    /// 1 to 500; 50 when left out.
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

async fn find(deps: &Deps, id: &str) -> Result<Run, Problem> {
    let not_found = || Problem::not_found("run", id);
    let id: RunId = id.parse().map_err(|_| not_found())?;
    deps.db.run(id).await?.ok_or_else(not_found)
}

async fn list(
    query: LooseQuery<List>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<Page<RunView>>, Problem> {
    let persona = match &query.persona {
        Some(name) => Some(personas::find(&deps, name).await?.id),
        None => None,
    };
    let filter = RunFilter {
        persona,
        goal: query.goal,
        state: query.state,
        limit: query.limit.and_one(),
        before: query.cursor.map(|cursor| RunId(cursor.0)),
    };
    let page = Page::of(deps.db.runs(filter).await?, query.limit.get(), |run| IdCursor(run.id.0).to_string());
    let mut items = Vec::with_capacity(page.items.len());
    for run in page.items {
        items.push(RunView::named(run, &names).await);
    }
    Ok(web::Json(Page { items, next: page.next }))
}

async fn show(
    id: web::Path<String>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<RunView>, Problem> {
    Ok(web::Json(RunView::named(find(&deps, &id).await?, &names).await))
}

async fn cancel(
    id: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<GoalView>, Problem> {
    let run = find(&deps, &id).await?;
    let goal = deps.company.cancel_run(run.id, &caller.by()).await?;
    Ok(web::Json(GoalView::read(goal, &deps, &names).await?))
}
