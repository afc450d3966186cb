//! Grants slices: the right to work now.
//!
//! One decision maker for the whole node. Who wants to work asks for a [`Slice`]; who waits for anything else
//! (a person, a timer, a page's pace) gives it back, and between two steps a run offers it to whom it is owed. The
//! policy is `turns.rs`, pure; this actor only holds the reply ports and the clock. It also keeps the pace of acts per
//! persona and site, figures of what it did, and who held which slot of late.
//!
//! # The algorithm
//!
//! *Who* (start-time fair queueing). A persona carries a tag: the time it used over its weight. Virtual time grows by
//! the time anybody used over the weight of all who want something: everybody's share. *Which of them* (earliest
//! deadline): arrival + patience(priority), from 15 min at the bottom to 5 s; so waiting ages a request by itself.
//! When a slot is free, the first of these gets it, O(log n):
//!
//! 1. **urgent** work (above 0.8) of personas at most 60 s ahead of virtual time, by deadline. Work that lay behind
//!    its own persona's work counts from when that was over, and with the 10 s of all urgent work, so that a flood is
//!    not first for ever;
//! 2. urgent work of personas further ahead, the least ahead first, as long as urgent work has been on time: an
//!    average of wait over patience, where the newest counts a fifth, is below 1.5;
//! 3. work of personas more than 60 s *behind* virtual time, by deadline;
//! 4. work of personas at most 4 s ahead, by deadline;
//! 5. the rest, the least ahead first; virtual time goes on to it.
//!
//! Urgent work holds at most seven of eight slots while work of 3 or 4 waits; a single slot lets one through after
//! eight urgent turns when it is overdue. A persona that wants nothing for up to a second never left (between two
//! slices it looks what is next); for a minute it is remembered how far behind it was; who was ahead still is.
//!
//! **Yielding.** Between two steps a run offers its slice. It keeps it while nobody waits, or for a quantum of 2 s;
//! work that is not urgent gives it up at once when urgent work may have it. Otherwise the slice is given back and
//! charged, the run asks anew from now, and the order above decides, also for the run itself. It goes on where it
//! was, at no cost but the wait: no attempt, no replay, and its page stays open, until nobody used the browser for
//! `browser.warm_for` or another persona needs its place; then the page is rebuilt from the record (`run/turns.rs`).
//! No policy can take a slot away: a step that overruns keeps it, and all of its time is charged.
//!
//! # What it guarantees, and the test that can fail
//!
//! With `c` slots, `u` of them for urgent work, `n` personas of one weight, slices of at most `L` = the quantum + the
//! longest step. Names without a file are in `turns/tests.rs`.
//!
//! - Never more slices than `c` (those beyond a cap that shrank end by themselves), never two of one persona, and no
//!   slot is free while a persona waits that holds none: `cap_and_lock_hold_and_no_slot_stays_empty`, at every event of
//!   every simulated day, and as values `a_holder_that_panics_or_is_aborted_frees_its_slot` (`tests.rs`).
//! - **Bound.** `n` personas that always want something of one priority on `c` slots: who is within its share when it
//!   asks waits at most (the longest slices of the others, summed) / `c`, so at most ⌈n/c⌉ · L; in whole slices,
//!   (⌈n/c⌉ − 1) · L. A step that overruns adds its excess / `c` once. Who used more than its share waits, besides,
//!   until virtual time has come to 4 s behind it, at most excess · n/c and a round:
//!   `who_always_wants_something_waits_for_one_slice_of_each_other` (`turns/tests/offers.rs`).
//! - **Urgent.** `n` personas within 60 s of their share that ask urgently, above 0.9 or not, at one moment when no
//!   urgent work is in hand, have all begun after ⌈n/u⌉ · L and the step in hand, whatever they ask for afterwards:
//!   `urgent_work_of_one_moment_has_all_begun_after_a_slice_of_each` (`turns/tests/offers.rs`). On a single slot a turn
//!   of overdue work may come after each eight of them; what somebody who has not just worked asks for later may go
//!   before what is up to 0.9, when it is above, for 5 s. A slice goes to urgent work at the next step:
//!   `urgent_work_gets_it_at_the_next_step_and_urgent_work_keeps_it_for_a_quantum`; none late in a whole day at
//!   load 0.7 (`make bench`).
//! - **Share.** Who always wants something gets time by its weight; while others within their share wait, ordinary
//!   work carries nobody further ahead than 4 s and a slice, urgent work nobody further than 60 s and a slice unless
//!   urgent work is on time; while somebody is further behind than 60 s, ordinary work of nobody else gets a slot: at
//!   every grant of `cap_and_lock_hold_and_no_slot_stays_empty`. In the long run, to 40 s in four thousand,
//!   `time_is_shared_by_weight_whatever_a_turn_costs_and_however_loud_one_asks`,
//!   `who_is_far_behind_goes_before_who_is_not`, `a_step_that_overruns_keeps_its_slot_and_all_of_its_time_is_charged`,
//!   and from the setting to the turns `supervisor/tests/weights.rs`. Jain's index under eightfold
//!   overload, at least 0.995 over sixteen hours:
//!   `who_always_wants_something_gets_the_same_time_as_everybody` (`simulation/tests.rs`).
//! - **Nobody starves.** `n` personas always want something of patience `q`; somebody new asks once, for something of
//!   patience `p`, and slices last at most 60 s, so that nobody comes to be far behind within a round. It waits at most
//!   (p − q, if that is more than 0) + ⌈n/c⌉ · L: what they ask for later than p − q after it has the later deadline,
//!   and then each of them has one request at most. When both are urgent, ⌈n/c⌉ · L, since who has just worked waits
//!   with the longest patience of urgent work. When only its own is urgent, L: the next slot is its. When only theirs
//!   is, L, since one slot in eight is kept for the rest; on a single slot p + 9 L: once it is overdue eight urgent
//!   turns go before it. `who_asks_once_waits_no_longer_than_the_bound_whatever_the_others_ask_for`,
//!   `a_flood_of_urgent_work_lets_overdue_work_through`,
//!   `urgent_work_keeps_a_slot_for_the_rest_only_while_the_rest_wants_it`.
//! - **Yielding costs only the wait**: `run/tests/turns.rs`.
//! - **One bad persona harms no other**: `three_bad_personas_move_the_others_waits_by_less_than_a_tenth`
//!   (`simulation/tests.rs`); a flooded one alone: `a_flood_is_not_first_for_ever`.
//!
//! **Promise.** A slice is a value, and dropping it frees its slot, whatever panics or is aborted. **Its end is the
//! company's end**: no work without a cap.

pub mod figures;
pub(crate) mod load;
pub(crate) mod planner;
pub(crate) mod turns;
pub mod waits;

mod hosts;
mod rates;
mod slice;
mod stage;

use std::{
    borrow::Cow,
    collections::HashSet,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
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
    hosts::HostBook,
    slice::{Place, Slice, Wish},
    stage::{InLine, StageView, Stretch},
};
use crate::{
    domain::{Load, Pace, PersonaId},
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
    hosts: HostBook,
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
        action: impl Into<Cow<'static, str>>,
    ) -> Result<Result<(), Duration>, Ended> {
        let (site, action) = (site.to_owned(), action.into());
        self.ask(|reply| Msg::Act { persona, site, action, reply }).await
    }

    /// What is to be kept on hosts; their pace is kept here.
    pub fn hosts(&self) -> &HostBook {
        &self.hosts
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
        let hosts = HostBook::default();
        let (turns, rates, stage) = (Turns::new(cap), Rates::new(pace, hosts.clone()), Stage::new(cap.get()));
        let arguments = State { turns, rates, stage, began: Instant::now(), figures, recent: Recent::new(0) };
        let (actor, _) = Actor::spawn_linked(None, SchedulerActor, arguments, supervisor).await?;
        let load = Arc::new(watch::Sender::new(Load::calm(cap.get())));
        Ok(Self { actor, tickets: Arc::default(), figures: seen, load, refusals: Arc::default(), world, hosts })
    }

    /// Ends it; who waits is told so.
    pub(crate) fn stop(&self) {
        self.actor.stop(None);
    }
}

#[derive(Debug)]
enum Msg {
    /// A persona wants a slice; the reply is the slice itself.
    Acquire { wish: Wish, ticket: Ticket, waited_ms: i64, ready_for_ms: Option<i64>, reply: oneshot::Sender<Slice> },
    /// A run stands between two steps. Answered with whether its slice was given away; then `reply` is the next one.
    Offered { wish: Wish, held: Ticket, ticket: Ticket, answer: oneshot::Sender<bool>, reply: oneshot::Sender<Slice> },
    /// Nobody waits for this any more.
    Withdrawn { persona: PersonaId, ticket: Ticket },
    /// A slice was dropped. Only [`Slice`] sends this.
    Released { persona: PersonaId, ticket: Ticket },
    /// So many slots from now on.
    Cap(NonZeroUsize),
    /// Somebody wants to know how turns were given.
    Figures(RpcReplyPort<TurnFigures>),
    /// Somebody looks at the stage.
    Stage { over_ms: i64, most: usize, reply: RpcReplyPort<StageView> },
    /// A persona is about to act on a site.
    Act { persona: PersonaId, site: String, action: Cow<'static, str>, reply: RpcReplyPort<Result<(), Duration>> },
}

struct SchedulerActor;

/// Who gets the slice, and since when it could have begun, by the scheduler's clock.
struct Waiter {
    reply: oneshot::Sender<Slice>,
    ready_ms: Option<i64>,
}

struct State {
    turns: Turns<Waiter>,
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
            let Granted { persona, ticket, priority, waited_ms, waiter: Waiter { reply, ready_ms } } = granted;
            if offered == Some((persona, ticket)) {
                left_stage = None;
                self.recent.goes_on(now_ms);
            } else {
                // The slot of whoever left is free before somebody else enters.
                if let Some(gone) = left_stage.take() {
                    self.leaves(gone, now_ms);
                }
                self.recent.granted(priority, waited_ms, ready_ms.map(|ready_ms| now_ms - ready_ms), now_ms);
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

fn ask(wish: Wish, ticket: Ticket, arrived_ms: i64, waiter: Waiter) -> Ask<Waiter> {
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
        let (mut offered, mut given) = (None, None);
        match msg {
            Msg::Acquire { wish, ticket, waited_ms, ready_for_ms, reply } => {
                let waiter = Waiter { reply, ready_ms: ready_for_ms.map(|ago_ms| now_ms.saturating_sub(ago_ms)) };
                state.turns.enqueue(ask(wish, ticket, now_ms.saturating_sub(waited_ms), waiter), now_ms);
            }
            Msg::Offered { wish, held, ticket, answer, reply } => {
                let waiter = Waiter { reply, ready_ms: None };
                let used_ms = state.turns.offer(held, ask(wish, ticket, now_ms, waiter), now_ms);
                let Some(used_ms) = used_ms else {
                    let _ = answer.send(false);
                    return Ok(());
                };
                state.recent.released(wish.persona, used_ms, now_ms);
                (offered, given) = (Some((wish.persona, ticket)), Some(answer));
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
            Msg::Cap(cap) => {
                state.turns.set_cap(cap);
                state.figures.send_modify(|figures| figures.cap = cap.get());
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
        if let Some(answer) = given {
            // Behind the grants: who is the next itself finds its new slice at once.
            let _ = answer.send(true);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
