//! Keeps the receipts: what a persona did, when, and what proves it.
//!
//! The only writer of the journal. One writer keeps the order of events honest and keeps SQLite free of lock fights.
//!
//! **Promises.** When [`Evidence::record`] answers, the commit is on disk; nobody sees a receipt live before that.
//! A caller that goes away loses the answer, never the transaction. While the store is gone, outcomes are kept
//! and written when it is back; everything else is answered `Unavailable` and forgotten.
//! **Never kill this actor.** It may be inside a transaction; [`Evidence::close`] drains it.
//!
//! Commits do not pass through the actor's mailbox: they go straight to its writer (`pen.rs`), which saves a hop on the
//! way of every receipt. The actor owns the writer's task and falls with it.

pub(crate) mod artifacts;
pub mod canonical;
pub mod chain;
pub mod checkpoint;
mod newest;
mod outage;
mod pen;
mod seal;
mod teller;
mod told;
mod unsigned;
pub mod verify;

mod writer;

#[cfg(test)]
mod tests;

use std::{panic::AssertUnwindSafe, sync::Arc};

use ed25519_dalek::SigningKey;
use futures::{FutureExt, future::BoxFuture};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    task::JoinHandle,
};
use tracing::error;

pub(crate) use seal::OPENED;
pub use seal::SealError;
pub use writer::Unwritten;

use crate::{
    domain::{GoalId, GoalState, NodeName, ParkedOn, PersonaId, Receipt, RoomId},
    ports::{BoxError, Change, Commit, Committed, GoalMove, Journal, Outdated, Unavailable, World},
};
use newest::Newest;
pub(crate) use newest::Said;
use pen::Pen;
use teller::{Public, Then};
use writer::{Broken, Entry, Item, Writer};

/// Commits that may wait for the writer before callers wait for a place.
const QUEUE: usize = 2 * writer::BATCH;
/// Receipts a live reader may fall behind before it is told that it missed some.
const LIVE: usize = 8192;
/// Turns of goals that whoever releases dependents may fall behind before it must look at all of them.
const TURNS: usize = 4096;

/// What evidence needs.
pub struct Setup {
    pub journal: Arc<dyn Journal>,
    pub world: Arc<dyn World>,
    /// Signs the heads of chains.
    pub key: SigningKey,
    pub node: NodeName,
}

/// Where everything durable is written. Cheap to clone.
#[derive(Clone)]
pub struct Evidence {
    queue: mpsc::Sender<Item>,
    /// None: whoever replays a run answers.
    pen: Option<Pen>,
    live: broadcast::Sender<Arc<Receipt>>,
    turns: broadcast::Sender<GoalTurn>,
    newest: Newest,
    trouble: watch::Receiver<Option<String>>,
    world: Arc<dyn World>,
    node: NodeName,
}

/// What a commit means for goals that wait for others, and for rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoalTurn {
    /// It is over: those that wait for it may have something to do.
    Over(GoalId),
    /// It waits for others from here on, which may be over already.
    Waits(GoalId),
    /// Something was said in this room, or a turn there moved.
    Room(RoomId),
}

impl GoalTurn {
    fn of(commit: &Commit) -> Vec<Self> {
        let turn = |change: &Change| match change {
            Change::GoalAdded(goal) => Self::after(goal.id, goal.state, goal.parked_on),
            Change::GoalMoved(GoalMove { id, state, parked_on, .. }) => Self::after(*id, *state, *parked_on),
            Change::DependenciesSet(id, _) => Some(Self::Waits(*id)),
            Change::Room(change) => change.stirs().map(Self::Room),
            _ => None,
        };
        let mut turns: Vec<_> = commit.changes.iter().filter_map(turn).collect();
        // A message to a room moves many turns there.
        turns.dedup();
        turns
    }

    fn after(id: GoalId, state: GoalState, parked_on: Option<ParkedOn>) -> Option<Self> {
        match (state, parked_on) {
            (state, _) if state.is_over() => Some(Self::Over(id)),
            (_, Some(ParkedOn::Dependency)) => Some(Self::Waits(id)),
            _ => None,
        }
    }
}

/// A commit that is not written, as far as the caller may know.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Do not try again: read again, decide again.
    #[error(transparent)]
    Outdated(#[from] Outdated),
    /// Try again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The company is ending; whether the commit was written shows at the next start.
    #[error("the receipts are closed: the company is ending")]
    Ended,
}

impl Evidence {
    /// Starts without a supervisor: for tests and benches.
    pub async fn spawn(setup: Setup) -> Result<(Self, JoinHandle<()>), SpawnErr> {
        let (evidence, arguments) = Self::new(setup);
        let (_, task) = Actor::spawn(None, EvidenceActor, arguments).await?;
        Ok((evidence, task))
    }

    /// Starts under a supervisor, which hears `ActorFailed` when an invariant is broken and must end the process.
    pub async fn spawn_linked(setup: Setup, supervisor: ActorCell) -> Result<(Self, JoinHandle<()>), SpawnErr> {
        let (evidence, arguments) = Self::new(setup);
        let (_, task) = Actor::spawn_linked(None, EvidenceActor, arguments, supervisor).await?;
        Ok((evidence, task))
    }

    fn new(setup: Setup) -> (Self, Arguments) {
        let (queue, items) = mpsc::channel(QUEUE);
        let (live, _) = broadcast::channel(LIVE);
        let (turns, _) = broadcast::channel(TURNS);
        let (told, trouble) = watch::channel(None);
        let (world, node) = (setup.world.clone(), setup.node.clone());
        let newest = Newest::default();
        let pen = Pen::new(Writer::new(setup, Public::new(live.clone(), turns.clone()), told));
        let arguments = (queue.downgrade(), pen.clone().keep(items).boxed());
        (Self { queue, pen: Some(pen), live, turns, newest, trouble, world, node }, arguments)
    }

    /// Writes one commit; when this answers `Ok`, it is on disk. An outcome waits as long as the store is gone.
    pub async fn record(&self, commit: Commit) -> Result<Committed, RecordError> {
        self.enqueue(commit, None).await
    }

    /// The same, and runs `then` right after the commit, even when the caller has gone away. `then` must be short
    /// and must not wait: a poke.
    pub async fn record_then(
        &self,
        commit: Commit,
        then: impl FnOnce(&Committed) + Send + 'static,
    ) -> Result<Committed, RecordError> {
        self.enqueue(commit, Some(Box::new(then))).await
    }

    async fn enqueue(&self, commit: Commit, then: Option<Then>) -> Result<Committed, RecordError> {
        let (reply, answer) = oneshot::channel();
        let then = self.newest.told_by(&commit, then);
        let entry = Entry::new(commit, reply, then);
        match &self.pen {
            Some(pen) => pen.write(entry, &self.queue).await?,
            None => self.queue.send(Item::Commit(entry)).await.map_err(|_| RecordError::Ended)?,
        }
        answer.await.map_err(|_| RecordError::Ended)?.result
    }

    /// Every receipt from now on, after its commit, in order of `pos`. A slow reader gets `Lagged`.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Receipt>> {
        self.live.subscribe()
    }

    /// Goals that are over or begin to wait for others, from now on, after the commit that says so. Who falls behind
    /// gets `Lagged` and looks at all.
    pub fn goal_turns(&self) -> broadcast::Receiver<GoalTurn> {
        self.turns.subscribe()
    }

    /// What a persona may do by now; none: as it was read, nobody has changed it since the start.
    pub(crate) fn said_of(&self, persona: PersonaId) -> Option<Said> {
        self.newest.said_of(persona)
    }

    /// Why the store cannot take work now; none: it can.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.clone()
    }

    /// Writes what was handed in before, signs the heads, ends. Later commits are answered `Ended`.
    pub async fn close(&self) -> Result<(), Unwritten> {
        let (reply, closed) = oneshot::channel();
        if self.queue.send(Item::Close(reply)).await.is_err() {
            // It has been closed before and is, or will be, drained.
            return Ok(());
        }
        closed.await.unwrap_or(Ok(()))
    }
}

enum Msg {
    /// The writer's task is over: drained, or an invariant is broken.
    WriterEnded(Result<(), BoxError>),
}

/// A way to ask the writer to end, and its work.
type Arguments = (mpsc::WeakSender<Item>, BoxFuture<'static, Result<(), Broken>>);

/// Owns the writer's task and falls with it.
struct EvidenceActor;

/// What is left of the writer once it runs: a way to ask it to end.
struct Desk {
    queue: mpsc::WeakSender<Item>,
}

#[ractor::async_trait]
impl Actor for EvidenceActor {
    type Msg = Msg;
    type State = Desk;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Msg>, (queue, writer): Self::Arguments) -> Result<Desk, ActorProcessingErr> {
        tokio::spawn(async move {
            let ended = AssertUnwindSafe(writer).catch_unwind().await;
            let ended = match ended {
                Ok(ended) => ended.map_err(BoxError::from),
                Err(panic) => Err(format!("the writer of receipts fell: {}", panic_text(&*panic)).into()),
            };
            if let Err(broken) = &ended {
                error!(%broken, "no receipt can be written any more: {broken}");
            }
            // An actor that is gone already was stopped from outside and waits for nobody.
            let _ = me.cast(Msg::WriterEnded(ended));
        });
        Ok(Desk { queue })
    }

    async fn handle(&self, me: ActorRef<Msg>, msg: Msg, _desk: &mut Desk) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::WriterEnded(Ok(())) => me.stop(None),
            Msg::WriterEnded(Err(broken)) => return Err(broken),
        }
        Ok(())
    }

    async fn post_stop(&self, _me: ActorRef<Msg>, desk: &mut Desk) -> Result<(), ActorProcessingErr> {
        let Some(queue) = desk.queue.upgrade() else { return Ok(()) };
        let (reply, closed) = oneshot::channel();
        if queue.send(Item::Close(reply)).await.is_ok() {
            // The writer says itself what it could not write.
            let _ = closed.await;
        }
        Ok(())
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
