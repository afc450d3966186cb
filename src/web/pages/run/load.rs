//! Fills the run page from the store.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    domain::{GoalId, Receipt, RunId, StepIndex},
    run::rollbacks,
};

use super::{Back, BackGoal, Parts, RunPage};
use crate::{
    storage::{DbError, ReceiptFilter, RunFilter},
    tools::rollback,
    web::{
        Deps,
        api::runs::tools_of,
        auth::Caller,
        pages::{
            frame::Section,
            persona::goal::Badge,
            plan,
            visit::{self, NoPage, Visit},
        },
        routes::{Route, Table, Who},
    },
};

/// `/runs/{run}`.
pub fn routes() -> Table {
    vec![Route::page("/runs/{run}", Who::Member, "One run, step by step", show)]
}

async fn show(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let which = request.match_info().get("run").unwrap_or_default();
    let page = load(&deps, &caller, which).await;
    visit::answer(&request, &deps, &caller, page)
}

const MOST_RECEIPTS: u32 = 500;

async fn load(deps: &Deps, caller: &Caller, which: &str) -> Result<RunPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let missing = || NoPage::missing("run", which);
    let id: RunId = which.parse().map_err(|_| missing())?;
    let run = deps.db.run(id).await?.ok_or_else(missing)?;
    let goal = deps.db.goal(run.goal).await?.ok_or_else(missing)?;
    let persona = deps.db.persona_named(&run.persona.to_string()).await?.ok_or_else(missing)?;
    let filter = ReceiptFilter { newest_first: false, limit: MOST_RECEIPTS, ..ReceiptFilter::default() };
    let receipts = deps.db.receipts(ReceiptFilter { run: Some(id), ..filter.clone() }).await?;
    let goal_receipts = deps.db.receipts(ReceiptFilter { goal: Some::<GoalId>(goal.id), ..filter }).await?;
    let frame = visit.frame(&goal.title, Section::Runs).about(persona.slug.as_str());
    let slug = persona.slug.as_str();
    let mut parts = Parts {
        run: &run,
        goal: &goal,
        persona: &persona,
        receipts: &receipts,
        goal_receipts: &goal_receipts,
        most_attempts: visit.most_attempts(),
        backs: HashMap::new(),
        more: receipts.len() >= MOST_RECEIPTS as usize,
    };
    parts.backs = backs(deps, &parts, slug).await?;
    Ok(RunPage::new(frame, &parts, visit.now_ms))
}

/// What was and can be taken back of a run.
async fn backs(deps: &Deps, parts: &Parts<'_>, slug: &str) -> Result<HashMap<StepIndex, Back>, DbError> {
    let mut backs = HashMap::new();
    for (step, id) in rollbacks(parts.goal_receipts) {
        let Some(goal) = deps.db.goal(id).await? else { continue };
        let filter = RunFilter { goal: Some(id), limit: 1, ..RunFilter::default() };
        let run = deps.db.runs(filter).await?.pop().map(|run| format!("/runs/{}", run.id));
        let href = run.unwrap_or_else(|| format!("/personas/{slug}?tab=progress"));
        let goal = BackGoal { badge: Badge::of_goal(goal.state), href };
        backs.insert(step, Back { offered: false, goal: Some(goal) });
    }
    for step in offered(deps, parts).await {
        backs.entry(step).or_default().offered = true;
    }
    Ok(backs)
}

/// Steps that can be taken back now: whoever asks would be shown a plan.
async fn offered(deps: &Deps, parts: &Parts<'_>) -> Vec<StepIndex> {
    let mut offered = Vec::new();
    if !parts.goal.state.is_over() {
        return offered;
    }
    let tools = tools_of(deps, parts.persona).await.unwrap_or_default();
    let invertible =
        |name: &str| tools.iter().any(|tool| tool.manifest.name == name && tool.manifest.inverse.is_some());
    for (number, (step, ..)) in (1..).zip(plan::steps(parts.goal, parts.receipts)) {
        let its = |receipt: &&Receipt| receipt.step == Some(step);
        if !parts.receipts.iter().filter(its).any(|receipt| receipt.tool.as_deref().is_some_and(invertible)) {
            continue;
        }
        if let Ok((_, deed)) = deps.company.deed(parts.run.id, number).await
            && let Ok(inverse) = rollback::inverse(&deed, &tools)
            && deps.company.plan_rollback(&deed, inverse).await.is_ok()
        {
            offered.push(step);
        }
    }
    offered
}
