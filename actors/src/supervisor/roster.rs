//! A compact line for every persona, awake or asleep, and what each event means for it. Pure.
//!
//! `Asleep → Awake → Retiring → Asleep`: an idle persona asks to retire; a poke that comes meanwhile wakes it
//! again, but only after it has really gone. `Awake → Restarting → Awake` after a fall. A paused persona has no
//! actor, or one that is leaving. `H` is the handle of an awake persona.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Weak,
    time::Duration,
};

use tokio::time::Instant;

use super::{ActorState, restarts::Restarts};
use crate::{
    domain::{Inner, PersonaId, Slug},
    persona::Lock,
    ports::RosterRecord,
};

const NEVER: i64 = i64::MAX;

/// Every persona that is not deleted.
pub(super) struct Roster<H> {
    lines: HashMap<PersonaId, Line<H>>,
    /// When asleep personas are due; stale entries are skipped.
    due: BinaryHeap<Reverse<(i64, PersonaId)>>,
    awake: usize,
    inbox: u64,
}

/// One persona.
pub(super) struct Line<H> {
    pub(super) slug: Slug,
    life: Life<H>,
    due_ms: i64,
    pub(super) failure_streak: u32,
    pub(super) inbox: u32,
    /// Falls and restarts by hand since the start.
    pub(super) restarts: u32,
    paused: bool,
    /// Somebody looks what of it may expire.
    swept: bool,
    falls: Option<Box<Restarts>>,
    /// How it felt when it fell asleep; none: rested.
    pub(super) inner: Option<Box<Inner>>,
    lock: Weak<tokio::sync::Mutex<()>>,
}

enum Life<H> {
    Asleep,
    Awake(Box<H>),
    /// On its way out; `again`: wanted back as soon as it is gone.
    Retiring {
        handle: Box<H>,
        again: bool,
    },
    /// It fell and returns after a pause.
    Restarting,
}

/// What a poke comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Poked<'a, H> {
    /// It must be woken.
    Wake,
    /// It is awake: tell it.
    Tell(&'a mut H),
    /// It looks by itself when it is back, or may not work.
    Noted,
}

/// What an actor's end comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AfterExit {
    /// As expected; nothing to do.
    Rest,
    /// Wanted back at once.
    Wake,
    /// It fell: wanted back after this.
    Return(Duration),
    /// It kept falling; it is paused from here on and someone must be told.
    GiveUp,
}

/// How often a persona may fall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) restarts: u32,
    pub(super) window: Duration,
}

impl<H> Line<H> {
    pub(super) fn state(&self) -> ActorState {
        match &self.life {
            _ if self.paused => ActorState::Paused,
            Life::Asleep => ActorState::Asleep,
            Life::Awake(_) => ActorState::Awake,
            Life::Retiring { .. } => ActorState::Retiring,
            Life::Restarting => ActorState::Restarting,
        }
    }

    /// The actor, as long as it lives.
    pub(super) fn handle(&self) -> Option<&H> {
        match &self.life {
            Life::Awake(handle) | Life::Retiring { handle, .. } => Some(handle),
            Life::Asleep | Life::Restarting => None,
        }
    }

    /// The lock of the persona's runs: the same as long as anybody holds it.
    pub(super) fn lock(&mut self) -> Lock {
        self.lock.upgrade().unwrap_or_else(|| {
            let lock = Lock::default();
            self.lock = std::sync::Arc::downgrade(&lock);
            lock
        })
    }
}

impl<H> Roster<H> {
    pub(super) fn new(records: Vec<RosterRecord>) -> Self {
        let mut roster =
            Self { lines: HashMap::with_capacity(records.len()), due: BinaryHeap::new(), awake: 0, inbox: 0 };
        for record in records {
            roster.add(record.id, record.slug.clone());
            if let Some(line) = roster.lines.get_mut(&record.id) {
                line.paused = record.paused;
            }
            roster.refresh(&record);
        }
        roster
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Actors alive, leaving ones included.
    pub(super) fn awake(&self) -> usize {
        self.awake
    }

    /// Messages waiting or running, over all personas.
    pub(super) fn inbox(&self) -> u64 {
        self.inbox
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = (PersonaId, &Line<H>)> {
        self.lines.iter().map(|(id, line)| (*id, line))
    }

    /// What is known of it.
    pub(super) fn known(&self, id: PersonaId) -> Option<&Line<H>> {
        self.lines.get(&id)
    }

    pub(super) fn line(&mut self, id: PersonaId) -> Option<&mut Line<H>> {
        self.lines.get_mut(&id)
    }

    /// It is known and may work.
    pub(super) fn is_active(&self, id: PersonaId) -> bool {
        self.lines.get(&id).is_some_and(|line| !line.paused)
    }

    /// A new persona, asleep.
    pub(super) fn add(&mut self, id: PersonaId, slug: Slug) {
        self.lines.entry(id).or_insert(Line {
            slug,
            life: Life::Asleep,
            due_ms: NEVER,
            failure_streak: 0,
            inbox: 0,
            restarts: 0,
            paused: false,
            swept: false,
            falls: None,
            inner: None,
            lock: Weak::new(),
        });
    }

    /// A deleted persona: its line goes, its actor is asked to by the caller.
    pub(super) fn remove(&mut self, id: PersonaId) -> Option<H> {
        let line = self.lines.remove(&id)?;
        self.inbox -= u64::from(line.inbox);
        match line.life {
            Life::Awake(handle) | Life::Retiring { handle, .. } => {
                self.awake -= 1;
                Some(*handle)
            }
            Life::Asleep | Life::Restarting => None,
        }
    }

    /// The journal's word on one persona. Whether it is paused is not taken over: commands say that.
    pub(super) fn refresh(&mut self, record: &RosterRecord) {
        let Some(line) = self.lines.get_mut(&record.id) else { return };
        self.inbox = self.inbox - u64::from(line.inbox) + u64::from(record.waiting);
        line.inbox = record.waiting;
        line.failure_streak = record.failure_streak;
        line.slug = record.slug.clone();
        self.set_due(record.id, record.due_ms.unwrap_or(NEVER));
    }

    /// Messages came in; the earliest can be worked at from `due_ms` on.
    pub(super) fn delivered(&mut self, id: PersonaId, messages: u32, due_ms: i64) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        self.inbox += u64::from(messages);
        line.inbox = line.inbox.saturating_add(messages);
        let due_ms = due_ms.min(line.due_ms);
        self.set_due(id, due_ms);
    }

    fn set_due(&mut self, id: PersonaId, due_ms: i64) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        if std::mem::replace(&mut line.due_ms, due_ms) != due_ms && due_ms != NEVER {
            self.due.push(Reverse((due_ms, id)));
            if self.due.len() > 2 * self.lines.len() + 64 {
                self.due = self
                    .lines
                    .iter()
                    .filter(|(_, line)| line.due_ms != NEVER)
                    .map(|(id, line)| Reverse((line.due_ms, *id)))
                    .collect();
            }
        }
    }

    /// What was overdue at a paused persona has expired; the next may be at `again_ms`. Nothing to one resumed since.
    pub(super) fn swept(&mut self, id: PersonaId, waiting: Option<u32>, again_ms: Option<i64>) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        line.swept = false;
        if !line.paused {
            return;
        }
        let waiting = waiting.unwrap_or(line.inbox);
        self.inbox = self.inbox - u64::from(line.inbox) + u64::from(waiting);
        line.inbox = waiting;
        // What came in meanwhile is looked at in another sweep.
        line.due_ms = again_ms.unwrap_or(NEVER).min(line.due_ms);
        self.due_again(id);
    }

    /// The earliest moment at which an asleep persona is due. For a paused one that is when something of it may expire.
    pub(super) fn next_due(&mut self) -> Option<i64> {
        while let Some(Reverse((due_ms, id))) = self.due.peek() {
            let sleeps = |line: &&Line<H>| {
                line.due_ms == *due_ms && matches!(line.life, Life::Asleep) && !(line.paused && line.swept)
            };
            if self.lines.get(id).filter(sleeps).is_some() {
                return Some(*due_ms);
            }
            self.due.pop();
        }
        None
    }

    /// The asleep personas whose time has come, paused ones too.
    pub(super) fn take_due(&mut self, now_ms: i64) -> Vec<PersonaId> {
        let mut due = Vec::new();
        while self.next_due().is_some_and(|due_ms| due_ms <= now_ms) {
            let Some(Reverse((_, id))) = self.due.pop() else { break };
            if let Some(line) = self.lines.get_mut(&id).filter(|line| line.paused) {
                (line.due_ms, line.swept) = (NEVER, true);
            }
            due.push(id);
        }
        due
    }

    /// Whoever waits for a moment, awake or asleep.
    pub(super) fn waiting(&self) -> Vec<PersonaId> {
        let waits = |line: &Line<H>| line.due_ms != NEVER || line.handle().is_some();
        self.lines.iter().filter(|(_, line)| waits(line)).map(|(id, _)| *id).collect()
    }

    /// Something changed for this persona.
    pub(super) fn poke(&mut self, id: PersonaId) -> Poked<'_, H> {
        let Some(line) = self.lines.get_mut(&id).filter(|line| !line.paused) else { return Poked::Noted };
        match &mut line.life {
            Life::Asleep => Poked::Wake,
            Life::Awake(handle) => Poked::Tell(handle),
            Life::Retiring { again, .. } => {
                *again = true;
                Poked::Noted
            }
            Life::Restarting => Poked::Noted,
        }
    }

    /// A persona's actor has started.
    pub(super) fn woke(&mut self, id: PersonaId, handle: H) -> Option<&mut H> {
        let line = self.lines.get_mut(&id)?;
        self.awake += 1;
        line.life = Life::Awake(Box::new(handle));
        match &mut line.life {
            Life::Awake(handle) => Some(handle),
            _ => None,
        }
    }

    /// Whether a persona may be woken now: it is not paused, and no actor of it lives.
    pub(super) fn may_wake(&self, id: PersonaId) -> bool {
        let may = |line: &Line<H>| !line.paused && matches!(line.life, Life::Asleep | Life::Restarting);
        self.lines.get(&id).is_some_and(may)
    }

    /// An awake persona leaves if `may` says so. Returns whom to tell.
    pub(super) fn retire(&mut self, id: PersonaId, again: bool, may: impl FnOnce(&H) -> bool) -> Option<&H> {
        let line = self.lines.get_mut(&id)?;
        match std::mem::replace(&mut line.life, Life::Asleep) {
            Life::Awake(handle) if may(&handle) => line.life = Life::Retiring { handle, again },
            Life::Retiring { handle, again: was } => line.life = Life::Retiring { handle, again: again || was },
            other => {
                line.life = other;
                return None;
            }
        }
        line.handle()
    }

    /// A person wants it to begin anew. Returns whom to tell; none: it was not awake.
    pub(super) fn restart(&mut self, id: PersonaId) -> Option<&H> {
        let line = self.lines.get_mut(&id)?;
        line.restarts += 1;
        line.falls = None;
        self.retire(id, true, |_| true)
    }

    /// It may not work any more. Returns whom to tell.
    pub(super) fn pause(&mut self, id: PersonaId) -> Option<&H> {
        let line = self.lines.get_mut(&id)?;
        line.paused = true;
        if matches!(line.life, Life::Restarting) {
            line.life = Life::Asleep;
        }
        if let Life::Retiring { again, .. } = &mut line.life {
            *again = false;
        }
        if matches!(line.life, Life::Asleep) {
            self.due_again(id);
        }
        self.retire(id, false, |_| true)
    }

    /// It may work again; a poke should follow.
    pub(super) fn resume(&mut self, record: &RosterRecord) {
        if let Some(line) = self.lines.get_mut(&record.id) {
            line.paused = false;
            line.falls = None;
            // What was due before must be found again.
            line.due_ms = NEVER;
        }
        self.refresh(record);
    }

    /// A persona's actor is gone; `fell`: by panic or error.
    pub(super) fn exited(&mut self, id: PersonaId, fell: bool, now: Instant, budget: Budget) -> AfterExit {
        let Some(line) = self.lines.get_mut(&id) else { return AfterExit::Rest };
        let before = std::mem::replace(&mut line.life, Life::Asleep);
        if matches!(before, Life::Awake(_) | Life::Retiring { .. }) {
            self.awake -= 1;
        }
        if line.lock.strong_count() == 0 {
            line.lock = Weak::new();
        }
        let after = match before {
            _ if line.paused => AfterExit::Rest,
            _ if fell => {
                line.restarts += 1;
                match line.falls.get_or_insert_default().after_fall(now, budget.restarts, budget.window) {
                    Some(pause) => {
                        line.life = Life::Restarting;
                        AfterExit::Return(pause)
                    }
                    None => {
                        line.paused = true;
                        AfterExit::GiveUp
                    }
                }
            }
            Life::Retiring { again: true, .. } => AfterExit::Wake,
            _ => AfterExit::Rest,
        };
        self.due_again(id);
        after
    }

    /// From here on its due time counts again.
    fn due_again(&mut self, id: PersonaId) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        let due_ms = std::mem::replace(&mut line.due_ms, NEVER);
        self.set_due(id, due_ms);
    }
}

#[cfg(test)]
mod tests;
