//! Plans that go on from one of their steps: what lies before comes from the record, the rest is done once more.

use super::board::{Board, When, proof, submit};
use crate::domain::{Fork, ForkedPlan, GoalId, GoalKind, GoalState, Payload, Phase, Proof, Receipt, RunId};

/// The newest run of a goal.
fn run_of(board: &Board, goal: GoalId) -> RunId {
    board.ports.store.runs().into_iter().rfind(|run| run.goal == goal).unwrap().id
}

/// The same steps, so many of them from that run.
fn fork(board: &Board, run: RunId, from: u32) -> GoalId {
    let plan = ForkedPlan { of: GoalKind::Browser, steps: submit(None), fork: Fork { run, from } };
    board.give_payload(Payload::Forked(Box::new(plan)), Proof { counts_as: None, ..proof(false) })
}

/// What the goal took from the record.
fn taken(board: &Board, goal: GoalId) -> Vec<Receipt> {
    let is_taken = |receipt: &Receipt| receipt.body.as_ref().is_some_and(|body| body.data.get("forked_from").is_some());
    let all = board.ports.store.receipts().into_iter();
    all.filter(|receipt| receipt.goal == Some(goal) && is_taken(receipt)).collect()
}

async fn submitted(board: &Board) -> RunId {
    let goal = board.give(submit(None), proof(false));
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Done, "{:?}", board.goal(goal).last_error);
    run_of(board, goal)
}

#[tokio::test(start_paused = true)]
async fn behind_an_effect_nothing_is_done_again_and_the_record_answers() {
    let board = Board::open(1_000_000).await;
    let run = submitted(&board).await;
    let made = board.calls_made();
    let forked = fork(&board, run, 3);
    board.carry(forked).await;
    assert_eq!(board.goal(forked).state, GoalState::Done, "{:?}", board.goal(forked).last_error);
    // As in a resume the page before it is looked at once more; title and picture behind it are on record.
    assert_eq!((board.submissions(), board.calls_made() - made), (1, 2));
    let taken = taken(&board, forked);
    assert_eq!(taken.iter().map(|receipt| receipt.step.unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(taken.iter().all(|receipt| receipt.replay_of.is_some() && receipt.phase == Some(Phase::Outcome)));
}

#[tokio::test(start_paused = true)]
async fn before_an_effect_the_page_is_built_up_and_the_effect_is_another_one() {
    let board = Board::open(1_000_000).await;
    let run = submitted(&board).await;
    let forked = fork(&board, run, 2);
    board.carry(forked).await;
    assert_eq!(board.goal(forked).state, GoalState::Done, "{:?}", board.goal(forked).last_error);
    let world = board.world.lock().unwrap();
    assert_eq!(world.submissions.len(), 2);
    assert_ne!(world.submissions[0], world.submissions[1], "under the key of its own goal");
    assert!(world.sent.iter().all(|sent| !sent.is_empty()), "the form was filled: {:?}", world.sent);
}

#[tokio::test(start_paused = true)]
async fn wherever_it_dies_it_goes_on_and_sends_once() {
    // Two to build up the page, the click, the look at the title, the picture.
    for call in 0..5 {
        for when in [When::Before, When::After] {
            let board = Board::open(1_000_000).await;
            let run = submitted(&board).await;
            let made = board.calls_made();
            board.world.lock().unwrap().crash_at = Some((made + call, when));
            let forked = fork(&board, run, 2);
            let running = board.begin(forked).await;
            board.ports.performer.called(made + call + 1).await;
            board.crash(running).await;
            board.every_run_replays().await;
            board.carry(forked).await;
            assert_eq!(taken(&board, forked).len(), 2, "in the commit that opened the run, and never again");
            let (state, sent) = (board.goal(forked).state, board.submissions());
            // Of a click that nobody saw the end of a person is asked.
            let expected = match (call, when) {
                (2, When::Before) => (GoalState::Parked, 1),
                (2, When::After) => (GoalState::Parked, 2),
                _ => (GoalState::Done, 2),
            };
            assert_eq!((state, sent), expected, "call {call} {when:?}: {:?}", board.goal(forked).last_error);
        }
    }
}

/// What an earlier attempt did for good was skipped by the run that is forked: it is taken all the same, whole.
#[tokio::test(start_paused = true)]
async fn a_retry_takes_it_from_the_record_too_and_can_be_forked_itself() {
    let board = Board::open(1_000_000).await;
    let run = submitted(&board).await;
    let forked = fork(&board, run, 2);
    board.world.lock().unwrap().failing = Some(("browser_expect_title", 1));
    board.carry(forked).await;
    assert_eq!((board.goal(forked).state, board.submissions()), (GoalState::Unconfirmed, 2));
    board.retry(forked);
    board.carry(forked).await;
    assert_eq!((board.goal(forked).state, board.submissions()), (GoalState::Done, 2));
    assert_eq!(taken(&board, forked).len(), 4, "two in each attempt");
    let second = run_of(&board, forked);
    let again = fork(&board, second, 3);
    board.carry(again).await;
    assert_eq!(
        (board.goal(again).state, board.submissions()),
        (GoalState::Done, 2),
        "{:?}",
        board.goal(again).last_error
    );
    let click = taken(&board, again).remove(2);
    assert_eq!(click.body.unwrap().data["page_text"], "Thank you", "what the first attempt saw");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_cannot_be_stood_on() {
    let board = Board::open(1_000_000).await;
    let forked = fork(&board, RunId(uuid::Uuid::from_u128(5)), 2);
    board.carry(forked).await;
    let after = board.goal(forked);
    assert_eq!((after.state, board.calls_made()), (GoalState::Failed, 0));
    assert!(after.last_error.unwrap().contains("fork another run"));
}
