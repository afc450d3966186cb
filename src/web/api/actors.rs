//! `/api/admin/actors`: the roster, and a restart for one that is stuck.

use actix_web::web;
use actors::{
    domain::Vitals,
    supervisor::{ActorInfo, ActorState},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::personas;
use crate::web::{
    Deps,
    auth::Caller,
    cursor::Page,
    errors::Problem,
    input::{Loose, Nothing},
    routes::{Route, Table, Who},
};

/// `/api/admin/actors…`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/admin/actors", Who::Owner, "Every persona's actor", list).gives_page::<ActorView>(),
        Route::post("/api/admin/actors/{name}/restart", Who::Owner, "Ends an actor and starts it anew", restart)
            .gives_page::<ActorView>(),
    ]
}

/// One line of the roster.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActorView {
    #[schema(value_type = String)]
    pub persona: actors::domain::PersonaId,
    pub slug: String,
    /// `asleep`, `awake`, `retiring`, `restarting` or `paused`.
    #[schema(value_type = String)]
    pub state: ActorState,
    pub restarts: u32,
    /// Messages waiting or running.
    pub inbox: u32,
    /// None while asleep.
    pub uptime_ms: Option<i64>,
    /// Holds a slice now.
    pub on_stage: bool,
    pub now: Option<String>,
    /// `mood` (`idle`, `active`, `tired` or `overwhelmed`), `energy`, `attention` and `compute` (0 to 1).
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub vitals: Vitals,
}

impl From<&ActorInfo> for ActorView {
    fn from(actor: &ActorInfo) -> Self {
        Self {
            persona: actor.persona,
            slug: actor.slug.to_string(),
            state: actor.state,
            restarts: actor.restarts,
            inbox: actor.inbox,
            uptime_ms: actor.uptime_ms,
            on_stage: actor.on_stage,
            now: actor.now.clone(),
            vitals: actor.vitals,
        }
    }
}

async fn list(deps: web::Data<Deps>) -> web::Json<Page<ActorView>> {
    web::Json(Page::whole(deps.company.actors().iter().map(ActorView::from).collect()))
}

async fn restart(
    name: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
) -> Result<web::Json<Page<ActorView>>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    deps.company.restart(persona.id, &caller.by()).await?;
    let roster = deps.company.actors();
    let one = roster.iter().filter(|actor| actor.persona == persona.id).map(ActorView::from);
    Ok(web::Json(Page::whole(one.collect())))
}
