//! `/api/personas/{persona}/agents`: its named variants, which goals in words may name.

use actix_web::{http::Method, web};
use actors::{
    domain::{Agent, Persona, Slug, agent_named, nearest},
    supervisor::PersonaPatch,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{personas, tools};
use crate::web::{
    Deps,
    auth::Caller,
    errors::Problem,
    input::{Checks, Loose},
    routes::{Route, Table, Who},
};

const ALL: &str = "/api/personas/{persona}/agents";
const ONE: &str = "/api/personas/{persona}/agents/{agent}";
/// How often a change is made anew when somebody else was faster.
const RACES: usize = 5;

/// `/api/personas/{persona}/agents…`.
pub fn routes() -> Table {
    vec![
        Route::get(ALL, Who::Member, "Its named variants", list).gives::<AgentsView>(),
        Route::new(Method::PUT, ONE, Who::Member, "Gives it an agent of this name, or changes it", put)
            .takes::<AgentPut>()
            .gives::<AgentsView>(),
        Route::new(Method::DELETE, ONE, Who::Member, "Takes an agent away", remove).gives::<AgentsView>(),
    ]
}

/// The agents of a persona.
#[derive(Serialize, ToSchema)]
pub struct AgentsView {
    /// The persona's version.
    pub version: i64,
    pub items: Vec<AgentView>,
}

/// One agent.
#[derive(Serialize, ToSchema)]
pub struct AgentView {
    pub name: String,
    pub instructions: String,
    /// None: the persona's.
    pub model: Option<String>,
    /// The only tools; none: all that its persona may use.
    pub tools: Vec<String>,
}

/// All of an agent but its name.
#[derive(Deserialize, ToSchema)]
pub struct AgentPut {
    /// What it is told besides who it is: 1 to 8,000 characters.
    pub instructions: String,
    /// A configured model's or route's name; left out: the persona's.
    pub model: Option<String>,
    /// The only tools; left out: all that its persona may use.
    #[serde(default)]
    pub tools: Vec<String>,
}

impl From<Persona> for AgentsView {
    fn from(persona: Persona) -> Self {
        let view = |agent: Agent| AgentView {
            name: agent.name.to_string(),
            instructions: agent.instructions,
            model: agent.model,
            tools: agent.tools,
        };
        Self { version: persona.version, items: persona.agents.into_iter().map(view).collect() }
    }
}

async fn list(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<AgentsView>, Problem> {
    Ok(web::Json(personas::find(&deps, &name).await?.into()))
}

async fn put(
    path: web::Path<(String, String)>,
    caller: Caller,
    input: Loose<AgentPut>,
    deps: web::Data<Deps>,
) -> Result<web::Json<AgentsView>, Problem> {
    let (persona, name) = path.into_inner();
    let Loose(AgentPut { instructions, model, tools: named }) = input;
    let found = personas::find(&deps, &persona).await?;
    let listed = tools::of(&deps, Some(&found)).await?;
    let known: Vec<&str> = listed.iter().map(|tool| tool.name.as_str()).collect();
    let mut checks = Checks::default();
    let name = checks.parse::<Slug>("name", &name);
    for (at, tool) in named.iter().enumerate() {
        let there = known.contains(&tool.as_str());
        let near = if there { String::new() } else { nearest(tool, &known).join(", ") };
        checks.check(&format!("tools[{at}]"), there, format!("there is no tool `{tool}`; nearest: {near}"));
    }
    checks.done()?;
    let name = name.ok_or_else(|| Problem::field("name", "is required"))?;
    let agent = Agent { name, instructions, model, tools: named };
    if let Some((field, reason)) = agent.fault() {
        return Err(Problem::field(field, reason));
    }
    change(&deps, &caller, &persona, |agents| {
        agents.retain(|other| other.name != agent.name);
        agents.push(agent.clone());
        agents.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    })
    .await
}

async fn remove(
    path: web::Path<(String, String)>,
    caller: Caller,
    deps: web::Data<Deps>,
) -> Result<web::Json<AgentsView>, Problem> {
    let (persona, name) = path.into_inner();
    change(&deps, &caller, &persona, |agents| {
        agent_named(agents, &name).map_err(|why| Problem::field("agent", why))?;
        agents.retain(|other| other.name.as_str() != name);
        Ok(())
    })
    .await
}

async fn change(
    deps: &Deps,
    caller: &Caller,
    name: &str,
    with: impl Fn(&mut Vec<Agent>) -> Result<(), Problem>,
) -> Result<web::Json<AgentsView>, Problem> {
    let mut races = 0;
    loop {
        let persona = personas::find(deps, name).await?;
        let mut agents = persona.agents;
        with(&mut agents)?;
        let patch = PersonaPatch { agents: Some(agents), ..PersonaPatch::default() };
        races += 1;
        match deps.company.update_persona(persona.id, persona.version, patch, &caller.by()).await {
            Ok(persona) => return Ok(web::Json(persona.into())),
            Err(actors::supervisor::CommandError::Conflict(_)) if races < RACES => {}
            Err(error) => return Err(error.into()),
        }
    }
}
