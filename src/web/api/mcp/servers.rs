//! `POST /api/mcp` and `DELETE /api/mcp/{server}`: MCP servers that come over the API.

use actix_web::{HttpResponse, http::Method, web};

use super::one;
use crate::{
    tools::{added::Shelf, mcp::ServerView},
    web::{
        Deps,
        api::added::{self, Addition, WhoseQuery},
        auth::Caller,
        errors::Problem,
        input::{Loose, LooseQuery},
        routes::{Route, Table, Who},
    },
};

const KIND: (Shelf, &str) = (Shelf::Servers, "MCP server");

pub(super) fn routes() -> Table {
    vec![
        Route::post("/api/mcp", Who::Owner, "Adds an MCP server, for everyone or for one persona", add)
            .takes::<Addition>()
            .gives::<ServerView>(),
        Route::new(Method::DELETE, "/api/mcp/{server}", Who::Owner, "Takes an MCP server away", remove)
            .query::<WhoseQuery>(),
    ]
}

async fn add(caller: Caller, input: Loose<Addition>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let (name, persona) = added::add(&deps, &caller, KIND, input.0).await?;
    // One that was replaced is another one now.
    if let Some(key) = deps.mcp.key(persona.as_ref(), &name).await {
        deps.mcp.forget(&key);
    }
    let added = one(&deps, persona.as_ref(), &name).await?;
    Ok(HttpResponse::Created().json(added.into_inner()))
}

/// What was confirmed of it is withdrawn, so that another server of this name begins from nothing.
async fn remove(
    server: web::Path<String>,
    caller: Caller,
    query: LooseQuery<WhoseQuery>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let persona = added::named(&deps, query.persona.as_deref()).await?;
    let own = persona.as_ref().map(|persona| format!("{}/{}", persona.id, *server));
    let key = own.unwrap_or_else(|| server.to_string());
    added::take_away(&deps, &caller, KIND, (&server, persona.as_ref())).await?;
    deps.mcp.forget(&key);
    for pin in deps.db.mcp_pins(std::slice::from_ref(&key)).await? {
        deps.company.withdraw_mcp(key.clone(), pin.tool, &caller.by()).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
