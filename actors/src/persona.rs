//! One awake persona: looks into its inbox, carries one run at a time, rests when there is nothing to do.
//!
//! Its mailbox carries no content, only pokes, at most one at a time: a poke says "look". Messages lie in the
//! journal; the run claims the one it begins.
//!
//! A run is a task of its own under the persona: a panic there is caught and becomes a failed attempt; the persona
//! lives on. When the persona itself falls its run is aborted, and its lock keeps the next one from beginning
//! before the old one is really gone.
//!
//! An idle persona has no timer but its next due time and, once, the moment at which it asks to leave memory.

pub(crate) mod carrier;

mod big_three;
pub(crate) mod coalesce;
pub(crate) mod expiry;
mod feeling;
mod gather;
pub(crate) mod inbox;
mod life;
mod listening;
mod looking;
mod promptness;
pub mod tally;
mod timer;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::{sync::watch, time::Instant};

use self::{carrier::Carrier, life::Life, tally::Tally};
use crate::{
    domain::{GoalId, Inner, InnerLife, Limits, Load, PersonaId},
    evidence::Evidence,
    ports::{Ports, RosterRecord, Unavailable},
    run::{Now, RunEnd},
};

/// How long a look into the journal may take.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// How long letting go of browser and files may take.
const RELEASE_WITHIN: Duration = Duration::from_secs(15);

/// Held by a persona's run: there is never a second one, not even after a fall.
pub(crate) type Lock = Arc<tokio::sync::Mutex<()>>;

/// What every persona works with.
pub(crate) struct Stage {
    pub(crate) ports: Ports,
    pub(crate) evidence: Evidence,
    pub(crate) carrier: Arc<dyn Carrier>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) tally: Arc<Tally>,
    /// Tells the supervisor.
    pub(crate) report: Box<dyn Fn(Report) + Send + Sync>,
    /// Tells the calendar that a persona begins a run at a moment.
    pub(crate) worked: Box<dyn Fn(PersonaId, i64) + Send + Sync>,
    /// Whether the machine admits work that nobody waits for.
    pub(crate) load: watch::Receiver<Load>,
}

/// What a persona tells its supervisor.
#[derive(Debug)]
pub(crate) enum Report {
    /// There is nothing to do; it may leave memory unless it was poked more often than it heard.
    WantsRest { actor: ActorId, heard: u64, fresh: RosterRecord },
    /// Something in its inbox moved.
    Fresh(RosterRecord),
    /// The journal says that it may not work.
    NotActive(PersonaId),
    /// What was overdue at a paused persona has expired; when the next may. Its line in the roster, if it could be read.
    Swept { id: PersonaId, fresh: Option<RosterRecord>, again_ms: Option<i64> },
}

/// An awake persona, as its supervisor holds it.
#[derive(Debug)]
pub(crate) struct Awake {
    actor: ActorRef<Msg>,
    poked: Arc<AtomicBool>,
    pokes: u64,
    now: Now,
    since: Instant,
}

impl Awake {
    /// Wakes a persona. It does nothing until it is poked.
    pub(crate) async fn spawn(
        stage: Arc<Stage>,
        id: PersonaId,
        failure_streak: u32,
        inner: Inner,
        lock: Lock,
        supervisor: ActorCell,
    ) -> Result<Self, SpawnErr> {
        let poked = Arc::new(AtomicBool::new(false));
        let now = Now::new(inner);
        let life = Box::new(Life::new(poked.clone(), lock, now.clone(), failure_streak));
        let (actor, _) = Actor::spawn_linked(None, PersonaActor { id, stage }, life, supervisor).await?;
        Ok(Self { actor, poked, pokes: 0, now, since: Instant::now() })
    }

    /// Says "look"; at most one poke is outstanding.
    pub(crate) fn poke(&mut self) {
        if !self.poked.swap(true, Ordering::SeqCst) {
            self.pokes += 1;
            // A persona that has just fallen looks when it is back.
            let _ = self.actor.cast(Msg::Poke);
        }
    }

    /// The run of this goal is to stop at its next step boundary.
    pub(crate) fn stop_run(&self, goal: GoalId) {
        let _ = self.actor.cast(Msg::StopRun(goal));
    }

    /// Stop at the next step boundary, then go.
    pub(crate) fn leave(&self) {
        let _ = self.actor.cast(Msg::Leave);
    }

    /// Go at once; a run is aborted.
    pub(crate) fn stop(&self) {
        self.actor.stop(None);
    }

    pub(crate) fn id(&self) -> ActorId {
        self.actor.get_id()
    }

    /// Pokes sent so far.
    pub(crate) fn pokes(&self) -> u64 {
        self.pokes
    }

    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// One line for people.
    pub(crate) fn now(&self) -> Option<String> {
        self.now.line()
    }

    /// The goal whose run is under way.
    pub(crate) fn carried(&self) -> Option<GoalId> {
        self.now.carried()
    }

    /// A model that it asked gets too many requests.
    pub(crate) fn refused(&self, rules: &InnerLife) {
        self.now.refused(rules);
    }

    /// How it feels.
    pub(crate) fn inner(&self) -> Inner {
        self.now.inner()
    }
}

#[derive(Debug)]
enum Msg {
    /// Something changed in the inbox.
    Poke,
    /// A due time has come. Only this persona sends it.
    Look,
    /// Idle for long enough. Only this persona sends it.
    Idle,
    /// The run with this number is over. Only its task sends this.
    RunOver(u64, RunEnd),
    /// This goal was cancelled.
    StopRun(GoalId),
    /// Stop at the next step boundary, then go.
    Leave,
}

struct PersonaActor {
    id: PersonaId,
    stage: Arc<Stage>,
}

#[ractor::async_trait]
impl Actor for PersonaActor {
    type Msg = Msg;
    /// What holds it while it waits has room for it several times over: so for the pointer alone.
    type State = Box<Life>;
    type Arguments = Box<Life>;

    async fn pre_start(&self, _me: ActorRef<Msg>, life: Box<Life>) -> Result<Box<Life>, ActorProcessingErr> {
        Ok(life)
    }

    async fn handle(&self, me: ActorRef<Msg>, msg: Msg, life: &mut Box<Life>) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Poke => {
                life.hear();
                self.look(&me, life).await;
            }
            Msg::Look if !life.resting() => self.look(&me, life).await,
            Msg::Look => {}
            Msg::Idle => self.ask_for_rest(&me, life).await,
            Msg::RunOver(number, end) => self.run_over(&me, life, number, end).await,
            Msg::StopRun(goal) => life.stop_run(goal),
            Msg::Leave => life.leave(&me),
        }
        Ok(())
    }

    async fn post_stop(&self, _me: ActorRef<Msg>, life: &mut Box<Life>) -> Result<(), ActorProcessingErr> {
        // Nobody may start this persona again while its browser is still open.
        let release = async {
            life.let_go().await;
            self.stage.ports.performer.release(self.id).await;
        };
        if tokio::time::timeout(RELEASE_WITHIN, release).await.is_err() {
            tracing::warn!(persona = %self.id, "persona {} did not let go in time", self.id);
        }
        Ok(())
    }
}

/// A read that takes too long is a store that is not there.
async fn read<T>(reading: impl Future<Output = Result<T, Unavailable>>) -> Result<T, Unavailable> {
    match tokio::time::timeout(READ_WITHIN, reading).await {
        Ok(answer) => answer,
        Err(_) => Err(Unavailable(format!("no answer within {} s", READ_WITHIN.as_secs()).into())),
    }
}
