//! `/api/reconcile`: effects of which nobody knows whether they happened. `/api/goals/{goal}/resolve` settles one.

use actix_web::web;
use actors::{
    domain::{ArtifactKind, Goal, GoalId, GoalState, Hash, ParkedOn, ReadBack, Receipt, StepIndex},
    supervisor::unresolved,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    storage::{DbError, GoalFilter, ReceiptFilter},
    web::{
        Deps,
        cursor::Page,
        errors::Problem,
        names::Names,
        routes::{Route, Table, Who},
    },
};

/// Goals that are looked through.
const MOST_GOALS: u32 = 500;
const MOST_RECEIPTS: u32 = 1_000;

/// `/api/reconcile`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/reconcile", Who::Member, "Effects that may or may not have happened", list)
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
    /// What `retry` looks for on the site: that it is there settles it.
    #[schema(value_type = Option<Object>)]
    pub read_back: Option<ReadBack>,
}

/// Every such effect whose goal waits for a person, the newest goal first.
pub async fn unknown(deps: &Deps, names: &Names) -> Result<Vec<UnknownView>, DbError> {
    let filter = GoalFilter { state: Some(GoalState::Parked), limit: MOST_GOALS, ..GoalFilter::default() };
    let parked = deps.db.goals(filter).await?;
    let mut found = Vec::new();
    for goal in parked.into_iter().filter(|goal| goal.parked_on == Some(ParkedOn::Reconcile)) {
        let persona = names.of(goal.persona).await.map(|named| named.slug.clone());
        let filter = ReceiptFilter {
            persona: Some(goal.persona),
            goal: Some(goal.id),
            newest_first: false,
            limit: MOST_RECEIPTS,
            ..ReceiptFilter::default()
        };
        let receipts = deps.db.receipts(filter).await?;
        let intents: Vec<Receipt> = unresolved(receipts.clone());
        found.extend(intents.iter().map(|intent| view(&goal, persona.clone(), intent, &receipts)));
    }
    Ok(found)
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

async fn list(deps: web::Data<Deps>, names: web::Data<Names>) -> Result<web::Json<Page<UnknownView>>, Problem> {
    Ok(web::Json(Page::whole(unknown(&deps, &names).await?)))
}
