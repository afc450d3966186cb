//! The stores under test, and plain commits to write to them.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use actors::{
    domain::{ChainId, Draft, Goal, GoalState, Message, Persona, PersonaId, Phase, Receipt, Run, RunId, RunState},
    ports::{Change, Commit, Committed, GoalMove, Guard, Journal, Outdated, Records, World},
    testing::{self, MemoryStore, TestWorld},
};
use greenroom::{
    config::StorageConfig,
    storage::{OpenError, Storage},
};
use tempfile::TempDir;

use crate::postgres;

/// One store, open.
pub struct Store {
    pub journal: Arc<dyn Journal>,
    pub records: Arc<dyn Records>,
    pub world: Arc<TestWorld>,
    /// None: in memory.
    pub storage: Option<Storage>,
    pub place: Place,
}

/// Where a store lies, to open it again.
pub struct Place {
    pub root: TempDir,
    pub config: StorageConfig,
}

impl Place {
    pub fn new(database_url: String) -> Self {
        let readers = NonZeroUsize::new(3).unwrap();
        let config = StorageConfig { database_url, min_free_mb: 0, readers, key_file: PathBuf::new() };
        Self { root: tempfile::tempdir().unwrap(), config }
    }

    pub async fn try_open(&self) -> Result<Storage, OpenError> {
        self.try_open_in(Arc::new(TestWorld::new(11))).await
    }

    async fn try_open_in(&self, world: Arc<TestWorld>) -> Result<Storage, OpenError> {
        Storage::open(&self.config, self.root.path(), &testing::node(), world).await
    }

    pub async fn open(self) -> Store {
        // Another seed each time: a store that is opened again draws other ids.
        let seed = u64::from_be_bytes(uuid::Uuid::now_v7().as_bytes()[8..].try_into().unwrap());
        let world = Arc::new(TestWorld::new(seed));
        let storage = self.try_open_in(world.clone()).await.unwrap();
        let (journal, records) = (storage.journal.clone(), storage.records.clone());
        Store { journal, records, world, storage: Some(storage), place: self }
    }
}

pub async fn memory() -> Store {
    let store = Arc::new(MemoryStore::default());
    let world = Arc::new(TestWorld::new(7));
    Store { journal: store.clone(), records: store, world, storage: None, place: Place::new(String::new()) }
}

pub async fn sqlite() -> Store {
    Place::new(String::new()).open().await
}

pub async fn postgres() -> Store {
    Place::new(postgres::database().await).open().await
}

impl Store {
    pub fn storage(&self) -> &Storage {
        self.storage.as_ref().unwrap()
    }

    /// Writes a batch.
    pub async fn write(&self, batch: Vec<Commit>) -> Vec<Result<Committed, Outdated>> {
        self.journal.write(batch).await.unwrap()
    }

    /// Writes one commit that must be accepted.
    pub async fn commit(&self, commit: Commit) -> Vec<Receipt> {
        self.write(vec![commit]).await.remove(0).unwrap().receipts
    }

    /// Closes it and opens it again.
    pub async fn reopen(self) -> Store {
        self.close().open().await
    }

    /// Where it was, with nobody writing there any more.
    pub fn close(self) -> Place {
        let Self { journal, records, storage, place, .. } = self;
        drop((journal, records, storage));
        place
    }

    /// The same after a restart; memory has none.
    pub async fn reopened_if_it_can_be(self) -> Store {
        if self.storage.is_some() { self.reopen().await } else { self }
    }

    pub fn draft(&self, chain: ChainId, summary: &str) -> Draft {
        testing::draft(&*self.world, chain, None, summary)
    }

    /// A receipt on the persona's chain.
    pub fn note(&self, persona: PersonaId, summary: &str) -> Draft {
        self.draft(ChainId::Persona(persona), summary)
    }

    /// A receipt of a run, as the broker writes it.
    pub fn step(&self, run: &Run, phase: Phase, summary: &str) -> Draft {
        let draft = testing::draft(&*self.world, ChainId::Persona(run.persona), Some(phase), summary);
        Draft { goal: Some(run.goal), run: Some(run.id), ..draft }
    }

    /// A persona that is there.
    pub async fn persona(&self, slug: &str) -> Persona {
        let persona = testing::persona(&*self.world, slug);
        self.commit(self.creation(&persona)).await;
        persona
    }

    pub fn creation(&self, persona: &Persona) -> Commit {
        Commit {
            guards: vec![Guard::SlugFree(persona.slug.clone())],
            changes: vec![Change::PersonaCreated(Box::new(persona.clone()))],
            receipts: vec![self.note(persona.id, "created")],
        }
    }

    /// A goal that was delivered, with its message.
    pub async fn goal(&self, persona: PersonaId) -> (Goal, Message) {
        let goal = testing::goal(&*self.world, persona);
        let message = testing::message(&*self.world, &goal);
        self.commit(self.delivery(&goal, &message)).await;
        (goal, message)
    }

    pub fn delivery(&self, goal: &Goal, message: &Message) -> Commit {
        let key = message.correlation.clone().map(|key| Guard::CorrelationFree(message.persona, key));
        let draft = Draft { goal: Some(goal.id), ..self.note(goal.persona, "delivered") };
        Commit {
            guards: key.into_iter().collect(),
            changes: vec![
                Change::MessageDelivered(Box::new(message.clone())),
                Change::GoalAdded(Box::new(goal.clone())),
            ],
            receipts: vec![draft],
        }
    }

    /// A run that goes on.
    pub async fn run(&self, goal: &Goal) -> Run {
        let run = self.new_run(goal);
        let receipts = vec![self.step(&run, Phase::Decision, "began")];
        let changes =
            vec![Change::RunStarted(Box::new(run.clone())), Change::GoalMoved(moved(goal, GoalState::Running))];
        let written = self.commit(Commit { guards: vec![], changes, receipts }).await;
        Run { first_seq: written[0].seq, ..run }
    }

    pub fn new_run(&self, goal: &Goal) -> Run {
        Run {
            id: RunId(self.world.new_id()),
            goal: goal.id,
            persona: goal.persona,
            attempt: 1,
            state: RunState::Running,
            started_ms: self.world.now_ms(),
            ended_ms: None,
            error: None,
            trace: goal.trace,
            waited_ms: 3,
            first_seq: 0,
            last_seq: None,
        }
    }

    /// The run and its goal end together.
    pub async fn end(&self, goal: &Goal, run: &Run, goal_state: GoalState, run_state: RunState) -> Vec<Receipt> {
        let ended_ms = Some(self.world.now_ms());
        let changes = vec![
            Change::GoalMoved(moved(goal, goal_state)),
            Change::RunMoved { id: run.id, state: run_state, ended_ms, error: None },
        ];
        let receipts = vec![self.step(run, Phase::Decision, "ended")];
        self.commit(Commit { guards: vec![], changes, receipts }).await
    }
}

pub fn moved(goal: &Goal, state: GoalState) -> GoalMove {
    GoalMove {
        id: goal.id,
        state,
        parked_on: None,
        attempts: 1,
        last_error: None,
        result: None,
        due_ms: None,
        at_ms: goal.created_ms + 5,
    }
}
