//! Runs that offer their slice between two steps, and go on later where they were.

use std::time::Duration;

use tokio::{task::JoinHandle, time::Instant};

use super::board::{Board, proof, submit};
use crate::{
    domain::{GoalId, GoalState, InnerLife, Persona, PersonaId, Priority, Step, Weight},
    ports::{Change, Commit},
    run::RunEnd,
    scheduler::{Slice, Wish},
};

fn other(priority: u16) -> Wish {
    let priority = Priority::try_from(priority).unwrap();
    let persona = PersonaId(uuid::Uuid::from_u128(9));
    Wish { persona, priority, weight: Weight::ORDINARY, since_ms: i64::MAX, ready_ms: None }
}

/// The form, with a step of two seconds in front: then the quantum is over.
fn plan() -> Vec<Step> {
    let mut steps = submit(None);
    steps.insert(1, Step::WaitFor { selector: "#text".into(), timeout_ms: None });
    steps.insert(1, Step::WaitFor { selector: "#form".into(), timeout_ms: None });
    steps
}

/// The run has given its slice to another persona that asked with this priority.
async fn yielded(board: &Board, priority: u16, calls: usize) -> (GoalId, JoinHandle<RunEnd>, Slice) {
    board.world.lock().unwrap().slow = Some("browser_wait_for");
    let goal = board.give(plan(), proof(false));
    let run = board.begin(goal).await;
    board.ports.performer.called(1).await;
    let slice = board.scheduler.acquire(other(priority)).await.unwrap();
    assert_eq!(board.calls_made(), calls);
    (goal, run, slice)
}

#[tokio::test(start_paused = true)]
async fn a_run_yields_after_its_quantum_and_goes_on_where_it_was() {
    let board = Board::open(1_000_000).await;
    let (goal, mut run, slice) = yielded(&board, 500, 3).await;
    assert_eq!(board.goal(goal).state, GoalState::Running, "it is under way, only not at this moment");
    tokio::select! {
        biased;
        _ = &mut run => panic!("it has no slice"),
        () = tokio::time::sleep(Duration::from_secs(3_600)) => {}
    }
    assert_eq!((board.calls_made(), board.now.line().as_deref()), (3, Some("waits for its next turn")));
    drop(slice);
    run.await.unwrap();
    assert_eq!((board.calls_made(), board.submissions()), (7, 1), "nothing was done again");
    let after = board.goal(goal);
    assert_eq!((after.state, after.attempts), (GoalState::Done, 1));
    assert!(board.ports.store.receipts().iter().all(|receipt| receipt.replay_of.is_none()));
    assert_eq!(board.ports.performer.rested().len(), 2, "what must survive a crash was saved with each slice");
}

#[tokio::test(start_paused = true)]
async fn an_urgent_persona_gets_the_slice_at_the_next_step() {
    let board = Board::open(1_000_000).await;
    let (_, run, slice) = yielded(&board, 900, 2).await;
    drop(slice);
    assert!(matches!(run.await.unwrap(), RunEnd::Over { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_was_closed_meanwhile_is_rebuilt_without_a_new_attempt() {
    let board = Board::open(1_000_000).await;
    let (goal, run, slice) = yielded(&board, 500, 3).await;
    board.ports.performer.lose_page();
    drop(slice);
    run.await.unwrap();
    let after = board.goal(goal);
    assert_eq!((after.state, after.attempts, board.submissions()), (GoalState::Done, 1, 1));
    let replayed = board.ports.store.receipts().iter().filter(|receipt| receipt.replay_of.is_some()).count();
    assert_eq!((replayed, board.calls_made()), (3, 10), "the page and what was looked at on it");
}

#[tokio::test(start_paused = true)]
async fn a_changed_weight_counts_from_the_next_turn() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().slow = Some("browser_wait_for");
    let run = board.begin(board.give(plan(), proof(false))).await;
    board.ports.performer.called(2).await;
    let heavy = Persona { weight: Weight::try_from(4.0).unwrap(), ..(*board.persona).clone() };
    let changes = vec![Change::PersonaUpdated(Box::new(heavy))];
    board.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    let slice = board.scheduler.acquire(other(500)).await.unwrap();
    let mut figures = board.scheduler.figures();
    figures.wait_for(|figures| figures.waiting == 1).await.unwrap();
    let next = board.scheduler.stage(Duration::from_secs(1), 5).await.unwrap().next;
    assert_eq!((next[0].persona, next[0].weight.thousandths()), (board.persona.id, 4_000));
    drop(slice);
    run.await.unwrap();
}

/// Ten steps of a second each; another persona that can wait for long wants the slice from the first on.
#[tokio::test(start_paused = true)]
async fn who_wins_back_what_it_offered_goes_on_tiring() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().slow = Some("browser_wait_for");
    let mut steps = submit(None);
    (0..10).for_each(|_| steps.insert(1, Step::WaitFor { selector: "#text".into(), timeout_ms: None }));
    let run = board.begin(board.give(steps, proof(false))).await;
    board.ports.performer.called(1).await;
    let slice = board.scheduler.acquire(other(50)).await.unwrap();
    let won_back = board.calls_made();
    assert!(won_back > 3, "offered after two seconds and won back: {won_back} calls");
    drop(slice);
    run.await.unwrap();
    let energy = board.now.inner().look(0, Instant::now().into_std(), &InnerLife::default()).energy;
    assert_eq!(energy.thousandths(), 983, "ten seconds of work at a tenth a minute");
}
