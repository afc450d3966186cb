//! A day that is full: what comes after it waits for the next, and nothing passes the ceiling, not even over a crash or
//! over midnight.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::board::{Board, SITE, When, proof, submit};
use crate::{
    domain::{
        Effect, Goal, GoalId, GoalState, HostPolicy, HostTerms, MessageState, Outreach, ParkedOn, Persona, Phase,
        Proof, Quota, QuotaRules, QuotaUse, Quotas, Step, Unit,
    },
    ports::{Change, Commit, Records as _, World as _},
    run::RunEnd,
    testing,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A board whose persona may submit so many proposals a day.
async fn board(ceiling: i64) -> Board {
    let mut board = Board::open(1_000_000).await;
    let quotas = Quotas::from([(Unit::Proposal, Quota::new(0, ceiling).unwrap())]);
    set(&mut board, quotas);
    board
}

fn set(board: &mut Board, quotas: Quotas) {
    let persona = Persona { quotas, version: board.persona.version + 1, ..Persona::clone(&board.persona) };
    let changes = vec![Change::PersonaUpdated(Box::new(persona.clone()))];
    board.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    board.persona = Arc::new(persona);
}

async fn used_at(board: &Board, goal: GoalId) -> Option<i64> {
    board.ports.store.quota_use(goal).await.unwrap().map(|taken| taken.at_ms)
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_last_place_waits_for_the_next_day() {
    let board = board(1).await;
    let (first, second) = (board.give(submit(None), proof(true)), board.give(submit(None), proof(true)));
    board.carry(first).await;
    let day = board.persona.hours.day(board.ports.world.now_ms());
    let calls = board.calls_made();
    assert_eq!(board.carry(second).await, RunEnd::Later { due_ms: Some(day.ends_ms) });
    let waits = board.goal(second);
    assert_eq!(
        (waits.state, waits.parked_on, waits.due_ms),
        (GoalState::Parked, Some(ParkedOn::Quota), Some(day.ends_ms))
    );
    assert_eq!((waits.attempts, board.message(second).state), (0, MessageState::Waiting), "it costs no attempt");
    assert_eq!((board.calls_made(), board.ports.store.runs().len()), (calls, 1), "nothing was begun");
    let receipt = board.ports.store.receipts().pop().unwrap();
    assert_eq!(
        (receipt.goal, receipt.phase, receipt.state.as_deref()),
        (Some(second), Some(Phase::Denied), Some("parked"))
    );
    let body = receipt.body.unwrap();
    assert!(
        body.summary.contains("next day") && body.error.unwrap().contains("its quota of 1 proposal a day"),
        "{}",
        body.summary
    );

    tokio::time::advance(DAY / 2).await;
    board.carry(second).await;
    assert_eq!((board.goal(second).state, board.submissions()), (GoalState::Done, 2));
}

/// Once a host's policy lets somebody be written to, messages are counted like anything else.
#[tokio::test(start_paused = true)]
async fn messages_count_when_a_host_policy_lets_somebody_be_written_to() {
    let mut board = Board::open(1_000_000).await;
    set(&mut board, Quotas::from([(Unit::Message, Quota::new(0, 1).unwrap())]));
    let counted = || Proof { counts_as: Some(Unit::Message), ..proof(true) };
    let off = board.give(submit(None), counted());
    board.carry(off).await;
    assert!(board.goal(off).last_error.unwrap().contains("outreach is off"));
    let outreach = Some(Outreach { recipients: vec!["bo@board.test".into()], opted_out: vec![] });
    let terms = HostTerms { outreach, ..HostTerms::default() };
    board.runner.broker.hosts.keep(HostPolicy { host: "board.test".into(), version: 1, terms });
    let (first, second) = (board.give(submit(None), counted()), board.give(submit(None), counted()));
    board.carry(first).await;
    assert_eq!((board.goal(first).state, board.submissions()), (GoalState::Done, 1), "{:?}", board.goal(first));
    assert!(matches!(board.carry(second).await, RunEnd::Later { due_ms: Some(_) }));
    assert_eq!(board.goal(second).parked_on, Some(ParkedOn::Quota), "the next day has room again");
}

#[tokio::test(start_paused = true)]
async fn what_failed_before_it_did_anything_gives_its_place_back() {
    let board = board(1).await;
    let first = board.give(submit(None), proof(false));
    board.world.lock().unwrap().failing = Some(("browser_fill", 4));
    for _ in 0..4 {
        board.carry(first).await;
        tokio::time::advance(Duration::from_secs(1_000)).await;
    }
    assert_eq!(board.goal(first).state, GoalState::Failed);
    let second = board.give(submit(None), proof(false));
    board.carry(second).await;
    assert_eq!((board.goal(second).state, board.submissions()), (GoalState::Done, 1));
}

#[tokio::test(start_paused = true)]
async fn what_failed_before_its_effect_was_begun_gives_its_place_back() {
    let board = board(1).await;
    let first = board.give(submit(None), proof(false));
    board.world.lock().unwrap().failing = Some(("browser_click", 4));
    for _ in 0..4 {
        board.carry(first).await;
        tokio::time::advance(Duration::from_secs(1_000)).await;
    }
    assert_eq!((board.goal(first).state, board.submissions()), (GoalState::Failed, 0));
    let taken = board.ports.store.quota_use(first).await.unwrap().unwrap();
    assert!(!taken.begun, "nothing has happened: {taken:?}");
    let second = board.give(submit(None), proof(false));
    board.carry(second).await;
    assert_eq!((board.goal(second).state, board.submissions()), (GoalState::Done, 1));
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_may_have_happened_keeps_its_place() {
    let board = board(1).await;
    // It clicked, and then the page did not say what it should.
    let mut steps = submit(None);
    steps[3] = Step::ExpectTitle { contains: "Never".into(), timeout_ms: None };
    let first = board.give(steps, proof(false));
    board.carry(first).await;
    assert_eq!((board.goal(first).state, board.submissions()), (GoalState::Unconfirmed, 1));
    let second = board.give(submit(None), proof(false));
    board.carry(second).await;
    assert_eq!((board.goal(second).parked_on, board.submissions()), (Some(ParkedOn::Quota), 1));
}

/// Its key makes a second try harmless; that this one was not begun says nothing about the first.
#[tokio::test(start_paused = true)]
async fn a_try_that_was_not_begun_gives_nothing_back_behind_one_that_may_have_happened() {
    for crashes in [true, false] {
        let board = board(1).await;
        let (name, effect) = ("post".to_owned(), Effect::Idempotent);
        let post =
            Step::Tool { name, args: Default::default(), effect, outreach: false, save_as: None, timeout_ms: None };
        let first = board.give(vec![post], proof(false));
        board.world.lock().unwrap().crash_at = Some((0, When::After));
        let run = board.begin(first).await;
        board.ports.performer.called(1).await;
        match crashes {
            true => board.crash(run).await,
            false => drop(run.await.unwrap()),
        }
        let phases = || board.ports.store.receipts().into_iter().filter_map(|one| Some((one.phase?, one.tool?)));
        board.world.lock().unwrap().failing = Some(("post", 9));
        for _ in 0..4 {
            tokio::time::advance(Duration::from_secs(1_000)).await;
            board.carry(first).await;
        }
        let phases: Vec<_> = phases().map(|(phase, _)| phase).collect();
        let at = |wanted| phases.iter().position(|phase| *phase == wanted);
        assert!(at(Phase::Unknown).unwrap() < at(Phase::Outcome).unwrap(), "tried again: {phases:?}");
        let taken = board.ports.store.quota_use(first).await.unwrap().unwrap();
        assert!(taken.begun, "the first try may have happened: {taken:?}");
        let second = board.give(submit(None), proof(false));
        board.carry(second).await;
        assert_eq!((board.goal(second).parked_on, board.submissions()), (Some(ParkedOn::Quota), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_anywhere_passes_no_ceiling() {
    let clean = board(1).await;
    let goal = clean.give(submit(None), proof(true));
    clean.carry(goal).await;
    for call in 0..clean.calls_made() {
        for when in [When::Before, When::After] {
            let board = board(1).await;
            board.world.lock().unwrap().crash_at = Some((call, when));
            let goal = board.give(submit(None), proof(true));
            let run = board.begin(goal).await;
            board.ports.performer.called(call + 1).await;
            board.crash(run).await;
            let rival = board.give(submit(None), proof(true));
            board.carry(rival).await;
            board.carry(goal).await;
            board.carry(rival).await;
            assert!(board.submissions() <= 1, "crash {when:?} call {call}: {} submissions", board.submissions());
            assert_eq!(board.goal(rival).parked_on, Some(ParkedOn::Quota), "crash {when:?} call {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_begun_after_midnight_counts_for_the_new_day() {
    let board = board(1).await;
    tokio::time::advance(DAY / 2 - Duration::from_millis(500)).await;
    let midnight_ms = board.persona.hours.day(board.ports.world.now_ms()).ends_ms;
    board.world.lock().unwrap().slow = Some("browser_fill");
    let over_midnight = board.give(submit(None), proof(false));
    board.carry(over_midnight).await;
    board.world.lock().unwrap().slow = None;
    assert_eq!(board.goal(over_midnight).state, GoalState::Done);
    assert!(used_at(&board, over_midnight).await.unwrap() >= midnight_ms);
    let next = board.give(submit(None), proof(false));
    board.carry(next).await;
    assert_eq!((board.goal(next).parked_on, board.submissions()), (Some(ParkedOn::Quota), 1));
}

#[tokio::test(start_paused = true)]
async fn a_day_that_fills_up_during_a_run_stops_it_before_the_effect() {
    let board = board(1).await;
    tokio::time::advance(DAY / 2 - Duration::from_millis(500)).await;
    board.world.lock().unwrap().slow = Some("browser_fill");
    let over_midnight = board.give(submit(None), proof(false));
    let run = board.begin(over_midnight).await;
    board.ports.performer.called(2).await;
    // Somebody else's goal takes the new day while this one still fills its form.
    let rival = board.give(vec![], Proof { counts_as: Some(Unit::Proposal), ..Proof::default() });
    tokio::time::advance(Duration::from_millis(501)).await;
    take(&board, rival);
    run.await.unwrap();
    let waits = board.goal(over_midnight);
    assert_eq!((waits.state, waits.parked_on), (GoalState::Parked, Some(ParkedOn::Quota)));
    assert_eq!(board.submissions(), 0);
    tokio::time::advance(DAY).await;
    board.world.lock().unwrap().slow = None;
    board.carry(over_midnight).await;
    assert_eq!((board.goal(over_midnight).state, board.submissions()), (GoalState::Done, 1));
    assert_eq!(board.goal(over_midnight).attempts, 1, "the same run went on");
}

fn take(board: &Board, goal: GoalId) {
    let (persona, at_ms) = (board.persona.id, board.ports.world.now_ms());
    let taken = QuotaUse { goal, persona, unit: Unit::Proposal, units: 1, at_ms, begun: true };
    let changes = vec![Change::QuotaTaken(taken)];
    board.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_ceiling_that_is_lowered_during_a_run_holds_for_its_effect() {
    let mut board = board(2).await;
    let (first, second) = (board.give(submit(None), proof(false)), board.give(submit(None), proof(false)));
    board.carry(first).await;
    board.world.lock().unwrap().slow = Some("browser_fill");
    let run = board.begin(second).await;
    board.ports.performer.called(board.calls_made() + 2).await;
    set(&mut board, Quotas::from([(Unit::Proposal, Quota::new(0, 1).unwrap())]));
    run.await.unwrap();
    assert_eq!((board.goal(second).parked_on, board.submissions()), (Some(ParkedOn::Quota), 1));
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_changed_since_it_was_read_is_read_again() {
    let mut board = board(1).await;
    let goal = board.give(submit(None), proof(false));
    let stale = board.persona.clone();
    set(&mut board, Quotas::from([(Unit::Proposal, Quota::new(0, 2).unwrap())]));
    let fresh = std::mem::replace(&mut board.persona, stale);
    assert_eq!(board.carry(goal).await, RunEnd::Later { due_ms: Some(board.ports.world.now_ms()) });
    board.persona = fresh;
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Done);
}

#[tokio::test(start_paused = true)]
async fn what_no_day_could_hold_is_refused() {
    let board = board(1).await;
    let batch = board.give(submit(None), Proof { units: Some(2), ..proof(false) });
    let end = board.carry(batch).await;
    assert_eq!(end, RunEnd::Over { failure_streak: 0, open_circuit: false }, "and is not its fault");
    let refused = board.goal(batch);
    assert_eq!((refused.state, board.message(batch).state), (GoalState::Failed, MessageState::Failed));
    assert!(refused.last_error.unwrap().contains("allows 1 a day: raise it"));
    assert_eq!(board.calls_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_cap_over_all_personas_stands_above_a_quota() {
    let day_caps = BTreeMap::from([(Unit::Proposal, 1)]);
    let board = Board::open_under(1_000_000, QuotaRules { day_caps, ..QuotaRules::default() }).await;
    let other = testing::persona(&*board.ports.world, "bo");
    let goal = Goal { proof: proof(false), ..testing::goal(&*board.ports.world, other.id) };
    let (persona, at_ms) = (other.id, board.ports.world.now_ms());
    let taken = QuotaUse { goal: goal.id, persona, unit: Unit::Proposal, units: 1, at_ms, begun: true };
    let changes =
        vec![Change::PersonaCreated(Box::new(other)), Change::GoalAdded(Box::new(goal)), Change::QuotaTaken(taken)];
    board.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    let mine = board.give(submit(None), proof(false));
    board.carry(mine).await;
    assert_eq!((board.goal(mine).parked_on, board.submissions()), (Some(ParkedOn::Quota), 0));
    let receipt = board.ports.store.receipts().pop().unwrap().body.unwrap();
    assert!(receipt.error.unwrap().contains("the cap over all personas of 1 proposal a day is used up"));
}

#[tokio::test(start_paused = true)]
async fn a_proven_batch_counts_each_unit() {
    let board = board(5).await;
    let batch = board.give(submit(None), Proof { units: Some(3), ..proof(false) });
    board.carry(batch).await;
    let units: Vec<_> = board.ports.store.receipts().iter().filter_map(|receipt| receipt.units).collect();
    assert_eq!(units, [3]);
    let next = board.give(submit(None), Proof { units: Some(3), ..proof(false) });
    board.carry(next).await;
    assert_eq!(board.goal(next).parked_on, Some(ParkedOn::Quota), "3 and 3 are more than 5");
    let look = board.give(vec![Step::Goto { url: SITE.into(), timeout_ms: None }], proof(false));
    board.carry(look).await;
    assert_ne!(board.goal(look).parked_on, Some(ParkedOn::Quota), "one still fits");
}
