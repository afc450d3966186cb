//! What the supervisor knows and does between two messages.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use ractor::{ActorId, ActorRef, RpcReplyPort};
use tokio::{sync::watch, time::Instant};
use tracing::{error, info, warn};

use super::{Doorbell, GRACE, Msg, Shared};
use crate::{
    domain::{Inner, PersonaId},
    persona::{Awake, Report, Stage},
    supervisor::{
        falls, giving_up,
        overflow::Brim,
        roster::{AfterExit, Budget, Poked, Roster},
        sweeping,
    },
};

/// The wall clock may be set: due times are looked at this often at least, while there are any.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);
/// A clock that is this much behind where it should be was set back.
const SET_BACK_MS: i64 = 60_000;

pub(super) struct State {
    pub(super) stage: Arc<Stage>,
    pub(super) roster: Shared,
    pub(super) brim: Arc<Brim>,
    pub(super) bell: Arc<Doorbell>,
    pub(super) actors: HashMap<ActorId, PersonaId>,
    /// For when the next due time is armed.
    pub(super) armed_ms: Option<i64>,
    pub(super) due: Option<tokio::task::AbortHandle>,
    /// What the wall clock showed at the last look.
    pub(super) clock: (Instant, i64),
    pub(super) fallen: watch::Sender<Option<String>>,
    pub(super) ending: bool,
    pub(super) waiting_for_end: Vec<RpcReplyPort<()>>,
}

impl State {
    pub(super) fn roster<T>(&self, change: impl FnOnce(&mut Roster<Awake>) -> T) -> T {
        change(&mut self.roster.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says something to a persona if its actor lives.
    pub(super) fn tell(&self, id: PersonaId, say: impl FnOnce(&Awake)) {
        self.roster(|roster| {
            if let Some(persona) = roster.line(id).and_then(|line| line.handle()) {
                say(persona);
            }
        });
    }

    pub(super) fn over(&self) -> bool {
        self.ending || self.fallen.borrow().is_some()
    }

    pub(super) async fn hear(&mut self, me: &ActorRef<Msg>) {
        let now_ms = self.stage.ports.world.now_ms();
        for (id, news) in self.bell.take() {
            let tell = self.roster(|roster| {
                if news.messages > 0 {
                    roster.delivered(id, news.messages, news.due_ms);
                    self.brim.note(id, roster.line(id).map_or(0, |line| line.inbox));
                }
                // A sleeper with nothing to do before later is left to the due times.
                let awake = roster.line(id).is_some_and(|line| line.handle().is_some());
                awake || news.due_ms <= now_ms
            });
            if tell {
                self.poke(me, id).await;
            }
        }
    }

    pub(super) async fn poke(&mut self, me: &ActorRef<Msg>, id: PersonaId) {
        let wake = self.roster(|roster| match roster.poke(id) {
            Poked::Wake => true,
            Poked::Tell(persona) => {
                persona.poke();
                false
            }
            Poked::Noted => false,
        });
        if wake {
            self.wake(me, id).await;
        }
    }

    pub(super) async fn wake(&mut self, me: &ActorRef<Msg>, id: PersonaId) {
        if self.over() || !self.roster(|roster| roster.may_wake(id)) {
            return;
        }
        let line = self.roster(|roster| {
            let line = roster.line(id)?;
            let inner = line.inner.as_deref().cloned().unwrap_or_else(|| Inner::rested(Instant::now().into_std()));
            Some((line.failure_streak, inner, line.lock()))
        });
        let Some((streak, inner, lock)) = line else { return };
        match Awake::spawn(self.stage.clone(), id, streak, inner, lock, me.get_cell()).await {
            Ok(persona) => {
                self.actors.insert(persona.id(), id);
                self.roster(|roster| roster.woke(id, persona).map(Awake::poke));
            }
            Err(error) => {
                error!(persona = %id, "persona {id} did not start, will try again: {error}");
                me.send_after(GRACE, move || Msg::Return(id));
            }
        }
    }

    /// Wakes the sleepers whose time has come, sweeps the paused ones, and arms the one timer for the next.
    pub(super) async fn wake_due(&mut self, me: &ActorRef<Msg>) {
        if self.over() {
            return;
        }
        let now_ms = self.stage.ports.world.now_ms();
        let mut due = self.roster(|roster| roster.take_due(now_ms));
        if self.was_set_back(now_ms) {
            // Whoever waits for a moment looks whether it waits for a pause instead, which does not get longer.
            due.extend(self.roster(|roster| roster.waiting()));
        }
        for id in due {
            if self.roster(|roster| roster.is_active(id)) {
                self.poke(me, id).await;
            } else {
                sweeping::spawn(self.stage.clone(), id);
            }
        }
        let next_ms = self.roster(Roster::next_due);
        if next_ms == self.armed_ms {
            return;
        }
        self.armed_ms = next_ms;
        if let Some(timer) = self.due.take() {
            timer.abort();
        }
        if let Some(next_ms) = next_ms {
            let wait = Duration::from_millis(u64::try_from(next_ms - now_ms).unwrap_or(0)).min(LONGEST_SLEEP);
            self.due = Some(me.send_after(wait, || Msg::Due).abort_handle());
        }
    }

    fn was_set_back(&mut self, now_ms: i64) -> bool {
        let now = Instant::now();
        let (seen, seen_ms) = std::mem::replace(&mut self.clock, (now, now_ms));
        let passed_ms = i64::try_from(now.duration_since(seen).as_millis()).unwrap_or(i64::MAX);
        seen_ms.saturating_add(passed_ms) - now_ms > SET_BACK_MS
    }

    pub(super) fn told(&mut self, report: Report) {
        match report {
            Report::Fresh(record) => {
                self.brim.note(record.id, record.waiting);
                self.roster(|roster| roster.refresh(&record));
            }
            Report::WantsRest { actor, heard, fresh } => self.roster(|roster| {
                let id = fresh.id;
                let may = |persona: &Awake| persona.id() == actor && persona.pokes() == heard;
                if let Some(persona) = roster.retire(id, false, may) {
                    persona.leave();
                    roster.refresh(&fresh);
                }
            }),
            Report::Swept { id, fresh, again_ms } => {
                if let Some(record) = &fresh {
                    self.brim.note(id, record.waiting);
                }
                self.roster(|roster| roster.swept(id, fresh.map(|record| record.waiting), again_ms));
            }
            Report::NotActive(id) => self.roster(|roster| _ = roster.pause(id).map(Awake::leave)),
        }
    }

    /// Also who sleeps has less compute budget, when a program asked in its name.
    pub(super) fn model_refused(&self, id: PersonaId) {
        let (now, rules) = (Instant::now().into_std(), &self.stage.limits.inner_life);
        self.roster(|roster| {
            let Some(line) = roster.line(id) else { return };
            if let Some(awake) = line.handle() {
                return awake.refused(rules);
            }
            let mut inner = line.inner.take().map_or_else(|| Inner::rested(now), |inner| *inner);
            inner.refused(now, rules);
            line.inner = inner.asleep(now, rules);
        });
    }

    pub(super) async fn restart(&mut self, me: &ActorRef<Msg>, id: PersonaId) {
        let actor = self.roster(|roster| {
            roster.restart(id).map(|persona| {
                persona.leave();
                persona.id()
            })
        });
        match actor {
            Some(actor) => drop(me.send_after(GRACE, move || Msg::Insist(id, actor))),
            None => self.poke(me, id).await,
        }
    }

    pub(super) fn forget(&mut self, me: &ActorRef<Msg>, id: PersonaId) {
        let Some(persona) = self.roster(|roster| roster.remove(id)) else { return };
        persona.leave();
        // Its line is gone, so it is told through its own handle.
        me.send_after(GRACE, move || {
            persona.stop();
            Msg::Due
        });
    }

    pub(super) async fn exited(&mut self, me: &ActorRef<Msg>, id: PersonaId, fell: bool, why: &str) {
        let limits = &self.stage.limits;
        let budget = Budget { restarts: limits.restarts, window: limits.restart_window };
        let now = Instant::now();
        let (after, carried) = self.roster(|roster| {
            let mut carried = None;
            if let Some(line) = roster.line(id) {
                carried = line.handle().and_then(Awake::carried).filter(|_| fell);
                line.inner = line.handle().and_then(|was| was.inner().asleep(now.into_std(), &limits.inner_life));
            }
            (roster.exited(id, fell, now, budget), carried)
        });
        let count = |then: Box<dyn FnOnce() + Send>| match carried {
            Some(goal) => falls::count(self.stage.clone(), goal, why.to_owned(), then),
            None => then(),
        };
        match after {
            AfterExit::Rest => count(Box::new(|| {})),
            _ if self.over() => {}
            AfterExit::Wake => self.wake(me, id).await,
            AfterExit::Return(pause) => {
                warn!(persona = %id, ?pause, "persona {id} fell, will return: {why}");
                let me = me.clone();
                count(Box::new(move || drop(me.send_after(pause, move || Msg::Return(id)))));
            }
            AfterExit::GiveUp => {
                count(Box::new(|| {}));
                error!(persona = %id, "persona {id} keeps falling and is paused: {why}");
                giving_up::spawn(self.stage.clone(), id, why.to_owned());
            }
        }
        self.end_if_empty();
    }

    pub(super) fn end(&mut self, reply: RpcReplyPort<()>) {
        if !self.ending {
            info!("the company is ending");
        }
        self.ending = true;
        self.waiting_for_end.push(reply);
        let asleep = self.roster(|roster| {
            let ids: Vec<_> = roster.lines().map(|(id, _)| id).collect();
            for id in ids {
                roster.retire(id, false, |_| true).map(Awake::leave);
            }
            roster.awake() == 0
        });
        if asleep {
            self.end_if_empty();
        }
    }

    pub(super) fn end_if_empty(&mut self) {
        if self.ending && self.actors.is_empty() {
            for reply in self.waiting_for_end.drain(..) {
                let _ = reply.send(());
            }
        }
    }
}
