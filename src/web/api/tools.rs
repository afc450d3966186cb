//! `/api/tools` and `/api/personas/{persona}/tools`: what personas can use, what one may use, and how it went.

mod added;
mod tries;

use actix_web::{http::Method, web};
use actors::domain::{GrantChange, Persona, ToolKind, nearest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{added::named, personas};
use crate::{
    tools::registry::{self, Finder, Listed},
    web::{
        Deps,
        auth::Caller,
        errors::Problem,
        input::{Checks, Loose, LooseQuery},
        routes::{Route, Table, Who},
        usage::{self, Used},
    },
};

const OWN: &str = "/api/personas/{persona}/tools";

/// `/api/tools…` and `/api/personas/{persona}/tools`.
pub fn routes() -> Table {
    let own = vec![
        Route::get("/api/tools", Who::Member, "Every tool, with its schema, its effect and where it is from", list)
            .query::<Sought>()
            .gives::<ToolsView>(),
        Route::get("/api/tools/usage", Who::Member, "How often tools were called of late, and how long it took", used)
            .query::<Wanted>()
            .gives::<UsageView>(),
        Route::get(OWN, Who::Member, "Every tool, and whether it may use it", list_of).gives::<ToolsView>(),
        Route::new(Method::PATCH, OWN, Who::Member, "Grants and revokes tools; it holds from its next step on", grant)
            .takes::<GrantsChange>()
            .gives::<ToolsView>(),
    ];
    own.into_iter().chain(added::routes()).chain(tries::routes()).collect()
}

/// Which tools.
#[derive(Deserialize, IntoParams)]
pub struct Wanted {
    /// Slug or id: with this persona's own tools.
    pub persona: Option<String>,
}

/// Which tools of the list.
#[derive(Deserialize, IntoParams)]
pub struct Sought {
    /// Slug or id: with this persona's own tools.
    pub persona: Option<String>,
    /// Words: only what fits, best first, as `tool_search` finds it.
    pub query: Option<String>,
}

/// Every tool.
#[derive(Serialize, ToSchema)]
pub struct ToolsView {
    /// The persona's version behind the change; none: this is about nobody in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    pub items: Vec<Listed>,
}

/// The newest receipts, by tool.
#[derive(Serialize, ToSchema)]
pub struct UsageView {
    pub items: Vec<Used>,
}

/// What is to change: names of tools, or of kinds (`browser`, `files`, `network`, `people`, `company`, `memory`,
/// `voice`, `registry`, `own`, `mcp`).
#[derive(Deserialize, ToSchema)]
pub struct GrantsChange {
    #[serde(default)]
    pub grant: Vec<String>,
    #[serde(default)]
    pub revoke: Vec<String>,
    /// What holds for everybody holds for these again.
    #[serde(default)]
    pub reset: Vec<String>,
}

/// All tools, as this persona sees them. Reads folders, so it is done beside.
pub(in crate::web) async fn of(deps: &Deps, persona: Option<&Persona>) -> Result<Vec<Listed>, Problem> {
    let (own, persona, fitted) = (deps.own.clone(), persona.cloned(), deps.fitted);
    let confirmed = deps.mcp.offered(persona.as_ref()).await;
    let listed = web::block(move || registry::list(&own, persona.as_ref(), &confirmed, fitted)).await;
    listed.map_err(|error| Problem::unavailable(format!("The tools could not be listed: {error}.")))
}

async fn list(
    query: LooseQuery<Sought>,
    deps: web::Data<Deps>,
    finder: web::Data<Finder>,
) -> Result<web::Json<ToolsView>, Problem> {
    let persona = named(&deps, query.persona.as_deref()).await?;
    let items = of(&deps, persona.as_ref()).await?;
    let version = persona.as_ref().map(|persona| persona.version);
    Ok(web::Json(ToolsView { version, items: found(&finder, persona.as_ref(), items, query.query.as_deref()) }))
}

/// Those that fit the words, best first; without words: all as they are.
pub(in crate::web) fn found(
    finder: &Finder,
    persona: Option<&Persona>,
    tools: Vec<Listed>,
    query: Option<&str>,
) -> Vec<Listed> {
    let Some(query) = query.map(str::trim).filter(|query| !query.is_empty()) else { return tools };
    let places = finder.search(persona.map(|persona| persona.id), &tools, query);
    places.into_iter().filter_map(|at| tools.get(at).cloned()).collect()
}

async fn used(query: LooseQuery<Wanted>, deps: web::Data<Deps>) -> Result<web::Json<UsageView>, Problem> {
    let persona = named(&deps, query.persona.as_deref()).await?.map(|persona| persona.id);
    Ok(web::Json(UsageView { items: usage::of(&deps.db, persona).await? }))
}

async fn list_of(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<ToolsView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    Ok(web::Json(ToolsView { version: Some(persona.version), items: of(&deps, Some(&persona)).await? }))
}

async fn grant(
    name: web::Path<String>,
    caller: Caller,
    input: Loose<GrantsChange>,
    deps: web::Data<Deps>,
) -> Result<web::Json<ToolsView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let Loose(GrantsChange { grant, revoke, reset }) = input;
    let known = of(&deps, Some(&persona)).await?;
    check(&known, &grant, &revoke)?;
    let change = GrantChange { grant, revoke, reset };
    let persona = deps.company.grant_tools(persona.id, change, &caller.by()).await?;
    Ok(web::Json(ToolsView { version: Some(persona.version), items: of(&deps, Some(&persona)).await? }))
}

/// What is taken back may be gone; what is granted or revoked must be there.
fn check(tools: &[Listed], grant: &[String], revoke: &[String]) -> Result<(), Problem> {
    let kinds = ToolKind::ALL.iter().map(|kind| kind.as_str());
    let known: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).chain(kinds).collect();
    let mut checks = Checks::default();
    for (field, names) in [("grant", grant), ("revoke", revoke)] {
        for (at, name) in names.iter().enumerate() {
            let near = || nearest(name, &known).join(", ");
            let there = known.contains(&name.as_str());
            let why = if there { String::new() } else { format!("there is no tool `{name}`; nearest: {}", near()) };
            checks.check(&format!("{field}[{at}]"), there, why);
        }
    }
    checks.done()
}
