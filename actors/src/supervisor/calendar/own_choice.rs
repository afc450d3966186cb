//! What holds a line back that is its persona's own choice: mood, rest, a hot machine, or the last one still in hand.
//!
//! It is decided from the roster, also of who sleeps, so a line that is skipped wakes nobody.

use std::sync::PoisonError;

use tokio::time::Instant;

use super::super::desk::Desk;
use crate::{
    domain::{Held, Inner, Lets, PersonaId, Priority, Schedule, Starts},
    persona::Awake,
    ports::Unavailable,
    scheduler::waits::Band,
};

/// Messages looked at for the highest band there is; the most important come first.
const LOOK: u32 = 64;

impl Desk {
    /// Why a line is not started now; none: it is, or it is none of the persona's own choice.
    pub(super) async fn held_back(&self, line: &Schedule) -> Result<Option<String>, Unavailable> {
        let Starts::Goal { optional: true, priority, .. } = &line.starts else { return Ok(None) };
        if let Some(last) = line.last
            && self.ports.records.goal(last.goal).await?.is_some_and(|goal| !goal.state.is_over())
        {
            return Ok(Some("what it started last is not done yet".to_owned()));
        }
        let held = self.held(line.persona, priority.unwrap_or(Priority::BASE)).await?;
        Ok(held.map(|held| held.told()))
    }

    /// What holds a persona back from something so important.
    async fn held(&self, persona: PersonaId, priority: Priority) -> Result<Option<Held>, Unavailable> {
        if priority.is_urgent() {
            return Ok(None);
        }
        if !self.scheduler.load().borrow().admits_optional() {
            return Ok(Some(Held::Machine));
        }
        let Some((inner, waiting)) = self.inner(persona) else { return Ok(None) };
        let (now, rules) = (Instant::now().into_std(), &self.limits.inner_life);
        let gate = inner.gate(waiting, now, rules);
        let highest = if gate.lets == Lets::HighestBand { self.highest_band(persona).await? } else { 0 };
        Ok(gate.holds(inner.look(waiting, now, rules).mood, priority, Band::of(priority) as u8 >= highest))
    }

    /// How a persona is, awake or asleep, and how many messages wait for it.
    fn inner(&self, persona: PersonaId) -> Option<(Inner, u32)> {
        let roster = self.office.roster().read().unwrap_or_else(PoisonError::into_inner);
        let line = roster.known(persona)?;
        let asleep = || line.inner.as_deref().cloned().unwrap_or_else(|| Inner::rested(Instant::now().into_std()));
        Some((line.handle().map_or_else(asleep, Awake::inner), line.inbox))
    }

    async fn highest_band(&self, persona: PersonaId) -> Result<u8, Unavailable> {
        let now_ms = self.now_ms();
        let inbox = self.ports.records.look(persona, now_ms, LOOK).await?;
        let bands = inbox.work.iter().map(|work| Band::of(work.message.priority_at(now_ms)) as u8);
        Ok(bands.max().unwrap_or(0))
    }
}
