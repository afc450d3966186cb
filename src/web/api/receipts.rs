//! `/api/receipts`: the evidence, by persona, goal and run.

use actix_web::web;
use actors::domain::{Body, ChainId, GoalId, Hash, Receipt, RunId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    storage::ReceiptFilter,
    web::{
        Deps,
        cursor::{Cursor, Limit, Page},
        errors::Problem,
        input::LooseQuery,
        routes::{Route, Table, Who},
    },
};

/// `/api/receipts`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/receipts", Who::Member, "Receipts, newest first unless asked otherwise", list)
            .query::<List>()
            .gives_page::<ReceiptView>(),
    ]
}

/// The runtime's record of a step.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReceiptView {
    /// Its place in the log; `since=` of the live stream takes it.
    #[schema(value_type = String)]
    pub cursor: Cursor,
    /// A persona's id, or `system:<node>`.
    #[schema(value_type = String)]
    pub chain: ChainId,
    pub seq: i64,
    #[schema(value_type = String)]
    pub prev: Hash,
    #[schema(value_type = String)]
    pub hash: Hash,
    pub at_ms: i64,
    pub node: String,
    /// `log`, `http`, `screenshot`, `file`, `execution`, `llm` or `decision`.
    pub kind: &'static str,
    pub phase: Option<&'static str>,
    /// What the goal, message or run became.
    pub state: Option<String>,
    pub tool: Option<String>,
    pub effect: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    pub goal: Option<GoalId>,
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    pub step: Option<u32>,
    /// Sequence of the receipt whose call was performed again.
    pub replay_of: Option<i64>,
    pub trace: Option<String>,
    pub project: Option<String>,
    pub units: Option<i64>,
    /// Summary, data, artifacts, cost, error; none: erased.
    #[schema(value_type = Option<Object>)]
    pub body: Option<Body>,
}

impl From<&Receipt> for ReceiptView {
    fn from(receipt: &Receipt) -> Self {
        Self {
            cursor: Cursor(receipt.pos),
            chain: receipt.chain.clone(),
            seq: receipt.seq,
            prev: receipt.prev,
            hash: receipt.hash,
            at_ms: receipt.at_ms,
            node: receipt.node.to_string(),
            kind: receipt.kind.as_str(),
            phase: receipt.phase.map(|phase| phase.as_str()),
            state: receipt.state.clone(),
            tool: receipt.tool.clone(),
            effect: receipt.effect.map(|effect| effect.as_str()),
            goal: receipt.goal,
            run: receipt.run,
            step: receipt.step,
            replay_of: receipt.replay_of,
            trace: receipt.trace.map(|trace| trace.0.simple().to_string()),
            project: receipt.project.clone(),
            units: receipt.units,
            body: receipt.body.clone(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
struct List {
    /// Slug or id.
    persona: Option<String>,
    /// A chain by name, like `system:<node>`; instead of `persona`.
    #[param(value_type = Option<String>)]
    chain: Option<ChainId>,
    #[param(value_type = Option<String>)]
    goal: Option<GoalId>,
    #[param(value_type = Option<String>)]
    run: Option<RunId>,
    /// `next` of the page before, or a receipt's `cursor`: what follows it in the order asked for.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Not beyond this cursor; with `cursor` the two ends of a gap.
    #[param(value_type = Option<String>)]
    until: Option<Cursor>,
    /// `newest` (first) or `oldest`.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    order: Order,
    /// 1 to 500; 50 when left out.
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Newest,
    Oldest,
}

async fn list(query: LooseQuery<List>, deps: web::Data<Deps>) -> Result<web::Json<Page<ReceiptView>>, Problem> {
    let LooseQuery(query) = query;
    let chain = match (query.persona, query.chain) {
        (Some(_), Some(_)) => return Err(Problem::field("chain", "and `persona` exclude each other; send one")),
        // The chain of a deleted persona stays.
        (Some(name), None) => match deps.db.persona_ever_named(&name).await? {
            Some(persona) => Some(ChainId::Persona(persona.id)),
            None => return Err(Problem::not_found("persona", &name)),
        },
        (None, chain) => chain,
    };
    let (cursor, until) = (query.cursor.map(|c| c.0), query.until.map(|c| c.0));
    let newest_first = query.order == Order::Newest;
    let (after, before) = if newest_first {
        (until.map(|pos| pos.saturating_sub(1)), cursor)
    } else {
        (cursor, until.map(|pos| pos.saturating_add(1)))
    };
    let (goal, run, limit) = (query.goal, query.run, query.limit.and_one());
    let filter = ReceiptFilter { chain, goal, run, after, before, newest_first, limit, ..ReceiptFilter::default() };
    let rows = deps.db.receipts(filter).await?;
    let page = Page::of(rows, query.limit.get(), |receipt| Cursor(receipt.pos).to_string());
    Ok(web::Json(page.map(|receipt| ReceiptView::from(&receipt))))
}
