//! `/api/approvals`: what waits for a person's yes or no, and what people said.

use actix_web::web;
use actors::domain::{Approval, ApprovalId, ApprovalState, GoalId, Hash, PersonaId, RunId, StepIndex};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::personas;
use crate::{
    storage::ApprovalFilter,
    web::{
        Deps,
        auth::Caller,
        cursor::{IdCursor, Limit, Page},
        errors::Problem,
        input::{Loose, LooseQuery},
        names::Names,
        routes::{Route, Table, Who},
    },
};

/// `/api/approvals…`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/approvals", Who::Member, "What people are and were asked, newest first", list)
            .query::<List>()
            .gives_page::<ApprovalView>(),
        Route::get("/api/approvals/waiting", Who::Member, "How many wait for a yes or no", waiting).gives::<Waiting>(),
        Route::get("/api/approvals/{approval}", Who::Member, "One of them", show).gives::<ApprovalView>(),
        Route::post("/api/approvals/{approval}/approve", Who::Member, "Yes to this very call, once", approve)
            .takes::<Said>()
            .gives::<ApprovalView>(),
        Route::post("/api/approvals/{approval}/deny", Who::Member, "No; its goal goes on without it, or ends", deny)
            .takes::<Said>()
            .gives::<ApprovalView>(),
    ]
}

/// A question about one exact call.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApprovalView {
    #[schema(value_type = String)]
    pub id: ApprovalId,
    /// The persona's slug.
    pub persona: Option<String>,
    #[schema(value_type = String)]
    pub persona_id: PersonaId,
    #[schema(value_type = String)]
    pub goal: GoalId,
    #[schema(value_type = String)]
    pub run: RunId,
    pub step: StepIndex,
    pub tool: String,
    /// `waiting`, `approved`, `denied`, `expired`, `void` or `used`.
    pub state: &'static str,
    /// One line: the tool and what it is about.
    pub what: String,
    /// The arguments; secrets are names.
    #[schema(value_type = Object)]
    pub args: Value,
    /// In a browser: the address, the element, what the form holds.
    #[schema(value_type = Object)]
    pub page: Option<Value>,
    pub host: Option<String>,
    /// By which rule a person is asked.
    pub rule: String,
    /// What the host's policy wants said there.
    pub disclosure: Option<String>,
    /// Of tool, arguments, persona, expiry and page: a yes is for nothing else.
    #[schema(value_type = String)]
    pub digest: Hash,
    /// It was asked before, and the page had changed until the yes could be used.
    pub again: bool,
    pub asked_ms: i64,
    pub expires_ms: i64,
    pub decided_by: Option<String>,
    pub decided_ms: Option<i64>,
    pub note: Option<String>,
}

impl ApprovalView {
    fn new(approval: Approval, persona: Option<String>, now_ms: i64) -> Self {
        let state = approval.state_at(now_ms).as_str();
        let Approval { id, persona: persona_id, goal, run, step, tool, digest, subject, again, .. } = approval;
        let (decided_by, decided_ms, note) =
            approval.decided.map_or((None, None, None), |said| (Some(said.by), Some(said.at_ms), Some(said.note)));
        let (asked_ms, expires_ms) = (approval.asked_ms, approval.expires_ms);
        Self {
            id,
            persona,
            persona_id,
            goal,
            run,
            step,
            tool,
            state,
            what: subject.label,
            args: subject.args,
            page: subject.page,
            host: subject.host,
            rule: subject.rule,
            disclosure: subject.disclosure,
            digest,
            again,
            asked_ms,
            expires_ms,
            decided_by,
            decided_ms,
            note,
        }
    }

    async fn read(approval: Approval, deps: &Deps, names: &Names) -> Self {
        let persona = names.of(approval.persona).await.map(|named| named.slug.clone());
        Self::new(approval, persona, deps.world.now_ms())
    }
}

/// How many wait.
#[derive(Debug, Serialize, ToSchema)]
pub struct Waiting {
    pub waiting: u32,
}

/// What a person adds.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Said {
    /// Kept with the decision; at most 2000 characters.
    pub note: Option<String>,
}

/// Which ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    #[default]
    All,
    Waiting,
    Decided,
}

#[derive(Debug, Deserialize, IntoParams)]
struct List {
    /// `waiting`, `decided` or `all`; left out: all.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    state: Which,
    /// Slug or id.
    #[serde(default)]
    persona: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<String>)]
    goal: Option<GoalId>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<IdCursor>,
    /// 1 to 500; 50 when left out.
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

async fn list(
    query: LooseQuery<List>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<Page<ApprovalView>>, Problem> {
    let persona = match &query.persona {
        Some(name) => Some(personas::find(&deps, name).await?.id),
        None => None,
    };
    let now_ms = deps.world.now_ms();
    let at = |which| (query.state == which).then_some(now_ms);
    let filter = ApprovalFilter {
        persona,
        goal: query.goal,
        waiting_at_ms: at(Which::Waiting),
        decided_at_ms: at(Which::Decided),
        before: query.cursor.map(|cursor| ApprovalId(cursor.0)),
        limit: query.limit.and_one(),
    };
    let asked = deps.db.approvals(filter).await?;
    let page = Page::of(asked, query.limit.get(), |approval| IdCursor(approval.id.0).to_string());
    let mut items = Vec::with_capacity(page.items.len());
    for approval in page.items {
        items.push(ApprovalView::read(approval, &deps, &names).await);
    }
    Ok(web::Json(Page { items, next: page.next }))
}

async fn waiting(deps: web::Data<Deps>) -> Result<web::Json<Waiting>, Problem> {
    Ok(web::Json(Waiting { waiting: deps.db.waiting_approvals(deps.world.now_ms()).await? }))
}

async fn find(deps: &Deps, id: &str) -> Result<Approval, Problem> {
    let not_found = || Problem::not_found("approval", id);
    let known: ApprovalId = id.parse().map_err(|_| not_found())?;
    deps.db.approval(known).await?.ok_or_else(not_found)
}

async fn show(
    id: web::Path<String>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<ApprovalView>, Problem> {
    Ok(web::Json(ApprovalView::read(find(&deps, &id).await?, &deps, &names).await))
}

async fn approve(
    id: web::Path<String>,
    caller: Caller,
    said: Loose<Said>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<ApprovalView>, Problem> {
    decide(&id, ApprovalState::Approved, (&caller, said.0), &deps, &names).await
}

async fn deny(
    id: web::Path<String>,
    caller: Caller,
    said: Loose<Said>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<ApprovalView>, Problem> {
    decide(&id, ApprovalState::Denied, (&caller, said.0), &deps, &names).await
}

async fn decide(
    id: &str,
    word: ApprovalState,
    (caller, said): (&Caller, Said),
    deps: &Deps,
    names: &Names,
) -> Result<web::Json<ApprovalView>, Problem> {
    let known = find(deps, id).await?.id;
    let (yes, note) = (word == ApprovalState::Approved, said.note.unwrap_or_default());
    let decided = deps.company.decide_approval(known, yes, note, &caller.by()).await?;
    Ok(web::Json(ApprovalView::read(decided, deps, names).await))
}
