//! The call of a rollback: made as it was confirmed, on record with what it takes back, and never twice.

use serde_json::{Value, json};
use uuid::Uuid;

use super::board::{Board, When};
use crate::{
    domain::{
        AlertKind, Autonomy, Effect, GoalId, GoalState, Hash, ParkedOn, Payload, Phase, Proof, Rollback, RunId, Step,
        Undoes,
    },
    run::RunEnd,
};

const UNDOES: Undoes = Undoes {
    goal: GoalId(Uuid::from_u128(1)),
    run: RunId(Uuid::from_u128(2)),
    step: 0,
    seq: 7,
    receipt: Hash([9; 32]),
};

fn rollback(tool: &str, effect: Effect) -> Payload {
    let args = json!({"ticket": "{{gone}} ${secret:x}"}).as_object().unwrap().clone();
    let call = Step::Tool { name: tool.to_owned(), args, effect, outreach: false, save_as: None, timeout_ms: None };
    Payload::Rollback(Box::new(Rollback { call, undoes: UNDOES }))
}

async fn board() -> Board {
    let mut board = Board::open(1_000_000).await;
    board.allow_only(Autonomy::Full, Vec::new());
    board
}

#[tokio::test(start_paused = true)]
async fn it_says_what_it_takes_back_and_nothing_is_filled_in() {
    let board = board().await;
    let goal = board.give_payload(rollback("take_back", Effect::Irreversible), Proof::default());
    board.carry(goal).await;
    assert_eq!((board.goal(goal).state, board.submissions()), (GoalState::Done, 1), "{:?}", board.goal(goal));
    let called = board.ports.performer.calls().remove(0);
    assert_eq!(called.args["args"]["ticket"], "{{gone}} ${secret:x}");
    for phase in [Phase::Intent, Phase::Outcome] {
        let receipt = board.receipts("take_back", phase).remove(0);
        assert_eq!(receipt.body.unwrap().data["undoes"], json!(UNDOES), "{phase}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_left_no_trace_is_not_confirmed() {
    let board = board().await;
    let goal = board.give_payload(rollback("boast", Effect::Irreversible), Proof::default());
    board.carry(goal).await;
    let goal = board.goal(goal);
    assert_eq!(goal.state, GoalState::Unconfirmed);
    assert!(goal.last_error.unwrap().contains("boast was seen to take it back"));
}

#[tokio::test(start_paused = true)]
async fn killed_between_intent_and_outcome_it_is_unknown_and_never_made_twice() {
    for (when, made) in [(When::Before, 0), (When::After, 1)] {
        let board = board().await;
        board.world.lock().unwrap().crash_at = Some((0, when));
        let goal = board.give_payload(rollback("take_back", Effect::Irreversible), Proof::default());
        let run = board.begin(goal).await;
        board.ports.performer.called(1).await;
        board.crash(run).await;
        for _ in 0..2 {
            assert_eq!(board.carry(goal).await, RunEnd::Later { due_ms: None }, "{when:?}");
        }
        let waits = board.goal(goal);
        assert_eq!((waits.state, waits.parked_on), (GoalState::Parked, Some(ParkedOn::Reconcile)), "{when:?}");
        assert_eq!(board.submissions(), made, "{when:?}");
        assert_eq!(board.receipts("take_back", Phase::Unknown).len(), 1);
        assert_eq!(board.ports.store.alerts()[0].kind, AlertKind::Reconcile);
    }
}

/// A key makes a second try harmless: it is told the same one.
#[tokio::test(start_paused = true)]
async fn an_idempotent_one_goes_on_with_its_key() {
    let board = board().await;
    board.world.lock().unwrap().crash_at = Some((0, When::After));
    let goal = board.give_payload(rollback("take_back", Effect::Idempotent), Proof::default());
    let run = board.begin(goal).await;
    board.ports.performer.called(1).await;
    board.crash(run).await;
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Done);
    let keys: Vec<Value> = board.world.lock().unwrap().submissions.iter().map(|key| json!(key)).collect();
    assert_eq!(keys, [json!(format!("{goal}:0")), json!(format!("{goal}:0"))]);
}
