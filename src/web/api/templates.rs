//! `/api/templates`: goals that come with their proof.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    tools::templates::{self, Named},
    web::{
        Deps,
        errors::Problem,
        routes::{Route, Table, Who},
    },
};

/// `/api/templates`.
pub fn routes() -> Table {
    vec![Route::get("/api/templates", Who::Member, "Goals that come with their proof", list).gives::<TemplatesView>()]
}

/// Every template.
#[derive(Serialize, ToSchema)]
pub struct TemplatesView {
    /// `name`, what it is `about`, its `proof`, its `fields`, what it `counts_as`, and why it is `off`.
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<TemplateView>,
}

/// One of them, and whether it can be used.
#[derive(Serialize)]
pub struct TemplateView {
    #[serde(flatten)]
    template: &'static Named,
    off: Option<&'static str>,
}

async fn list(deps: web::Data<Deps>) -> Result<web::Json<TemplatesView>, Problem> {
    let outreach = deps.db.allows_outreach().await?;
    let items = templates::all().iter().map(|template| TemplateView { template, off: template.off(outreach) });
    Ok(web::Json(TemplatesView { items: items.collect() }))
}
