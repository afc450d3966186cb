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
pub(crate) mod load;
pub(crate) mod planner;
pub(crate) mod turns;
pub mod waits;

mod rates;

use std::{
    collections::HashSet,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, rpc::CallResult};
use tokio::{sync::watch, time::Instant};

use self::{
    figures::{Recent, TurnFigures},
    rates::Rates,
    turns::{Ask, Granted, Ticket, Turns, Weight},
};
use crate::{
    domain::{Load, Pace, PersonaId, Priority},
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
    load: Arc<watch::Sender<Load>>,
    /// Answers 429 of models that nobody has counted yet.
    refusals: Arc<AtomicU32>,
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
    /// Waits for a slice and takes it. No timeout: waiting is the point. Dropping the future withdraws the request.
    ///
    /// `since_ms` is when the work arrived (wall time): the longer ago, the earlier the turn.
    pub async fn acquire(&self, persona: PersonaId, priority: Priority, since_ms: i64) -> Result<Slice, Ended> {
        let waited_ms = self.world.now_ms().saturating_sub(since_ms).max(0);
        let ticket = Ticket(self.tickets.fetch_add(1, Ordering::Relaxed));
        let mut request = Request { actor: self.actor.clone(), persona, ticket, open: true };
        let ask = |reply| Msg::Acquire { persona, ticket, priority, waited_ms, reply };
        match self.actor.call(ask, None).await {
            Ok(CallResult::Success(slice)) => {
                request.open = false;
                Ok(slice)
            }
            _ => Err(Ended),
        }
    }

    /// Takes one act of this persona on this site now; or takes nothing and says how long to wait.
    pub async fn pace(
        &self,
        persona: PersonaId,
        site: &str,
        action: &'static str,
    ) -> Result<Result<(), Duration>, Ended> {
        let site = site.to_owned();
        match self.actor.call(|reply| Msg::Act { persona, site, action, reply }, Some(ANSWER_WITHIN)).await {
            Ok(CallResult::Success(answer)) => Ok(answer),
            _ => Err(Ended),
        }
    }

    /// Who holds and how many wait, now and whenever it changes.
    pub fn figures(&self) -> watch::Receiver<Figures> {
        self.figures.clone()
    }

    /// How many may work, now and whenever it changes. Whoever begins work that nobody waits for asks here.
    pub fn load(&self) -> watch::Receiver<Load> {
        self.load.subscribe()
    }

    /// From now on so many may work. Slices in use beyond them are not taken away.
    pub(crate) fn adapt(&self, load: Load) {
        if let Some(cap) = NonZeroUsize::new(load.cap) {
            // A scheduler that is gone grants nothing any more.
            let _ = self.actor.cast(Msg::Cap(cap));
            self.load.send_replace(load);
        }
    }

    /// A model said that it gets too many requests.
    pub(crate) fn note_refusal(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// How often models said so since somebody asked last.
    pub(crate) fn take_refusals(&self) -> u32 {
        self.refusals.swap(0, Ordering::Relaxed)
    }

    /// How turns were given of late. Worked out when asked for, so that nobody asking costs nothing.
    pub async fn turn_figures(&self) -> Result<TurnFigures, Ended> {
        match self.actor.call(Msg::Figures, Some(ANSWER_WITHIN)).await {
            Ok(CallResult::Success(figures)) => Ok(figures),
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
        let (turns, rates) = (Turns::new(cap), Rates::new(pace));
        let arguments = State { turns, rates, began: Instant::now(), figures, recent: Recent::new(0) };
        let (actor, _) = Actor::spawn_linked(None, SchedulerActor, arguments, supervisor).await?;
        let load = Arc::new(watch::Sender::new(Load::calm(cap.get())));
        Ok(Self { actor, tickets: Arc::default(), figures: seen, load, refusals: Arc::default(), world })
    }

    /// Ends it; who waits is told so.
    pub(crate) fn stop(&self) {
        self.actor.stop(None);
    }
}

/// The right to work now. Dropping it frees the slot, also when the holder panics or is aborted.
#[derive(Debug)]
pub struct Slice {
    persona: PersonaId,
    ticket: Ticket,
    actor: ActorRef<Msg>,
}

impl Slice {
    /// Who may work.
    pub fn persona(&self) -> PersonaId {
        self.persona
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        // If the scheduler is gone the company has ended and there is no slot to free.
        let _ = self.actor.cast(Msg::Released { persona: self.persona, ticket: self.ticket });
    }
}

/// A request that may be given up.
struct Request {
    actor: ActorRef<Msg>,
    persona: PersonaId,
    ticket: Ticket,
    open: bool,
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.open {
            let _ = self.actor.cast(Msg::Withdrawn { persona: self.persona, ticket: self.ticket });
        }
    }
}

#[derive(Debug)]
enum Msg {
    /// A persona wants a slice; the reply is the slice itself.
    Acquire { persona: PersonaId, ticket: Ticket, priority: Priority, waited_ms: i64, reply: RpcReplyPort<Slice> },
    /// Nobody waits for this any more.
    Withdrawn { persona: PersonaId, ticket: Ticket },
    /// A slice was dropped. Only [`Slice`] sends this.
    Released { persona: PersonaId, ticket: Ticket },
    /// So many slots from now on.
    Cap(NonZeroUsize),
    /// Somebody wants to know how turns were given.
    Figures(RpcReplyPort<TurnFigures>),
    /// A persona is about to act on a site.
    Act { persona: PersonaId, site: String, action: &'static str, reply: RpcReplyPort<Result<(), Duration>> },
}

struct SchedulerActor;

struct State {
    turns: Turns<RpcReplyPort<Slice>>,
    rates: Rates,
    began: Instant,
    figures: watch::Sender<Figures>,
    recent: Recent,
}

impl State {
    /// A clock that never goes back.
    fn now_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn grant(&mut self, me: &ActorRef<Msg>) {
        let now_ms = self.now_ms();
        while let Some(granted) = self.turns.admit(now_ms) {
            let Granted { persona, ticket, priority, waited_ms, waiter: reply } = granted;
            self.recent.granted(priority, waited_ms, now_ms);
            self.figures.send_modify(|figures| _ = figures.on_stage.insert(persona));
            // If nobody waits any more, the slice comes back, is dropped, and frees its slot again.
            let _ = reply.send(Slice { persona, ticket, actor: me.clone() });
        }
        let waiting = self.turns.waiting();
        self.figures.send_if_modified(|figures| std::mem::replace(&mut figures.waiting, waiting) != waiting);
    }
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
        match msg {
            Msg::Acquire { persona, ticket, priority, waited_ms, reply } => {
                let arrived_ms = now_ms.saturating_sub(waited_ms);
                let (weight, waiter) = (Weight::ONE, reply);
                state.turns.enqueue(Ask { ticket, persona, priority, weight, arrived_ms, waiter });
            }
            Msg::Withdrawn { persona, ticket } => drop(state.turns.withdraw(persona, ticket, now_ms)),
            Msg::Released { persona, ticket } => {
                if let Some(used_ms) = state.turns.release(persona, ticket, now_ms) {
                    state.recent.released(persona, used_ms, now_ms);
                }
                state.figures.send_modify(|figures| _ = figures.on_stage.remove(&persona));
            }
            Msg::Act { persona, site, action, reply } => {
                let _ = reply.send(state.rates.take(persona, &site, action, now_ms));
                return Ok(());
            }
            Msg::Cap(cap) => {
                state.turns.set_cap(cap);
                state.figures.send_modify(|figures| figures.cap = cap.get());
            }
            Msg::Figures(reply) => {
                let _ = reply.send(state.recent.figures(now_ms));
                return Ok(());
            }
        }
        state.grant(&me);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
