//! Runs that wait for their first slice: their persona is as it is when it comes.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::board::{Board, proof, submit};
use crate::{
    domain::{GoalState, Persona, PersonaId, PersonaStatus, Priority, Quota, Quotas, Unit, Weight},
    persona::carrier::{Carrier, Order},
    ports::{Change, Commit},
    run::RunEnd,
    scheduler::{Slice, Wish},
};

/// A board whose persona may submit so many proposals a day.
async fn board(ceiling: i64) -> Board {
    let board = Board::open(1_000_000).await;
    becomes(&board, quotas(&board, ceiling, 2));
    board
}

fn quotas(board: &Board, ceiling: i64, version: i64) -> Persona {
    let quotas = Quotas::from([(Unit::Proposal, Quota::new(0, ceiling).unwrap())]);
    Persona { quotas, version, ..Persona::clone(&board.persona) }
}

fn becomes(board: &Board, persona: Persona) {
    let changes = vec![Change::PersonaUpdated(Box::new(persona))];
    board.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
}

/// A run that is carried as a persona has it carried, while another one holds the only slot.
async fn queued(board: &Board) -> (Slice, JoinHandle<RunEnd>) {
    let other = PersonaId(uuid::Uuid::from_u128(9));
    let wish = Wish { persona: other, priority: Priority::BASE, weight: Weight::ORDINARY, since_ms: 0, ready_ms: None };
    let slice = board.scheduler.acquire(wish).await.unwrap();
    let work = Arc::new(board.work(board.give(submit(None), proof(false))).await);
    let (runner, now) = (board.runner.clone(), board.now.clone());
    let since_ms = work.since_ms(&board.persona);
    let order = Order { work, weight: board.persona.weight, failure_streak: 0, since_ms, ready_ms: None };
    let run = tokio::spawn(async move { Carrier::carry(&runner, order, CancellationToken::new(), now).await });
    board.scheduler.figures().wait_for(|figures| figures.waiting == 1).await.unwrap();
    (slice, run)
}

fn states(board: &Board) -> Vec<GoalState> {
    board.ports.store.goals().iter().map(|goal| goal.state).collect()
}

#[tokio::test(start_paused = true)]
async fn what_changed_while_it_waited_holds_from_its_beginning() {
    let board = board(0).await;
    let (slice, run) = queued(&board).await;
    becomes(&board, quotas(&board, 1, 3));
    drop(slice);
    assert!(matches!(run.await.unwrap(), RunEnd::Over { .. }), "{:?}", states(&board));
    assert_eq!((states(&board), board.submissions()), (vec![GoalState::Done], 1));
    board.every_run_replays().await;
}

#[tokio::test(start_paused = true)]
async fn who_was_paused_while_it_waited_does_nothing() {
    let board = board(1).await;
    let (slice, run) = queued(&board).await;
    becomes(&board, Persona { status: PersonaStatus::Paused, ..quotas(&board, 1, 3) });
    drop(slice);
    assert_eq!(run.await.unwrap(), RunEnd::Stopped);
    assert_eq!((states(&board), board.calls_made()), (vec![GoalState::Pending], 0));
}
