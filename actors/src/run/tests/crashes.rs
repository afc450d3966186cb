//! A crash at every call, before and after it took effect: what is done is never done again.

use super::board::{Board, SITE, When, mine, proof, submit};
use crate::{
    domain::{
        Alert, AlertId, AlertKind, Autonomy, Effect, GoalState, MessageState, ParkedOn, Phase, Proof, ReadBack, Rule,
        Ruling, RunState, Step,
    },
    ports::{Change, Commit, World as _},
    run::RunEnd,
    supervisor::unresolved,
};

const SEND: usize = 2;

/// The state a goal must reach when the process dies at this call and the run is carried on.
fn expected(call: usize, when: When, read_back: bool, effect: Option<Effect>) -> (GoalState, usize) {
    match (call, when, effect, read_back) {
        // The key makes a second try harmless: this board has no keys, so its own count may show both.
        (SEND, When::Before, Some(Effect::Idempotent), _) => (GoalState::Done, 1),
        (SEND, When::After, Some(Effect::Idempotent), _) => (GoalState::Done, 2),
        // Nobody saw it and it did not happen: a negative read-back proves nothing.
        (SEND, When::Before, ..) => (GoalState::Parked, 0),
        // The read-back finds it, but the page behind the effect was never seen.
        (SEND, When::After, _, true) => (GoalState::Unconfirmed, 1),
        (SEND, When::After, _, false) => (GoalState::Parked, 1),
        _ => (GoalState::Done, 1),
    }
}

async fn crash_everywhere(read_back: bool, effect: Option<Effect>) {
    let clean = Board::open(1_000_000).await;
    let goal = clean.give(submit(effect), proof(read_back));
    assert!(matches!(clean.carry(goal).await, RunEnd::Over { .. }));
    assert_eq!(clean.goal(goal).state, GoalState::Done, "{:?}", clean.goal(goal).last_error);
    for call in 0..clean.calls_made() {
        for when in [When::Before, When::After] {
            let board = Board::open(1_000_000).await;
            board.world.lock().unwrap().crash_at = Some((call, when));
            let goal = board.give(submit(effect), proof(read_back));
            let run = board.begin(goal).await;
            board.ports.performer.called(call + 1).await;
            board.crash(run).await;
            board.carry(goal).await;

            let (state, submissions) = expected(call, when, read_back, effect);
            let after = board.goal(goal);
            assert_eq!(
                (after.state, board.submissions()),
                (state, submissions),
                "crash {when:?} call {call}: {:?}",
                after.last_error
            );
            assert_eq!(after.attempts, 1, "an interruption costs no attempt");
            assert_eq!(board.ports.store.runs().len(), 1, "the same run went on");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_anywhere_never_sends_twice() {
    crash_everywhere(false, None).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_anywhere_is_settled_by_a_read_back() {
    crash_everywhere(true, None).await;
}

/// What was there before, or came of another step of the goal, says nothing about this one.
async fn is_asked_about(board: &Board, steps: Vec<Step>, call: usize, read_back: ReadBack) {
    board.world.lock().unwrap().crash_at = Some((call, When::Before));
    let goal = board.give(steps, Proof { read_back: Some(read_back), ..Proof::default() });
    let run = board.begin(goal).await;
    board.ports.performer.called(call + 1).await;
    board.crash(run).await;
    let before = board.submissions();
    board.carry(goal).await;
    assert_eq!((board.goal(goal).parked_on, board.submissions()), (Some(ParkedOn::Reconcile), before));
    assert_eq!(unresolved(board.ports.store.receipts()).len(), 1, "a person says how it ended");
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_click_made_true_settles_no_later_one() {
    let board = Board::open(1_000_000).await;
    let steps = [submit(None), submit(None)].concat();
    // Of each form: opened, filled, sent, looked at, its picture taken.
    is_asked_about(&board, steps, 5 + SEND, mine()).await;
    assert_eq!(board.submissions(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_stood_there_before_the_goal_settles_no_click() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().sent.push("my words".into());
    is_asked_about(&board, submit(None), SEND, ReadBack { contains: "my words".into(), ..mine() }).await;
}

/// A page may repeat what it was asked for.
#[tokio::test(start_paused = true)]
async fn what_stands_in_its_own_address_settles_no_click() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().echoes = true;
    let (url, contains) = (format!("{SITE}/mine?q={{{{idempotency_key}}}}"), "{{idempotency_key}}".to_owned());
    is_asked_about(&board, submit(None), SEND, ReadBack { url, contains }).await;
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_effect_is_tried_again_with_its_key() {
    crash_everywhere(false, Some(Effect::Idempotent)).await;

    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().crash_at = Some((SEND, When::After));
    let goal = board.give(submit(Some(Effect::Idempotent)), proof(false));
    let run = board.begin(goal).await;
    board.ports.performer.called(SEND + 1).await;
    board.crash(run).await;
    board.carry(goal).await;
    let keys = board.world.lock().unwrap().submissions.clone();
    assert_eq!(keys[0], keys[1], "the site can tell that it is the same");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_effect_waits_for_a_person_and_says_so() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().crash_at = Some((SEND, When::Before));
    let goal = board.give(submit(None), proof(false));
    let run = board.begin(goal).await;
    board.ports.performer.called(SEND + 1).await;
    board.crash(run).await;

    assert_eq!(board.carry(goal).await, RunEnd::Later { due_ms: None });
    let parked = board.goal(goal);
    assert_eq!(parked.parked_on, Some(ParkedOn::Reconcile));
    assert_eq!(board.message(goal).state, MessageState::Waiting);
    assert_eq!(board.ports.store.runs()[0].state, RunState::Parked);
    let alerts = board.ports.store.alerts();
    assert_eq!((alerts.len(), alerts[0].kind, alerts[0].goal), (1, AlertKind::Reconcile, Some(goal)));
    let unknown =
        board.ports.store.receipts().into_iter().filter(|receipt| receipt.phase == Some(Phase::Unknown)).count();
    assert_eq!(unknown, 1);

    board.carry(goal).await;
    assert_eq!((board.ports.store.alerts().len(), board.submissions()), (1, 0), "asking again raises no second alert");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_effect_is_told_whatever_else_is_told_of_its_goal() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().crash_at = Some((SEND, When::Before));
    let goal = board.give(submit(None), proof(false));
    let drift = Alert {
        id: AlertId(board.ports.world.new_id()),
        kind: AlertKind::Drift,
        persona: Some(board.persona.id),
        goal: Some(goal),
        text: "it does not sound like jason".into(),
        raised_ms: 0,
        resolved_ms: None,
    };
    let changes = vec![Change::AlertRaised(Box::new(drift))];
    board.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    let run = board.begin(goal).await;
    board.ports.performer.called(SEND + 1).await;
    board.crash(run).await;
    board.carry(goal).await;
    assert_eq!(board.goal(goal).parked_on, Some(ParkedOn::Reconcile));
    let told: Vec<_> = board.ports.store.alerts().iter().map(|alert| alert.kind).collect();
    assert_eq!(told, [AlertKind::Drift, AlertKind::Reconcile]);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_happened_is_not_forgotten_when_it_may_no_longer_be_tried() {
    let mut board = Board::open(1_000_000).await;
    board.world.lock().unwrap().crash_at = Some((SEND, When::After));
    let goal = board.give(submit(Some(Effect::Idempotent)), proof(false));
    let run = board.begin(goal).await;
    board.ports.performer.called(SEND + 1).await;
    board.crash(run).await;
    let deny = Rule { tool: Some("browser_click".into()), host: None, say: Ruling::Deny };
    board.allow_only(Autonomy::Full, vec![deny]);
    board.carry(goal).await;
    let parked = board.goal(goal);
    assert_eq!((parked.parked_on, board.submissions()), (Some(ParkedOn::Reconcile), 1), "{:?}", parked.last_error);
    let alerts = board.ports.store.alerts();
    assert_eq!((alerts.len(), alerts[0].kind, alerts[0].goal), (1, AlertKind::Reconcile, Some(goal)));
    assert_eq!(unresolved(board.ports.store.receipts()).len(), 1);
}

/// Each tool of the plan in turn is at work when the run is told to stop; it does not get to its end.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_told_to_stop_has_not_failed() {
    let tools =
        ["browser_navigate", "browser_fill", "browser_expect_title", "browser_screenshot", "browser_expect_text"];
    for tool in tools {
        let mut board = Board::open(1_000_000).await;
        board.world.lock().unwrap().cut = Some(tool);
        let goal = board.give(submit(None), proof(true));
        let run = board.begin(goal).await;
        while board.ports.performer.calls().last().is_none_or(|call| call.tool != tool) {
            board.ports.performer.called(board.ports.performer.calls().len() + 1).await;
        }
        board.stop.cancel();
        assert_eq!(run.await.unwrap(), RunEnd::Stopped, "{tool}");
        let stopped = board.goal(goal);
        assert_eq!((stopped.state, stopped.due_ms, stopped.last_error), (GoalState::Running, None, None), "{tool}");

        board.world.lock().unwrap().cut = None;
        board.stop = Default::default();
        board.carry(goal).await;
        let done = board.goal(goal);
        assert_eq!((done.attempts, board.submissions()), (1, 1), "{tool}: {:?}", done.last_error);
        assert_eq!(board.ports.store.runs().len(), 1, "{tool}: the same run went on");
        assert_eq!(done.state, GoalState::Done, "{tool}: {:?}", done.last_error);
    }
}
