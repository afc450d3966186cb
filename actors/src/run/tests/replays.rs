//! Replays: what is on record comes out again, what was changed does not, and nothing is performed. That every other run
//! of these tests comes out again is asked in `board.rs`, after each.

use proptest::prelude::*;
use serde_json::json;

use super::{
    agents::{calls, click, goto, says, submits, submits_a_proposal, title},
    board::{Board, When, proof, submit},
};
use crate::{
    domain::{
        AgentPayload, ArtifactKind, Assertion, Effect, Fork, GoalId, GoalState, Payload, Phase, Proof, Receipt, RunId,
        Step, StepIndex, StepsPayload, Thought,
    },
    run::replay::{Difference, NoReplay},
};

async fn run_of(board: &Board, goal: GoalId) -> RunId {
    let run = board.ports.store.runs().into_iter().find(|run| run.goal == goal);
    run.unwrap().id
}

/// The newest receipt of a tool.
fn newest(board: &Board, tool: &str, phase: Phase) -> Receipt {
    let fits = |receipt: &Receipt| receipt.tool.as_deref() == Some(tool) && receipt.phase == Some(phase);
    board.ports.store.receipts().into_iter().rfind(fits).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_changed_receipt_is_reported_at_its_step() {
    let board = Board::open(1_000_000).await;
    let goal = board.give(submit(None), proof(true));
    board.carry(goal).await;
    let run = run_of(&board, goal).await;
    let intent = newest(&board, "browser_click", Phase::Intent);
    board.ports.store.edit(intent.seq, |receipt| {
        receipt.body.as_mut().unwrap().data["args"]["selector"] = json!("#buy");
    });
    let Difference { seq, step, recorded, replayed } = board.replay(run).await.unwrap().difference.unwrap();
    assert_eq!((seq, step), (Some(intent.seq), Some(2)));
    assert_eq!(recorded["body"]["data"]["args"]["selector"], "#buy");
    assert_eq!(replayed["body"]["data"]["args"]["selector"], "#send");
}

/// What a run was told cannot be worked out again: but what follows from it must fit.
#[tokio::test(start_paused = true)]
async fn a_changed_answer_is_found_by_what_follows_from_it() {
    let board = Board::open(1_000_000).await;
    let goal = board.agent(submits(), shown());
    board.carry(goal).await;
    let run = run_of(&board, goal).await;
    let looked = newest(&board, "browser_expect_title", Phase::Outcome);
    board.ports.store.edit(looked.seq, |receipt| receipt.body.as_mut().unwrap().summary = "all is well".to_owned());
    let difference = board.replay(run).await.unwrap().difference.unwrap();
    let next = newest(&board, "think", Phase::Outcome);
    assert_eq!(difference.seq, Some(next.seq), "the model was told something else: {difference:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_erased_or_never_recorded_is_said() {
    let board = Board::open(1_000_000).await;
    let goal = board.give(submit(None), proof(false));
    board.carry(goal).await;
    let run = run_of(&board, goal).await;
    let looked = newest(&board, "browser_expect_title", Phase::Outcome);
    board.ports.store.edit(looked.seq, |receipt| receipt.body = None);
    let erased = board.replay(run).await.unwrap_err();
    assert!(matches!(erased, NoReplay::Erased { seq, step: Some(3) } if seq == looked.seq), "{erased}");

    let board = Board::open(1_000_000).await;
    let goal = board.give(submit(None), proof(false));
    board.carry(goal).await;
    let run = run_of(&board, goal).await;
    let first = board.ports.store.receipts().into_iter().find(|receipt| receipt.run == Some(run)).unwrap();
    board.ports.store.edit(first.seq, |receipt| receipt.body.as_mut().unwrap().data = json!(null));
    assert!(matches!(board.replay(run).await, Err(NoReplay::NotRecorded(_))));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_too_few_or_too_many_is_a_difference() {
    let board = Board::open(1_000_000).await;
    let goal = board.agent(submits(), shown());
    board.carry(goal).await;
    let run = run_of(&board, goal).await;
    // The thought that clicked is told as one that says it is done.
    let thought = newest(&board, "think", Phase::Outcome);
    let hash = thought.body.unwrap().artifacts[0].hash;
    let second = board
        .ports
        .store
        .receipts()
        .into_iter()
        .filter(|receipt| receipt.tool.as_deref() == Some("think") && receipt.phase == Some(Phase::Outcome));
    let second = second.skip(1).map(|receipt| receipt.seq).next().unwrap();
    board.ports.store.edit(second, |receipt| receipt.body.as_mut().unwrap().artifacts[0].hash = hash);
    let difference = board.replay(run).await.unwrap().difference.unwrap();
    assert_eq!((difference.seq, difference.step), (Some(second + 1), Some(4)), "{difference:?}");
}

fn shown() -> Proof {
    Proof { assertions: vec![Assertion::TitleContains("Proposal submitted".into())], ..Proof::default() }
}

/// One thing that a scripted model wants, or that happens to the run.
#[derive(Debug, Clone)]
enum Turn {
    Calls(Vec<u8>),
    Says(&'static str),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        4 => prop::collection::vec(0_u8..6, 1..5).prop_map(Turn::Calls),
        1 => prop_oneof![Just("I could not."), Just("I submitted it."), Just("")].prop_map(Turn::Says),
    ];
    prop::collection::vec(turn, 1..8)
}

fn step(kind: u8) -> Step {
    let tool = |name: &str, effect| Step::Tool {
        name: name.into(),
        args: serde_json::Map::new(),
        effect,
        outreach: false,
        save_as: None,
        timeout_ms: None,
    };
    match kind {
        0 => goto("form"),
        1 => click(),
        2 => title(),
        3 => tool("count", Effect::Pure),
        4 => tool("look", Effect::Read),
        _ => Step::WriteFile { path: "a.txt".into(), content: "x".into(), description: String::new() },
    }
}

fn thoughts(turns: &[Turn]) -> Vec<Thought> {
    let thought = |turn: &Turn| match turn {
        Turn::Calls(kinds) => calls(kinds.iter().copied().map(step).collect()),
        Turn::Says(text) => says(text),
    };
    turns.iter().map(thought).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_answered_comes_out_again(
        turns in turns(), dies in prop::option::of((0_usize..14, any::<bool>())), fails in prop::option::of(0_usize..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let board = Board::open(1_000_000).await;
            let goal = board.agent(thoughts(&turns), Proof { artifacts: vec![ArtifactKind::Text], ..Proof::default() });
            {
                let mut world = board.world.lock().unwrap();
                world.crash_at = dies.map(|(at, after)| (at, if after { When::After } else { When::Before }));
                world.fail_thought = fails;
            }
            if let Some((at, _)) = dies {
                let mut run = board.begin(goal).await;
                tokio::select! {
                    () = board.ports.performer.called(at + 1) => board.crash(run).await,
                    ended = &mut run => { ended.unwrap(); }
                }
            } else {
                board.carry(goal).await;
            }
            // Another session goes on where it stands, or tries again; each is replayed.
            board.every_run_replays().await;
            if !board.goal(goal).state.is_over() {
                board.carry(goal).await;
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_too_long_for_a_receipt_is_kept_beside_it() {
    let board = Board::open(1_000_000).await;
    let content = "x".repeat(20_000);
    let file = Step::WriteFile { path: "long.txt".into(), content, description: String::new() };
    let goal = board.give_payload(Payload::Io(StepsPayload { steps: vec![file] }), Proof::default());
    board.carry(goal).await;
    let first = board.ports.store.receipts().into_iter().find(|receipt| receipt.run.is_some()).unwrap();
    assert_eq!(first.body.unwrap().artifacts.len(), 1);
}

/// The places of the steps in the order of their receipts with this phase.
fn order(board: &Board, phase: Phase) -> Vec<StepIndex> {
    let of = |receipt: Receipt| receipt.step.filter(|_| receipt.phase == Some(phase));
    board.ports.store.receipts().into_iter().filter_map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn calls_that_only_look_are_made_side_by_side_and_recorded_in_order() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().slow = Some("count");
    let wants = vec![step(3), step(4), step(3), step(5), step(4)];
    let goal = board.agent(vec![calls(wants), says("There are two.")], Proof::default());
    board.carry(goal).await;
    let most = board.ports.performer.most_at_once();
    assert_eq!(most, 2, "both slow ones, while the file and what stands behind it wait for their turn");
    assert_eq!(order(&board, Phase::Outcome), [0, 1, 2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn who_dies_with_calls_side_by_side_repeats_only_those_without_a_receipt() {
    for (at, again) in [(1, 3), (2, 2), (3, 1)] {
        let board = Board::open(1_000_000).await;
        board.world.lock().unwrap().crash_at = Some((at, When::After));
        let wants = vec![step(3), step(4), step(3)];
        let goal = board.agent(vec![calls(wants), says("There are two.")], Proof::default());
        let run = board.begin(goal).await;
        // Those before it are on record: they do not wait for the one that hangs.
        board.ports.performer.called(4).await;
        while board.ports.store.receipts().iter().filter(|r| r.phase == Some(Phase::Outcome)).count() < at {
            tokio::task::yield_now().await;
        }
        board.crash(run).await;
        board.carry(goal).await;
        assert_eq!(order(&board, Phase::Outcome), [0, 1, 2, 3, 4], "crash at {at}");
        let looked = board.ports.performer.calls().iter().filter(|call| call.tool != "think").count();
        assert_eq!(looked, 3 + again, "crash at {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fork_takes_what_is_done_from_the_record_and_goes_on_with_another_model() {
    let board = Board::open(1_000_000).await;
    let goal = board.agent(submits(), shown());
    board.carry(goal).await;
    let run = run_of(&board, goal).await;
    let agent = AgentPayload {
        task: "Say what came of it.".into(),
        model: Some("another".into()),
        // Behind the click: a thought, two looks, a thought, the click.
        fork: Some(Fork { run, from: 5 }),
        ..submits_a_proposal()
    };
    let made = board.calls_made();
    board.world.lock().unwrap().thoughts[2] = says("I submitted the proposal.");
    let proof = Proof { artifacts: vec![ArtifactKind::Screenshot], ..Proof::default() };
    let forked = board.give_payload(Payload::Agent(Box::new(agent)), proof);
    board.carry(forked).await;
    let after = board.goal(forked);
    assert_eq!((after.state, board.submissions()), (GoalState::Done, 1), "{:?}", after.last_error);
    let asked = board.world.lock().unwrap().asked.last().unwrap().clone();
    assert_eq!((board.calls_made() - made, &asked["model"]), (1, &json!("another")), "one thought, by the other model");
    assert!(asked["turns"].to_string().contains("Say what came of it."));
    let taken: Vec<_> =
        board.ports.store.receipts().into_iter().filter(|r| r.goal == Some(forked) && r.replay_of.is_some()).collect();
    assert_eq!(taken.len(), 5);
    let named = taken[4].body.as_ref().unwrap().data["forked_from"].clone();
    assert_eq!(named, json!({"run": run, "step": 4}));
    assert!(taken.iter().all(|receipt| receipt.body.as_ref().unwrap().cost.is_none()), "nothing was spent again");
}

#[tokio::test(start_paused = true)]
async fn a_fork_from_what_is_not_there_fails_and_says_so() {
    let board = Board::open(1_000_000).await;
    let fork = Some(Fork { run: RunId(uuid::Uuid::from_u128(5)), from: 2 });
    let agent = AgentPayload { fork, ..submits_a_proposal() };
    let goal = board.give_payload(Payload::Agent(Box::new(agent)), Proof::default());
    board.carry(goal).await;
    let after = board.goal(goal);
    assert_eq!((after.state, board.calls_made()), (GoalState::Failed, 0));
    assert!(after.last_error.unwrap().contains("fork another run"));
}
