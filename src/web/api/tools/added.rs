//! `POST /api/tools` and `DELETE /api/tools/{tool}`: own tools that come over the API.

use actix_web::{HttpResponse, http::Method, web};

use super::of;
use crate::{
    tools::{added::Shelf, registry::Listed},
    web::{
        Deps,
        api::added::{self, Addition, WhoseQuery},
        auth::Caller,
        errors::Problem,
        input::{Loose, LooseQuery},
        routes::{Route, Table, Who},
    },
};

const KIND: (Shelf, &str) = (Shelf::Tools, "tool");
/// A name that is an address of its own below `/api/tools`.
const ADDRESS: &str = "usage";

pub(super) fn routes() -> Table {
    vec![
        Route::post("/api/tools", Who::Owner, "Adds an own tool, for everyone or for one persona", add)
            .takes::<Addition>()
            .gives::<Listed>(),
        Route::new(Method::DELETE, "/api/tools/{tool}", Who::Owner, "Takes an own tool away", remove)
            .query::<WhoseQuery>(),
    ]
}

async fn add(caller: Caller, input: Loose<Addition>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    if input.manifest.lines().any(|line| line.replace(' ', "") == format!("name=\"{ADDRESS}\"")) {
        return Err(Problem::field("manifest.name", "is an address of the API: choose another"));
    }
    let (name, persona) = added::add(&deps, &caller, KIND, input.0).await?;
    let listed = of(&deps, persona.as_ref()).await?.into_iter().find(|tool| tool.name == name);
    match listed {
        Some(tool) => Ok(HttpResponse::Created().json(tool)),
        None => Err(Problem::conflict("The tool was removed meanwhile.")),
    }
}

async fn remove(
    tool: web::Path<String>,
    caller: Caller,
    query: LooseQuery<WhoseQuery>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let persona = added::named(&deps, query.persona.as_deref()).await?;
    added::take_away(&deps, &caller, KIND, (&tool, persona.as_ref())).await?;
    Ok(HttpResponse::NoContent().finish())
}
