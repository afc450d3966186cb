//! Grants slices: the right to work now.
//!
//! One decision maker for the whole node. Who wants to work asks for a [`Slice`]; who waits for anything else
//! (a person, a timer, a page's pace) gives it back. The policy is `turns.rs`; this actor only holds the reply
//! ports and the clock. It also keeps the pace of acts per persona and site.
//!
//! **Promise.** Never more slices than the cap, never two of one persona, whatever panics or is aborted: a slice
//! is a value, and dropping it frees its slot. **Its end is the company's end**: no work without a cap.

pub(crate) mod figures;
pub(crate) mod turns;
pub(crate) mod waits;

mod rates;

use std::{
    collections::HashSet,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, rpc::CallResult};
use tokio::{sync::watch, time::Instant};

use self::{
    rates::Rates,
    turns::{Ask, Granted, Ticket, Turns, Weight},
};
use crate::{
    domain::{Pace, PersonaId, Priority},
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

    /// Starts the scheduler under `supervisor`.
    pub(crate) async fn spawn(
        cap: NonZeroUsize,
        pace: Pace,
        world: Arc<dyn World>,
        supervisor: ActorCell,
    ) -> Result<Self, SpawnErr> {
        let (figures, seen) = watch::channel(Figures { cap: cap.get(), waiting: 0, on_stage: HashSet::new() });
        let arguments = State { turns: Turns::new(cap), rates: Rates::new(pace), began: Instant::now(), figures };
        let (actor, _) = Actor::spawn_linked(None, SchedulerActor, arguments, supervisor).await?;
        Ok(Self { actor, tickets: Arc::default(), figures: seen, world })
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
    /// A persona is about to act on a site.
    Act { persona: PersonaId, site: String, action: &'static str, reply: RpcReplyPort<Result<(), Duration>> },
}

struct SchedulerActor;

struct State {
    turns: Turns<RpcReplyPort<Slice>>,
    rates: Rates,
    began: Instant,
    figures: watch::Sender<Figures>,
}

impl State {
    /// A clock that never goes back.
    fn now_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn grant(&mut self, me: &ActorRef<Msg>) {
        let now_ms = self.now_ms();
        while let Some(Granted { persona, ticket, waiter: reply, .. }) = self.turns.admit(now_ms) {
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
            Msg::Withdrawn { persona, ticket } => drop(state.turns.withdraw(persona, ticket)),
            Msg::Released { persona, ticket } => {
                let _ = state.turns.release(persona, ticket, now_ms);
                state.figures.send_modify(|figures| _ = figures.on_stage.remove(&persona));
            }
            Msg::Act { persona, site, action, reply } => {
                let _ = reply.send(state.rates.take(persona, &site, action, now_ms));
                return Ok(());
            }
        }
        state.grant(&me);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
