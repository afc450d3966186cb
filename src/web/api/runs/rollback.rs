//! A step of a run taken back: shown first, done when what was shown is confirmed.

use actix_web::{HttpResponse, web};
use actors::{
    domain::{Deed, Effect, GoalId, Hash, Persona, RunId},
    supervisor::RollbackPlan,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    tools::{own::OwnTool, rollback},
    web::{
        Deps,
        api::runs::find,
        auth::Caller,
        errors::Problem,
        input::Loose,
        routes::{Route, Table, Who},
    },
};

pub(super) fn routes() -> Table {
    let what = "Shows what would take one of its steps back; with the digest of that, does it";
    vec![
        Route::post("/api/runs/{run}/rollback", Who::Member, what, roll_back)
            .takes::<RollBack>()
            .gives::<RollbackView>(),
    ]
}

/// Which step, and whether what was shown is confirmed.
#[derive(Deserialize, ToSchema)]
pub struct RollBack {
    /// From 1, as pages number them.
    pub step: u32,
    /// The `digest` of the plan. Left out: the plan is shown, and nothing is done.
    #[serde(default)]
    pub confirm: Option<String>,
}

/// What is or would be called to take a step back.
#[derive(Debug, Serialize, ToSchema)]
pub struct RollbackView {
    /// The goal that does it; null: nothing was done yet, it is a plan.
    #[schema(value_type = Option<String>)]
    pub goal: Option<GoalId>,
    /// The run that did the step.
    #[schema(value_type = String)]
    pub run: RunId,
    /// The tool that did it.
    pub undoes: String,
    /// The receipt that says that it was done.
    #[schema(value_type = String)]
    pub receipt: Hash,
    /// Its place on the persona's chain.
    pub seq: i64,
    /// The persona's slug.
    pub persona: String,
    /// The tool that takes it back.
    pub tool: String,
    /// Its arguments; secrets are names.
    #[schema(value_type = Object)]
    pub args: Value,
    #[schema(value_type = String)]
    pub effect: Effect,
    /// The host that it reaches, where one is named.
    pub host: Option<String>,
    /// The rule by which a person is asked once more before the call; null: nobody is.
    pub asks: Option<String>,
    /// Confirms this very plan, once: of the call, the step's receipt, the manifests and the persona.
    pub digest: String,
    pub expires_ms: i64,
}

impl RollbackView {
    fn new(persona: &Persona, deed: Deed, plan: RollbackPlan, goal: Option<GoalId>) -> Self {
        let RollbackPlan { undoes, call, host, asks, digest, expires_ms } = plan;
        let mut args = call.to_args();
        // A tool's own arguments; what else a step says is beside them.
        if let Some(inside) = args.get_mut("args") {
            args = inside.take();
        }
        Self {
            goal,
            run: undoes.run,
            undoes: deed.tool,
            receipt: undoes.receipt,
            seq: undoes.seq,
            persona: persona.slug.to_string(),
            tool: call.tool().into_owned(),
            args,
            effect: call.effect(),
            host,
            asks,
            digest,
            expires_ms,
        }
    }
}

/// A persona's own tools and everyone's, and those of MCP servers that people confirmed. Reads folders, so it is done
/// beside.
pub(in crate::web) async fn tools_of(deps: &Deps, persona: &Persona) -> Result<Vec<OwnTool>, Problem> {
    let mut tools = deps.mcp.offered(Some(persona)).await;
    let (own, persona) = (deps.own.clone(), persona.clone());
    let own = web::block(move || own.of(Some((&persona).into()))).await;
    let own = own.map_err(|error| Problem::unavailable(format!("The tools could not be listed: {error}.")))?;
    tools.extend(own.tools.iter().cloned());
    Ok(tools)
}

async fn roll_back(
    id: web::Path<String>,
    caller: Caller,
    input: Loose<RollBack>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let run = find(&deps, &id).await?;
    let Loose(RollBack { step, confirm }) = input;
    let (persona, deed) = deps.company.deed(run.id, step).await?;
    let inverse = rollback::inverse(&deed, &tools_of(&deps, &persona).await?)?;
    let Some(digest) = confirm else {
        let plan = deps.company.plan_rollback(&deed, inverse).await?;
        return Ok(HttpResponse::Ok().json(RollbackView::new(&persona, deed, plan, None)));
    };
    let (goal, plan) = deps.company.roll_back(&deed, inverse, digest, &caller.by()).await?;
    let address = format!("/api/goals/{}", goal.id);
    let view = RollbackView::new(&persona, deed, plan, Some(goal.id));
    Ok(HttpResponse::Created().insert_header(("Location", address)).json(view))
}
