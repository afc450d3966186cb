//! What a persona sees when it looks into its inbox, and what it makes of it.
//!
//! Most inboxes are small and are seen whole. Of one that is not it sees only what can be worked at now, the most
//! important first; what is late and what waits for its word in a room is then asked for separately, so that neither
//! hides behind other work.

use tokio::time::Instant;

use super::{
    PersonaActor,
    expiry::TOGETHER,
    feeling::Feeling,
    inbox::{self, Picked},
    life::Life,
    listening, read,
};
use crate::{
    domain::{Gate, MessageState, ParkedOn},
    ports::{Inbox, Unavailable, Waiting},
    scheduler::waits::Band,
};

/// Messages looked at; when none of them can be worked at, [`IN_MEMORY`] are.
const LOOK: u32 = 64;
/// Messages in memory at most; the rest waits in the store.
const IN_MEMORY: u32 = 1_000;

impl PersonaActor {
    /// What is next, what is late, and when to look again.
    pub(super) async fn pick(&self, life: &mut Life) -> Result<Picked, Unavailable> {
        let records = &self.stage.ports.records;
        let now_ms = self.now_ms();
        let current = life.current.as_ref().map(|current| current.goal);
        let inbox = read(records.look(self.id, now_ms, LOOK)).await?;
        let unheard = self.hear_rooms(life, &inbox, now_ms).await?;
        let hides_late = inbox.more || inbox.begin_by_ms.is_some_and(|begin_by_ms| begin_by_ms < now_ms);
        let overdue = if hides_late { read(records.overdue(self.id, now_ms, TOGETHER)).await? } else { <_>::default() };
        let later_ms = inbox.begin_by_ms.filter(|_| !hides_late).map(|begin_by_ms| begin_by_ms.saturating_add(1));
        let (full, due_ms) = (inbox.work.len() >= LOOK as usize, inbox.due_ms);
        let mut picked = self.choose(life, inbox, now_ms).await?;
        if full && picked.next.is_none() && current.is_none() {
            let inbox = read(records.look(self.id, now_ms, IN_MEMORY)).await?;
            picked = self.choose(life, inbox, now_ms).await?;
        }
        picked.join(overdue);
        picked.again_at(due_ms);
        picked.again_at(later_ms);
        picked.again_at(unheard.then_some(now_ms));
        if picked.next.as_ref().is_some_and(|work| Some(work.goal.id) == current) {
            picked.next = None;
        }
        Ok(picked)
    }

    async fn choose(&self, life: &mut Life, inbox: Inbox, now_ms: i64) -> Result<Picked, Unavailable> {
        let mut work = inbox.work;
        let current = life.current.as_ref().map(|current| current.goal);
        // The work in hand can still be late, but it is not the next.
        work.retain(|work| Some(work.goal.id) != current || work.message.state == MessageState::Waiting);
        self.stage.tally.looked(work.len());
        let gate = self.gate(life, &work).await?;
        let three = if current.is_none() { self.big_three(life, &work).await } else { None };
        let of_mood = gate.unwrap_or(Gate::SHUT);
        let mut picked = inbox::pick(work, now_ms, &life.held_back, &of_mood, three.as_ref());
        picked.held_by_machine = picked.held_by_mood && gate.is_none();
        if picked.held_by_mood {
            self.stage.tally.held_by_mood();
        }
        Ok(picked)
    }

    /// What waits for its word gets it; what cannot be said now is said at the next look. Whether there may be more.
    async fn hear_rooms(&self, life: &mut Life, inbox: &Inbox, now_ms: i64) -> Result<bool, Unavailable> {
        let asked = if inbox.more {
            read(self.stage.ports.records.asked_in_rooms(self.id, TOGETHER)).await?
        } else {
            Vec::new()
        };
        let seen = inbox.work.iter().filter(|work| work.goal.parked_on == Some(ParkedOn::Room));
        let asked: Vec<&Waiting> = if inbox.more { asked.iter().collect() } else { seen.collect() };
        let least = if inbox.more { LOOK as usize } else { 0 };
        if asked.is_empty() {
            return Ok(false);
        }
        let waiting = u32::try_from(inbox.work.len().max(least)).unwrap_or(u32::MAX);
        let (inner, now, rules) = (life.now.inner(), Instant::now().into_std(), &self.stage.limits.inner_life);
        let there = inbox.work.iter().filter(|work| inbox::may_begin(work, now_ms, &life.held_back));
        let feeling = Feeling {
            mood: inner.look(waiting, now, rules).mood,
            gate: self.stage.load.borrow().admits_optional().then(|| inner.gate(waiting, now, rules)),
            highest: there.map(|work| Band::of(work.message.priority_at(now_ms))).max_by_key(|band| *band as u8),
        };
        match self.listen(&mut life.listener, &asked, &feeling).await {
            Ok(new) => Ok(new && asked.len() >= TOGETHER as usize),
            Err(error) => {
                listening::unheard(self.id, &error);
                Ok(false)
            }
        }
    }

    /// What the mood holds back of the optional work; when there is none nobody asks. None: the machine holds all of
    /// it back.
    async fn gate(&self, life: &Life, work: &[Waiting]) -> Result<Option<Gate>, Unavailable> {
        if life.current.is_some() || !work.iter().any(|work| work.message.is_held_by_mood()) {
            return Ok(Some(Gate::OPEN));
        }
        if !self.stage.load.borrow().admits_optional() {
            return Ok(None);
        }
        let waiting = read(self.stage.ports.records.waiting(self.id)).await?;
        Ok(Some(life.now.inner().gate(waiting, Instant::now().into_std(), &self.stage.limits.inner_life)))
    }
}
