//! Fills the run page from the store.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::domain::{GoalId, RunId};

use super::{Parts, RunPage};
use crate::{
    storage::ReceiptFilter,
    web::{
        Deps,
        auth::Caller,
        pages::{
            frame::Section,
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
    let parts = Parts {
        run: &run,
        goal: &goal,
        persona: &persona,
        receipts: &receipts,
        goal_receipts: &goal_receipts,
        most_attempts: visit.most_attempts(),
        more: receipts.len() >= MOST_RECEIPTS as usize,
    };
    Ok(RunPage::new(frame, &parts, visit.now_ms))
}
