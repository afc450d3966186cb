//! `/api/templates`: goals that come with their proof.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    tools::templates::{self, Named},
    web::routes::{Route, Table, Who},
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
    pub items: &'static [Named],
}

async fn list() -> web::Json<TemplatesView> {
    web::Json(TemplatesView { items: templates::all() })
}
