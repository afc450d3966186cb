//! `/api/tools`: what personas can use, built in and own.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::personas;
use crate::{
    tools::registry::{self, Listed},
    web::{
        Deps,
        errors::Problem,
        input::LooseQuery,
        routes::{Route, Table, Who},
    },
};

/// `/api/tools`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/tools", Who::Member, "Every tool, with its schema, its effect and where it is from", list)
            .query::<Wanted>()
            .gives::<ToolsView>(),
    ]
}

/// Which tools.
#[derive(Deserialize, IntoParams)]
pub struct Wanted {
    /// Slug or id: with this persona's own tools.
    pub persona: Option<String>,
}

/// Every tool.
#[derive(Serialize, ToSchema)]
pub struct ToolsView {
    pub items: Vec<Listed>,
}

async fn list(query: LooseQuery<Wanted>, deps: web::Data<Deps>) -> Result<web::Json<ToolsView>, Problem> {
    let persona = match &query.0.persona {
        Some(name) => Some(personas::find(&deps, name).await?),
        None => None,
    };
    let root = deps.config.data_root.clone();
    let listed = web::block(move || registry::list(&root, persona.as_ref())).await;
    Ok(web::Json(ToolsView {
        items: listed.map_err(|error| Problem::unavailable(format!("The tools could not be listed: {error}.")))?,
    }))
}
