//! Agents that come no further: the same call again and again, too many steps, too many minutes.

use super::{
    agents::{calls, goto, says, shown, submits_a_proposal},
    board::Board,
};
use crate::{
    domain::{
        AgentPayload, ChatAnswer, Choice, Chosen, Finish, GoalId, GoalState, Payload, Phase, Proof, Step, Thought,
        ToolCall,
    },
    run::RunEnd,
};

/// The model wants a tool that is not there, with these arguments.
fn unknown(arguments: &str) -> Thought {
    let call = ToolCall { id: "c0".into(), name: "browser_fly".into(), arguments: arguments.into() };
    let chosen = vec![Chosen { call: call.clone(), what: Choice::Refused("there is no tool `browser_fly`".into()) }];
    Thought { answer: ChatAnswer { text: String::new(), calls: vec![call], finish: Finish::Calls }, chosen }
}

fn press(selector: &str) -> Step {
    Step::Click { selector: selector.into(), effect: None, timeout_ms: None }
}

/// Carried to its end, and what its last error says.
async fn ended(thoughts: Vec<Thought>) -> (Board, String) {
    let board = Board::open(1_000_000).await;
    let id = board.agent(thoughts, shown());
    board.carry(id).await;
    let goal = board.goal(id);
    assert_eq!(goal.state, GoalState::Failed, "{:?}", goal.last_error);
    (board, goal.last_error.unwrap())
}

async fn is_no_circle(mut thoughts: Vec<Thought>) {
    let board = Board::open(1_000_000).await;
    thoughts.push(says("There is nothing to it."));
    let id = board.agent(thoughts, Proof::default());
    board.carry(id).await;
    assert_eq!(board.goal(id).state, GoalState::Unconfirmed, "{:?}", board.goal(id).last_error);
    assert!(!board.told().contains("this very call"), "{}", board.told());
}

#[tokio::test(start_paused = true)]
async fn who_wants_the_same_for_ever_is_told_and_then_stopped() {
    let (board, error) = ended((0..8).map(|_| calls(vec![goto("form")])).collect()).await;
    assert!(error.contains("the same call 5 times"), "{error}");
    assert_eq!(board.receipts("browser_navigate", Phase::Outcome).len(), 4);
    assert!(board.told().contains("this very call several times"));
    let told = board.world.lock().unwrap().asked[2].to_string();
    assert!(!told.contains("this very call"), "only from the third on: {told}");
}

#[tokio::test(start_paused = true)]
async fn all_in_one_answer_is_no_way_around_it() {
    let (board, error) = ended(vec![calls(vec![goto("form"); 8])]).await;
    assert!(error.contains("the same call 5 times"), "{error}");
    assert_eq!(board.receipts("browser_navigate", Phase::Outcome).len(), 4);
}

/// Failed: no page is open. Refused: there is no such tool, however its arguments are written.
#[tokio::test(start_paused = true)]
async fn what_failed_or_was_refused_is_counted_too() {
    let (board, error) = ended((0..8).map(|_| calls(vec![Step::Snapshot {}])).collect()).await;
    assert!(error.contains("the same call 5 times") && error.contains("browser_snapshot"), "{error}");
    assert_eq!(board.receipts("browser_snapshot", Phase::Outcome).len(), 4);
    assert!(board.told().contains("this very call several times"));

    let written = [r#"{"to":"x","by":1}"#, r#"{ "by": 1, "to": "x" }"#];
    let (board, error) = ended((0..8).map(|n| unknown(written[n % 2])).collect()).await;
    assert!(error.contains("the same call 5 times") && error.contains("browser_fly"), "{error}");
    assert_eq!(board.receipts("think", Phase::Outcome).len(), 5, "it is not asked again behind the fifth");
    assert!(board.told().contains("this very call several times"));
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_turns_and_lead_nowhere_are_a_circle() {
    let turns = (0..12).map(|n| calls(vec![goto(if n % 2 == 0 { "form" } else { "jobs" })]));
    let (board, error) = ended(turns.collect()).await;
    assert!(error.contains("the same call 5 times"), "{error}");
    assert_eq!(board.receipts("browser_navigate", Phase::Outcome).len(), 9);
    let failing = (0..12).map(|n| calls(vec![goto("form"), press(&format!("#nowhere-{}", n % 2)), Step::Snapshot {}]));
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().failing = Some(("browser_click", 99));
    let id = board.agent(failing.collect(), shown());
    board.carry(id).await;
    assert!(board.goal(id).last_error.unwrap().contains("the same call 5 times"));
}

#[tokio::test(start_paused = true)]
async fn a_look_behind_each_new_deed_is_no_circle() {
    is_no_circle((0..20).map(|n| calls(vec![goto(&n.to_string()), Step::Snapshot {}])).collect()).await;
    let fill = |n: usize| Step::Type { selector: format!("#f{n}"), text: "x".into(), timeout_ms: None };
    let mut form = vec![calls(vec![goto("form"), Step::Snapshot {}])];
    form.extend((0..20).map(|n| calls(vec![fill(n), Step::Snapshot {}])));
    is_no_circle(form).await;
}

/// The first of `many` calls of one answer; with this payload.
async fn carried(payload: AgentPayload, thoughts: Vec<Thought>, slow: Option<&'static str>) -> (Board, GoalId) {
    let board = Board::open(1_000_000).await;
    {
        let mut world = board.world.lock().unwrap();
        (world.thoughts, world.slow) = (thoughts, slow);
    }
    let id = board.give_payload(Payload::Agent(Box::new(payload)), Proof::default());
    assert!(matches!(board.carry(id).await, RunEnd::Over { .. }));
    (board, id)
}

#[tokio::test(start_paused = true)]
async fn calls_are_steps_too_and_the_last_one_is_the_answer() {
    let many = calls((0..50).map(|n| goto(&n.to_string())).collect());
    let bounded = AgentPayload { max_steps: 10, ..submits_a_proposal() };
    let (board, id) = carried(bounded.clone(), vec![many.clone(), says("I gave up.")], None).await;
    assert_eq!(board.goal(id).state, GoalState::Unconfirmed, "{:?}", board.goal(id).last_error);
    assert_eq!(board.receipts("browser_navigate", Phase::Outcome).len(), 8);
    assert_eq!(board.receipts("think", Phase::Outcome).len(), 2);
    let told = board.told();
    assert!(told.contains("no step left for it") && told.contains("Answer now"), "{told}");

    let (board, id) = carried(bounded, vec![many.clone(), many], None).await;
    assert_eq!(board.receipts("browser_navigate", Phase::Outcome).len(), 8, "behind the last nothing is begun");
    let error = board.goal(id).last_error.unwrap();
    assert!(error.contains("within 10 steps"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_never_stops_is_made_to_answer() {
    let thoughts = (0..8).map(|n| calls(vec![goto(&n.to_string())])).collect();
    let (board, id) = carried(AgentPayload { max_steps: 9, ..submits_a_proposal() }, thoughts, None).await;
    assert!(board.told().contains("Answer now"), "the ninth step is the last");
    let error = board.goal(id).last_error.unwrap();
    assert!(error.contains("within 9 steps"), "{error}");
    assert_eq!(board.receipts("browser_navigate", Phase::Outcome).len(), 4);
}

/// Every call takes a second.
#[tokio::test(start_paused = true)]
async fn when_its_time_is_up_no_call_is_begun() {
    let many = |from: usize| calls((from..from + 90).map(|n| goto(&n.to_string())).collect());
    let bounded = AgentPayload { max_steps: 500, max_minutes: 1, ..submits_a_proposal() };
    let (board, id) = carried(bounded.clone(), vec![many(0), says("I gave up.")], Some("browser_navigate")).await;
    assert_eq!(board.goal(id).state, GoalState::Unconfirmed, "{:?}", board.goal(id).last_error);
    assert_eq!(board.receipts("browser_navigate", Phase::Outcome).len(), 60);
    assert_eq!(board.receipts("browser_navigate", Phase::Skipped).len(), 30);
    let told = board.told();
    assert!(told.contains("there is no time left for it") && told.contains("Answer now"), "{told}");

    let (board, id) = carried(bounded, vec![many(0), many(100), says("Late.")], Some("browser_navigate")).await;
    let error = board.goal(id).last_error.unwrap();
    assert!(error.contains("within 1 minutes"), "{error}");
    assert_eq!(board.receipts("browser_navigate", Phase::Outcome).len(), 60);
}
