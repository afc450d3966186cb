//! Agents in trouble: a thought that fails, a budget that ends, a call that fails in the middle of an answer.

use super::{
    agents::{calls, click, goto, says, shown, submits},
    board::{Board, When},
    budgets::{DAY, WORST},
};
use crate::{
    domain::{ChatAnswer, Finish, GoalId, GoalState, MessageState, ParkedOn, Phase, Proof, RunState, Step, Thought},
    ports::{Change, Commit, GoalMove},
    run::{
        History, RunEnd, Steps,
        resume::{Decision, Walk},
    },
};

fn fill(selector: &str) -> Step {
    Step::Type { selector: selector.into(), text: "my words".into(), timeout_ms: None }
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_a_budget_asks_what_it_could_not_ask() {
    let board = Board::open(1_000_000).await;
    board.ports.performer.bound_by(|call| Ok((call.tool == "think").then_some(WORST)));
    board.allow(board.mine(), None, WORST.micro_usd);
    let id = board.agent(submits(), shown());
    let mut days = 0;
    while let RunEnd::Later { due_ms: Some(_) } = board.carry(id).await {
        let goal = board.goal(id);
        assert_eq!((goal.parked_on, goal.attempts), (Some(ParkedOn::Budget), 1));
        days += 1;
        tokio::time::advance(DAY).await;
    }
    let goal = board.goal(id);
    assert_eq!((days, goal.state), (3, GoalState::Done), "{:?}", goal.last_error);
    assert_eq!((board.submissions(), board.ports.store.runs().len()), (1, 1));
    assert!(!board.told().contains("Answer now"), "the days without money are not its own: {}", board.told());
    let intent = board.receipts("think", Phase::Intent).pop().and_then(|intent| intent.body).unwrap();
    assert_eq!(intent.data["args"]["turns"].as_u64(), Some(8), "the talk stands in an artifact: {}", intent.data);
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_had_no_room_is_carried_out_when_there_is_some() {
    let board = Board::open(1_000_000).await;
    board.ports.performer.bound_by(|call| Ok(matches!(&*call.tool, "compose" | "browser_click").then_some(WORST)));
    board.allow(board.mine(), None, WORST.micro_usd);
    board.carry(board.text()).await;
    let id = board.agent(submits(), shown());
    assert!(matches!(board.carry(id).await, RunEnd::Later { due_ms: Some(_) }));
    assert_eq!(board.submissions(), 0);
    tokio::time::advance(DAY).await;
    board.carry(id).await;
    let goal = board.goal(id);
    assert_eq!((goal.state, board.submissions()), (GoalState::Done, 1), "{:?}", goal.last_error);
}

#[tokio::test(start_paused = true)]
async fn a_thought_that_failed_right_before_a_crash_is_asked_for_again() {
    let board = Board::open(1_000_000).await;
    let id = board.agent(submits(), shown());
    board.world.lock().unwrap().fail_thought = Some(0);
    board.carry(id).await;
    let mut receipts = board.ports.store.receipts();
    assert_eq!(receipts.pop().and_then(|last| last.phase), Some(Phase::Decision), "the end of the attempt was lost");
    let (history, run) = (History::new(receipts), board.ports.store.runs()[0].id);
    let steps = Steps::of(&board.goal(id), &history, run);
    assert_eq!(Walk::new(steps, &history, run).decide(0, &history), Decision::Perform);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_behind_a_call_of_the_same_answer_that_failed() {
    let board = Board::open(1_000_000).await;
    let half = calls(vec![goto("form"), fill("#gone"), fill("#text"), click()]);
    let id = board.agent(vec![half, says("I gave up.")], Proof::default());
    board.world.lock().unwrap().failing = Some(("browser_fill", 1));
    board.carry(id).await;
    assert_eq!(board.submissions(), 0, "a form that is not filled is not sent");
    assert_eq!(board.receipts("browser_click", Phase::Skipped).len(), 1);
    assert_eq!(board.receipts("browser_fill", Phase::Skipped).len(), 1);
    assert!(board.told().contains("an earlier call of the same answer failed"), "{}", board.told());
    assert_eq!(board.goal(id).state, GoalState::Unconfirmed, "{:?}", board.goal(id).last_error);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_on_a_page_that_could_not_be_built_up_again() {
    let board = Board::open(1_000_000).await;
    let all = calls(vec![goto("form"), fill("#text"), click()]);
    let id = board.agent(vec![calls(vec![goto("jobs")]), all, says("I gave up.")], Proof::default());
    board.world.lock().unwrap().crash_at = Some((4, When::Before));
    let run = board.begin(id).await;
    board.ports.performer.called(5).await;
    board.crash(run).await;
    board.world.lock().unwrap().failing = Some(("browser_navigate", 1));
    board.carry(id).await;
    assert_eq!(board.submissions(), 0);
    assert_eq!(board.receipts("browser_click", Phase::Skipped).len(), 1);
    assert!(board.told().contains("there is no such element"), "{}", board.told());
}

impl Board {
    /// Carries it until it no longer waits for another try.
    async fn carry_to_the_end(&self, id: GoalId) {
        while let RunEnd::Later { due_ms: Some(_) } = self.carry(id).await {}
    }

    /// A person ends it while its process is dead.
    fn cancel(&self, id: GoalId) {
        let (goal, message, run) = (self.goal(id), self.message(id), self.ports.store.runs()[0].id);
        let (state, at_ms) = (GoalState::Cancelled, goal.updated_ms);
        let cancelled =
            GoalMove { id, state, parked_on: None, attempts: 1, last_error: None, result: None, due_ms: None, at_ms };
        let changes = vec![
            Change::GoalMoved(cancelled),
            Change::MessageMoved(message.id, MessageState::Cancelled),
            Change::RunMoved { id: run, state: RunState::Cancelled, ended_ms: Some(at_ms), error: None },
        ];
        self.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_sent_something_goes_on_in_the_same_run_and_knows_it() {
    let board = Board::open(1_000_000).await;
    let id = board.agent(submits(), shown());
    board.world.lock().unwrap().fail_thought = Some(2);
    assert!(matches!(board.carry(id).await, RunEnd::Later { due_ms: Some(_) }));
    let waits = board.goal(id);
    assert_eq!((waits.state, waits.attempts, board.message(id).state), (GoalState::Pending, 2, MessageState::Waiting));
    // Asked anew from the beginning it would find the button by another name.
    {
        let mut world = board.world.lock().unwrap();
        world.fail_thought = None;
        world.thoughts[1] = calls(vec![Step::Click { selector: "ref=e7".into(), effect: None, timeout_ms: None }]);
    }
    board.carry(id).await;
    assert_eq!((board.goal(id).state, board.submissions()), (GoalState::Done, 1), "{:?}", board.goal(id).last_error);
    assert_eq!(board.ports.store.runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_sent_something_tries_as_often_as_everybody_and_then_fails() {
    let board = Board::open(1_000_000).await;
    let id = board.agent(submits(), shown());
    board.world.lock().unwrap().fail_thought = Some(2);
    board.carry_to_the_end(id).await;
    assert_eq!((board.goal(id).state, board.goal(id).attempts), (GoalState::Failed, 4));
    assert_eq!(board.receipts("think", Phase::Outcome).len(), 2 + 4);
}

#[tokio::test(start_paused = true)]
async fn who_has_sent_nothing_begins_anew() {
    let board = Board::open(1_000_000).await;
    let id = board.agent(submits(), shown());
    board.world.lock().unwrap().fail_thought = Some(1);
    board.carry(id).await;
    board.world.lock().unwrap().fail_thought = None;
    board.carry(id).await;
    assert_eq!((board.goal(id).state, board.submissions()), (GoalState::Done, 1));
    assert_eq!(board.ports.store.runs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_happened_does_not_count_when_an_effect_is_told_from_its_like() {
    let board = Board::open(1_000_000).await;
    let mut thoughts = vec![calls(vec![goto("form")]), calls(vec![click()]), calls(vec![click()])];
    let id = board.agent(thoughts.clone(), shown());
    {
        let mut world = board.world.lock().unwrap();
        (world.failing, world.fail_thought) = (Some(("browser_click", 1)), Some(3));
    }
    board.carry_to_the_end(id).await;
    assert_eq!((board.goal(id).state, board.submissions()), (GoalState::Failed, 1));
    board.retry(id);
    thoughts.push(says("It is sent."));
    {
        let mut world = board.world.lock().unwrap();
        (world.thoughts, world.fail_thought) = (thoughts, None);
    }
    board.carry_to_the_end(id).await;
    assert_eq!((board.submissions(), board.ports.store.runs().len()), (1, 2), "an earlier attempt sent it");
    let taken = board.receipts("browser_click", Phase::Outcome);
    assert_eq!(taken.iter().filter(|receipt| receipt.replay_of.is_some()).count(), 2, "what failed, too");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_cut_or_held_back_is_none() {
    let board = Board::open(1_000_000).await;
    let ends = |finish| {
        let said = says("I looked at the first of");
        Thought { answer: ChatAnswer { finish, ..said.answer }, ..said }
    };
    let thoughts = vec![ends(Finish::Length), ends(Finish::Filtered), says("There are six.")];
    let id = board.agent(thoughts, Proof::default());
    board.carry(id).await;
    let goal = board.goal(id);
    assert_eq!((goal.state, goal.result.as_deref()), (GoalState::Unconfirmed, Some("There are six.")));
    assert!(board.told().contains("was cut off") && board.told().contains("held back"), "{}", board.told());
}

#[tokio::test(start_paused = true)]
async fn the_page_behind_what_an_earlier_attempt_did_is_remembered_after_a_crash() {
    let board = Board::open(1_000_000).await;
    let id = board.agent(submits(), shown());
    board.world.lock().unwrap().fail_thought = Some(2);
    board.carry_to_the_end(id).await;
    board.retry(id);
    let calls_made = board.calls_made();
    {
        let mut world = board.world.lock().unwrap();
        (world.fail_thought, world.crash_at) = (None, Some((calls_made, When::Before)));
    }
    // What was done is on record; it dies when it asks again.
    let run = board.begin(id).await;
    board.ports.performer.called(calls_made + 1).await;
    board.crash(run).await;
    board.carry_to_the_end(id).await;
    let goal = board.goal(id);
    assert_eq!((goal.state, board.submissions()), (GoalState::Done, 1), "{:?}", goal.last_error);
    assert_eq!(board.receipts("browser_expect_title", Phase::Outcome).len(), 1, "its page answers from the record");
}

/// The same button, as a new look at the page names it.
fn under_another_name() -> Vec<Thought> {
    let mut thoughts = submits();
    thoughts[1] = calls(vec![Step::Click { selector: "ref=e7".into(), effect: None, timeout_ms: None }]);
    thoughts
}

#[tokio::test(start_paused = true)]
async fn what_a_person_retries_stands_on_what_was_sent() {
    let mut doubted = submits();
    doubted[3] = says("I submitted the proposal and saved notes.md");
    let mut used_up = submits();
    used_up.truncate(2);
    used_up.extend((0..6).map(|n| calls(vec![goto(&n.to_string())])));
    for (thoughts, state) in [(doubted, GoalState::Unconfirmed), (used_up, GoalState::Failed)] {
        let board = Board::open(1_000_000).await;
        let id = board.agent(thoughts, shown());
        board.carry_to_the_end(id).await;
        assert_eq!((board.goal(id).state, board.submissions()), (state, 1), "{:?}", board.goal(id).last_error);
        for _ in 0..2 {
            board.retry(id);
            let mut again = under_another_name();
            again[3] = says("I submitted the proposal and saved notes.md");
            board.world.lock().unwrap().thoughts = again;
            board.carry_to_the_end(id).await;
            assert_eq!((board.goal(id).state, board.submissions()), (GoalState::Unconfirmed, 1));
        }
        board.retry(id);
        board.world.lock().unwrap().thoughts = under_another_name();
        board.carry_to_the_end(id).await;
        let goal = board.goal(id);
        assert_eq!((goal.state, board.submissions()), (GoalState::Done, 1), "{:?}", goal.last_error);
        assert_eq!(board.ports.store.runs().len(), 4, "each has a record of its own");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_sent_is_settled_before_it_is_retried() {
    for when in [When::Before, When::After] {
        let board = Board::open(1_000_000).await;
        let id = board.agent(submits(), shown());
        board.world.lock().unwrap().crash_at = Some((4, when));
        let run = board.begin(id).await;
        board.ports.performer.called(5).await;
        board.crash(run).await;
        let sent = board.submissions();
        board.cancel(id);
        board.retry(id);
        board.world.lock().unwrap().thoughts = under_another_name();
        board.carry_to_the_end(id).await;
        let goal = board.goal(id);
        assert_eq!((goal.state, board.submissions()), (GoalState::Failed, sent), "{when:?}");
        assert!(goal.last_error.unwrap().contains("resolve the goal"), "{when:?}");
    }
}
