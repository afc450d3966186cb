//! `/api/alerts`: what a person should see, kept until it is resolved.

use actix_web::{HttpResponse, web};
use actors::domain::{Alert, AlertId, GoalId, PersonaId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::web::{
    Deps,
    auth::Caller,
    cursor::{Limit, Page},
    errors::Problem,
    input::{Loose, LooseQuery, Nothing},
    routes::{Route, Table, Who},
};

/// `/api/alerts…`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/alerts", Who::Member, "Open alerts, newest first", list)
            .query::<List>()
            .gives_page::<AlertView>(),
        Route::post("/api/alerts/{alert}/resolve", Who::Member, "Someone has seen to it", resolve),
    ]
}

/// Something a person should see.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertView {
    #[schema(value_type = String)]
    pub id: AlertId,
    /// `persona_paused`, `circuit_open`, `reconcile`, `approval`, `question`, `dead_letter`, `machine_hot`, `over_budget`,
    /// `budget_low`, `drift`, `mcp_changed` or `unavailable`.
    pub kind: &'static str,
    #[schema(value_type = Option<String>)]
    pub persona_id: Option<PersonaId>,
    #[schema(value_type = Option<String>)]
    pub goal: Option<GoalId>,
    /// What happened and what to do next.
    pub text: String,
    pub raised_ms: i64,
    pub resolved_ms: Option<i64>,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        Self {
            id: alert.id,
            kind: alert.kind.as_str(),
            persona_id: alert.persona,
            goal: alert.goal,
            text: alert.text,
            raised_ms: alert.raised_ms,
            resolved_ms: alert.resolved_ms,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
struct List {
    /// Resolved ones too.
    #[serde(default)]
    resolved: bool,
    /// 1 to 500; 50 when left out.
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

async fn list(query: LooseQuery<List>, deps: web::Data<Deps>) -> Result<web::Json<Page<AlertView>>, Problem> {
    let alerts = deps.db.alerts(!query.resolved, query.limit.get()).await?;
    Ok(web::Json(Page::whole(alerts.into_iter().map(AlertView::from).collect())))
}

async fn resolve(
    id: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let alert: AlertId = id.parse().map_err(|_| Problem::not_found("alert", &id))?;
    deps.company.resolve_alert(alert, &caller.by()).await?;
    Ok(HttpResponse::NoContent().finish())
}
