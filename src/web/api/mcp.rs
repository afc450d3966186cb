//! `/api/mcp`: MCP servers, what they offer, and what people confirmed of it.

mod servers;

use actix_web::web;
use actors::{domain::Persona, supervisor::Company};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{added::named, personas};
use crate::{
    tools::mcp::{Mcp, NotConfirmed, NotLooked, ServerView},
    web::{
        Deps,
        auth::Caller,
        errors::Problem,
        input::{Loose, LooseQuery},
        routes::{Route, Table, Who},
    },
};

/// `/api/mcp…`.
pub fn routes() -> Table {
    let own = vec![
        Route::get("/api/mcp", Who::Member, "MCP servers and their tools, as far as they are known", list)
            .query::<Wanted>()
            .gives::<McpView>(),
        Route::post("/api/mcp/{server}/look", Who::Owner, "Starts it for a persona and reads what it offers", look)
            .takes::<Look>()
            .gives::<ServerView>(),
        Route::post("/api/mcp/{server}/confirm", Who::Owner, "Lets personas call tools, exactly as seen", confirm)
            .takes::<Confirm>()
            .gives::<ServerView>(),
        Route::post("/api/mcp/{server}/withdraw", Who::Owner, "Takes a confirmation back", withdraw)
            .takes::<Withdraw>()
            .gives::<ServerView>(),
    ];
    own.into_iter().chain(servers::routes()).collect()
}

/// Which servers.
#[derive(Deserialize, IntoParams)]
pub struct Wanted {
    /// Slug or id: with this persona's own servers.
    pub persona: Option<String>,
}

/// Every server.
#[derive(Serialize, ToSchema)]
pub struct McpView {
    pub items: Vec<ServerView>,
}

/// For whom it is started.
#[derive(Deserialize, ToSchema)]
pub struct Look {
    /// Slug or id: its host rules, secrets and folder hold.
    pub persona: String,
}

/// What is confirmed.
#[derive(Deserialize, ToSchema)]
pub struct Confirm {
    /// Slug or id, where the server is a persona's own.
    pub persona: Option<String>,
    pub tools: Vec<Seen>,
}

/// A tool as somebody saw it.
#[derive(Deserialize, ToSchema)]
pub struct Seen {
    /// As the server calls it.
    pub tool: String,
    /// Its hash, whole.
    pub hash: String,
}

/// What is taken back.
#[derive(Deserialize, ToSchema)]
pub struct Withdraw {
    /// Slug or id, where the server is a persona's own.
    pub persona: Option<String>,
    /// As the server calls it.
    pub tool: String,
}

async fn list(query: LooseQuery<Wanted>, deps: web::Data<Deps>) -> Result<web::Json<McpView>, Problem> {
    let persona = named(&deps, query.persona.as_deref()).await?;
    Ok(web::Json(McpView { items: all(&deps, persona.as_ref()).await? }))
}

pub(in crate::web) async fn all(deps: &Deps, persona: Option<&Persona>) -> Result<Vec<ServerView>, Problem> {
    let found = deps.mcp.list(persona).await;
    found.map_err(|error| Problem::unavailable(format!("What was confirmed could not be read: {error}.")))
}

async fn one(deps: &Deps, persona: Option<&Persona>, server: &str) -> Result<web::Json<ServerView>, Problem> {
    let found = all(deps, persona).await?.into_iter().find(|found| found.name == server);
    found.map(web::Json).ok_or_else(|| Problem::not_found("MCP server", server))
}

async fn look(
    server: web::Path<String>,
    input: Loose<Look>,
    deps: web::Data<Deps>,
) -> Result<web::Json<ServerView>, Problem> {
    let persona = personas::find(&deps, &input.persona).await?;
    let looked = deps.mcp.look(&persona, &server).await;
    // Whether it says what was confirmed stands in the alerts before anybody reads on.
    tell(&deps.mcp, &deps.company).await;
    match looked {
        Ok(seen) => Ok(web::Json(seen)),
        Err(NotLooked::None(name)) => Err(Problem::not_found("MCP server", &name)),
        Err(NotLooked::Failed(why)) => Err(Problem::conflict(format!("The server cannot be looked at: {why}."))),
        Err(error @ NotLooked::Pins(_)) => Err(Problem::unavailable(format!("{error}."))),
    }
}

/// Tells the company whatever servers say anew of confirmed tools: alerts are raised and resolved by it. Until dropped.
pub async fn watch(mcp: Mcp, company: Company) {
    loop {
        mcp.news().await;
        tell(&mcp, &company).await;
    }
}

async fn tell(mcp: &Mcp, company: &Company) {
    match mcp.sightings().await {
        Ok(sightings) => {
            if let Err(error) = company.saw_mcp(sightings).await {
                tracing::warn!("what MCP servers say now could not be told: {error}");
            }
        }
        Err(error) => tracing::warn!("what was confirmed of MCP servers could not be read: {error}"),
    }
}

async fn confirm(
    server: web::Path<String>,
    caller: Caller,
    input: Loose<Confirm>,
    deps: web::Data<Deps>,
) -> Result<web::Json<ServerView>, Problem> {
    let Loose(Confirm { persona, tools }) = input;
    let persona = named(&deps, persona.as_deref()).await?;
    let tools: Vec<(String, String)> = tools.into_iter().map(|seen| (seen.tool, seen.hash)).collect();
    let pins = deps.mcp.to_confirm(persona.as_ref(), &server, &tools).await.map_err(|error| match error {
        NotConfirmed::NoServer(name) => Problem::not_found("MCP server", &name),
        NotConfirmed::Tool(tool, why) => {
            let at = tools.iter().position(|(name, _)| *name == tool).unwrap_or(0);
            Problem::field(format!("tools[{at}]"), why)
        }
    })?;
    deps.company.confirm_mcp(pins, &caller.by()).await?;
    one(&deps, persona.as_ref(), &server).await
}

async fn withdraw(
    server: web::Path<String>,
    caller: Caller,
    input: Loose<Withdraw>,
    deps: web::Data<Deps>,
) -> Result<web::Json<ServerView>, Problem> {
    let Loose(Withdraw { persona, tool }) = input;
    let persona = named(&deps, persona.as_deref()).await?;
    let key = deps.mcp.key(persona.as_ref(), &server).await;
    let key = key.ok_or_else(|| Problem::not_found("MCP server", &server))?;
    let confirmed = deps.db.mcp_pins(std::slice::from_ref(&key)).await?;
    if confirmed.iter().all(|pin| pin.tool != tool) {
        return Err(Problem::field("tool", format!("`{tool}` is not confirmed")));
    }
    deps.company.withdraw_mcp(key, tool, &caller.by()).await?;
    one(&deps, persona.as_ref(), &server).await
}
