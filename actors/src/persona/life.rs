//! What an awake persona remembers and does between two messages.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use ractor::ActorRef;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{error, warn};

use super::{
    Lock, Msg, PersonaActor, Report,
    carrier::{Carrier, Order},
    expiry,
    inbox::HeldBack,
    listening::Listener,
    promptness::Runs,
    read,
    timer::{Timer, after},
};
use crate::{
    domain::{BigThree, GoalId, Load, MessageKind, PersonaStatus},
    ports::Waiting,
    run::{Now, RunEnd},
};

/// How long to wait for a store that is gone: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const AT_ONCE: Duration = Duration::ZERO;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The state of an awake persona. Dropping it aborts the run.
pub(super) struct Life {
    poked: Arc<AtomicBool>,
    heard: u64,
    lock: Lock,
    pub(super) now: Now,
    failure_streak: u32,
    pub(super) current: Option<Current>,
    runs: u64,
    ran: Runs,
    pub(super) listener: Listener,
    pub(super) held_back: HeldBack,
    /// What it does first in its hour, and the hour for which it asked the journal.
    pub(super) big_three: Option<BigThree>,
    pub(super) big_three_read_ms: Option<i64>,
    /// Waits until the machine is calm, when there is optional work for then.
    calm: Option<AbortOnDropHandle<()>>,
    look: Option<Timer>,
    idle: Option<Timer>,
    pause: Duration,
    leaving: bool,
    resting: bool,
}

/// The run that is being carried.
pub(super) struct Current {
    number: u64,
    pub(super) goal: GoalId,
    urgent: bool,
    optional: bool,
    begun: Instant,
    begun_ms: i64,
    /// Pokes heard before it.
    heard: u64,
    stop: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

impl Life {
    pub(super) fn new(poked: Arc<AtomicBool>, lock: Lock, now: Now, failure_streak: u32) -> Self {
        Self {
            poked,
            heard: 0,
            lock,
            now,
            failure_streak,
            current: None,
            runs: 0,
            ran: Runs::default(),
            held_back: HeldBack::new(),
            listener: Listener::default(),
            big_three: None,
            big_three_read_ms: None,
            calm: None,
            look: None,
            idle: None,
            pause: FIRST_PAUSE,
            leaving: false,
            resting: false,
        }
    }

    /// A poke: from here on a new one may come, and whatever was held back is looked at again.
    pub(super) fn hear(&mut self) {
        self.poked.store(false, Ordering::SeqCst);
        self.heard += 1;
        self.resting = false;
        self.held_back.clear();
    }

    /// It asked to leave and waits for the answer.
    pub(super) fn resting(&self) -> bool {
        self.resting
    }

    pub(super) fn stop_run(&self, goal: GoalId) {
        if let Some(current) = self.current.as_ref().filter(|current| current.goal == goal) {
            current.stop.cancel();
        }
    }

    pub(super) fn leave(&mut self, me: &ActorRef<Msg>) {
        self.leaving = true;
        self.look = None;
        self.idle = None;
        match &self.current {
            Some(current) => current.stop.cancel(),
            None => me.stop(None),
        }
    }

    /// Aborts the run, if there is one, and waits until it is really gone.
    pub(super) async fn let_go(&mut self) {
        if self.current.take().is_some() {
            drop(self.lock.lock().await);
        }
    }

    fn try_later(&mut self, me: &ActorRef<Msg>) {
        self.look = Some(after(me, self.pause, || Msg::Look));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl PersonaActor {
    /// Looks into the inbox: lets expire what is late, begins the next run, or rests.
    pub(super) async fn look(&self, me: &ActorRef<Msg>, life: &mut Life) {
        if life.leaving {
            return;
        }
        life.look = None;
        let picked = match self.pick(life).await {
            Ok(picked) => picked,
            Err(error) => {
                warn!(persona = %self.id, "persona {} cannot read its inbox: {error}", self.id);
                return life.try_later(me);
            }
        };
        // What is in hand expires when its run has let go of it.
        let in_hand = life.current.as_ref().map(|current| current.goal);
        let expired = match expiry::expire(&self.stage, &picked.late, in_hand).await {
            Ok(expired) => expired,
            Err(error) => {
                warn!(persona = %self.id, "what is late at {} cannot expire: {error}", self.id);
                return life.try_later(me);
            }
        };
        life.pause = FIRST_PAUSE;
        if expired > 0 {
            self.tell_fresh().await;
        }
        match (&life.current, picked.next) {
            (Some(current), next) => {
                let late = picked.late.iter().any(|work| work.goal.id == current.goal);
                // What is urgent and was not begun was promised a start; urgent work in hand has had its own.
                let comes_first = picked.urgent && (picked.fresh || !current.urgent);
                if late || (next.is_some() && comes_first) {
                    // Runs yield between steps; what was done is durable and is carried on later.
                    current.stop.cancel();
                }
            }
            (None, Some(work)) => match self.gather(work).await {
                Ok(Some(work)) => self.begin(me, life, work).await,
                // Somebody else is at it.
                Ok(None) => life.look = Some(after(me, AT_ONCE, || Msg::Look)),
                Err(error) => {
                    warn!(persona = %self.id, "persona {} cannot join a burst: {error}", self.id);
                    return life.try_later(me);
                }
            },
            (None, None) if expired > 0 => life.look = Some(after(me, AT_ONCE, || Msg::Look)),
            // One timer is enough for what the mood holds back; it stays awake for that.
            (None, None) if picked.held_by_mood => life.idle = None,
            (None, None) if life.idle.is_none() => {
                life.idle = Some(after(me, self.stage.limits.passivate_after, || Msg::Idle));
            }
            (None, None) => {}
        }
        // Also when it has become calm since: then at once.
        life.calm = picked.held_by_machine.then(|| self.when_calm(me));
        self.look_again(me, life, picked.again_ms);
    }

    /// Looks again as soon as the machine is calm.
    fn when_calm(&self, me: &ActorRef<Msg>) -> AbortOnDropHandle<()> {
        let (me, mut load) = (me.clone(), self.stage.load.clone());
        AbortOnDropHandle::new(tokio::spawn(async move {
            if load.wait_for(Load::admits_optional).await.is_ok() {
                // A persona that is gone looks when it is back.
                let _ = me.cast(Msg::Look);
            }
        }))
    }

    fn look_again(&self, me: &ActorRef<Msg>, life: &mut Life, again_ms: Option<i64>) {
        if let Some(again_ms) = again_ms.filter(|_| life.look.is_none()) {
            let wait_ms = u64::try_from(again_ms - self.now_ms()).unwrap_or(0);
            life.look = Some(after(me, Duration::from_millis(wait_ms), || Msg::Look));
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.stage.ports.world.now_ms()
    }

    async fn begin(&self, me: &ActorRef<Msg>, life: &mut Life, work: Waiting) {
        let persona = match read(self.stage.ports.records.persona(self.id)).await {
            Ok(Some(persona)) if persona.status == PersonaStatus::Active => persona,
            Ok(_) => return (self.stage.report)(Report::NotActive(self.id)),
            Err(error) => {
                warn!(persona = %self.id, "persona {} cannot be read: {error}", self.id);
                return life.try_later(me);
            }
        };
        (life.idle, life.calm) = (None, None);
        life.runs += 1;
        let (number, stop) = (life.runs, CancellationToken::new());
        let (goal, urgent) = (work.goal.id, work.message.priority.is_urgent());
        let (optional, begun) = (self.is_optional(&work).await, Instant::now());
        self.stage.tally.began();
        life.now.carry(Some(goal));
        (self.stage.worked)(self.id, self.now_ms());
        let (since_ms, ready_ms) = (work.since_ms(&persona), life.ran.ready_ms(&work, &persona));
        let (weight, failure_streak) = (persona.weight, life.failure_streak);
        let order = Order { work: Arc::new(work), weight, failure_streak, since_ms, ready_ms };
        let task = tokio::spawn({
            let (me, lock, carrier) = (me.clone(), life.lock.clone(), self.stage.carrier.clone());
            let (stop, now) = (stop.clone(), life.now.clone());
            async move {
                // Boxed, as what is rare: thousands may wait in here for a slice.
                let alone = Box::pin(lock.lock_owned()).await;
                let carried = AssertUnwindSafe(carrier.carry(order.clone(), stop, now)).catch_unwind().await;
                let end = match carried {
                    Ok(end) => end,
                    Err(panic) => Box::pin(fell(&*carrier, order, panic)).await,
                };
                drop(alone);
                // A persona that is gone will find the work in its inbox.
                let _ = me.cast(Msg::RunOver(number, end));
            }
        });
        life.current = Some(Current {
            number,
            goal,
            urgent,
            optional,
            begun,
            begun_ms: self.now_ms(),
            heard: life.heard,
            stop,
            _task: AbortOnDropHandle::new(task),
        });
    }

    pub(super) async fn run_over(&self, me: &ActorRef<Msg>, life: &mut Life, number: u64, end: RunEnd) {
        let Some(current) = life.current.take_if(|current| current.number == number) else { return };
        life.now.say(None);
        life.now.carry(None);
        life.ran.over(current.begun_ms, self.now_ms());
        if current.optional {
            self.rest_from_optional(life, current.begun).await;
        }
        let poked = life.heard > current.heard;
        // Until someone pokes, the journal's word on this goal is not enough to begin it again at once.
        let not_before_ms = match end {
            RunEnd::Over { failure_streak, .. } => {
                life.failure_streak = failure_streak;
                Some(i64::MAX)
            }
            RunEnd::Later { due_ms } => Some(due_ms.unwrap_or(i64::MAX)),
            RunEnd::Stopped if current.stop.is_cancelled() => None,
            RunEnd::Stopped | RunEnd::Unavailable => Some(self.now_ms() + 1_000),
        };
        // A poke that came while the run was letting go may have been about this very goal: the journal knows.
        let hold = !poked || matches!(end, RunEnd::Stopped | RunEnd::Unavailable);
        if let Some(not_before_ms) = not_before_ms.filter(|_| hold) {
            life.held_back.insert(current.goal, not_before_ms);
        }
        self.tell_fresh().await;
        match end {
            _ if life.leaving => me.stop(None),
            RunEnd::Over { open_circuit: true, .. } => (self.stage.report)(Report::NotActive(self.id)),
            RunEnd::Unavailable => life.try_later(me),
            _ => self.look(me, life).await,
        }
    }

    /// Whether it takes this up by its own choice. Who has the floor for something it overheard does, though mood holds
    /// it back no longer.
    async fn is_optional(&self, work: &Waiting) -> bool {
        let message = &work.message;
        if message.kind != MessageKind::Room {
            return message.is_held_by_mood();
        }
        // What cannot be read now makes no difference but to whether it rests.
        let turn = read(self.stage.ports.records.turn(work.goal.id)).await.ok().flatten();
        turn.map_or(message.is_held_by_mood(), |turn| turn.is_optional(message.priority))
    }

    /// A turn that nobody waited for is over.
    async fn rest_from_optional(&self, life: &Life, begun: Instant) {
        // What cannot be counted now makes no difference but to how long it rests.
        let waiting = read(self.stage.ports.records.waiting(self.id)).await.unwrap_or(0);
        life.now.optional_turn_over(begun, waiting, &self.stage.limits.inner_life);
    }

    /// Idle for long enough: asks to leave memory, unless something became due.
    pub(super) async fn ask_for_rest(&self, me: &ActorRef<Msg>, life: &mut Life) {
        life.idle = None;
        if life.current.is_some() || life.leaving {
            return;
        }
        match read(self.stage.ports.records.roster_record(self.id)).await {
            Ok(None) => me.stop(None),
            Ok(Some(fresh)) if fresh.due_ms.is_none_or(|due_ms| due_ms > self.now_ms()) => {
                life.resting = true;
                (self.stage.report)(Report::WantsRest { actor: me.get_id(), heard: life.heard, fresh });
            }
            Ok(Some(_)) | Err(_) => self.look(me, life).await,
        }
    }

    pub(super) async fn tell_fresh(&self) {
        match read(self.stage.ports.records.roster_record(self.id)).await {
            Ok(Some(fresh)) => (self.stage.report)(Report::Fresh(fresh)),
            Ok(None) => (self.stage.report)(Report::NotActive(self.id)),
            // The next run or rest tells it.
            Err(error) => warn!(persona = %self.id, "the roster line of {} cannot be read: {error}", self.id),
        }
    }
}

/// A panic of the run is an event: it becomes a failed attempt.
async fn fell(carrier: &dyn Carrier, order: Order, panic: Box<dyn Any + Send>) -> RunEnd {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
    let goal = &order.work.goal;
    error!(persona = %goal.persona, goal = %goal.id, "a run of {} panicked: {text}", goal.persona);
    // A second panic leaves the rest to the next start: nothing is lost, the goal only waits.
    AssertUnwindSafe(carrier.after_panic(order, text)).catch_unwind().await.unwrap_or(RunEnd::Unavailable)
}
