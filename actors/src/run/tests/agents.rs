//! Agents: a scripted model chooses, the runtime does, observes and holds the answer against what it saw.

use std::sync::Arc;

use serde_json::{Value, json};

use super::board::{Board, OWN_WORDS, SITE, When, mine};
use crate::{
    domain::{
        AgentPayload, ArtifactKind, Assertion, Autonomy, ChatAnswer, Choice, Chosen, Effect, Finish, Fork, GoalId,
        GoalState, GrantChange, Payload, Persona, Phase, Proof, Receipt, Step, StepError, Thought, ToolCall,
    },
    run::RunEnd,
};

pub(super) fn agent() -> Payload {
    Payload::Agent(Box::new(submits_a_proposal()))
}

pub(super) fn submits_a_proposal() -> AgentPayload {
    AgentPayload {
        task: "Submit a proposal. Reference: {{idempotency_key}}".into(),
        max_steps: 100,
        max_minutes: 30,
        model: None,
        tools: vec![],
        secrets: Default::default(),
        agent: None,
        delegated: None,
        fork: None,
    }
}

pub(super) fn calls(steps: Vec<Step>) -> Thought {
    let chosen = steps.into_iter().enumerate().map(|(n, step)| Chosen {
        call: ToolCall { id: format!("c{n}"), name: step.tool().into(), arguments: "{}".into() },
        what: Choice::Step(Box::new(step)),
    });
    let chosen: Vec<_> = chosen.collect();
    let calls = chosen.iter().map(|chosen| chosen.call.clone()).collect();
    Thought { answer: ChatAnswer { text: String::new(), calls, finish: Finish::Calls }, chosen }
}

pub(super) fn says(text: &str) -> Thought {
    Thought { answer: ChatAnswer { text: text.into(), calls: vec![], finish: Finish::Stop }, chosen: vec![] }
}

pub(super) fn goto(path: &str) -> Step {
    Step::Goto { url: format!("{SITE}/{path}"), timeout_ms: None }
}

pub(super) fn click() -> Step {
    Step::Click { selector: "#send".into(), effect: None, timeout_ms: None }
}

pub(super) fn title() -> Step {
    Step::ExpectTitle { contains: "Proposal submitted".into(), timeout_ms: None }
}

/// Opens the form, fills and sends it, looks, says so.
pub(super) fn submits() -> Vec<Thought> {
    let fill = Step::Type { selector: "#text".into(), text: OWN_WORDS.into(), timeout_ms: None };
    vec![calls(vec![goto("form"), fill]), calls(vec![click()]), calls(vec![title()]), says("I submitted the proposal.")]
}

fn own_words(goal: GoalId) -> String {
    OWN_WORDS.replace("{{idempotency_key}}", &goal.to_string())
}

pub(super) fn shown() -> Proof {
    Proof { assertions: vec![Assertion::TitleContains("Proposal submitted".into())], ..Proof::default() }
}

impl Board {
    pub(super) fn agent(&self, thoughts: Vec<Thought>, proof: Proof) -> GoalId {
        self.world.lock().unwrap().thoughts = thoughts;
        self.give_payload(agent(), proof)
    }

    pub(super) fn receipts(&self, tool: &str, phase: Phase) -> Vec<Receipt> {
        let fits = |receipt: &Receipt| receipt.tool.as_deref() == Some(tool) && receipt.phase == Some(phase);
        self.ports.store.receipts().into_iter().filter(fits).collect()
    }

    /// As an operator does.
    pub(super) fn grant(&mut self, tools: &str) {
        let change = GrantChange { grant: vec![tools.to_owned()], ..GrantChange::default() };
        let grants = self.persona.grants.with(&change).unwrap();
        self.persona = Arc::new(Persona { grants, ..(*self.persona).clone() });
    }

    /// What was sent, and how often the way into the form was pressed.
    fn seen(&self) -> (Vec<String>, usize) {
        let world = self.world.lock().unwrap();
        (world.sent.clone(), world.entered)
    }

    /// What the model was told last.
    pub(super) fn told(&self) -> String {
        let world = self.world.lock().unwrap();
        world.asked.last().map(Value::to_string).unwrap_or_default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_reaches_its_goal_and_its_answer_holds() {
    let board = Board::open(1_000_000).await;
    let id = board.agent(submits(), shown());
    assert!(matches!(board.carry(id).await, RunEnd::Over { .. }));
    let goal = board.goal(id);
    assert_eq!((goal.state, goal.result.as_deref()), (GoalState::Done, Some("I submitted the proposal.")));
    assert_eq!(board.submissions(), 1);
    assert_eq!(board.receipts("think", Phase::Outcome).len(), 4);
    let told = board.told();
    let task = format!("Submit a proposal. Reference: {id}\"");
    assert!(told.contains(&task) && told.contains("title holds"), "{told}");
    let end = board.ports.store.receipts().into_iter().rfind(|receipt| receipt.phase == Some(Phase::Decision)).unwrap();
    let lines = end.body.unwrap().data["proofs"].to_string();
    assert!(lines.contains("says “I submitted the proposal") && !lines.contains("false"), "{lines}");
}

#[tokio::test(start_paused = true)]
async fn what_it_says_it_did_must_be_in_the_receipts() {
    for lie in [
        "I have submitted the proposal.",
        "Done: I posted it and saved notes.md",
        "I opened the form",
        "I posted the gif to the casino board out of goodwill",
    ] {
        let board = Board::open(1_000_000).await;
        let id = board.agent(vec![says(lie)], Proof::default());
        board.carry(id).await;
        let goal = board.goal(id);
        assert_eq!(goal.state, GoalState::Unconfirmed, "{lie}");
        assert!(goal.last_error.unwrap().contains("not shown by any receipt: says “"), "{lie}");
    }
    for truth in
        ["I could not submit the proposal: the site asks for a login.", "It wasn’t posted.", "I haven't sent it"]
    {
        let board = Board::open(1_000_000).await;
        let id = board.agent(vec![says(truth)], Proof::default());
        board.carry(id).await;
        let goal = board.goal(id);
        assert_eq!((goal.state, goal.result.as_deref()), (GoalState::Unconfirmed, Some(truth)));
        assert!(goal.last_error.unwrap().starts_with("answered; nothing was proven"), "it claims nothing: {truth}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_says_holds_when_a_tool_or_a_request_did_it() {
    let fetch = |post: Option<&str>| Step::Fetch {
        url: format!("{SITE}/updates"),
        post: post.map(str::to_owned),
        content_type: None,
        save_as: None,
    };
    let pdf = |effect| Step::Tool {
        name: "make_pdf".into(),
        args: serde_json::Map::new(),
        effect,
        outreach: false,
        save_as: None,
        timeout_ms: None,
    };
    for (step, says_so, holds) in [
        (fetch(Some("{}")), "I posted the update.", true),
        (fetch(None), "I posted the update.", false),
        (fetch(None), "I opened the list of updates.", false),
        (pdf(Effect::Irreversible), "I sent the invoice.", true),
        (pdf(Effect::Read), "I sent the invoice.", false),
        (pdf(Effect::Read), "I created invoice.pdf for you.", true),
        (pdf(Effect::Read), "I created other.pdf for you.", false),
    ] {
        let mut board = Board::open(1_000_000).await;
        board.allow_only(Autonomy::Full, Vec::new());
        board.grant("network");
        let id = board.agent(vec![calls(vec![step.clone()]), says(says_so)], Proof::default());
        board.carry(id).await;
        let state = if holds { GoalState::Done } else { GoalState::Unconfirmed };
        assert_eq!(board.goal(id).state, state, "{says_so} {step:?}: {:?}", board.goal(id).last_error);
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_is_told_what_failed_and_goes_on() {
    let board = Board::open(1_000_000).await;
    let refused = Thought {
        chosen: vec![Chosen {
            call: ToolCall { id: "c0".into(), name: "browser_fly".into(), arguments: "{".into() },
            what: Choice::Refused("there is no tool `browser_fly`".into()),
        }],
        ..says("")
    };
    let mut thoughts = vec![refused, calls(vec![title()])];
    thoughts.extend(submits());
    let id = board.agent(thoughts, shown());
    board.carry(id).await;
    assert_eq!(board.goal(id).state, GoalState::Done);
    let told = board.told();
    assert!(told.contains("there is no tool") && told.contains("no page is open"), "{told}");
}

/// Presses its way into the form, fills it in two goes, and sends it, all in one answer.
pub(super) fn enters_and_submits() -> Vec<Thought> {
    let at = |selector: &str| Step::Click { selector: selector.into(), effect: None, timeout_ms: None };
    let fill = |text: &str| Step::Type { selector: "#text".into(), text: text.into(), timeout_ms: None };
    let own = OWN_WORDS.strip_prefix("my ").unwrap();
    let all = vec![goto("jobs"), at("#enter"), fill("my "), fill(own), at("#send"), title()];
    vec![calls(all), says("I submitted the proposal.")]
}

/// Dies at every call, before and behind its effect, and goes on; what a person must settle is left at that.
async fn killed_everywhere(script: fn() -> Vec<Thought>) {
    let clean = Board::open(1_000_000).await;
    let wanted = Proof { read_back: Some(mine()), ..Proof::default() };
    let id = clean.agent(script(), wanted.clone());
    clean.carry(id).await;
    assert_eq!(clean.goal(id).state, GoalState::Done, "{:?}", clean.goal(id).last_error);
    let thoughts = clean.receipts("think", Phase::Outcome).len();
    for at in 0..clean.calls_made() {
        for when in [When::Before, When::After] {
            let board = Board::open(1_000_000).await;
            let id = board.agent(script(), wanted.clone());
            board.world.lock().unwrap().crash_at = Some((at, when));
            let run = board.begin(id).await;
            board.ports.performer.called(at + 1).await;
            let dies_at = board.ports.performer.calls().last().map(|call| call.effect);
            board.crash(run).await;
            let mut end = board.carry(id).await;
            if let RunEnd::Later { due_ms: None } = end {
                assert_eq!(dies_at, Some(Effect::Irreversible), "{at} {when:?}: a person is asked about nothing else");
                assert_eq!(board.submissions(), 0, "what happened is found by read-back");
                continue;
            }
            if let RunEnd::Later { .. } = end {
                end = board.carry(id).await;
            }
            assert!(matches!(end, RunEnd::Over { .. }), "{at} {when:?}: {end:?}");
            let goal = board.goal(id);
            assert_eq!(goal.state, GoalState::Done, "{at} {when:?}: {:?}", goal.last_error);
            let (sent, entered) = board.seen();
            assert_eq!(sent, [own_words(id)], "{at} {when:?}: once, with all that was typed");
            assert!(entered <= 1, "{at} {when:?}: what is done is not done again");
            let asked = board.receipts("think", Phase::Outcome).len();
            assert_eq!(asked, thoughts, "{at} {when:?}: no answer on record is asked for again");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_every_call_it_goes_on_from_there() {
    killed_everywhere(submits).await;
}

#[tokio::test(start_paused = true)]
async fn killed_in_the_middle_of_a_form_behind_a_click_it_opens_it_anew_and_fills_it_again() {
    killed_everywhere(enters_and_submits).await;
}

/// What cannot be built up again the model is told, and it looks again.
#[tokio::test(start_paused = true)]
async fn who_cannot_have_its_page_back_is_told_and_decides() {
    let board = Board::open(1_000_000).await;
    let mut thoughts = enters_and_submits();
    let fill = Step::Type { selector: "#text".into(), text: OWN_WORDS.into(), timeout_ms: None };
    thoughts.insert(1, calls(vec![goto("form"), fill, click(), title()]));
    let id = board.agent(thoughts, shown());
    board.world.lock().unwrap().crash_at = Some((4, When::Before));
    let run = board.begin(id).await;
    board.ports.performer.called(5).await;
    board.crash(run).await;
    board.world.lock().unwrap().failing = Some(("browser_navigate", 1));
    board.carry(id).await;
    assert_eq!(board.goal(id).state, GoalState::Done, "{:?}", board.goal(id).last_error);
    assert_eq!(board.seen(), (vec![own_words(id)], 1));
    let asked = board.world.lock().unwrap().asked[1].to_string();
    assert!(asked.contains("interrupted") && asked.contains("an earlier call of the same answer failed"), "{asked}");
}

/// A run that stands on another one's record has no page until it needs one.
#[tokio::test(start_paused = true)]
async fn a_fork_from_the_middle_of_a_form_has_the_page_as_it_was_there() {
    let board = Board::open(1_000_000).await;
    let goal = board.agent(submits(), shown());
    board.world.lock().unwrap().fail_thought = Some(1);
    board.carry(goal).await;
    let run = board.ports.store.runs()[0].id;
    board.world.lock().unwrap().fail_thought = None;
    let agent = AgentPayload { fork: Some(Fork { run, from: 3 }), ..submits_a_proposal() };
    let forked = board.give_payload(Payload::Agent(Box::new(agent)), shown());
    board.carry(forked).await;
    assert_eq!(board.goal(forked).state, GoalState::Done, "{:?}", board.goal(forked).last_error);
    assert_eq!(board.seen().0, [own_words(goal)]);
}

/// A thought, as the performer would bring it; the goal's key it read in its task.
pub(super) fn outcome(thought: &Thought, goal: GoalId) -> crate::domain::Outcome {
    let text = serde_json::to_string(thought).unwrap().replace("{{idempotency_key}}", &goal.to_string());
    let bytes = text.into_bytes();
    let kept = crate::domain::NewArtifact {
        kind: ArtifactKind::Text,
        name: Thought::FILE.into(),
        media_type: "application/json",
        bytes,
    };
    crate::domain::Outcome::done("thought", json!({"model": "scripted"})).with_artifact(kept)
}

/// The model is busy.
pub(super) fn busy() -> crate::domain::Outcome {
    crate::domain::Outcome::not_begun("was not asked", StepError::retryable("the model is busy"))
}
