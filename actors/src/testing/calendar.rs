//! What the in-memory journal knows of calendars and of who worked when.

use super::state::State;
use crate::{
    domain::{DIGEST_KEY, Hours, PersonaId, PersonaStatus, Schedule},
    ports::{Change, LastWork},
};

impl State {
    pub(super) fn apply_to_calendar(&mut self, change: Change) {
        match change {
            Change::ScheduleSet(line) => drop(self.schedules.insert(line.id, *line)),
            Change::ScheduleRemoved(id) => drop(self.schedules.remove(&id)),
            Change::BigThreeChosen(three) => drop(self.big_threes.insert(three.persona, *three)),
            other => unreachable!("{other:?} is not about a calendar"),
        }
    }

    pub(super) fn calendar(&self, persona: Option<PersonaId>) -> Vec<(Schedule, Hours)> {
        let wanted = |line: &&Schedule| line.on && persona.is_none_or(|id| line.persona == id);
        let with_hours = |line: &Schedule| {
            let persona = &self.personas.get(&line.persona)?.persona;
            (persona.status == PersonaStatus::Active).then(|| (line.clone(), persona.hours))
        };
        self.schedules.values().filter(wanted).filter_map(with_hours).collect()
    }

    /// When the persona began runs, digests left out.
    pub(super) fn began(&self, persona: PersonaId) -> impl Iterator<Item = i64> {
        let of_digest = |goal| {
            let goal = self.goals.get(goal).map(|row| &row.goal);
            goal.and_then(|goal| goal.correlation.as_ref()).is_some_and(|key| key.starts_with(DIGEST_KEY))
        };
        let runs = self.runs.values().filter(move |run| run.persona == persona);
        runs.filter(move |run| !of_digest(&run.goal)).map(|run| run.started_ms)
    }

    pub(super) fn worked_since(&self, from_ms: i64) -> Vec<LastWork> {
        let there = self.personas.values().map(|row| &row.persona).filter(|p| p.status != PersonaStatus::Deleted);
        let last = |persona: &crate::domain::Persona| {
            let began_ms = self.began(persona.id).filter(|began_ms| *began_ms >= from_ms).max()?;
            Some(LastWork { persona: persona.id, hours: persona.hours, began_ms })
        };
        there.filter_map(last).collect()
    }
}
