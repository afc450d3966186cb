//! A job board that remembers what was submitted, a browser that forgets its page in a crash, and a runner between.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::agents;
use crate::{
    domain::{
        ArtifactKind, Call, Cost, Effect, Goal, GoalId, GoalState, InboxLimits, InnerLife, Limits, Message,
        MessageState, NewArtifact, Outcome, Pace, Payload, Persona, Proof, QuotaRules, ReadBack, Receipt, RoomRules,
        RunId, Step, StepError, StepsPayload, Thought, Unit,
    },
    evidence::{Evidence, Setup},
    ports::{Change, Commit, GoalMove, Records as _, Waiting},
    run::{
        Now, RunEnd, Runner,
        replay::{Library, NoReplay, Replayed, replay},
    },
    scheduler::Scheduler,
    testing::{self, Act, TestPorts},
};

/// What the world saw, and where the browser is.
#[derive(Default)]
pub(super) struct World {
    pub submissions: Vec<String>,
    /// What stood in the form each time.
    pub sent: Vec<String>,
    /// How often the way into the form was pressed.
    pub entered: usize,
    title: String,
    /// Whose page is open.
    page_of: Option<RunId>,
    /// What stands in the form.
    typed: String,
    calls: usize,
    /// Hang at this call (from 0): before or after it took effect.
    pub crash_at: Option<(usize, When)>,
    /// Answers of these tools fail this many more times.
    pub failing: Option<(&'static str, usize)>,
    /// This tool goes on until its run is stopped, and says then that it was.
    pub cut: Option<&'static str>,
    /// This tool takes a second.
    pub slow: Option<&'static str>,
    /// What the model answers, by how often it has answered before.
    pub thoughts: Vec<Thought>,
    /// It is busy when it would give this answer.
    pub fail_thought: Option<usize>,
    /// What a composed text cost; none: nobody says.
    pub cost: Option<Cost>,
    /// Composing does not end.
    pub composes_for_ever: bool,
    /// The list of submissions repeats its address.
    pub echoes: bool,
    /// What the model was told, each time.
    pub asked: Vec<Value>,
}

/// Where in a call the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

struct Root;

#[ractor::async_trait]
impl Actor for Root {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _me: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _me: ActorRef<()>,
        _event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

/// A runner over the board.
pub(super) struct Board {
    pub world: Arc<Mutex<World>>,
    pub ports: TestPorts,
    pub persona: Arc<Persona>,
    pub runner: Runner,
    pub scheduler: Scheduler,
    /// How the persona feels.
    pub now: Now,
    /// Stops the runs that are begun from now on.
    pub stop: CancellationToken,
}

pub(super) const SITE: &str = "http://rehearsal.localhost";
/// What this goal and no other writes.
pub(super) const OWN_WORDS: &str = "my words {{idempotency_key}}";

impl Board {
    pub async fn open(pace_per_1000_s: u32) -> Self {
        Self::open_under(pace_per_1000_s, QuotaRules::default()).await
    }

    pub async fn open_under(pace_per_1000_s: u32, quotas: QuotaRules) -> Self {
        let world: Arc<Mutex<World>> = Arc::default();
        let seen = world.clone();
        let ports = TestPorts::new(move |call| seen.lock().unwrap().answer(call));
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let setup = Setup { journal: ports.store.clone(), world: ports.world.clone(), key, node: testing::node() };
        let (evidence, _) = Evidence::spawn(setup).await.unwrap();
        let (root, _) = Actor::spawn(None, Root, ()).await.unwrap();
        let pace = Pace { default_per_1000_s: pace_per_1000_s, sites: vec![] };
        let cap = NonZeroUsize::MIN;
        let scheduler = Scheduler::spawn(cap, pace.clone(), ports.world.clone(), root.get_cell()).await.unwrap();
        let persona = testing::persona(&*ports.world, "jason");
        ports
            .store
            .seed(Commit { changes: vec![Change::PersonaCreated(Box::new(persona.clone()))], ..Commit::default() })
            .unwrap();
        let limits = Limits { quotas, ..limits(pace) };
        let runner = Runner::new(ports.ports(), evidence, scheduler.clone(), Arc::new(limits));
        let (now, stop) = (Now::default(), CancellationToken::new());
        Self { world, ports, persona: Arc::new(persona), runner, scheduler, now, stop }
    }

    /// Makes a goal durable.
    pub fn give(&self, steps: Vec<Step>, proof: Proof) -> GoalId {
        self.give_payload(Payload::Browser(StepsPayload { steps }), proof)
    }

    /// The same with any payload.
    pub fn give_payload(&self, payload: Payload, proof: Proof) -> GoalId {
        let world = &*self.ports.world;
        let goal = Goal { payload, proof, ..testing::goal(world, self.persona.id) };
        let message = testing::message(world, &goal);
        let changes = vec![Change::GoalAdded(Box::new(goal.clone())), Change::MessageDelivered(Box::new(message))];
        self.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
        goal.id
    }

    /// The work as the journal has it now.
    pub async fn work(&self, id: GoalId) -> Waiting {
        let goal = self.goal(id);
        let message = self.ports.store.message_of(id).await.unwrap().unwrap();
        Waiting { message, goal }
    }

    pub fn goal(&self, id: GoalId) -> Goal {
        self.ports.store.goals().into_iter().find(|goal| goal.id == id).unwrap()
    }

    pub fn message(&self, id: GoalId) -> Message {
        self.ports.store.messages().into_iter().find(|message| message.goal == id).unwrap()
    }

    /// Carries it to where it ends or stands still.
    pub async fn carry(&self, id: GoalId) -> RunEnd {
        let end = self.begin(id).await.await.unwrap();
        self.every_run_replays().await;
        end
    }

    /// Whatever happened here: each run comes out of its record again, receipt by receipt.
    pub async fn every_run_replays(&self) {
        for run in self.ports.store.runs() {
            let replayed = self.replay(run.id).await.unwrap();
            assert_eq!(replayed.difference, None, "{:#?}", self.ports.store.receipts());
            let own = |receipt: &&Receipt| receipt.run == Some(run.id);
            let receipts = self.ports.store.receipts().iter().filter(own).count();
            assert_eq!(replayed.equal + replayed.told, receipts, "each of its receipts");
        }
    }

    pub async fn replay(&self, run: RunId) -> Result<Replayed, NoReplay> {
        let (records, blobs) = (self.ports.store.clone(), self.ports.blobs.clone());
        let pace = Pace { default_per_1000_s: 1, sites: vec![] };
        // Of the limits that it has now nothing may matter.
        let limits = Limits { retry_after: vec![], standing_hosts: vec![], circuit_after: 99, ..limits(pace) };
        let made = self.calls_made();
        // What people were asked and said stands on the receipts.
        records.hide_approvals(true);
        let replayed = replay(&Library { records: records.clone(), blobs, limits }, run, true).await;
        records.hide_approvals(false);
        assert_eq!(self.calls_made(), made, "nothing is performed");
        replayed
    }

    pub async fn begin(&self, id: GoalId) -> JoinHandle<RunEnd> {
        let (runner, persona, work) = (self.runner.clone(), self.persona.clone(), self.work(id).await);
        let streak =
            self.ports.store.roster_record(persona.id).await.unwrap().map_or(0, |record| record.failure_streak);
        let (stop, now) = (self.stop.clone(), self.now.clone());
        tokio::spawn(async move {
            let Some(slice) = runner.turn(&work, persona.weight, (work.since_ms(&persona), None), &stop, &now).await
            else {
                return RunEnd::Stopped;
            };
            runner.carry(persona, work.into(), streak, stop, now, slice).await
        })
    }

    /// The process dies: the run is gone, and so is the page.
    pub async fn crash(&self, run: JoinHandle<RunEnd>) {
        run.abort();
        assert!(run.await.unwrap_err().is_cancelled());
        let mut world = self.world.lock().unwrap();
        world.crash_at = None;
        world.close_page();
    }

    pub fn calls_made(&self) -> usize {
        self.world.lock().unwrap().calls
    }

    pub fn submissions(&self) -> usize {
        self.world.lock().unwrap().submissions.len()
    }

    /// A person wants it tried anew.
    pub(super) fn retry(&self, id: GoalId) {
        let (goal, message) = (self.goal(id), self.message(id));
        let pending = GoalMove {
            id,
            state: GoalState::Pending,
            parked_on: None,
            attempts: 0,
            last_error: None,
            result: None,
            due_ms: None,
            at_ms: goal.updated_ms,
        };
        let changes = vec![Change::GoalMoved(pending), Change::MessageMoved(message.id, MessageState::Waiting)];
        self.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    }
}

pub(super) fn limits(pace: Pace) -> Limits {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    Limits {
        node: testing::node(),
        active_personas: NonZeroUsize::MIN,
        retry_after: vec![minutes(1), minutes(5), minutes(15)],
        circuit_after: 3,
        passivate_after: minutes(1),
        restarts: 3,
        restart_window: minutes(1),
        step: Duration::from_secs(10),
        standing_hosts: vec!["rehearsal.localhost".to_owned()],
        approve_within: Duration::from_secs(24 * 3600),
        pace,
        serve_within: minutes(60),
        inbox: InboxLimits::default(),
        inner_life: InnerLife::default(),
        rooms: RoomRules::default(),
        calendar: Default::default(),
        load: Default::default(),
        quotas: Default::default(),
    }
}

fn expected(holds: bool, summary: &str) -> Outcome {
    match holds {
        true => Outcome::done(summary, Value::Null),
        false => {
            let error = StepError::retryable("the page shows something else");
            Outcome::does_not_hold("it does not hold", Value::Null, error)
        }
    }
}

fn said_no() -> Outcome {
    let error = StepError::retryable("the server says that it failed");
    Outcome::does_not_hold("called says_no, which failed", json!({"ok": false}), error)
}

impl World {
    fn answer(&mut self, call: &Call) -> Act {
        let at = self.calls;
        self.calls += 1;
        if self.crash_at == Some((at, When::Before)) {
            return Act::Hang;
        }
        if let Some((tool, left)) = &mut self.failing
            && *tool == call.tool
            && *left > 0
        {
            *left -= 1;
            return match &*call.tool {
                "compose" => Outcome::not_begun("got no text", StepError::throttled("too many requests")).into(),
                _ => Outcome::not_begun("found nothing", StepError::retryable("there is no such element")).into(),
            };
        }
        if self.composes_for_ever && call.tool == "compose" {
            return Act::Hang;
        }
        if self.cut == Some(&*call.tool) {
            let error = StepError::retryable("the step was stopped from outside");
            return Act::UntilStopped(Outcome::does_not_hold("did not", Value::Null, error));
        }
        let outcome = self.act(call);
        if self.slow == Some(&*call.tool) {
            return Act::After(Duration::from_secs(1), outcome);
        }
        if self.crash_at == Some((at, When::After)) { Act::Hang } else { outcome.into() }
    }

    fn close_page(&mut self) {
        (self.title, self.page_of, self.typed) = (String::new(), None, String::new());
    }

    fn act(&mut self, call: &Call) -> Outcome {
        let text = |key: &str| call.args.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if call.tool.starts_with("browser_") && call.tool != "browser_navigate" && self.page_of != Some(call.run) {
            return Outcome::not_begun("no page", StepError::retryable("no page is open in this run"));
        }
        match &*call.tool {
            "browser_navigate" => {
                self.close_page();
                (self.title, self.page_of) = (text("url"), Some(call.run));
                Outcome::done("opened", json!({"url": text("url"), "title": self.title}))
            }
            "browser_fill" => {
                self.typed.push_str(&text("text"));
                Outcome::done("filled", Value::Null)
            }
            "browser_click" if text("selector") == "#enter" => {
                self.entered += 1;
                (self.title, self.typed) = (format!("{SITE}/form"), String::new());
                Outcome::done("clicked", json!({"url": self.title, "title": "The form"})).with_artifact(picture())
            }
            "browser_click" => {
                self.submissions.push(call.key.clone());
                self.sent.push(std::mem::take(&mut self.typed));
                self.title = "Proposal submitted".to_owned();
                let data = json!({"url": format!("{SITE}/done"), "title": self.title, "page_text": "Thank you"});
                Outcome::done("clicked", data).with_artifact(picture())
            }
            "says_no" => said_no(),
            "take_back" => {
                self.submissions.push(call.key.clone());
                Outcome::done("took it back", json!({"removed": ["ticket"]}))
            }
            "browser_expect_title" => expected(self.title.contains(&text("contains")), "title holds"),
            "browser_expect_text" => expected(self.shows(&text("contains")), "text holds"),
            "think" => self.think(call),
            "compose" => Outcome { cost: self.cost, ..Outcome::done("composed", json!({"value": "a line"})) }
                .with_artifact(NewArtifact { kind: ArtifactKind::Text, ..picture() }),
            "browser_snapshot" => Outcome::done("looked", Value::Null).with_artifact(NewArtifact {
                kind: ArtifactKind::Text,
                name: "snapshot.txt".into(),
                media_type: "text/plain",
                bytes: self.title.clone().into_bytes(),
            }),
            "make_pdf" => Outcome::done("made it", Value::Null).with_artifact(NewArtifact {
                kind: ArtifactKind::File,
                name: "Invoice.pdf".into(),
                ..picture()
            }),
            "browser_screenshot" => Outcome::done("took a picture", Value::Null).with_artifact(picture()),
            _ => Outcome::done("did it", Value::Null),
        }
    }

    fn think(&mut self, call: &Call) -> Outcome {
        self.asked.push(call.args.clone());
        let turns = call.args["turns"].as_array().unwrap();
        let answered = turns.iter().filter(|turn| turn["role"] == "assistant").count();
        match self.thoughts.get(answered) {
            _ if self.fail_thought == Some(answered) => agents::busy(),
            Some(thought) => agents::outcome(thought, call.goal),
            None => agents::busy(),
        }
    }

    /// The list of submissions is the only page with text.
    fn shows(&self, text: &str) -> bool {
        let Some(asked) = self.title.strip_prefix(&mine().url) else { return false };
        self.sent.iter().any(|sent| sent.contains(text)) || (self.echoes && asked.contains(text))
    }
}

fn picture() -> NewArtifact {
    NewArtifact {
        kind: ArtifactKind::Screenshot,
        name: "page.jpg".into(),
        media_type: "image/jpeg",
        bytes: vec![1, 2, 3],
    }
}

/// Fill the form, send it, look at what came.
pub(super) fn submit(effect: Option<Effect>) -> Vec<Step> {
    vec![
        Step::Goto { url: format!("{SITE}/form"), timeout_ms: None },
        Step::Type { selector: "#text".into(), text: OWN_WORDS.into(), timeout_ms: None },
        Step::Click { selector: "#send".into(), effect, timeout_ms: None },
        Step::ExpectTitle { contains: "Proposal submitted".into(), timeout_ms: None },
        Step::Screenshot { caption: None, file: None, full_page: false, selector: None, format: Default::default() },
    ]
}

/// Looks for what this goal sent in the list of all.
pub(super) fn mine() -> ReadBack {
    ReadBack { url: format!("{SITE}/mine"), contains: OWN_WORDS.into() }
}

pub(super) fn proof(read_back: bool) -> Proof {
    let read_back = read_back.then(mine);
    Proof {
        assertions: vec![],
        artifacts: vec![ArtifactKind::Screenshot],
        read_back,
        counts_as: Some(Unit::Proposal),
        units: None,
    }
}
