//! Calendars, big threes, and who worked when.

use std::collections::HashMap;

use actors::{
    domain::{
        Alert, AlertKind, BigThree, DIGEST_KEY, GoalId, GoalState, Hours, PersonaId, PersonaStatus, Schedule,
        ScheduleId,
    },
    ports::LastWork,
};
use diesel::{
    dsl::{count_star, max},
    prelude::*,
};

use uuid::Builder;

use super::{ON_GOALS, ReadBack};
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::{
        Columns,
        alert::AlertRow,
        persona::PersonaRow,
        schedule::{BigThreeRow, ScheduleRow},
    },
    schema::{alerts, big_threes, goal_dependencies, goals, personas, runs, schedules},
};

impl Db {
    /// All lines of a persona's calendar, oldest first.
    pub async fn schedules(&self, persona: PersonaId) -> Result<Vec<Schedule>, DbError> {
        let persona = persona.as_bytes().to_vec();
        let rows: Vec<ScheduleRow> = on_db!(self, all:
            schedules::table
                .filter(schedules::persona.eq(persona.clone()))
                .order(schedules::id)
                .select(ScheduleRow::as_select()));
        rows.into_iter().map(Schedule::try_from).collect()
    }

    /// One line of a calendar.
    pub async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>, DbError> {
        let id = id.as_bytes().to_vec();
        let row: Option<ScheduleRow> =
            on_db!(self, one: schedules::table.find(id.clone()).select(ScheduleRow::as_select()));
        row.map(Schedule::try_from).transpose()
    }

    /// What a persona does first in the hour in which it last chose.
    pub async fn big_three(&self, persona: PersonaId) -> Result<Option<BigThree>, DbError> {
        let persona = persona.as_bytes().to_vec();
        let row: Option<BigThreeRow> =
            on_db!(self, one: big_threes::table.find(persona.clone()).select(BigThreeRow::as_select()));
        row.map(BigThree::try_from).transpose()
    }
}

/// The smallest id of a run that began then: ids sort by time, so that no index is needed. A clock may step back a little.
fn not_before(from_ms: i64) -> Vec<u8> {
    let millis = from_ms.saturating_sub(60_000).max(0).unsigned_abs();
    Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid().as_bytes().to_vec()
}

impl ReadBack {
    pub(super) async fn calendar_of(&self, persona: Option<PersonaId>) -> Result<Vec<(Schedule, Hours)>, DbError> {
        let persona = persona.map(|id| id.as_bytes().to_vec());
        let rows: Vec<(ScheduleRow, PersonaRow)> = on_db!(self.0, all: {
            let all = schedules::table
                .inner_join(personas::table.on(personas::id.eq(schedules::persona)))
                .filter(schedules::active.eq(true).and(personas::status.eq(PersonaStatus::Active.as_str())))
                .order(schedules::id)
                .select((ScheduleRow::as_select(), PersonaRow::as_select()))
                .into_boxed();
            match persona.clone() { Some(id) => all.filter(schedules::persona.eq(id)), None => all }
        });
        let read = |(line, persona): (ScheduleRow, PersonaRow)| {
            Ok((line.try_into()?, actors::domain::Persona::try_from(persona)?.hours))
        };
        rows.into_iter().map(read).collect()
    }

    pub(super) async fn count_dependents(&self, goals: &[GoalId]) -> Result<Vec<u32>, DbError> {
        let ids: Vec<_> = goals.iter().map(|id| id.as_bytes().to_vec()).collect();
        let rows: Vec<(Vec<u8>, i64)> = on_db!(self.0, all:
            goal_dependencies::table
                .inner_join(goals::table.on(goals::id.eq(goal_dependencies::goal)))
                .filter(goal_dependencies::prerequisite.eq_any(ids.clone()))
                .filter(goals::state.eq(GoalState::Parked.as_str()).and(goals::parked_on.eq(ON_GOALS)))
                .group_by(goal_dependencies::prerequisite)
                .select((goal_dependencies::prerequisite, count_star())));
        let read = Columns("goal_dependencies");
        let counts: HashMap<_, _> = rows.into_iter().collect();
        goals.iter().map(|id| read.count(counts.get(&id.as_bytes()[..]).copied().unwrap_or(0))).collect()
    }

    pub(super) async fn last_work_since(&self, from_ms: i64) -> Result<Vec<LastWork>, DbError> {
        let rows: Vec<(Vec<u8>, Option<i64>)> = on_db!(self.0, all:
            runs::table
                .inner_join(goals::table.on(goals::id.eq(runs::goal)))
                .filter(runs::id.ge(not_before(from_ms)).and(runs::started_ms.ge(from_ms)))
                .filter(goals::correlation.is_null().or(goals::correlation.not_like(format!("{DIGEST_KEY}%"))))
                .group_by(runs::persona)
                .select((runs::persona, max(runs::started_ms))));
        let mut found = Vec::with_capacity(rows.len());
        for (persona, began_ms) in rows {
            let persona = Columns("runs").id(&persona)?;
            let there = self.0.persona(persona).await?.filter(|persona| persona.status != PersonaStatus::Deleted);
            if let (Some(there), Some(began_ms)) = (there, began_ms) {
                found.push(LastWork { persona, hours: there.hours, began_ms });
            }
        }
        Ok(found)
    }

    pub(super) async fn began_between(&self, persona: PersonaId, from_ms: i64, until_ms: i64) -> Result<bool, DbError> {
        let persona = persona.as_bytes().to_vec();
        let row: Option<i64> = on_db!(self.0, one:
            runs::table
                .inner_join(goals::table.on(goals::id.eq(runs::goal)))
                .filter(runs::persona.eq(persona.clone()).and(runs::id.ge(not_before(from_ms))))
                .filter(runs::started_ms.ge(from_ms).and(runs::started_ms.lt(until_ms)))
                .filter(goals::correlation.is_null().or(goals::correlation.not_like(format!("{DIGEST_KEY}%"))))
                .limit(1)
                .select(runs::started_ms));
        Ok(row.is_some())
    }

    pub(super) async fn alerts_of_kind(&self, kind: AlertKind) -> Result<Vec<Alert>, DbError> {
        let rows: Vec<AlertRow> = on_db!(self.0, all:
            alerts::table
                .filter(alerts::resolved_ms.is_null().and(alerts::persona.is_null()))
                .filter(alerts::kind.eq(kind.as_str()))
                .order(alerts::id)
                .select(AlertRow::as_select()));
        rows.into_iter().map(Alert::try_from).collect()
    }
}
