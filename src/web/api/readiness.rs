//! `/api/personas/{persona}/readiness`: what a persona lacks before it can do its work.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use super::personas;
use crate::web::{
    Deps,
    errors::Problem,
    readiness::{self, Missing},
    routes::{Route, Table, Who},
};

/// `/api/personas/{persona}/readiness`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/personas/{persona}/readiness", Who::Member, "What it lacks before it can do its work", show)
            .gives::<ReadinessView>(),
    ]
}

/// Whether a persona can do all of its work.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadinessView {
    /// Nothing is missing.
    pub ready: bool,
    pub missing: Vec<Missing>,
}

async fn show(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<ReadinessView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let missing = readiness::of(&deps, &persona).await?;
    Ok(web::Json(ReadinessView { ready: missing.is_empty(), missing }))
}
