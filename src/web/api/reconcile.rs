//! `/api/reconcile`: effects of which nobody knows whether they happened. `/api/goals/{goal}/resolve` settles one.

use actix_web::web;
use actors::{
    domain::{ArtifactKind, Goal, GoalId, Hash, ReadBack, Receipt, StepIndex},
    supervisor::unresolved,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    storage::DbError,
    web::{
        Deps,
        cursor::{IdCursor, Page, Paging},
        errors::Problem,
        input::LooseQuery,
        names::Names,
        routes::{Route, Table, Who},
    },
};

/// `/api/reconcile`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/reconcile", Who::Member, "Effects that may or may not have happened", list)
            .query::<Paging>()
            .gives_page::<UnknownView>(),
    ]
}

/// An effect that may or may not have happened.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UnknownView {
    /// The persona's slug.
    pub persona: Option<String>,
    #[schema(value_type = String)]
    pub goal: GoalId,
    pub title: String,
    pub step: StepIndex,
    pub tool: String,
    /// One line: what was tried.
    pub what: String,
    #[schema(value_type = Object)]
    pub args: Value,
    /// On which page it was tried.
    pub page: Option<String>,
    pub tried_ms: i64,
    /// The last picture before it.
    #[schema(value_type = Option<String>)]
    pub screenshot: Option<Hash>,
    /// What `retry` looks for on the site: that it is there settles it, where nothing else can have brought it there.
    #[schema(value_type = Option<Object>)]
    pub read_back: Option<ReadBack>,
}

/// Every such effect of so many goals that wait for a person, the newest goal first. `before`: only of older goals.
pub async fn unknown(
    deps: &Deps,
    names: &Names,
    before: Option<GoalId>,
    goals: u32,
) -> Result<Page<UnknownView>, DbError> {
    let parked = deps.db.goals_to_reconcile(before, goals.saturating_add(1)).await?;
    let page = Page::of(parked, goals, |goal| IdCursor(goal.id.0).to_string());
    let mut items = Vec::new();
    for goal in page.items {
        let persona = names.of(goal.persona).await.map(|named| named.slug.clone());
        let receipts = deps.db.goal_receipts(goal.id).await?;
        let intents: Vec<Receipt> = unresolved(receipts.clone());
        items.extend(intents.iter().map(|intent| view(&goal, persona.clone(), intent, &receipts)));
    }
    Ok(Page { items, next: page.next })
}

fn view(goal: &Goal, persona: Option<String>, intent: &Receipt, receipts: &[Receipt]) -> UnknownView {
    let data = intent.body.as_ref().map(|body| &body.data);
    let text = |key: &str| data.and_then(|data| data.get(key)).and_then(Value::as_str).map(str::to_owned);
    let before = receipts.iter().rev().filter(|receipt| receipt.seq < intent.seq).filter_map(|one| one.body.as_ref());
    let kept =
        before.flat_map(|body| &body.artifacts).find(|kept| kept.kind == ArtifactKind::Screenshot && !kept.missing);
    let tool = intent.tool.clone().unwrap_or_default();
    UnknownView {
        persona,
        goal: goal.id,
        title: goal.title.clone(),
        step: intent.step.unwrap_or_default(),
        what: text("step").unwrap_or_else(|| tool.clone()),
        tool,
        args: data.and_then(|data| data.get("args")).cloned().unwrap_or_default(),
        page: text("page"),
        tried_ms: intent.at_ms,
        screenshot: kept.map(|kept| kept.hash),
        read_back: goal.proof.read_back.clone(),
    }
}

/// `limit` counts goals, of which each may have several such effects.
async fn list(
    query: LooseQuery<Paging>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<Page<UnknownView>>, Problem> {
    let before = query.cursor.map(|cursor| GoalId(cursor.0));
    Ok(web::Json(unknown(&deps, &names, before, query.limit.get()).await?))
}
