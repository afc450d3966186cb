//! `/api/personas/{persona}/container`: what its own tools run in, where they ask for a container.

use actix_web::web;
use serde_json::json;

use super::personas;
use crate::{
    tools::containers::{ContainerView, Home},
    web::{
        Deps,
        auth::Caller,
        errors::Problem,
        routes::{Route, Table, Who},
    },
};

const PATH: &str = "/api/personas/{persona}/container";

/// `/api/personas/{persona}/container…`.
pub fn routes() -> Table {
    vec![
        Route::get(PATH, Who::Member, "How its container stands: state, image, memory, last call", show)
            .gives::<ContainerView>(),
        Route::post(
            "/api/personas/{persona}/container/restart",
            Who::Member,
            "Ends its container, and whatever runs in it, and starts another",
            restart,
        )
        .gives::<ContainerView>(),
    ]
}

async fn show(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<ContainerView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let home = Home::of(&deps.config.data_root, (&persona).into());
    Ok(web::Json(deps.isolations.containers.view(&home).await))
}

async fn restart(
    name: web::Path<String>,
    caller: Caller,
    deps: web::Data<Deps>,
) -> Result<web::Json<ContainerView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let home = Home::of(&deps.config.data_root, (&persona).into());
    let restarted = deps.isolations.containers.restart(&home).await;
    // What was tried has ended something, however it went on.
    let (said, error) = match &restarted {
        Ok(_) => (format!("restarted the container of {}", persona.slug), None),
        Err(error) => (format!("could not restart the container of {}", persona.slug), Some(error.to_string())),
    };
    let id = restarted.as_ref().ok().and_then(|seen| seen.id.clone());
    let data = json!({ "persona": persona.id, "container": id, "error": error });
    deps.company.record_act(said, data, &caller.by()).await?;
    restarted.map(web::Json).map_err(|error| Problem::unavailable(format!("{error}.")))
}
