//! Goals.

use actors::domain::{Goal, GoalId, GoalState, PersonaId};
use diesel::prelude::*;

use super::at_most;
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::goal::GoalRow,
    schema::goals,
};

/// Which goals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoalFilter {
    pub persona: Option<PersonaId>,
    pub state: Option<GoalState>,
    pub limit: u32,
    /// Only older ones than this.
    pub before: Option<GoalId>,
}

impl Default for GoalFilter {
    fn default() -> Self {
        Self { persona: None, state: None, limit: 50, before: None }
    }
}

impl Db {
    /// The newest goals, newest first.
    pub async fn goals(&self, filter: GoalFilter) -> Result<Vec<Goal>, DbError> {
        let rows: Vec<GoalRow> = on_db!(self, all: {
            let mut query = goals::table.order(goals::id.desc()).select(GoalRow::as_select()).into_boxed();
            if let Some(persona) = filter.persona {
                query = query.filter(goals::persona.eq(persona.as_bytes().to_vec()));
            }
            if let Some(state) = filter.state {
                query = query.filter(goals::state.eq(state.as_str()));
            }
            if let Some(before) = filter.before {
                query = query.filter(goals::id.lt(before.as_bytes().to_vec()));
            }
            query.limit(at_most(filter.limit))
        });
        rows.into_iter().map(Goal::try_from).collect()
    }

    /// One goal.
    pub async fn goal(&self, id: GoalId) -> Result<Option<Goal>, DbError> {
        self.goal_row(id).await?.map(Goal::try_from).transpose()
    }

    pub(in crate::storage) async fn goal_row(&self, id: GoalId) -> Result<Option<GoalRow>, DbError> {
        let id = id.as_bytes().to_vec();
        Ok(on_db!(self, one: goals::table.find(id.clone()).select(GoalRow::as_select())))
    }
}
