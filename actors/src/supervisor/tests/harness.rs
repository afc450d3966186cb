//! A company whose runs follow a script, and records that count and fall when told to.

mod carries;
mod rooms;

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroUsize,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use ed25519_dalek::SigningKey;
use serde_json::json;

use crate::{
    domain::{
        Alert, AlertKind, BigThree, ChainId, Draft, Goal, GoalId, GoalState, Hours, InboxLimits, InnerLife, Limits,
        Message, MessageId, MessageState, Pace, Payload, Persona, PersonaId, Priority, Profile, Proof, QuotaUse,
        Receipt, RoomId, RoomRules, Run, RunId, Schedule, ScheduleId, StandingWait, TraceId, Tryout, WaitsFor, Weight,
    },
    evidence::Evidence,
    persona::carrier::{Carrier, Order},
    ports::{
        Change, Commit, Counted, GoalMove, Guard, Inbox, LastWork, Overdue, Ports, Prerequisite, Records, RosterRecord,
        Seat, Unavailable, Waiting, World,
    },
    run::RunEnd,
    scheduler::Scheduler,
    supervisor::{ActorInfo, ActorState, By, Company, Delivered, NewPersona, NewWork, Work},
    testing::{self, MemoryStore, TestPorts},
};

/// What a run does once it holds its slice.
#[derive(Debug, Clone, Copy)]
pub(super) enum Play {
    Finish,
    /// Works this long, or until it is stopped.
    Take(Duration),
    UntilStopped,
    Panic,
    /// The attempt fails and backs off.
    BackOff(Duration),
    /// Fails and opens the circuit.
    OpenCircuit,
}

/// What was seen of runs.
#[derive(Default)]
pub(super) struct Seen {
    running: Mutex<HashMap<PersonaId, GoalId>>,
    pub(super) most: AtomicUsize,
    pub(super) order: Mutex<Vec<GoalId>>,
}

struct Inside<'a>(&'a Seen, PersonaId);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.running.lock().unwrap().remove(&self.1);
    }
}

impl Seen {
    fn enter(&self, goal: &Goal) -> Inside<'_> {
        let mut running = self.running.lock().unwrap();
        assert!(running.insert(goal.persona, goal.id).is_none(), "two runs of one persona at once");
        self.most.fetch_max(running.len(), Ordering::SeqCst);
        self.order.lock().unwrap().push(goal.id);
        Inside(self, goal.persona)
    }

    pub(super) fn running(&self) -> Vec<PersonaId> {
        self.running.lock().unwrap().keys().copied().collect()
    }
}

type Script = Arc<dyn Fn(&Order) -> Play + Send + Sync>;

/// Carries runs by a script, with the commits a real run makes at its beginning and end.
struct Understudy {
    ports: Ports,
    evidence: Evidence,
    scheduler: Scheduler,
    limits: Arc<Limits>,
    script: Script,
    seen: Arc<Seen>,
}

impl Understudy {
    async fn write(&self, work: &Waiting, goal: GoalState, message: MessageState, step: GoalMove) -> bool {
        let chain = ChainId::Persona(work.goal.persona);
        let draft = testing::draft(&*self.ports.world, chain, None, &format!("is {goal}"));
        let answer = (goal == GoalState::Done).then(|| format!("an answer to {}", work.message.sender));
        let commit = Commit {
            guards: vec![Guard::GoalOpen(work.goal.id)],
            changes: vec![
                Change::GoalMoved(GoalMove { state: goal, result: answer, ..step }),
                Change::MessageMoved(work.message.id, message),
            ],
            receipts: vec![Draft { goal: Some(work.goal.id), state: Some(goal.as_str()), ..draft }],
        };
        self.evidence.record(commit).await.is_ok()
    }

    fn step(&self, work: &Waiting) -> GoalMove {
        GoalMove {
            id: work.goal.id,
            state: GoalState::Running,
            parked_on: None,
            attempts: work.goal.attempts + 1,
            last_error: None,
            result: None,
            due_ms: None,
            at_ms: self.ports.world.now_ms(),
        }
    }

    async fn fail(&self, work: &Waiting, streak: u32, open_circuit: bool) -> RunEnd {
        self.write(work, GoalState::Failed, MessageState::Failed, self.step(work)).await;
        let failure_streak = streak + 1;
        RunEnd::Over { failure_streak, open_circuit }
    }
}

/// Records that count what personas read, and fall over one persona's inbox when told to.
pub(super) struct WatchedRecords {
    store: Arc<MemoryStore>,
    reads: Mutex<BTreeMap<PersonaId, u32>>,
    falls: Mutex<HashMap<PersonaId, u32>>,
    /// Messages that were read at once.
    most: AtomicUsize,
    /// Rooms whose rounds do not change any more, and how often each room's were read.
    still: Mutex<HashMap<RoomId, Vec<Seat>>>,
    looks: Mutex<HashMap<RoomId, u32>>,
}

impl WatchedRecords {
    fn new(store: Arc<MemoryStore>) -> Self {
        Self {
            store,
            reads: Mutex::default(),
            falls: Mutex::default(),
            most: AtomicUsize::default(),
            still: Mutex::default(),
            looks: Mutex::default(),
        }
    }

    /// Looks of a persona into its records so far.
    pub(super) fn reads(&self, id: PersonaId) -> u32 {
        self.reads.lock().unwrap().get(&id).copied().unwrap_or(0)
    }

    /// Messages that were read at once.
    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// The next looks of this persona make it fall.
    pub(super) fn fall(&self, id: PersonaId, times: u32) {
        self.falls.lock().unwrap().insert(id, times);
    }

    fn noted(&self, id: PersonaId) {
        *self.reads.lock().unwrap().entry(id).or_default() += 1;
    }
}

#[async_trait]
impl Records for WatchedRecords {
    async fn roster(&self) -> Result<Vec<RosterRecord>, Unavailable> {
        self.store.roster().await
    }

    async fn roster_record(&self, id: PersonaId) -> Result<Option<RosterRecord>, Unavailable> {
        self.noted(id);
        self.store.roster_record(id).await
    }

    async fn persona(&self, id: PersonaId) -> Result<Option<Persona>, Unavailable> {
        self.store.persona(id).await
    }

    async fn goal(&self, id: GoalId) -> Result<Option<Goal>, Unavailable> {
        self.store.goal(id).await
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>, Unavailable> {
        self.store.message(id).await
    }

    async fn message_of(&self, goal: GoalId) -> Result<Option<Message>, Unavailable> {
        self.store.message_of(goal).await
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, Unavailable> {
        self.store.run(id).await
    }

    async fn inbox(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        self.store.inbox(persona, limit).await
    }

    async fn look(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Inbox, Unavailable> {
        self.noted(persona);
        let falls = {
            let mut falls = self.falls.lock().unwrap();
            let left = falls.entry(persona).or_default();
            std::mem::replace(left, left.saturating_sub(1)) > 0
        };
        assert!(!falls, "as the test asked");
        let inbox = self.store.look(persona, now_ms, limit).await?;
        self.most.fetch_max(inbox.work.len(), Ordering::SeqCst);
        Ok(inbox)
    }

    async fn overdue(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Overdue, Unavailable> {
        self.noted(persona);
        self.store.overdue(persona, now_ms, limit).await
    }

    async fn asked_in_rooms(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        self.store.asked_in_rooms(persona, limit).await
    }

    async fn parked_inbox(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        self.store.parked_inbox(persona, limit).await
    }

    async fn waiting(&self, persona: PersonaId) -> Result<u32, Unavailable> {
        self.store.waiting(persona).await
    }

    async fn burst(
        &self,
        persona: PersonaId,
        coalescing: &str,
        now_ms: i64,
        limit: u32,
    ) -> Result<Vec<Waiting>, Unavailable> {
        self.store.burst(persona, coalescing, now_ms, limit).await
    }

    async fn least_important(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        self.store.least_important(persona, limit).await
    }

    async fn standing_waits(&self) -> Result<Vec<StandingWait>, Unavailable> {
        self.store.standing_waits().await
    }

    async fn newest_seq(&self, persona: PersonaId) -> Result<i64, Unavailable> {
        self.store.newest_seq(persona).await
    }

    async fn receipts_after(&self, persona: PersonaId, seq: i64, limit: u32) -> Result<Vec<Receipt>, Unavailable> {
        self.store.receipts_after(persona, seq, limit).await
    }

    async fn correlated(&self, persona: PersonaId, correlation: &str) -> Result<Option<Waiting>, Unavailable> {
        self.store.correlated(persona, correlation).await
    }

    async fn open_alerts(&self, persona: PersonaId) -> Result<Vec<Alert>, Unavailable> {
        self.store.open_alerts(persona).await
    }

    async fn open_run(&self, goal: GoalId) -> Result<Option<Run>, Unavailable> {
        self.store.open_run(goal).await
    }

    async fn goal_receipts(&self, goal: GoalId) -> Result<Vec<Receipt>, Unavailable> {
        self.store.goal_receipts(goal).await
    }

    async fn quota_use(&self, goal: GoalId) -> Result<Option<QuotaUse>, Unavailable> {
        self.store.quota_use(goal).await
    }

    async fn counted(&self, persona: PersonaId, within: Range<i64>) -> Result<Vec<Counted>, Unavailable> {
        self.store.counted(persona, within).await
    }

    async fn planned_personas(&self) -> Result<Vec<PersonaId>, Unavailable> {
        self.store.planned_personas().await
    }

    async fn prerequisites(&self, goal: GoalId) -> Result<Vec<Prerequisite>, Unavailable> {
        self.store.prerequisites(goal).await
    }

    async fn dependents(&self, prerequisite: GoalId) -> Result<Vec<GoalId>, Unavailable> {
        self.store.dependents(prerequisite).await
    }

    async fn parked_on_goals(&self) -> Result<Vec<GoalId>, Unavailable> {
        self.store.parked_on_goals().await
    }

    async fn calendar(&self, persona: Option<PersonaId>) -> Result<Vec<(Schedule, Hours)>, Unavailable> {
        self.store.calendar(persona).await
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>, Unavailable> {
        self.store.schedule(id).await
    }

    async fn big_three(&self, persona: PersonaId) -> Result<Option<BigThree>, Unavailable> {
        self.store.big_three(persona).await
    }

    async fn worked_since(&self, from_ms: i64) -> Result<Vec<LastWork>, Unavailable> {
        self.store.worked_since(from_ms).await
    }

    async fn worked(&self, persona: PersonaId, from_ms: i64, until_ms: i64) -> Result<bool, Unavailable> {
        self.store.worked(persona, from_ms, until_ms).await
    }

    async fn open_tryouts(&self) -> Result<Vec<Tryout>, Unavailable> {
        self.store.open_tryouts().await
    }

    async fn open_alerts_of(&self, kind: AlertKind) -> Result<Vec<Alert>, Unavailable> {
        self.store.open_alerts_of(kind).await
    }
}

/// A company and everything a test looks at.
pub(super) struct House {
    pub(super) company: Company,
    pub(super) test: TestPorts,
    pub(super) records: Arc<WatchedRecords>,
    pub(super) seen: Arc<Seen>,
}

pub(super) fn limits(cap: usize) -> Limits {
    Limits {
        node: testing::node(),
        active_personas: NonZeroUsize::new(cap).unwrap(),
        retry_after: vec![Duration::from_secs(60)],
        circuit_after: 3,
        passivate_after: Duration::from_secs(120),
        restarts: 3,
        restart_window: Duration::from_secs(60),
        step: Duration::from_secs(30),
        standing_hosts: Vec::new(),
        approve_within: Duration::from_secs(24 * 3600),
        pace: Pace { default_per_1000_s: 500, sites: Vec::new() },
        serve_within: Duration::from_secs(24 * 3600),
        inbox: InboxLimits::default(),
        inner_life: InnerLife::default(),
        rooms: RoomRules::default(),
        calendar: Default::default(),
        load: Default::default(),
        quotas: Default::default(),
    }
}

impl House {
    /// A company with room for `cap`, whose runs follow `script`.
    pub(super) async fn open(cap: usize, script: impl Fn(&Order) -> Play + Send + Sync + 'static) -> Self {
        Self::open_on(TestPorts::obliging(), limits(cap), script).await
    }

    /// The same on a store that holds something already, or with other limits.
    pub(super) async fn open_on(
        test: TestPorts,
        limits: Limits,
        script: impl Fn(&Order) -> Play + Send + Sync + 'static,
    ) -> Self {
        let records = Arc::new(WatchedRecords::new(test.store.clone()));
        let ports = Ports { records: records.clone(), ..test.ports() };
        let (seen, script): (Arc<Seen>, Script) = (Arc::default(), Arc::new(script));
        let hire = {
            let seen = seen.clone();
            move |ports: &Ports, evidence: &Evidence, scheduler: &Scheduler, limits: &Arc<Limits>| {
                let (ports, evidence, scheduler) = (ports.clone(), evidence.clone(), scheduler.clone());
                let limits = limits.clone();
                Arc::new(Understudy { ports, evidence, scheduler, limits, script, seen }) as Arc<dyn Carrier>
            }
        };
        let key = SigningKey::from_bytes(&[7; 32]);
        let company = Company::start_with(limits, ports, key, Box::new(hire)).await.unwrap();
        Self { company, test, records, seen }
    }

    pub(super) fn by(&self) -> By {
        By { who: "ada".to_owned(), trace: TraceId(self.test.world.new_id()) }
    }

    pub(super) async fn persona(&self, slug: &str) -> PersonaId {
        self.company.create_persona(new_persona(slug), &self.by()).await.unwrap().id
    }

    /// Work of this priority, delivered.
    pub(super) async fn give(&self, persona: PersonaId, priority: u16) -> Delivered {
        self.company.deliver(work(persona, priority), &self.by()).await.unwrap()
    }

    pub(super) fn goal(&self, id: GoalId) -> Goal {
        self.test.store.goals().into_iter().find(|goal| goal.id == id).unwrap()
    }

    pub(super) fn state(&self, id: GoalId) -> GoalState {
        self.goal(id).state
    }

    pub(super) fn line(&self, id: PersonaId) -> ActorInfo {
        self.company.actors().iter().find(|line| line.persona == id).unwrap().clone()
    }

    pub(super) async fn becomes(&self, id: PersonaId, state: ActorState) {
        until(|| self.line(id).state == state).await;
    }

    pub(super) async fn goal_becomes(&self, id: GoalId, state: GoalState) {
        until(|| self.state(id) == state).await;
    }

    /// Nothing vanishes: every message is in one state, and the roster counts the open ones.
    pub(super) fn accounts_for(&self, messages: usize) {
        let all = self.test.store.messages();
        let open = all.iter().filter(|m| matches!(m.state, MessageState::Waiting | MessageState::Running)).count();
        assert_eq!((all.len(), self.company.figures().inbox), (messages, open as u64));
        for message in all {
            let about = |receipt: &&Receipt| receipt.goal == Some(message.goal);
            assert!(self.test.store.receipts().iter().any(|receipt| about(&receipt)), "no receipt of {message:?}");
        }
    }
}

pub(super) fn new_persona(slug: &str) -> NewPersona {
    NewPersona {
        slug: slug.parse().unwrap(),
        name: slug.to_owned(),
        role: None,
        description: String::new(),
        profile: Profile::default(),
        hosts: Vec::new(),
        model: None,
        weight: Weight::ORDINARY,
        hours: Default::default(),
    }
}

pub(super) fn work(persona: PersonaId, priority: u16) -> NewWork {
    let payload = Payload::parse(crate::domain::GoalKind::Ai, json!({"prompt": "Write a line."})).unwrap();
    NewWork {
        persona,
        what: Work::Goal { title: "a line".to_owned(), payload, proof: Proof::default() },
        priority: Some(Priority::try_from(priority).unwrap()),
        serve_by_ms: None,
        due_ms: None,
        correlation: None,
        project: None,
        waits_for: WaitsFor::default(),
    }
}

/// Lets the clock go on until it is so; a test that waits for what never comes fails after a simulated day.
pub(super) async fn until(so: impl Fn() -> bool) {
    let mut step = Duration::from_millis(1);
    let start = tokio::time::Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(2 * 24 * 3600), "it did not come to that");
        settle().await;
        tokio::time::advance(step).await;
        step = (step * 2).min(Duration::from_secs(1));
    }
}

/// Lets everybody who can go on do so, without time passing.
pub(super) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
