//! What lists and status pages read: the roster and the scheduler's figures, never a persona.

use std::sync::PoisonError;

use super::{ActorInfo, Figures, desk::Desk, roster::Line};
use crate::{domain::PersonaId, persona::Awake};

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
        };
        let mut actors: Vec<_> = {
            let roster = self.office.roster().read().unwrap_or_else(PoisonError::into_inner);
            roster.lines().map(describe).collect()
        };
        actors.sort_unstable_by(|one, other| one.slug.cmp(&other.slug));
        actors
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
