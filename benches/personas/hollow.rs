//! A journal that keeps next to nothing: where each persona's one piece of work stands, and the heads of chains as
//! the real one holds them. Everything else is made up when it is read, so that what a process weighs is the company.

use std::sync::{Mutex, MutexGuard, PoisonError};

use actors::{
    domain::{
        Alert, Call, ChainId, Goal, GoalId, LengthTargets, Message, MessageId, Outcome, Persona, PersonaId,
        PersonaStatus, Profile, Receipt, Run, RunId, Slug, Weight,
    },
    evidence::chain::Heads,
    ports::{
        Change, Commit, Committed, Journal, Performer, Prerequisite, Records, RoomRecords, RosterRecord, Unavailable,
        Waiting, Written,
    },
};
use async_trait::async_trait;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The journal and the records.
pub(super) struct Hollow {
    registered: usize,
    state: Mutex<State>,
    settled: watch::Sender<usize>,
}

struct State {
    heads: Heads,
    /// One for each persona there may be, all made at the start.
    works: Vec<Option<Box<Waiting>>>,
}

/// A persona by its number.
pub(super) fn persona_id(number: usize) -> PersonaId {
    PersonaId(Uuid::from_u128(1 << 100 | number as u128))
}

fn number_of(id: PersonaId) -> usize {
    usize::try_from(id.0.as_u128() & u128::from(u32::MAX)).unwrap_or(usize::MAX)
}

impl Hollow {
    /// Room for `room` personas, of whom the first `registered` are there.
    pub(super) fn new(room: usize, registered: usize) -> Self {
        let works = std::iter::repeat_with(|| None).take(room).collect();
        let state = State { heads: Heads::new(0), works };
        Self { registered, state: Mutex::new(state), settled: watch::Sender::new(0) }
    }

    /// Waits until so many goals are over.
    pub(super) async fn settled(&self, count: usize) {
        // The sender is ours, so the wait can only end well.
        let _ = self.settled.subscribe().wait_for(|settled| *settled >= count).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn roster_line(&self, number: usize) -> Result<RosterRecord, Unavailable> {
        let open = self.state().works.get(number).is_some_and(Option::is_some);
        Ok(RosterRecord {
            id: persona_id(number),
            slug: slug(number)?,
            paused: false,
            waiting: u32::from(open),
            due_ms: open.then_some(0),
            failure_streak: 0,
        })
    }
}

fn slug(number: usize) -> Result<Slug, Unavailable> {
    format!("persona-{number:06}").parse().map_err(|error| Unavailable(Box::new(error)))
}

impl State {
    fn commit(&mut self, commit: Commit, settled: &watch::Sender<usize>) -> Committed {
        let chain = commit.receipts.first().map(|draft| draft.chain.clone());
        let mut batch = self.heads.begin();
        let receipts = commit.receipts.into_iter().map(|draft| batch.link(draft).into_receipt()).collect();
        batch.commit();
        if let Some(ChainId::Persona(persona)) = chain
            && let Some(work) = self.works.get_mut(number_of(persona))
        {
            let (mut message, mut over) = (None, false);
            for change in commit.changes {
                match change {
                    Change::MessageDelivered(new) => message = Some(*new),
                    Change::GoalAdded(goal) => {
                        *work = message.take().map(|message| Box::new(Waiting { message, goal: *goal }))
                    }
                    Change::GoalMoved(step) => {
                        if let Some(work) = work {
                            let goal = &mut work.goal;
                            (goal.state, goal.attempts, goal.version) = (step.state, step.attempts, goal.version + 1);
                        }
                        over |= step.state.is_over();
                    }
                    Change::MessageMoved(_, state) => {
                        if let Some(work) = work {
                            work.message.state = state;
                        }
                    }
                    _ => {}
                }
            }
            if over {
                *work = None;
                settled.send_modify(|settled| *settled += 1);
            }
        }
        Committed { receipts }
    }
}

#[async_trait]
impl Journal for Hollow {
    async fn write(&self, batch: Vec<Commit>) -> Written {
        let mut state = self.state();
        Ok(batch.into_iter().map(|commit| Ok(state.commit(commit, &self.settled))).collect())
    }
}

/// No rooms.
impl RoomRecords for Hollow {}

#[async_trait]
impl Records for Hollow {
    async fn roster(&self) -> Result<Vec<RosterRecord>, Unavailable> {
        (0..self.registered).map(|number| self.roster_line(number)).collect()
    }

    async fn roster_record(&self, id: PersonaId) -> Result<Option<RosterRecord>, Unavailable> {
        self.roster_line(number_of(id)).map(Some)
    }

    async fn persona(&self, id: PersonaId) -> Result<Option<Persona>, Unavailable> {
        Ok(Some(Persona {
            id,
            slug: slug(number_of(id))?,
            name: "Persona".to_owned(),
            role: None,
            description: String::new(),
            status: PersonaStatus::Active,
            version: 1,
            profile: Profile { length: LengthTargets::default(), ..Profile::default() },
            hosts: Vec::new(),
            model: None,
            weight: Weight::ORDINARY,
            hours: Default::default(),
            quotas: Default::default(),
            autoplan: Default::default(),
            permissions: Default::default(),
            grants: Default::default(),
            agents: Vec::new(),
            created_ms: 0,
            updated_ms: 0,
            resumed_ms: None,
        }))
    }

    async fn inbox(&self, persona: PersonaId, _limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(self.state().works.get(number_of(persona)).cloned().flatten().map(|work| *work).into_iter().collect())
    }

    async fn goal(&self, _id: GoalId) -> Result<Option<Goal>, Unavailable> {
        Ok(None)
    }

    async fn message(&self, _id: MessageId) -> Result<Option<Message>, Unavailable> {
        Ok(None)
    }

    async fn message_of(&self, _goal: GoalId) -> Result<Option<Message>, Unavailable> {
        Ok(None)
    }

    async fn run(&self, _id: RunId) -> Result<Option<Run>, Unavailable> {
        Ok(None)
    }

    async fn correlated(&self, _persona: PersonaId, _key: &str) -> Result<Option<Waiting>, Unavailable> {
        Ok(None)
    }

    async fn open_alerts(&self, _persona: PersonaId) -> Result<Vec<Alert>, Unavailable> {
        Ok(Vec::new())
    }

    /// No run is ever left open here.
    async fn open_run(&self, _goal: GoalId) -> Result<Option<Run>, Unavailable> {
        Ok(None)
    }

    async fn goal_receipts(&self, _goal: GoalId) -> Result<Vec<Receipt>, Unavailable> {
        Ok(Vec::new())
    }

    async fn prerequisites(&self, _goal: GoalId) -> Result<Vec<Prerequisite>, Unavailable> {
        Ok(Vec::new())
    }

    async fn dependents(&self, _prerequisite: GoalId) -> Result<Vec<GoalId>, Unavailable> {
        Ok(Vec::new())
    }

    async fn parked_on_goals(&self) -> Result<Vec<GoalId>, Unavailable> {
        Ok(Vec::new())
    }
}

/// Answers every call at once.
pub(super) struct Obliging;

#[async_trait]
impl Performer for Obliging {
    async fn perform(&self, call: Call, _stop: CancellationToken) -> Outcome {
        Outcome::done(format!("did {}", call.tool), json!({ "value": "A line." }))
    }

    async fn rest(&self, _persona: PersonaId) {}

    async fn release(&self, _persona: PersonaId) {}
}
