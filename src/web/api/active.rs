//! `/api/personas/active` and `/api/personas/{persona}/activate`: whom a user talks to when none is named.

use actix_web::web;
use actors::domain::PersonaStatus;
use serde_json::json;

use super::personas::{self, PersonaView};
use crate::{
    storage::UserId,
    web::{
        Deps,
        auth::{Caller, links},
        errors::Problem,
        input::{Loose, Nothing},
        routes::{Route, Table, Who},
    },
};

/// `…/active` and `…/activate`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/personas/active", Who::Member, "Whom you talk to when you name nobody", show)
            .gives::<PersonaView>(),
        Route::post("/api/personas/{persona}/activate", Who::Member, "Makes it the one you talk to", activate)
            .gives::<PersonaView>(),
    ]
}

/// Who calls; the local command line is the first owner.
async fn user(deps: &Deps, caller: &Caller) -> Result<UserId, Problem> {
    match caller.user {
        Some(user) => Ok(user),
        None => Ok(links::first_owner(&deps.accounts).await?),
    }
}

async fn show(caller: Caller, deps: web::Data<Deps>) -> Result<web::Json<PersonaView>, Problem> {
    let none = || Problem::not_found("active persona of", &caller.name);
    let id = deps.accounts.active_persona(user(&deps, &caller).await?).await?.ok_or_else(none)?;
    let persona = deps.db.persona(id).await?.filter(|persona| persona.status != PersonaStatus::Deleted);
    Ok(web::Json(personas::view(&deps, persona.ok_or_else(none)?).await?))
}

async fn activate(
    name: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
) -> Result<web::Json<PersonaView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    deps.accounts.activate_persona(user(&deps, &caller).await?, persona.id).await?;
    let said = format!("made {} the active persona of {}", persona.slug, caller.name);
    deps.company.record_act(said, json!({ "persona": persona.id }), &caller.by()).await?;
    Ok(web::Json(personas::view(&deps, persona).await?))
}
