//! Forks of given steps through the company: what may be stood on, what may be different, and who is asked anew.

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::harness::{limits, new_persona, until, work};
use crate::{
    domain::{
        ArtifactKind, Effect, Goal, GoalId, GoalState, NewArtifact, Outcome, ParkedOn, Payload, PersonaId, Proof, Step,
        StepError, StepsPayload, TraceId,
    },
    ports::World as _,
    supervisor::{By, CommandError, Company, Correction, ForkFrom, NewWork, Work},
    testing::TestPorts,
};

struct House {
    test: TestPorts,
    company: Company,
    by: By,
    persona: PersonaId,
}

fn compose(prompt: &str, save_as: &str) -> Step {
    Step::Compose { prompt: prompt.into(), save_as: save_as.into(), length: Default::default(), model: None }
}

fn tool(name: &str, effect: Effect) -> Step {
    let args = serde_json::Map::from_iter([("text".to_owned(), json!("{{line}}"))]);
    Step::Tool { name: name.into(), args, effect, outreach: false, save_as: None, timeout_ms: None }
}

/// A line, a question, a booking, and a text about both.
fn steps() -> Vec<Step> {
    vec![
        compose("Write a line.", "line"),
        Step::AskHuman { question: "Which colour?".into(), minutes: 60, save_as: Some("colour".into()) },
        tool("book", Effect::Irreversible),
        compose("Tell of {{line}} in {{colour}}.", "end"),
    ]
}

impl House {
    async fn open() -> Self {
        let test = TestPorts::new(|call| match &*call.tool {
            "compose" => {
                Outcome::done("composed", json!({"value": format!("<{}>", call.args["prompt"].as_str().unwrap())}))
            }
            "breaks" => Outcome::does_not_hold("broke", Value::Null, StepError::permanent("it broke")),
            "vanishes" => Outcome::unknown("vanished", StepError::retryable("nobody knows")),
            _ => Outcome::done("did it", json!({"files": ["ticket"]})).with_artifact(NewArtifact {
                kind: ArtifactKind::File,
                name: "ticket".into(),
                media_type: "text/plain",
                bytes: b"12a".to_vec(),
            }),
        });
        let company = Company::start(limits(1), test.ports(), SigningKey::from_bytes(&[7; 32])).await.unwrap();
        let by = By { who: "anna".to_owned(), trace: TraceId(test.world.new_id()) };
        let persona = company.create_persona(new_persona("jason"), &by).await.unwrap().id;
        Self { test, company, by, persona }
    }

    async fn give(&self, steps: Vec<Step>, proof: Proof) -> GoalId {
        let payload = Payload::Browser(StepsPayload { steps });
        let what = Work::Goal { title: "Book".to_owned(), payload, proof };
        self.company.deliver(NewWork { what, ..work(self.persona, 500) }, &self.by).await.unwrap().goal.id
    }

    fn goal(&self, id: GoalId) -> Goal {
        self.test.store.goals().into_iter().find(|goal| goal.id == id).unwrap()
    }

    async fn over(&self, id: GoalId) -> Goal {
        until(|| self.goal(id).state.is_over()).await;
        self.goal(id)
    }

    async fn parked(&self, id: GoalId, on: ParkedOn) {
        until(|| self.goal(id).parked_on == Some(on) && self.goal(id).state == GoalState::Parked).await;
    }

    async fn say_yes(&self, id: GoalId) {
        self.parked(id, ParkedOn::Approval).await;
        let asked = self.test.store.approvals().pop().unwrap();
        self.company.decide_approval(asked.id, true, String::new(), &self.by).await.unwrap();
    }

    /// The steps, from the answer and the yes to the end.
    async fn booked(&self) -> GoalId {
        let proof = Proof { artifacts: vec![ArtifactKind::File], ..Proof::default() };
        let id = self.give(steps(), proof).await;
        self.parked(id, ParkedOn::Answer).await;
        self.company.answer_goal(id, "Blue".to_owned(), &self.by).await.unwrap();
        self.say_yes(id).await;
        let over = self.over(id).await;
        assert_eq!(over.state, GoalState::Done, "{:?}", over.last_error);
        id
    }

    async fn fork(&self, of: GoalId, from: ForkFrom) -> Result<Goal, CommandError> {
        let run = self.test.store.runs().into_iter().rfind(|run| run.goal == of).unwrap().id;
        self.company.fork_run(run, from, &self.by).await.map(|delivered| delivered.goal)
    }

    async fn refused(&self, of: GoalId, from: ForkFrom) -> String {
        self.fork(of, from).await.map(drop).unwrap_err().to_string()
    }

    async fn replays(&self, goal: GoalId) {
        let run = self.test.store.runs().into_iter().rfind(|run| run.goal == goal).unwrap().id;
        let replayed = self.company.replay_run(run, &self.by).await.unwrap();
        assert_eq!(replayed.difference, None);
    }

    fn calls(&self, tool: &str) -> Vec<Value> {
        let calls = self.test.performer.calls().into_iter().filter(|call| call.tool == tool);
        calls.map(|call| call.args).collect()
    }
}

fn from(step: u32) -> ForkFrom {
    ForkFrom { step, ..ForkFrom::default() }
}

#[tokio::test(start_paused = true)]
async fn only_the_steps_from_there_on_are_done_with_another_model_and_prompt() {
    let house = House::open().await;
    let id = house.booked().await;
    let told = ForkFrom { step: 4, model: Some("other".into()), task: Some("Sing of {{colour}}: {{line}}".into()) };
    let forked = house.fork(id, told).await.unwrap();
    assert_eq!((forked.payload.kind(), forked.payload.steps().len()), (crate::domain::GoalKind::Browser, 4));
    assert_eq!(house.over(forked.id).await.state, GoalState::Done);
    let composed = house.calls("compose");
    assert_eq!((composed.len(), house.calls("book").len()), (3, 1), "one more text, and nothing else");
    assert_eq!(
        (&composed[2]["model"], &composed[2]["prompt"]),
        (&json!("other"), &json!("Sing of Blue: <Write a line.>"))
    );
    house.replays(forked.id).await;
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_yes_that_was_given_is_not_used_again() {
    let house = House::open().await;
    let id = house.booked().await;
    let forked = house.fork(id, from(3)).await.unwrap();
    house.parked(forked.id, ParkedOn::Approval).await;
    assert_eq!(house.calls("book").len(), 1);
    house.say_yes(forked.id).await;
    assert_eq!(house.over(forked.id).await.state, GoalState::Done);
    assert_eq!(house.calls("book").len(), 2);
    house.replays(forked.id).await;
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_a_plan_is_refused_with_the_reason() {
    let house = House::open().await;
    let id = house.booked().await;
    for step in [0, 5] {
        let why = house.refused(id, from(step)).await;
        assert!(why.contains("must be 1 to 4: of 4 steps 4 are on record"), "{why}");
    }
    let task = |step| ForkFrom { task: Some("Sing.".into()), ..from(step) };
    let why = house.refused(id, task(1)).await;
    assert!(
        why.contains("a run of given steps has no task, and of its steps from 1 on 2 ask a model, not one"),
        "{why}"
    );
    let without = house.give(vec![tool("sums", Effect::Read)], Proof::default()).await;
    house.over(without).await;
    let model = ForkFrom { model: Some("other".into()), ..from(1) };
    let why = house.refused(without, model).await;
    assert!(why.contains("no step from 1 on asks a model"), "{why}");
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_failed_or_nobody_saw_the_end_of_is_not_stood_on() {
    let house = House::open().await;
    let plan = |middle| vec![tool("sums", Effect::Read), middle, tool("sums", Effect::Read)];
    let plan = |name, effect| {
        let mut steps = plan(tool(name, effect));
        steps.insert(0, compose("Write a line.", "line"));
        steps
    };
    let failed = house.give(plan("breaks", Effect::Read), Proof::default()).await;
    assert_eq!(house.over(failed).await.state, GoalState::Failed);
    let why = house.refused(failed, from(4)).await;
    assert!(why.contains("did not do what it should, or fork from before it"), "{why}");
    assert!(house.fork(failed, from(3)).await.is_ok(), "the one that failed is done anew");

    let unknown = house.give(plan("vanishes", Effect::Irreversible), Proof::default()).await;
    house.say_yes(unknown).await;
    house.parked(unknown, ParkedOn::Reconcile).await;
    let why = house.refused(unknown, from(4)).await;
    assert!(why.contains("nobody saw the end of a step before that one"), "{why}");
    house.company.end().await;
}

/// The key stands for the goal: what was done under the one of another cannot be proven by this one's.
#[tokio::test(start_paused = true)]
async fn what_was_done_under_the_key_of_its_goal_is_not_looked_for_under_another() {
    let house = House::open().await;
    let keyed = |path: &str| Step::WriteFile { path: path.into(), content: "one".into(), description: String::new() };
    let key = "{{idempotency_key}}.md";
    let id = house.give(vec![keyed(key), keyed("b.md"), keyed(key)], Proof::default()).await;
    house.over(id).await;
    let why = house.refused(id, from(3)).await;
    assert!(why.contains("step 1 was done with the key of its goal"), "{why}");
    assert!(house.fork(id, from(1)).await.is_ok());
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_correction_leaves_what_is_taken_from_the_record() {
    let house = House::open().await;
    let id = house.booked().await;
    house.company.pause(house.persona, &house.by).await.unwrap();
    let forked = house.fork(id, from(4)).await.unwrap();
    let correct = async |steps: Vec<Step>| {
        let payload = Some(Payload::Browser(StepsPayload { steps }));
        let version = house.goal(forked.id).version;
        house.company.correct_goal(forked.id, Correction { version, payload, ..Correction::default() }, &house.by).await
    };
    let refused = correct(vec![compose("Another.", "line")]).await.unwrap_err().to_string();
    assert!(refused.contains("must begin with the same 3 steps"), "{refused}");
    let mut better = steps();
    better[3] = compose("Shorter.", "end");
    correct(better.clone()).await.unwrap();
    let Payload::Forked(plan) = house.goal(forked.id).payload else { panic!("another kind of payload") };
    assert_eq!((plan.steps, plan.fork.from), (better, 3));
    house.company.end().await;
}
