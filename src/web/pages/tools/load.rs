//! Fills the pages of tools from folders, the store and what was seen of servers.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::domain::{AlertKind, Persona};
use serde::Deserialize;

use super::{Add, Body, Registry, ToolsPage, one::ToolPage, row::ToolRow, servers::ServerPanel};
use crate::{
    storage::UserRole,
    tools::{
        own,
        registry::{self, Finder, Listed},
    },
    web::{
        Deps,
        api::{mcp, tools},
        auth::Caller,
        pages::{
            frame::Section,
            personas::AlertRow,
            show,
            visit::{self, NoPage, Visit},
        },
        routes::{Route, Table, Who},
        usage,
    },
};

/// Tools on one page; a search finds the others.
const MOST_ROWS: usize = 200;
/// Personas whose own tools and servers are listed without being asked for.
const MOST_OWNERS: usize = 20;
const MOST_ALERTS: u32 = 200;

const SERVER: &str =
    "# How it is reached. Everything it offers has to be confirmed by an owner before personas can call it.
name = \"notes\"
# A command in the sandbox; ./ is its folder. Or, instead: url = \"https://example.com/mcp\"
command = [\"python3\", \"./server.py\"]
# What its tools do to the world, by your word: pure, read or idempotent. Those not named are irreversible.
effects = { }
";

/// `/tools` and `/tools/{tool}`.
pub fn routes() -> Table {
    vec![
        Route::page("/tools", Who::Member, "Every tool, MCP servers, and adding one", show_all),
        Route::page("/tools/{tool}", Who::Member, "One tool, who may use it, and a try by hand", show_one),
    ]
}

/// What an address may ask of the page. Words that mean nothing are ignored.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    tab: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    persona: String,
}

fn asked(request: &HttpRequest) -> Asked {
    web::Query::<Asked>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default()
}

async fn show_all(
    request: HttpRequest,
    caller: Caller,
    deps: web::Data<Deps>,
    finder: web::Data<Finder>,
) -> HttpResponse {
    let page = all(&deps, &caller, &finder, &asked(&request)).await;
    visit::answer(&request, &deps, &caller, page)
}

async fn show_one(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let which = request.match_info().get("tool").unwrap_or_default();
    let page = one(&deps, &caller, which, &asked(&request)).await;
    visit::answer(&request, &deps, &caller, page)
}

async fn all(deps: &Deps, caller: &Caller, finder: &Finder, asked: &Asked) -> Result<ToolsPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let people = deps.db.personas(false).await?;
    let body = match asked.tab.as_str() {
        "servers" => Body::Servers(servers(deps, &people, visit.now_ms).await?),
        "add" if is_owner(caller) => Body::Add(add(&people)),
        _ => Body::Registry(registry(deps, finder, &people, asked).await?),
    };
    let alerts = deps.db.alerts(true, MOST_ALERTS).await?;
    let changed = alerts.iter().filter(|alert| alert.kind == AlertKind::McpChanged);
    let about = |id| people.iter().find(|persona| Some(persona.id) == id);
    Ok(ToolsPage {
        frame: visit.frame("Tools", Section::Tools),
        alerts: changed.map(|alert| AlertRow::new(alert, about(alert.persona), visit.now_ms)).collect(),
        body,
        is_owner: is_owner(caller),
    })
}

fn is_owner(caller: &Caller) -> bool {
    caller.role == UserRole::Owner
}

async fn listed(deps: &Deps, persona: Option<&Persona>) -> Result<Vec<Listed>, NoPage> {
    tools::of(deps, persona).await.map_err(|problem| NoPage::Unread(problem.detail))
}

async fn registry(deps: &Deps, finder: &Finder, people: &[Persona], asked: &Asked) -> Result<Registry, NoPage> {
    let only = people.iter().find(|persona| persona.slug.as_str() == asked.persona);
    let used = usage::of(&deps.db, only.map(|persona| persona.id)).await?;
    let all = listed(deps, only).await?;
    let mut rows: Vec<(Listed, Option<&Persona>)> = all
        .into_iter()
        .map(|tool| {
            let owner = only.filter(|_| matches!(tool.from, "persona" | "mcp"));
            (tool, owner)
        })
        .collect();
    let owners = match only {
        Some(_) => Vec::new(),
        None => owners(deps, people).await?,
    };
    for persona in owners.iter().take(MOST_OWNERS) {
        let theirs = own_of(deps, persona, &rows).await?;
        rows.extend(theirs.into_iter().map(|tool| (tool, Some(*persona))));
    }
    let all: Vec<Listed> = rows.iter().map(|(tool, _)| tool.clone()).collect();
    let query = asked.q.trim();
    let places = match query {
        "" => (0..all.len()).collect(),
        query => finder.search(only.map(|persona| persona.id), &all, query),
    };
    let shown = places.iter().take(MOST_ROWS).filter_map(|at| rows.get(*at));
    let broken = all.iter().filter(|tool| tool.error.is_some()).count();
    let broken = if broken > 0 { format!(" · {broken} cannot be used") } else { String::new() };
    Ok(Registry {
        asked: show::clip(query, 200),
        only: only.map(|persona| persona.slug.to_string()).unwrap_or_default(),
        personas: names(people),
        summary: format!("{}{broken}", show::counted(all.len() as u64, "tool")),
        more: places.len().saturating_sub(MOST_ROWS),
        rows: shown.map(|(tool, owner)| ToolRow::new(tool, &all, &used, *owner)).collect(),
        unlisted: owners.len().saturating_sub(MOST_OWNERS),
    })
}

/// Personas with folders of their own.
async fn owners<'a>(deps: &Deps, people: &'a [Persona]) -> Result<Vec<&'a Persona>, NoPage> {
    let (root, everybody) = (deps.config.data_root.clone(), people.to_vec());
    let read = move || registry::having_own(&root, &everybody).iter().map(|one| one.id).collect::<Vec<_>>();
    let having = web::block(read).await.map_err(|error| NoPage::Unread(error.to_string()))?;
    Ok(people.iter().filter(|persona| having.contains(&persona.id)).collect())
}

/// What a persona has beside everyone's.
async fn own_of(deps: &Deps, persona: &Persona, others: &[(Listed, Option<&Persona>)]) -> Result<Vec<Listed>, NoPage> {
    let is_shared = |name: &str| others.iter().any(|(tool, owner)| owner.is_none() && tool.name == name);
    let theirs = listed(deps, Some(persona)).await?.into_iter();
    let theirs = theirs.filter(|tool| tool.from == "persona" || tool.from == "mcp" && !is_shared(&tool.name));
    Ok(theirs.map(|tool| Listed { granted: None, ..tool }).collect())
}

async fn servers(deps: &Deps, people: &[Persona], now_ms: i64) -> Result<Vec<ServerPanel>, NoPage> {
    let of = async |persona| mcp::all(deps, persona).await.map_err(|problem| NoPage::Unread(problem.detail));
    let known = names(people);
    let panel = |view, owner| ServerPanel::new(view, owner, &known, now_ms);
    let mut found: Vec<ServerPanel> = of(None).await?.into_iter().map(|view| panel(view, None)).collect();
    for persona in owners(deps, people).await?.into_iter().take(MOST_OWNERS) {
        let theirs = of(Some(persona)).await?.into_iter().filter(|view| view.from == "persona");
        found.extend(theirs.map(|view| panel(view, Some(persona))));
    }
    Ok(found)
}

fn add(people: &[Persona]) -> Add {
    let [(_, tool), (_, program)] = own::template_files("look_at", own::Language::Python);
    Add { personas: names(people), tool, program, server: SERVER.to_owned() }
}

fn names(people: &[Persona]) -> Vec<(String, String)> {
    people.iter().map(|persona| (persona.slug.to_string(), persona.name.clone())).collect()
}

async fn one(deps: &Deps, caller: &Caller, which: &str, asked: &Asked) -> Result<ToolPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let people: Vec<Persona> = deps.db.personas(false).await?;
    let only = people.iter().find(|one| one.slug.as_str() == asked.persona);
    let all = listed(deps, only).await?;
    let tool = all.iter().find(|tool| tool.name == which).ok_or_else(|| NoPage::missing("tool", which))?;
    // Asked for by way of a persona, everyone's tool is still everyone's.
    let is_shared = match only {
        Some(_) => listed(deps, None).await?.iter().any(|other| other.name == which),
        None => true,
    };
    let owner = only.filter(|_| tool.from == "persona" || !is_shared);
    let used = usage::of(&deps.db, owner.map(|persona| persona.id)).await?;
    let frame = visit.frame(&tool.name, Section::Tools);
    Ok(ToolPage::new(frame, tool, (&all, &used), (owner, &people), is_owner(caller)))
}
