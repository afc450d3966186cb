//! `/runs`: the attempts of everybody, newest first.

use actors::domain::{Goal, Persona, Run, RunState};
use askama::Template;

use super::{
    frame::Frame,
    persona::goal::Badge,
    show::{self, When},
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
