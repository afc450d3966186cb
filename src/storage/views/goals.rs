//! Goals.

use std::collections::HashMap;

use actors::{
    domain::{Goal, GoalId, GoalState, PersonaId},
    ports::Prerequisite,
};
use diesel::{dsl::sql, prelude::*, sql_types::Bool};

use super::at_most;
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::{Columns, goal::GoalRow},
    schema::{goal_dependencies, goals},
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

    /// Goals of which a person has to say whether something happened, the newest first. The words stand in the query: by them
    /// it finds its index.
    pub async fn goals_to_reconcile(&self, before: Option<GoalId>, limit: u32) -> Result<Vec<Goal>, DbError> {
        let rows: Vec<GoalRow> = on_db!(self, all: {
            let mut query = goals::table
                .filter(sql::<Bool>("goals.state = 'parked' AND goals.parked_on = 'reconcile'"))
                .order(goals::id.desc())
                .select(GoalRow::as_select())
                .into_boxed();
            if let Some(before) = before {
                query = query.filter(goals::id.lt(before.as_bytes().to_vec()));
            }
            query.limit(at_most(limit))
        });
        rows.into_iter().map(Goal::try_from).collect()
    }

    /// One goal.
    pub async fn goal(&self, id: GoalId) -> Result<Option<Goal>, DbError> {
        self.goal_row(id).await?.map(Goal::try_from).transpose()
    }

    /// What these goals wait for or waited for, each in order of ids. Those that wait for nobody are left out.
    pub async fn prerequisites(&self, of: &[GoalId]) -> Result<HashMap<GoalId, Vec<Prerequisite>>, DbError> {
        let ids: Vec<_> = of.iter().map(|id| id.as_bytes().to_vec()).collect();
        let rows: Vec<(Vec<u8>, String, GoalRow)> = on_db!(self, all:
            goal_dependencies::table
                .inner_join(goals::table.on(goals::id.eq(goal_dependencies::prerequisite)))
                .filter(goal_dependencies::goal.eq_any(ids.clone()))
                .order((goal_dependencies::goal, goals::id))
                .select((goal_dependencies::goal, goal_dependencies::if_failed, GoalRow::as_select())));
        let read = Columns("goal_dependencies");
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for (of, if_failed, goal) in rows {
            let prerequisite = Prerequisite { goal: goal.try_into()?, if_failed: read.word(&if_failed)? };
            found.entry(read.id(&of)?).or_default().push(prerequisite);
        }
        Ok(found)
    }

    pub(in crate::storage) async fn goal_row(&self, id: GoalId) -> Result<Option<GoalRow>, DbError> {
        let id = id.as_bytes().to_vec();
        Ok(on_db!(self, one: goals::table.find(id.clone()).select(GoalRow::as_select())))
    }
}
