//! Goals that count as something, and what they took from their days.

use std::ops::Range;

use actors::{
    domain::{Goal, GoalId, PersonaId, PersonaStatus, QuotaUse},
    ports::Counted,
};
use diesel::prelude::*;

use crate::storage::{
    db::{Db, DbError, on_db},
    rows::{
        Columns,
        goal::{GoalRow, OPEN_GOAL},
        quota::QuotaUseRow,
    },
    schema::{goals, personas, quota_uses},
};

impl Db {
    /// What a goal took from its day.
    pub async fn quota_use(&self, goal: GoalId) -> Result<Option<QuotaUse>, DbError> {
        let goal = goal.as_bytes().to_vec();
        let row: Option<QuotaUseRow> =
            on_db!(self, one: quota_uses::table.find(goal.clone()).select(QuotaUseRow::as_select()));
        row.map(QuotaUse::try_from).transpose()
    }

    /// The persona's goals that count as something and are open, or were given or counted between these moments; the
    /// oldest first.
    pub async fn counted(&self, persona: PersonaId, within: Range<i64>) -> Result<Vec<Counted>, DbError> {
        let (persona, from, until) = (persona.as_bytes().to_vec(), within.start, within.end);
        let rows: Vec<(GoalRow, Option<QuotaUseRow>)> = on_db!(self, all:
            goals::table
                .left_join(quota_uses::table.on(quota_uses::goal.eq(goals::id)))
                .filter(goals::persona.eq(persona.clone()).and(goals::unit.is_not_null()))
                .filter(
                    goals::state.eq_any(OPEN_GOAL)
                        .or(goals::created_ms.ge(from).and(goals::created_ms.lt(until)))
                        .or(quota_uses::at_ms.ge(from).and(quota_uses::at_ms.lt(until)).assume_not_null()),
                )
                .order(goals::id)
                .select((GoalRow::as_select(), Option::<QuotaUseRow>::as_select())));
        let counted = |(goal, taken): (GoalRow, Option<QuotaUseRow>)| -> Result<_, DbError> {
            Ok(Counted { goal: Goal::try_from(goal)?, taken: taken.map(QuotaUse::try_from).transpose()? })
        };
        rows.into_iter().map(counted).collect()
    }

    /// The personas whose days are planned.
    pub async fn planned_personas(&self) -> Result<Vec<PersonaId>, DbError> {
        let rows: Vec<Vec<u8>> = on_db!(self, all:
            personas::table
                .filter(personas::planned.eq(true).and(personas::status.ne(PersonaStatus::Deleted.as_str())))
                .order(personas::id)
                .select(personas::id));
        rows.iter().map(|id| Columns("personas").id(id)).collect()
    }
}
