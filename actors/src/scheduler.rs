//! Grants slices: the right to work now.
//!
//! One decision maker for the whole node. Who wants to work asks for a [`Slice`]; who waits for anything else
//! (a person, a timer, a page's pace) gives it back. The policy is `turns.rs`, pure; this actor only holds the reply
//! ports and the clock. It also keeps the pace of acts per persona and site, and figures of what it did.
//!
//! # The algorithm
//!
//! Three known ideas. *Who*: start-time fair queueing; a persona may go on as long as the time it used, over its
//! weight, is within a window of virtual time, which is what everybody's share is. *Which of them*: the earliest
//! deadline, arrival + patience(priority). *Urgent work* (above 0.8) has a lane of its own before all other.
//!
//! # What it guarantees, with `c` slots, `u` = seven eighths of them for urgent work, and steps of at most `q`
//!
//! - No slot is free while a persona waits that holds none. Each operation costs O(log n).
//! - `n` urgent requests of personas within their share, made at one moment when no urgent work is in hand, have all
//!   begun after ⌈n / u⌉ · q, the step in hand of their own persona excepted, whatever else waits.
//! - Ordinary work carries nobody further ahead of virtual time than a window (4 s) and a step while somebody within
//!   the share waits. Urgent work may carry one ahead by 60 s, and further only while all urgent work is on time:
//!   that is the price of being on time for popular personas.
//! - Nobody starves: waiting ages a request without a ceiling, and one slot in eight (with a single slot: every ninth
//!   turn, when overdue) is not urgent work's while other work within its share waits.
//!
//! What no policy can do: take a slot away. A step that overruns keeps it, and all of its time is charged.
//! `simulation.rs` shows the same policy on whole days.
//!
//! **Promise.** Never more slices than the cap, never two of one persona, whatever panics or is aborted: a slice
//! is a value, and dropping it frees its slot. **Its end is the company's end**: no work without a cap.

pub mod figures;
mod slice;
mod stage;
pub(crate) mod turns;
pub mod waits;

mod rates;

use std::{
    collections::HashSet,
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, rpc::CallResult};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use self::{
    figures::{Recent, TurnFigures},
    rates::Rates,
    stage::Stage,
    turns::{Ask, Granted, Ticket, Turns},
};
pub use self::{
    slice::{Place, Slice, Wish},
    stage::{InLine, StageView, Stretch},
};
use crate::{
    domain::{Pace, PersonaId},
    ports::World,
};

/// How long the scheduler may take to say whether an act is within the pace.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Where personas ask for slices. Cheap to clone.
#[derive(Clone)]
pub struct Scheduler {
    actor: ActorRef<Msg>,
    tickets: Arc<AtomicU64>,
    figures: watch::Receiver<Figures>,
    world: Arc<dyn World>,
}

/// The scheduler is gone: the company is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the company is ending")]
pub struct Ended;

/// Slices at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    pub cap: usize,
    /// Personas that wait for a slice.
    pub waiting: usize,
    /// Who holds a slice now.
    pub on_stage: HashSet<PersonaId>,
}

impl Scheduler {
    /// Takes one act of this persona on this site now; or takes nothing and says how long to wait.
    pub async fn pace(
        &self,
        persona: PersonaId,
        site: &str,
        action: &'static str,
    ) -> Result<Result<(), Duration>, Ended> {
        let site = site.to_owned();
        self.ask(|reply| Msg::Act { persona, site, action, reply }).await
    }

    /// Who holds and how many wait, now and whenever it changes.
    pub fn figures(&self) -> watch::Receiver<Figures> {
        self.figures.clone()
    }

    /// How turns were given of late. Worked out when asked for, so that nobody asking costs nothing.
    pub async fn turn_figures(&self) -> Result<TurnFigures, Ended> {
        self.ask(Msg::Figures).await
    }

    /// Who held which slot in the last `over`, and the next `most` of those that wait. Worked out when asked for.
    pub async fn stage(&self, over: Duration, most: usize) -> Result<StageView, Ended> {
        let over_ms = i64::try_from(over.as_millis()).unwrap_or(i64::MAX);
        let view = self.ask(|reply| Msg::Stage { over_ms, most, reply }).await?;
        let by_ms = self.world.now_ms() - view.now_ms;
        Ok(view.later(by_ms))
    }

    async fn ask<T: Send + 'static>(&self, msg: impl FnOnce(RpcReplyPort<T>) -> Msg) -> Result<T, Ended> {
        match self.actor.call(msg, Some(ANSWER_WITHIN)).await {
            Ok(CallResult::Success(answer)) => Ok(answer),
            _ => Err(Ended),
        }
    }

    /// Starts the scheduler under `supervisor`.
    pub(crate) async fn spawn(
        cap: NonZeroUsize,
        pace: Pace,
        world: Arc<dyn World>,
        supervisor: ActorCell,
    ) -> Result<Self, SpawnErr> {
        let (figures, seen) = watch::channel(Figures { cap: cap.get(), waiting: 0, on_stage: HashSet::new() });
        let (turns, rates, stage) = (Turns::new(cap), Rates::new(pace), Stage::new(cap.get()));
        let arguments = State { turns, rates, stage, began: Instant::now(), figures, recent: Recent::new(0) };
        let (actor, _) = Actor::spawn_linked(None, SchedulerActor, arguments, supervisor).await?;
        Ok(Self { actor, tickets: Arc::default(), figures: seen, world })
    }

    /// Ends it; who waits is told so.
    pub(crate) fn stop(&self) {
        self.actor.stop(None);
    }
}

#[derive(Debug)]
enum Msg {
    /// A persona wants a slice; the reply is the slice itself.
    Acquire { wish: Wish, ticket: Ticket, waited_ms: i64, reply: oneshot::Sender<Slice> },
    /// A run stands between two steps. Answered with whether its slice was given away; then `reply` is the next one.
    Offered { wish: Wish, held: Ticket, ticket: Ticket, answer: oneshot::Sender<bool>, reply: oneshot::Sender<Slice> },
    /// Nobody waits for this any more.
    Withdrawn { persona: PersonaId, ticket: Ticket },
    /// A slice was dropped. Only [`Slice`] sends this.
    Released { persona: PersonaId, ticket: Ticket },
    /// Somebody wants to know how turns were given.
    Figures(RpcReplyPort<TurnFigures>),
    /// Somebody looks at the stage.
    Stage { over_ms: i64, most: usize, reply: RpcReplyPort<StageView> },
    /// A persona is about to act on a site.
    Act { persona: PersonaId, site: String, action: &'static str, reply: RpcReplyPort<Result<(), Duration>> },
}

struct SchedulerActor;

struct State {
    turns: Turns<oneshot::Sender<Slice>>,
    rates: Rates,
    stage: Stage,
    began: Instant,
    figures: watch::Sender<Figures>,
    recent: Recent,
}

impl State {
    /// A clock that never goes back.
    fn now_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Grants what is free. Whoever offered its slice and is the next itself goes on as if nothing had happened.
    fn grant(&mut self, me: &ActorRef<Msg>, offered: Option<(PersonaId, Ticket)>) {
        let now_ms = self.now_ms();
        let mut left_stage = offered.map(|(persona, _)| persona);
        while let Some(granted) = self.turns.admit(now_ms) {
            let Granted { persona, ticket, priority, waited_ms, waiter: reply } = granted;
            if offered == Some((persona, ticket)) {
                left_stage = None;
                self.recent.goes_on(now_ms);
            } else {
                // The slot of whoever left is free before somebody else enters.
                if let Some(gone) = left_stage.take() {
                    self.leaves(gone, now_ms);
                }
                self.recent.granted(priority, waited_ms, now_ms);
                self.stage.began(persona, waited_ms, priority.is_urgent(), now_ms);
                self.figures.send_modify(|figures| _ = figures.on_stage.insert(persona));
            }
            // If nobody waits any more, the slice comes back, is dropped, and frees its slot again.
            let _ = reply.send(Slice { persona, ticket, actor: me.clone() });
        }
        if let Some(gone) = left_stage {
            self.leaves(gone, now_ms);
        }
        let waiting = self.turns.waiting();
        self.figures.send_if_modified(|figures| std::mem::replace(&mut figures.waiting, waiting) != waiting);
    }

    fn leaves(&mut self, persona: PersonaId, now_ms: i64) {
        self.stage.ended(persona, now_ms);
        self.figures.send_modify(|figures| _ = figures.on_stage.remove(&persona));
    }

    fn view(&self, over_ms: i64, most: usize, now_ms: i64) -> StageView {
        let slots = self.stage.slots(over_ms, now_ms);
        StageView { now_ms, slots, next: self.turns.in_line(most), waiting: self.turns.waiting() }
    }
}

fn ask(wish: Wish, ticket: Ticket, arrived_ms: i64, waiter: oneshot::Sender<Slice>) -> Ask<oneshot::Sender<Slice>> {
    let Wish { persona, priority, weight, .. } = wish;
    Ask { ticket, persona, priority, weight, arrived_ms, waiter }
}

#[ractor::async_trait]
impl Actor for SchedulerActor {
    type Msg = Msg;
    type State = State;
    type Arguments = State;

    async fn pre_start(&self, _me: ActorRef<Msg>, state: State) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(&self, me: ActorRef<Msg>, msg: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        let now_ms = state.now_ms();
        let mut offered = None;
        match msg {
            Msg::Acquire { wish, ticket, waited_ms, reply } => {
                state.turns.enqueue(ask(wish, ticket, now_ms.saturating_sub(waited_ms), reply), now_ms);
            }
            Msg::Offered { wish, held, ticket, answer, reply } => {
                let used_ms = state.turns.offer(held, ask(wish, ticket, now_ms, reply), now_ms);
                let _ = answer.send(used_ms.is_some());
                let Some(used_ms) = used_ms else { return Ok(()) };
                state.recent.released(wish.persona, used_ms, now_ms);
                offered = Some((wish.persona, ticket));
            }
            Msg::Withdrawn { persona, ticket } => drop(state.turns.withdraw(persona, ticket, now_ms)),
            Msg::Released { persona, ticket } => {
                // None: it was offered and given away before.
                let Some(used_ms) = state.turns.release(persona, ticket, now_ms) else { return Ok(()) };
                state.recent.released(persona, used_ms, now_ms);
                state.leaves(persona, now_ms);
            }
            Msg::Act { persona, site, action, reply } => {
                let _ = reply.send(state.rates.take(persona, &site, action, now_ms));
                return Ok(());
            }
            Msg::Figures(reply) => {
                let _ = reply.send(state.recent.figures(now_ms));
                return Ok(());
            }
            Msg::Stage { over_ms, most, reply } => {
                let _ = reply.send(state.view(over_ms, most, now_ms));
                return Ok(());
            }
        }
        state.grant(&me, offered);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
