//! Runs.

use actors::domain::{GoalId, PersonaId, Run, RunId, RunState};
use diesel::prelude::*;

use super::at_most;
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::run::RunRow,
    schema::runs,
};

/// Which runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunFilter {
    pub persona: Option<PersonaId>,
    pub goal: Option<GoalId>,
    pub state: Option<RunState>,
    pub limit: u32,
    /// Only older ones than this.
    pub before: Option<RunId>,
}

impl Default for RunFilter {
    fn default() -> Self {
        Self { persona: None, goal: None, state: None, limit: 50, before: None }
    }
}

impl Db {
    /// The newest runs, newest first.
    pub async fn runs(&self, filter: RunFilter) -> Result<Vec<Run>, DbError> {
        let rows: Vec<RunRow> = on_db!(self, all: {
            let mut query = runs::table.order(runs::id.desc()).select(RunRow::as_select()).into_boxed();
            if let Some(persona) = filter.persona {
                query = query.filter(runs::persona.eq(persona.as_bytes().to_vec()));
            }
            if let Some(goal) = filter.goal {
                query = query.filter(runs::goal.eq(goal.as_bytes().to_vec()));
            }
            if let Some(state) = filter.state {
                query = query.filter(runs::state.eq(state.as_str()));
            }
            if let Some(before) = filter.before {
                query = query.filter(runs::id.lt(before.as_bytes().to_vec()));
            }
            query.limit(at_most(filter.limit))
        });
        rows.into_iter().map(Run::try_from).collect()
    }

    /// One run.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, DbError> {
        let id = id.as_bytes().to_vec();
        let row: Option<RunRow> = on_db!(self, one: runs::table.find(id.clone()).select(RunRow::as_select()));
        row.map(Run::try_from).transpose()
    }
}
