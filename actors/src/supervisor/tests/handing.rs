//! Work that is handed over: questions to people, goals to other personas, goals for later; and what may be used at all.

mod calendar;
mod ended;
mod plans;

use std::time::Duration;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::harness::{limits, new_persona, settle, until};
use crate::{
    domain::{
        Agent, AgentPayload, AlertKind, ApprovalState, ArtifactKind, Autonomy, Bound, Budget, BudgetPeriod,
        BudgetScope, BudgetSpan, BudgetUnit, Call, ChatAnswer, Choice, Chosen, Cost, Finish, Goal, GoalId, GoalState,
        GrantChange, NewArtifact, Outcome, ParkedOn, Payload, Permissions, PersonaId, Phase, Proof, Receipt, Role,
        Rule, Ruling, Step, Thought, ToolCall, TraceId, Turn, WaitsFor,
    },
    ports::{Records as _, World as _},
    run::replay::{Library, replay},
    supervisor::{By, CommandError, Company, NewPersona, NewWork, PersonaPatch, Work},
    testing::{Act, TestPorts},
};

const COST: u64 = 40;

struct House {
    company: Company,
    test: TestPorts,
}

/// What the model says to a task when it has answered so often.
type Model = fn(&str, usize) -> Thought;

fn calls(step: Step) -> Thought {
    let call = ToolCall { id: "c".into(), name: step.tool().into(), arguments: "{}".into() };
    let answer = ChatAnswer { text: String::new(), calls: vec![call.clone()], finish: Finish::Calls };
    Thought { answer, chosen: vec![Chosen { call, what: Choice::Step(Box::new(step)) }] }
}

fn says(text: &str) -> Thought {
    Thought { answer: ChatAnswer { text: text.into(), calls: vec![], finish: Finish::Stop }, chosen: vec![] }
}

fn ask() -> Step {
    Step::AskHuman { question: "Which colour?".into(), minutes: 60, save_as: None }
}

fn write() -> Step {
    Step::WriteFile { path: "a.md".into(), content: "x".into(), description: String::new() }
}

fn give(to: &str, task: &str) -> Step {
    Step::Delegate { to: to.into(), task: task.into(), agent: None }
}

fn performed(model: Model) -> impl Fn(&Call) -> Act + Send + Sync + 'static {
    move |call| {
        let Ok(Step::Think { turns, .. }) = serde_json::from_value(call.args.clone()) else {
            return Outcome::done("did it", json!({"file": "a.md"})).into();
        };
        let Some(Turn::User { text: task }) = turns.first() else { panic!("no task") };
        if task == "hang" {
            return Act::UntilStopped(Outcome::unknown("stopped", crate::domain::StepError::retryable("stopped")));
        }
        let thought = model(task, turns.iter().filter(|turn| matches!(turn, Turn::Assistant { .. })).count());
        let bytes = serde_json::to_vec(&thought).unwrap();
        let kept =
            NewArtifact { kind: ArtifactKind::Text, name: Thought::FILE.into(), media_type: "application/json", bytes };
        let cost = Some(Cost { input_tokens: 1, output_tokens: 1, micro_usd: COST });
        Outcome { cost, ..Outcome::done("thought", json!({})).with_artifact(kept) }.into()
    }
}

impl House {
    async fn open(model: Model) -> Self {
        let test = TestPorts::new(performed(model));
        test.performer.bound_by(|call| Ok((call.tool == "think").then_some(Bound { micro_usd: 100, tokens: 10 })));
        Self::on(test).await
    }

    async fn on(test: TestPorts) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let company = Company::start(limits(4), test.ports(), key).await.unwrap();
        Self { company, test }
    }

    /// The process ends and starts anew on the same store.
    async fn restarted(self) -> Self {
        self.company.end().await;
        Self::on(self.test).await
    }

    fn by(&self) -> By {
        By { who: "ada".to_owned(), trace: TraceId(self.test.world.new_id()) }
    }

    async fn hire(&self, slug: &str, role: Option<Role>) -> PersonaId {
        let new = NewPersona { role, ..new_persona(slug) };
        self.company.create_persona(new, &self.by()).await.unwrap().id
    }

    async fn try_give(&self, persona: PersonaId, payload: AgentPayload) -> Result<GoalId, CommandError> {
        let payload = Payload::Agent(Box::new(payload));
        let work = NewWork {
            persona,
            what: Work::Goal { title: "a goal".into(), payload, proof: Proof::default() },
            priority: None,
            serve_by_ms: None,
            due_ms: None,
            correlation: None,
            project: None,
            waits_for: WaitsFor::default(),
        };
        self.company.deliver(work, &self.by()).await.map(|delivered| delivered.goal.id)
    }

    async fn give(&self, persona: PersonaId, task: &str) -> GoalId {
        self.try_give(persona, AgentPayload::new(task)).await.unwrap()
    }

    fn goal(&self, id: GoalId) -> Goal {
        self.test.store.goals().into_iter().find(|goal| goal.id == id).unwrap()
    }

    async fn parked(&self, id: GoalId, on: ParkedOn) {
        until(|| self.goal(id).parked_on == Some(on)).await;
        until(|| self.company.figures().active_personas == 0).await;
    }

    async fn over(&self, id: GoalId) -> Goal {
        until(|| self.goal(id).state.is_over()).await;
        self.goal(id)
    }

    fn receipts(&self, tool: &str, phase: Phase) -> Vec<Receipt> {
        let fits = |receipt: &Receipt| receipt.tool.as_deref() == Some(tool) && receipt.phase == Some(phase);
        self.test.store.receipts().into_iter().filter(fits).collect()
    }

    fn told(&self) -> String {
        let calls = self.test.performer.calls();
        calls.iter().rfind(|call| call.tool == "think").map(|call| call.args.to_string()).unwrap_or_default()
    }

    /// The end: every run comes out again from its receipts.
    async fn ends(self) {
        self.company.end().await;
        for run in self.test.store.runs() {
            let (records, blobs) = (self.test.store.clone(), self.test.blobs.clone());
            let library = Library { records, blobs, limits: limits(4) };
            let replayed = replay(&library, run.id, true).await.unwrap();
            assert_eq!(replayed.difference, None, "{:#?}", self.test.store.receipts());
        }
    }

    fn questions(&self) -> usize {
        let open = |alert: &&crate::domain::Alert| alert.kind == AlertKind::Question && alert.resolved_ms.is_none();
        self.test.store.alerts().iter().filter(open).count()
    }
}

fn asks_then_answers(_task: &str, thoughts: usize) -> Thought {
    if thoughts == 0 { calls(ask()) } else { says("Blue it is.") }
}

#[tokio::test(start_paused = true)]
async fn who_asks_a_person_holds_no_slice_and_goes_on_with_the_answer_after_a_restart() {
    let house = House::open(asks_then_answers).await;
    let bo = house.hire("bo", None).await;
    let id = house.give(bo, "Choose a colour.").await;
    house.parked(id, ParkedOn::Answer).await;
    assert_eq!((house.questions(), house.goal(id).last_error.as_deref()), (1, Some("Which colour?")));
    let house = house.restarted().await;
    settle().await;
    assert!(matches!(house.company.answer_goal(id, " ".into(), &house.by()).await, Err(CommandError::Invalid { .. })));
    house.company.answer_goal(id, "Blue, please".into(), &house.by()).await.unwrap();
    let goal = house.over(id).await;
    assert_eq!(
        (goal.state, goal.result.as_deref(), house.questions()),
        (GoalState::Unconfirmed, Some("Blue it is."), 0)
    );
    assert!(house.told().contains("Blue, please"), "{}", house.told());
    let answered = house.receipts("ask_human", Phase::Outcome);
    assert_eq!(answered[0].body.as_ref().unwrap().data["by"], "ada");
    let again = house.company.answer_goal(id, "Red".into(), &house.by()).await;
    assert!(matches!(again, Err(CommandError::Conflict(_))), "{again:?}");
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_expires_and_the_model_is_told() {
    let house = House::open(asks_then_answers).await;
    let bo = house.hire("bo", None).await;
    let id = house.give(bo, "Choose a colour.").await;
    house.parked(id, ParkedOn::Answer).await;
    tokio::time::advance(Duration::from_secs(30 * 60)).await;
    settle().await;
    assert_eq!(house.goal(id).parked_on, Some(ParkedOn::Answer));
    let goal = house.over(id).await;
    assert_eq!((goal.state, house.questions()), (GoalState::Unconfirmed, 0));
    assert!(house.told().contains("nobody answered within 60 minutes"), "{}", house.told());
    house.ends().await;
}

fn hands_on(task: &str, thoughts: usize) -> Thought {
    match (task, thoughts) {
        ("Ask bo.", 0) => calls(give("bo", "Count to three.")),
        ("Ask bob.", 0) => calls(give("bob", "Count to three.")),
        ("Count to three.", _) => says("One, two, three."),
        ("Wait for bo.", 0) => calls(give("bo", "hang")),
        ("Back to ann.", 0) => calls(give("bo", "Give it back.")),
        ("Give it back.", 0) => calls(give("ann", "Do it yourself.")),
        _ => says("That is all."),
    }
}

#[tokio::test(start_paused = true)]
async fn a_manager_gives_work_away_waits_without_a_slice_and_pays() {
    let house = House::open(hands_on).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let bo = house.hire("bo", None).await;
    let id = house.give(ann, "Ask bo.").await;
    let goal = house.over(id).await;
    assert_eq!(goal.state, GoalState::Unconfirmed, "{:?}", goal.last_error);
    assert!(house.told().contains("One, two, three."), "{}", house.told());
    assert!(!house.told().contains("did not reach it"), "an answer is one, though nothing proves it: {}", house.told());
    let child = house.test.store.goals().into_iter().find(|goal| goal.persona == bo).unwrap();
    assert_eq!((child.state, child.created_by.as_str()), (GoalState::Unconfirmed, "ada"));
    let spent = async |scope| {
        let span = BudgetSpan { scope, from_ms: 0, until_ms: i64::MAX };
        house.test.store.totals(&span).await.unwrap().spent.micro_usd
    };
    assert_eq!(spent(BudgetScope::Persona(bo)).await, 0, "who was asked pays nothing");
    assert_eq!(spent(BudgetScope::Persona(ann)).await, 3 * COST);
    let asked = house.receipts("delegate", Phase::Decision);
    assert_eq!((asked.len(), house.receipts("delegate", Phase::Outcome).len()), (1, 1));
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn who_may_not_give_work_away_is_told_why_and_nobody_waits_in_a_circle() {
    let house = House::open(hands_on).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let bo = house.hire("bo", None).await;
    house.over(house.give(ann, "Ask bob.").await).await;
    assert!(house.told().contains("there is no persona `bob`; nearest: bo"), "{}", house.told());
    house.over(house.give(bo, "Ask bo.").await).await;
    assert!(house.told().contains("greenroom tool grant bo delegate"), "{}", house.told());
    assert_eq!(house.receipts("delegate", Phase::Denied).len(), 1);
    let change = GrantChange { grant: vec!["delegate".into()], ..GrantChange::default() };
    house.company.grant_tools(bo, change, &house.by()).await.unwrap();
    house.over(house.give(ann, "Back to ann.").await).await;
    let said: Vec<Value> = house.test.performer.calls().iter().map(|call| call.args.clone()).collect();
    assert!(said.iter().any(|args| args.to_string().contains("waits for this very work already")));
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_given_away_is_cancelled_with_what_waits_for_it() {
    let house = House::open(hands_on).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let bo = house.hire("bo", None).await;
    let id = house.give(ann, "Wait for bo.").await;
    until(|| house.goal(id).parked_on == Some(ParkedOn::Dependency)).await;
    let child = house.test.store.goals().into_iter().find(|goal| goal.persona == bo).unwrap().id;
    until(|| house.goal(child).state == GoalState::Running).await;
    house.company.cancel_goal(id, &house.by()).await.unwrap();
    assert_eq!((house.goal(id).state, house.goal(child).state), (GoalState::Cancelled, GoalState::Cancelled));
    until(|| house.company.figures().active_personas == 0).await;
    house.ends().await;
}

fn asks_between(_task: &str, thoughts: usize) -> Thought {
    match thoughts {
        0 => calls(write()),
        1 => calls(ask()),
        2 => calls(write()),
        _ => says("That is all."),
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_is_revoked_is_denied_at_the_next_step_of_a_run_under_way() {
    let house = House::open(asks_between).await;
    let bo = house.hire("bo", None).await;
    let id = house.give(bo, "Write it.").await;
    house.parked(id, ParkedOn::Answer).await;
    assert_eq!(house.receipts("file_write", Phase::Outcome).len(), 1);
    let change = GrantChange { revoke: vec!["files".into()], ..GrantChange::default() };
    house.company.grant_tools(bo, change, &house.by()).await.unwrap();
    house.company.answer_goal(id, "Go on".into(), &house.by()).await.unwrap();
    house.over(id).await;
    let denied = house.receipts("file_write", Phase::Denied);
    assert_eq!((denied.len(), house.receipts("file_write", Phase::Outcome).len()), (1, 1));
    let why = denied[0].body.as_ref().unwrap().error.clone().unwrap();
    assert!(why.contains("greenroom tool grant bo file_write"), "{why}");
    house.ends().await;
}

fn plans_ahead(task: &str, thoughts: usize) -> Thought {
    match (task, thoughts) {
        ("Later.", 0) => calls(Step::Schedule { task: "Look again.".into(), in_minutes: Some(120), cron: None }),
        _ => says("That is all."),
    }
}

#[tokio::test(start_paused = true)]
async fn a_goal_for_later_is_begun_then_and_given_once() {
    let house = House::open(plans_ahead).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let begun_ms = house.test.world.now_ms();
    house.over(house.give(ann, "Later.").await).await;
    let later = |goal: &Goal| matches!(&goal.payload, Payload::Agent(agent) if agent.task == "Look again.");
    let goals: Vec<Goal> = house.test.store.goals().into_iter().filter(later).collect();
    assert_eq!((goals.len(), goals[0].state), (1, GoalState::Pending));
    assert!(goals[0].due_ms.unwrap() >= begun_ms + 120 * 60_000);
    assert_eq!(house.over(goals[0].id).await.state, GoalState::Unconfirmed);
    house.ends().await;
}

/// Rules per tool hold for work that is given away as for any other call.
#[tokio::test(start_paused = true)]
async fn a_rule_keeps_from_giving_work() {
    let house = House::open(hands_on).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    house.hire("bo", None).await;
    rules(&house, ann, "delegate", Ruling::Deny).await;
    house.over(house.give(ann, "Ask bo.").await).await;
    let denied = house.receipts("delegate", Phase::Denied);
    assert_eq!((denied.len(), house.test.store.goals().len()), (1, 1), "nothing was given");
    assert!(house.told().contains("a rule of the persona says: deny delegate"), "{}", house.told());
    house.ends().await;
}

/// A yes to giving work is durable, used once, and outlives a restart; what was given under it is one goal.
#[tokio::test(start_paused = true)]
async fn a_rule_asks_before_work_is_given() {
    for (tool, task, model) in
        [("delegate", "Ask bo.", hands_on as Model), ("schedule", "Later.", plans_ahead as Model)]
    {
        let house = House::open(model).await;
        let ann = house.hire("ann", Some(Role::Manager)).await;
        house.hire("bo", None).await;
        rules(&house, ann, tool, Ruling::Ask).await;
        let goal = house.give(ann, task).await;
        house.parked(goal, ParkedOn::Approval).await;
        assert_eq!(house.test.store.goals().len(), 1, "{tool}");
        let house = house.restarted().await;
        let asked = house.test.store.approvals().remove(0);
        assert_eq!((asked.tool.as_str(), asked.state), (tool, ApprovalState::Waiting));
        house.company.decide_approval(asked.id, true, String::new(), &house.by()).await.unwrap();
        assert_eq!(house.over(goal).await.state, GoalState::Unconfirmed);
        assert_eq!((house.test.store.goals().len(), house.test.store.approvals().len()), (2, 1), "{tool}");
        assert_eq!(house.test.store.approvals()[0].state, ApprovalState::Used, "{tool}");
        house.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_no_to_giving_work_is_told_to_the_model() {
    let house = House::open(plans_ahead).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    rules(&house, ann, "schedule", Ruling::Ask).await;
    let goal = house.give(ann, "Later.").await;
    house.parked(goal, ParkedOn::Approval).await;
    let asked = house.test.store.approvals().remove(0);
    house.company.decide_approval(asked.id, false, "too early".into(), &house.by()).await.unwrap();
    house.over(goal).await;
    assert!(house.told().contains("ada said no: too early"), "{}", house.told());
    assert_eq!(house.test.store.goals().len(), 1);
    house.ends().await;
}

/// What a tool of a persona that works by itself is asked about.
async fn rules(house: &House, persona: PersonaId, tool: &str, say: Ruling) {
    let rules = vec![Rule { tool: Some(tool.to_owned()), host: None, say }];
    let permissions = Some(Permissions { autonomy: Autonomy::Full, rules });
    let patch = PersonaPatch { permissions, ..PersonaPatch::default() };
    house.company.update_persona(persona, 1, patch, &house.by()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_goal_names_an_agent_that_is_there_and_is_worked_at_in_its_manner() {
    let house = House::open(|_, _| says("That is all.")).await;
    let bo = house.hire("bo", None).await;
    let agent = Agent {
        name: "researcher".parse().unwrap(),
        instructions: "Look twice.".into(),
        model: Some("careful".into()),
        tools: vec!["browser_navigate".into()],
    };
    let patch = PersonaPatch { agents: Some(vec![agent]), ..PersonaPatch::default() };
    house.company.update_persona(bo, 1, patch, &house.by()).await.unwrap();
    let named = |name: &str| AgentPayload { agent: Some(name.into()), ..AgentPayload::new("Look.") };
    let unknown = house.try_give(bo, named("resarcher")).await.unwrap_err().to_string();
    assert!(unknown.contains("nearest: researcher"), "{unknown}");
    let nothing = AgentPayload { tools: vec!["file_write".into()], ..named("researcher") };
    assert!(house.try_give(bo, nothing).await.unwrap_err().to_string().contains("payload.tools"));
    let id = house.try_give(bo, named("researcher")).await.unwrap();
    assert_eq!(house.over(id).await.state, GoalState::Unconfirmed);
    let asked = house.test.performer.calls().into_iter().find(|call| call.tool == "think").unwrap().args;
    assert_eq!((&asked["instructions"], &asked["model"]), (&json!("Look twice."), &json!("careful")));
    assert_eq!(asked["tools"], json!(["browser_navigate"]));
    house.ends().await;
}

fn plans_for_another(task: &str, thoughts: usize) -> Thought {
    match (task, thoughts) {
        ("Ask bo to plan.", 0) => calls(give("bo", "Later.")),
        _ => plans_ahead(task, thoughts),
    }
}

#[tokio::test(start_paused = true)]
async fn a_goal_for_later_is_bound_as_the_goal_that_gave_it_and_the_same_one_pays() {
    let house = House::open(plans_for_another).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let bo = house.hire("bo", Some(Role::Manager)).await;
    let agent = Agent {
        name: "planner".parse().unwrap(),
        instructions: "Look twice.".into(),
        model: None,
        tools: vec!["browser_navigate".into(), "schedule".into()],
    };
    let patch = PersonaPatch { agents: Some(vec![agent]), ..PersonaPatch::default() };
    house.company.update_persona(ann, 1, patch, &house.by()).await.unwrap();
    let bound = AgentPayload {
        tools: vec!["schedule".into()],
        agent: Some("planner".into()),
        model: Some("careful".into()),
        max_steps: 5,
        max_minutes: 7,
        ..AgentPayload::new("Later.")
    };
    house.over(house.try_give(ann, bound.clone()).await.unwrap()).await;
    house.over(house.give(ann, "Ask bo to plan.").await).await;
    let later = |persona: PersonaId| {
        let goals = house.test.store.goals().into_iter().filter(|goal| goal.persona == persona);
        let payloads = goals.filter_map(|goal| match goal.payload {
            Payload::Agent(agent) if agent.task == "Look again." => Some(*agent),
            _ => None,
        });
        payloads.collect::<Vec<_>>()
    };
    assert_eq!(later(ann), [AgentPayload { task: "Look again.".into(), ..bound }]);
    let [planned] = &later(bo)[..] else { panic!("bo planned nothing") };
    assert_eq!(planned.delegated.as_ref().map(|delegated| delegated.payer), Some(ann), "it is still ann's work");
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn work_that_waits_for_the_budget_of_who_gave_it_goes_on_when_that_is_raised() {
    let house = House::open(hands_on).await;
    let ann = house.hire("ann", Some(Role::Manager)).await;
    let bo = house.hire("bo", None).await;
    let day = |hard| vec![Budget { period: BudgetPeriod::Day, unit: BudgetUnit::MicroUsd, soft: None, hard }];
    house.company.set_budgets(BudgetScope::Persona(ann), 0, day(120), &house.by()).await.unwrap();
    let id = house.give(ann, "Ask bo.").await;
    house.parked(id, ParkedOn::Dependency).await;
    let child = house.test.store.goals().into_iter().find(|goal| goal.persona == bo).unwrap().id;
    house.parked(child, ParkedOn::Budget).await;
    let raised_ms = house.test.world.now_ms();
    house.company.set_budgets(BudgetScope::Persona(bo), 0, day(5_000), &house.by()).await.unwrap();
    settle().await;
    assert_eq!(house.goal(child).parked_on, Some(ParkedOn::Budget), "it is not bo who pays");
    house.company.set_budgets(BudgetScope::Persona(ann), 1, day(10_000), &house.by()).await.unwrap();
    assert_eq!(house.over(id).await.state, GoalState::Unconfirmed);
    assert!(house.test.world.now_ms() - raised_ms < 60_000, "it did not wait for the next day");
    house.ends().await;
}
