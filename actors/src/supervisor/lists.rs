//! What lists and status pages read: the roster and the scheduler's figures, never a persona.

use std::sync::PoisonError;

use tokio::time::Instant;

use super::{ActorInfo, Climate, Figures, desk::Desk, roster::Line};
use crate::{
    domain::{Inner, Level, Mood, PersonaId, Vitals},
    persona::Awake,
};

impl Desk {
    /// Every persona's line, sorted by slug.
    pub(super) fn actors(&self) -> Vec<ActorInfo> {
        let on_stage = self.scheduler.figures().borrow().on_stage.clone();
        let describe = |(persona, line): (PersonaId, &Line<Awake>)| ActorInfo {
            persona,
            slug: line.slug.clone(),
            state: line.state(),
            restarts: line.restarts,
            inbox: line.inbox,
            uptime_ms: line.handle().map(uptime_ms),
            on_stage: on_stage.contains(&persona),
            now: line.handle().and_then(Awake::now),
            vitals: self.vitals(line),
        };
        let mut actors: Vec<_> = {
            let roster = self.office.roster().read().unwrap_or_else(PoisonError::into_inner);
            roster.lines().map(describe).collect()
        };
        actors.sort_unstable_by(|one, other| one.slug.cmp(&other.slug));
        actors
    }

    fn vitals(&self, line: &Line<Awake>) -> Vitals {
        let now = Instant::now().into_std();
        let (waiting, rules) = (line.inbox, &self.limits.inner_life);
        match (line.handle(), &line.inner) {
            (Some(awake), _) => awake.inner().look(waiting, now, rules),
            (None, Some(inner)) => inner.look(waiting, now, rules),
            (None, None) => Inner::rested(now).look(waiting, now, rules),
        }
    }

    pub(super) fn climate(&self) -> Climate {
        let vitals: Vec<_> = {
            let roster = self.office.roster().read().unwrap_or_else(PoisonError::into_inner);
            roster.lines().map(|(_, line)| self.vitals(line)).collect()
        };
        let count = |mood| vitals.iter().filter(|vitals| vitals.mood == mood).count();
        Climate {
            idle: count(Mood::Idle),
            active: count(Mood::Active),
            tired: count(Mood::Tired),
            overwhelmed: count(Mood::Overwhelmed),
            energy: Level::mean(vitals.iter().map(|vitals| vitals.energy)),
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let (active_personas, cap, waiting_for_slice) = {
            let scheduler = self.scheduler.figures();
            let figures = scheduler.borrow();
            (figures.on_stage.len(), figures.cap, figures.waiting)
        };
        let roster = self.office.roster().read().unwrap_or_else(PoisonError::into_inner);
        let (awake, registered, inbox) = (roster.awake(), roster.len(), roster.inbox());
        Figures { active_personas, cap, waiting_for_slice, awake, registered, inbox }
    }
}

fn uptime_ms(awake: &Awake) -> i64 {
    i64::try_from(awake.since().elapsed().as_millis()).unwrap_or(i64::MAX)
}
