//! `/runs`: the attempts of everybody, newest first.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use actors::domain::{Goal, GoalId, Persona, PersonaId, Run, RunId, RunState};
use askama::Template;
use serde::Deserialize;

use super::{
    frame::{Frame, Section},
    persona::goal::Badge,
    show::{self, When},
    visit::{self, NoPage, Visit},
};
use crate::{
    storage::RunFilter,
    web::{
        Deps,
        auth::Caller,
        routes::{Route, Table, Who},
    },
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "runs.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct RunsPage {
    pub frame: Frame,
    pub runs: Vec<RunRow>,
    /// Only in this state; none: all.
    pub state: Option<RunState>,
    /// Slug of whom only is shown; empty: everybody.
    pub only: String,
    /// Slug and name of those one can filter by.
    pub personas: Vec<(String, String)>,
    /// Where the runs before these are.
    pub earlier: Option<String>,
    pub with_persona: bool,
}

/// A run in a list.
#[derive(Debug, Clone)]
pub struct RunRow {
    pub href: String,
    pub short: String,
    pub persona: (String, String),
    pub title: String,
    pub kind: &'static str,
    pub attempt: u32,
    pub badge: Badge,
    pub started: When,
    pub took: String,
    pub error: Option<String>,
}

impl RunRow {
    /// Prepares a run; its goal and persona may be unknown to a list that is cut off.
    pub fn new(run: &Run, goal: Option<&Goal>, persona: Option<&Persona>, now_ms: i64) -> Self {
        let who = |persona: &Persona| (persona.slug.to_string(), persona.name.clone());
        Self {
            href: format!("/runs/{}", run.id),
            short: show::short(run.id),
            persona: persona.map(who).unwrap_or_else(|| (run.persona.to_string(), show::short(run.persona))),
            title: goal.map_or_else(|| format!("goal {}", show::short(run.goal)), |goal| goal.title.clone()),
            kind: goal.map_or("", |goal| goal.payload.kind().as_str()),
            attempt: run.attempt,
            badge: Badge::of_run(run.state),
            started: When::at(run.started_ms, now_ms),
            took: show::took(run.ended_ms.unwrap_or(now_ms) - run.started_ms),
            error: run.error.clone(),
        }
    }
}

impl RunsPage {
    /// Every state there is to filter by.
    pub const fn states(&self) -> &'static [RunState] {
        RunState::ALL
    }

    /// For the filter: only this state is shown.
    pub fn is_state(&self, state: &RunState) -> bool {
        self.state == Some(*state)
    }
}

/// `/runs`.
pub fn routes() -> Table {
    vec![Route::page("/runs", Who::Member, "Attempts of everybody, newest first", show_page)]
}

/// What an address may ask of the page. Words that mean nothing are ignored.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    persona: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
}

async fn show_page(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let asked = web::Query::<Asked>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let page = load(&deps, &caller, &asked).await;
    visit::answer(&request, &deps, &caller, page)
}

const ROWS: u32 = 50;
const MOST_CHOICES: usize = 500;

async fn load(deps: &Deps, caller: &Caller, asked: &Asked) -> Result<RunsPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let people = deps.db.personas(true).await?;
    let only = people.iter().find(|persona| persona.slug.as_str() == asked.persona);
    if only.is_none() && !asked.persona.is_empty() {
        return Err(NoPage::missing("persona", &asked.persona));
    }
    let state: Option<RunState> = asked.state.parse().ok();
    let before: Option<RunId> = asked.before.parse().ok();
    let filter = RunFilter { persona: only.map(|one| one.id), state, before, limit: ROWS + 1, ..RunFilter::default() };
    let mut runs = deps.db.runs(filter).await?;
    let more = runs.len() > ROWS as usize;
    runs.truncate(ROWS as usize);
    let goals = goals_of(deps, &runs).await?;
    let by_id: HashMap<PersonaId, &Persona> = people.iter().map(|persona| (persona.id, persona)).collect();
    let row = |run: &Run| RunRow::new(run, goals.get(&run.goal), by_id.get(&run.persona).copied(), visit.now_ms);
    let only = only.map(|persona| persona.slug.to_string()).unwrap_or_default();
    let word = state.map_or("", RunState::as_str);
    let earlier = |last: &Run| format!("/runs?persona={only}&state={word}&before={}", last.id);
    Ok(RunsPage {
        frame: visit.frame("Runs", Section::Runs),
        runs: runs.iter().map(row).collect(),
        state,
        earlier: runs.last().filter(|_| more).map(earlier),
        only,
        personas: people.iter().take(MOST_CHOICES).map(|one| (one.slug.to_string(), one.name.clone())).collect(),
        with_persona: true,
    })
}

async fn goals_of(deps: &Deps, runs: &[Run]) -> Result<HashMap<GoalId, Goal>, NoPage> {
    let mut goals = HashMap::new();
    for run in runs {
        if !goals.contains_key(&run.goal)
            && let Some(goal) = deps.db.goal(run.goal).await?
        {
            goals.insert(run.goal, goal);
        }
    }
    Ok(goals)
}
