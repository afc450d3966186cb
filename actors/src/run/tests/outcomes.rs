//! How attempts end: proven, refused, tried again, given up; and what waiting does to the slice.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::Instant;

use super::{
    board::{Board, SITE, When, proof, submit},
    rules::policy_of,
};
use crate::{
    domain::{
        AlertKind, Autonomy, Effect, GoalState, HostTerms, InnerLife, MessageState, Mood, Persona, PersonaId,
        PersonaStatus, Phase, Priority, Proof, Rule, Ruling, RunState, Step, Weight,
    },
    ports::{Change, Commit, GoalMove, World},
    run::RunEnd,
    scheduler::Wish,
};

#[tokio::test(start_paused = true)]
async fn a_plan_that_proves_nothing_is_not_done() {
    let board = Board::open(1_000_000).await;
    let look = vec![Step::Goto { url: SITE.into(), timeout_ms: None }];
    let goal = board.give(look, Proof::default());
    board.carry(goal).await;
    let after = board.goal(goal);
    assert_eq!(after.state, GoalState::Unconfirmed);
    assert!(after.last_error.unwrap().contains("declares no proof"));
    assert_eq!(board.message(goal).state, MessageState::Unconfirmed);
}

/// A crash behind the intent, and the run goes on; each `carry` replays it.
#[tokio::test(start_paused = true)]
async fn large_arguments_stand_beside_their_intent() {
    let board = Board::open(1_000_000).await;
    let write =
        |bytes: usize| Step::WriteFile { path: "a.md".into(), content: "x".repeat(bytes), description: "".into() };
    let goal = board.give(vec![write(50_000), write(100)], Proof::default());
    board.world.lock().unwrap().crash_at = Some((0, When::Before));
    let run = board.begin(goal).await;
    board.ports.performer.called(1).await;
    board.crash(run).await;
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Done, "{:?}", board.goal(goal).last_error);
    let intents: Vec<_> = board.receipts("file_write", Phase::Intent).into_iter().filter_map(|one| one.body).collect();
    assert_eq!(intents.len(), 3, "the first was begun twice");
    for large in &intents[..2] {
        assert_eq!((&large.data["args"]["artifact"], large.artifacts.len()), (&json!("arguments.json"), 1));
        assert!(large.data.to_string().len() < 1_000, "{}", large.data);
    }
    assert_eq!(intents[0].artifacts[0].hash, intents[1].artifacts[0].hash);
    assert_eq!((&intents[2].data["args"]["path"], intents[2].artifacts.len()), (&json!("a.md"), 0));
}

#[tokio::test(start_paused = true)]
async fn the_last_receipt_of_a_proven_goal_counts_and_no_other() {
    let board = Board::open(1_000_000).await;
    let proven = board.give(submit(None), proof(false));
    board.carry(proven).await;
    let counted = || board.ports.store.receipts().into_iter().filter(|receipt| receipt.units.is_some());
    let units: Vec<_> =
        counted().map(|receipt| (receipt.goal, receipt.state.as_deref() == Some("done"), receipt.units)).collect();
    assert_eq!(units, [(Some(proven), true, Some(1))]);

    board.world.lock().unwrap().failing = Some(("browser_fill", usize::MAX));
    let failing = board.give(submit(None), proof(false));
    board.carry(failing).await;
    assert_eq!(counted().count(), 1, "a goal that was not proven counts as nothing");
}

#[tokio::test(start_paused = true)]
async fn an_irreversible_effect_elsewhere_is_denied_before_anything_is_done() {
    let mut board = Board::open(1_000_000).await;
    let mut steps = submit(None);
    steps[0] = Step::Goto { url: "http://board.example/form".into(), timeout_ms: None };
    let goal = board.give(steps, proof(false));
    let deny = Rule { tool: None, host: Some("board.example".into()), say: Ruling::Deny };
    board.allow_only(Autonomy::Full, vec![Rule { tool: Some("browser_click".into()), ..deny }]);
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Failed, "no retry could help");
    assert_eq!(board.submissions(), 0);
    let receipts = board.ports.store.receipts();
    let denied = receipts.iter().find(|receipt| receipt.phase == Some(Phase::Denied)).unwrap();
    assert!(denied.body.as_ref().unwrap().error.as_ref().unwrap().contains("board.example"));
    assert!(!receipts.iter().any(|receipt| receipt.phase == Some(Phase::Intent)));
}

#[tokio::test(start_paused = true)]
async fn a_goal_is_tried_four_times_and_the_third_failed_goal_opens_the_circuit() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().failing = Some(("browser_fill", usize::MAX));
    for failed in 1..=3_u32 {
        let goal = board.give(submit(None), proof(false));
        for minutes in [1, 5, 15] {
            let before_ms = board.goal(goal).updated_ms;
            let RunEnd::Later { due_ms: Some(due_ms) } = board.carry(goal).await else { panic!("must back off") };
            assert_eq!(due_ms - board.goal(goal).updated_ms.max(before_ms), minutes * 60_000);
            assert_eq!(board.message(goal).state, MessageState::Waiting);
        }
        let end = board.carry(goal).await;
        assert_eq!(end, RunEnd::Over { failure_streak: failed, open_circuit: failed == 3 });
        assert_eq!((board.goal(goal).state, board.goal(goal).attempts), (GoalState::Failed, 4));
    }
    assert_eq!(board.ports.store.personas()[0].status, PersonaStatus::Paused);
    assert_eq!(board.ports.store.alerts()[0].kind, AlertKind::CircuitOpen);
}

#[tokio::test(start_paused = true)]
async fn a_retry_does_not_repeat_what_an_earlier_attempt_did() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().failing = Some(("browser_screenshot", 1));
    let goal = board.give(submit(None), proof(false));
    assert!(matches!(board.carry(goal).await, RunEnd::Later { due_ms: Some(_) }));
    assert!(matches!(board.carry(goal).await, RunEnd::Over { .. }));
    assert_eq!((board.goal(goal).state, board.submissions()), (GoalState::Done, 1));
    let skipped =
        board.ports.store.receipts().into_iter().filter(|receipt| receipt.phase == Some(Phase::Skipped)).count();
    assert_eq!(skipped, 1, "and it says so");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_goal_begins_no_effect() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().slow = Some("browser_fill");
    let goal = board.give(submit(None), proof(false));
    let run = board.begin(goal).await;
    board.ports.performer.called(2).await;
    let cancelled = GoalMove {
        id: goal,
        state: GoalState::Cancelled,
        parked_on: None,
        attempts: 1,
        last_error: None,
        result: None,
        due_ms: None,
        at_ms: 0,
    };
    let runs = board.ports.store.runs();
    let ended = Change::RunMoved { id: runs[0].id, state: RunState::Cancelled, ended_ms: Some(0), error: None };
    board.ports.store.seed(Commit { changes: vec![Change::GoalMoved(cancelled), ended], ..Commit::default() }).unwrap();
    assert!(matches!(run.await.unwrap(), RunEnd::Over { .. }));
    assert_eq!((board.submissions(), board.goal(goal).state), (0, GoalState::Cancelled));
    let last = board.ports.store.receipts().pop().unwrap();
    assert_eq!((last.phase, last.tool.as_deref()), (Some(Phase::Denied), Some("browser_click")));
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_pace_gives_the_slice_back() {
    let board = Board::open(100).await;
    let twice = vec![
        Step::Goto { url: SITE.into(), timeout_ms: None },
        Step::Goto { url: SITE.into(), timeout_ms: None },
        Step::ExpectTitle { contains: SITE.into(), timeout_ms: None },
    ];
    let goal = board.give(twice, Proof::default());
    let mut run = board.begin(goal).await;
    board.ports.performer.called(1).await;
    let other = PersonaId(uuid::Uuid::from_u128(9));
    let slice = tokio::select! {
        biased;
        _ = &mut run => panic!("ten seconds lie between the two acts"),
        slice = board.scheduler.acquire(Wish { persona: other, priority: Priority::BASE, weight: Weight::ORDINARY, since_ms: 0, ready_ms: None }) => slice.unwrap(),
    };
    assert_eq!(board.goal(goal).state, GoalState::Parked, "durably, so that a crash finds it");
    assert!(board.goal(goal).due_ms.is_some());
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!run.is_finished(), "due, but the only slice is held");
    drop(slice);
    run.await.unwrap();
    assert_eq!((board.goal(goal).state, board.calls_made()), (GoalState::Done, 3));
}

#[tokio::test(start_paused = true)]
async fn work_tires_its_persona_an_answer_enlivens_it_and_a_wait_for_the_pace_is_rest() {
    let board = Board::open(20).await;
    let vitals = || board.now.inner().look(0, Instant::now().into_std(), &InnerLife::default());
    assert_eq!((vitals().mood, vitals().energy.thousandths()), (Mood::Idle, 1_000));
    board.world.lock().unwrap().slow = Some("browser_click");
    let failing = board.give(vec![Step::Goto { url: SITE.into(), timeout_ms: None }], Proof::default());
    board.carry(failing).await;
    assert_eq!(vitals().mood, Mood::Idle, "nothing was proven");
    let goal = board.give(submit(None), proof(false));
    let start = Instant::now();
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Done);
    assert!(start.elapsed() > Duration::from_secs(40), "it waited for the pace");
    let energy = vitals().energy.thousandths();
    assert!((997..=999).contains(&energy), "a second of work, not the wait: {energy}");
    assert_eq!(vitals().mood, Mood::Active);
}

/// Policy is asked before the rate: a no needs no turn, and takes none of those who get in.
#[tokio::test(start_paused = true)]
async fn who_is_refused_anyway_waits_for_no_pace() {
    let goto = |url: &str| Step::Goto { url: url.into(), timeout_ms: None };
    for by_list in [true, false] {
        let board = Board::open(10).await;
        match by_list {
            true => board.ports.performer.keep_out_of("http://board.example"),
            false => {
                let terms = HostTerms { actions: Some(vec!["browser_click".into()]), ..HostTerms::default() };
                board.scheduler.hosts().keep(policy_of("board.example", 1, terms));
            }
        }
        let start = Instant::now();
        for _ in 0..3 {
            let id = board.give(vec![goto("http://board.example/form")], Proof::default());
            board.carry(id).await;
        }
        assert!(start.elapsed() < Duration::from_secs(1), "by its host list: {by_list}: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_waited_for_its_slice_since_its_persona_was_resumed() {
    let mut board = Board::open(1_000_000).await;
    let goal = board.give(submit(None), proof(false));
    tokio::time::advance(Duration::from_secs(153)).await;
    let resumed_ms = Some(board.ports.world.now_ms());
    board.persona = Arc::new(Persona { resumed_ms, ..Persona::clone(&board.persona) });
    tokio::time::advance(Duration::from_secs(2)).await;
    board.carry(goal).await;
    assert_eq!((board.goal(goal).state, board.ports.store.runs()[0].waited_ms), (GoalState::Done, 2_000));
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_leaves_no_negative_wait() {
    let board = Board::open(1_000_000).await;
    let goal = board.give(submit(None), proof(false));
    board.ports.world.set_clock(-3_600_000, true);
    board.carry(goal).await;
    assert_eq!((board.goal(goal).state, board.ports.store.runs()[0].waited_ms), (GoalState::Done, 0));
}

fn says_no(effect: Effect) -> Vec<Step> {
    let call = Step::Tool {
        name: "says_no".into(),
        args: serde_json::Map::new(),
        effect,
        outreach: false,
        save_as: None,
        timeout_ms: None,
    };
    let write = Step::WriteFile { path: "a.md".into(), content: "sent".into(), description: String::new() };
    vec![call, write]
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_was_carried_out_and_failed_is_neither_done_again_nor_taken_for_done() {
    let mut board = Board::open(1_000_000).await;
    board.allow_only(Autonomy::Full, Vec::new());
    let goal = board.give(says_no(Effect::Irreversible), Proof::default());
    for _ in 0..2 {
        let end = board.carry(goal).await;
        assert!(matches!(end, RunEnd::Over { .. }), "no pause mends it: {end:?}");
        let after = board.goal(goal);
        assert_eq!(after.state, GoalState::Failed, "{:?}", after.last_error);
        assert!(after.last_error.unwrap().contains("the server says that it failed"));
        assert_eq!((board.calls_made(), board.receipts("file_write", Phase::Outcome).len()), (1, 0));
        board.retry(goal);
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_key_what_failed_is_tried_again() {
    let mut board = Board::open(1_000_000).await;
    board.allow_only(Autonomy::Full, Vec::new());
    let goal = board.give(says_no(Effect::Idempotent), Proof::default());
    for calls in 1..=2 {
        assert!(matches!(board.carry(goal).await, RunEnd::Later { due_ms: Some(_) }));
        assert_eq!(board.calls_made(), calls);
    }
}
