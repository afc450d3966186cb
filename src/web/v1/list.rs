//! `GET /v1/models`: what a key may ask for.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::{chat::json_of, errors::Refusal, key_of, persona};
use crate::{
    storage::VirtualKey,
    web::{Deps, api::personas},
};

/// Personas that are listed; any other can be asked for by name.
const MOST_PERSONAS: u32 = 1_000;

pub(super) async fn all(request: HttpRequest, deps: web::Data<Deps>) -> Result<HttpResponse, Refusal> {
    let key = key_of(&request)?.0;
    let models = deps.models.names().map(|name| model(&deps, name, "greenroom"));
    let personas = deps.db.persona_names(MOST_PERSONAS).await?;
    let personas = personas.into_iter().map(|(_, slug, _)| model(&deps, &format!("persona/{slug}"), "persona"));
    let listed: Vec<_> = models.chain(personas).filter(|model| is_allowed(&key, model)).collect();
    Ok(json_of(&json!({ "object": "list", "data": listed })))
}

pub(super) async fn one(
    name: web::Path<String>,
    request: HttpRequest,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Refusal> {
    let key = key_of(&request)?.0;
    let none = || Refusal::no_model(&name);
    if !key.allows(&name) {
        return Err(none());
    }
    let owner = match persona::slug_of(&name) {
        Some(slug) => personas::find(&deps, slug).await.map(|_| "persona").map_err(|_| none())?,
        None if deps.models.knows(&name) => "greenroom",
        None => return Err(none()),
    };
    Ok(json_of(&model(&deps, &name, owner)))
}

fn model(deps: &Deps, id: &str, owned_by: &str) -> Value {
    json!({ "id": id, "object": "model", "created": deps.started_ms / 1_000, "owned_by": owned_by })
}

fn is_allowed(key: &VirtualKey, model: &Value) -> bool {
    model["id"].as_str().is_some_and(|id| key.allows(id))
}
