//! The supervisor itself: wakes personas, picks them up when they fall, lets them go when they rest.
//!
//! It is the only writer of the roster and never waits for a persona. Children that are not personas are the
//! scheduler and the evidence: when one of them falls, the company is over and [`Office::fallen`] says why.

mod state;

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Duration,
};

use ed25519_dalek::SigningKey;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent, rpc::CallResult};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};
use tracing::{error, warn};

use self::state::State;
use super::{
    CommandError, StartError,
    calendar::CalendarBell,
    doorbell::{Doorbell, News},
    overflow::Brim,
    roster::Roster,
};
use crate::{
    domain::{GoalId, Limits, PersonaId, Slug},
    evidence::{Evidence, Setup},
    persona::{Awake, Report, Stage, carrier::Carrier, tally::Tally},
    ports::{Ports, RosterRecord},
    scheduler::Scheduler,
};

/// How long the supervisor may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a persona that is restarted may take to reach a step boundary.
const GRACE: Duration = Duration::from_secs(10);

/// The lines of all personas. Only the supervisor writes; lists read.
pub(super) type Shared = Arc<RwLock<Roster<Awake>>>;

/// Makes whoever carries the runs.
pub(super) type Hire = Box<dyn FnOnce(&Ports, &Evidence, &Scheduler, &Arc<Limits>) -> Arc<dyn Carrier> + Send>;

/// Where the supervisor is reached. Cheap to clone.
#[derive(Clone)]
pub(super) struct Office {
    actor: ActorRef<Msg>,
    bell: Arc<Doorbell>,
    roster: Shared,
    fallen: watch::Receiver<Option<String>>,
}

/// The company's standing parts.
pub(super) struct Opened {
    pub(super) office: Office,
    pub(super) evidence: Evidence,
    pub(super) scheduler: Scheduler,
    pub(super) limits: Arc<Limits>,
    pub(super) brim: Arc<Brim>,
    pub(super) tally: Arc<Tally>,
}

/// What the office is opened with.
pub(super) struct Opening {
    pub(super) limits: Limits,
    pub(super) ports: Ports,
    pub(super) key: SigningKey,
    pub(super) hire: Hire,
    pub(super) calendar: Arc<CalendarBell>,
}

impl Office {
    /// Starts evidence, scheduler and supervisor, then wakes who has something to do.
    pub(super) async fn open(opening: Opening) -> Result<Opened, StartError> {
        let records = opening.ports.records.roster().await?;
        let (opened, parts) = oneshot::channel();
        let arguments = Arguments { opening, records, opened };
        Actor::spawn(None, OfficeActor, arguments).await.map_err(|error| StartError::Spawn(Box::new(error)))?;
        parts.await.map_err(|error| StartError::Spawn(Box::new(error)))
    }

    /// News for a persona, now durable.
    pub(super) fn bell(&self) -> Arc<Doorbell> {
        self.bell.clone()
    }

    /// Something changed for a persona: it looks.
    pub(super) fn poke(&self, persona: PersonaId) {
        self.bell.press(persona, News { messages: 0, due_ms: 0 });
    }

    pub(super) fn roster(&self) -> &Shared {
        &self.roster
    }

    pub(super) async fn created(&self, id: PersonaId, slug: Slug) -> Result<(), CommandError> {
        self.ask(|reply| Msg::Created(id, slug, reply), ANSWER_WITHIN).await
    }

    /// The journal's word on one persona.
    pub(super) fn fresh(&self, record: RosterRecord) {
        let _ = self.actor.cast(Msg::Told(Report::Fresh(record)));
    }

    /// A model that was asked for a persona gets too many requests.
    pub(super) fn model_refused(&self, persona: PersonaId) {
        let _ = self.actor.cast(Msg::ModelRefused(persona));
    }

    /// The run of this goal is to stop at its next step boundary.
    pub(super) fn stop_run(&self, persona: PersonaId, goal: GoalId) {
        let _ = self.actor.cast(Msg::StopRun(persona, goal));
    }

    pub(super) async fn pause(&self, id: PersonaId) -> Result<(), CommandError> {
        self.ask(|reply| Msg::Pause(id, reply), ANSWER_WITHIN).await
    }

    pub(super) async fn resume(&self, record: RosterRecord) -> Result<(), CommandError> {
        self.ask(|reply| Msg::Resume(record, reply), ANSWER_WITHIN).await
    }

    pub(super) async fn restart(&self, id: PersonaId) -> Result<(), CommandError> {
        self.ask(|reply| Msg::Restart(id, reply), ANSWER_WITHIN).await
    }

    pub(super) async fn forget(&self, id: PersonaId) -> Result<(), CommandError> {
        self.ask(|reply| Msg::Forget(id, reply), ANSWER_WITHIN).await
    }

    /// Sends every persona home: at the next step boundary, or at once after `patience`.
    pub(super) async fn end(&self, patience: Duration) {
        if self.ask(Msg::End, patience).await.is_err() {
            warn!("some personas did not reach a step boundary in time; their runs are resumed at the next start");
            let _ = self.actor.cast(Msg::SendHome);
            let _ = self.ask(Msg::End, ANSWER_WITHIN).await;
        }
    }

    /// After evidence and scheduler.
    pub(super) fn close(&self) {
        self.actor.stop(None);
    }

    /// Waits until a part without which nothing can go on is gone; why.
    pub(super) async fn fallen(&self) -> String {
        let mut fallen = self.fallen.clone();
        match fallen.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "the supervisor is gone".to_owned(),
        }
    }

    /// The same without waiting.
    pub(super) fn has_fallen(&self) -> Option<String> {
        self.fallen.borrow().clone()
    }

    async fn ask(&self, msg: impl FnOnce(RpcReplyPort<()>) -> Msg, within: Duration) -> Result<(), CommandError> {
        match self.actor.call(msg, Some(within)).await {
            Ok(CallResult::Success(())) => Ok(()),
            _ => Err(CommandError::Ending),
        }
    }
}

enum Msg {
    /// The doorbell holds news.
    Rung,
    /// An asleep persona may be due.
    Due,
    /// A persona tells something.
    Told(Report),
    /// There is a new persona.
    Created(PersonaId, Slug, RpcReplyPort<()>),
    StopRun(PersonaId, GoalId),
    Pause(PersonaId, RpcReplyPort<()>),
    Resume(RosterRecord, RpcReplyPort<()>),
    Restart(PersonaId, RpcReplyPort<()>),
    Forget(PersonaId, RpcReplyPort<()>),
    /// A model that was asked for this persona gets too many requests.
    ModelRefused(PersonaId),
    /// A fallen persona's pause is over.
    Return(PersonaId),
    /// This actor was to leave a while ago.
    Insist(PersonaId, ActorId),
    /// Everybody leaves at the next step boundary; answered when all are gone.
    End(RpcReplyPort<()>),
    /// Everybody leaves at once.
    SendHome,
}

struct OfficeActor;

struct Arguments {
    opening: Opening,
    records: Vec<RosterRecord>,
    opened: oneshot::Sender<Opened>,
}

#[ractor::async_trait]
impl Actor for OfficeActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { opening: Opening { limits, ports, key, hire, calendar }, records, opened } = arguments;
        let limits = Arc::new(limits);
        let setup =
            Setup { journal: ports.journal.clone(), world: ports.world.clone(), key, node: limits.node.clone() };
        let (evidence, _) = Evidence::spawn_linked(setup, me.get_cell()).await?;
        let (cap, pace) = (limits.active_personas, limits.pace.clone());
        let scheduler = Scheduler::spawn(cap, pace, ports.world.clone(), me.get_cell()).await?;
        for policy in ports.records.host_policies().await? {
            scheduler.hosts().keep(policy);
        }
        let carrier = hire(&ports, &evidence, &scheduler, &limits);
        let report = {
            let me = me.clone();
            Box::new(move |report| _ = me.cast(Msg::Told(report)))
        };
        let clock = (Instant::now(), ports.world.now_ms());
        let tally = Arc::new(Tally::default());
        let worked = Box::new(move |persona, now_ms| calendar.worked(persona, now_ms));
        let (load, told) = (scheduler.load(), (evidence.clone(), limits.clone(), tally.clone()));
        let stage = Stage { ports, evidence: told.0, carrier, limits: told.1, tally: told.2, report, worked, load };
        let brim = Arc::new(Brim::new(limits.inbox.most_waiting));
        records.iter().for_each(|record| brim.note(record.id, record.waiting));
        let ring = {
            let me = me.clone();
            move || _ = me.cast(Msg::Rung)
        };
        let (bell, roster) = (Arc::new(Doorbell::new(ring)), Arc::new(RwLock::new(Roster::new(records))));
        let (fallen, seen) = watch::channel(None);
        let office = Office { actor: me, bell: bell.clone(), roster: roster.clone(), fallen: seen };
        // Whoever opened the office waits for this; if not, the office is closed again with its last handle.
        let _ = opened.send(Opened { office, evidence, scheduler, limits, brim: brim.clone(), tally });
        Ok(State {
            stage: Arc::new(stage),
            roster,
            brim,
            bell,
            actors: HashMap::new(),
            armed_ms: None,
            due: None,
            clock,
            fallen,
            ending: false,
            waiting_for_end: Vec::new(),
        })
    }

    async fn post_start(&self, me: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.wake_due(&me).await;
        Ok(())
    }

    async fn handle(&self, me: ActorRef<Msg>, msg: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Rung => state.hear(&me).await,
            Msg::Due => state.armed_ms = None,
            Msg::Told(report) => state.told(report),
            Msg::Created(id, slug, reply) => {
                state.roster(|roster| roster.add(id, slug));
                let _ = reply.send(());
            }
            Msg::StopRun(id, goal) => state.tell(id, |persona| persona.stop_run(goal)),
            Msg::Pause(id, reply) => {
                state.roster(|roster| roster.pause(id).map(Awake::leave));
                let _ = reply.send(());
            }
            Msg::Resume(record, reply) => {
                state.roster(|roster| roster.resume(&record));
                let _ = reply.send(());
                state.poke(&me, record.id).await;
            }
            Msg::Restart(id, reply) => {
                state.restart(&me, id).await;
                let _ = reply.send(());
            }
            Msg::Forget(id, reply) => {
                state.forget(&me, id);
                let _ = reply.send(());
            }
            Msg::ModelRefused(id) => state.model_refused(id),
            Msg::Return(id) => state.wake(&me, id).await,
            Msg::Insist(id, actor) => state.tell(id, |persona| {
                if persona.id() == actor {
                    persona.stop();
                }
            }),
            Msg::End(reply) => state.end(reply),
            Msg::SendHome => state.roster(|roster| {
                roster.lines().filter_map(|(_, line)| line.handle()).for_each(Awake::stop);
            }),
        }
        state.wake_due(&me).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let (who, fell, why) = match event {
            SupervisionEvent::ActorFailed(who, error) => (who, true, error.to_string()),
            SupervisionEvent::ActorTerminated(who, _, reason) => (who, false, reason.unwrap_or_default()),
            _ => return Ok(()),
        };
        match state.actors.remove(&who.get_id()) {
            Some(persona) => state.exited(&me, persona, fell, &why).await,
            None if state.ending && !fell => {}
            None => {
                error!("scheduler or evidence is gone, nothing may go on: {why}");
                state.fallen.send_replace(Some(format!("scheduler or evidence is gone: {why}")));
            }
        }
        state.wake_due(&me).await;
        Ok(())
    }
}
