//! Calls that cost money: reserved with their intent, settled with their outcome, and not begun without room.

use std::time::Duration;

use super::board::{Board, When};
use crate::{
    domain::{
        AiPayload, AlertKind, ArtifactKind, Bound, Budget, BudgetPeriod, BudgetScope, BudgetUnit, Budgets, Cost, Entry,
        EntryId, GoalId, GoalState, Length, MessageState, ParkedOn, Payload, Phase, Proof, Receipt, RunId, Settlement,
        StepError,
    },
    ports::{Change, Commit, LedgerChange, World as _},
    run::RunEnd,
};

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(super) const WORST: Bound = Bound { micro_usd: 60_000, tokens: 900 };
const COST: Cost = Cost { input_tokens: 10, output_tokens: 20, micro_usd: 25_000 };
const TOOK: Bound = Bound { micro_usd: 25_000, tokens: 30 };

/// A board on which a composed text takes at most six cents, and so much was asked for it.
async fn board(cost: Option<Cost>) -> Board {
    let board = Board::open(1_000_000).await;
    board.ports.performer.bound_by(|call| Ok((call.tool == "compose").then_some(WORST)));
    board.world.lock().unwrap().cost = cost;
    board
}

impl Board {
    pub(super) fn allow(&self, scope: BudgetScope, soft: Option<u64>, hard: u64) {
        let limits = vec![Budget { period: BudgetPeriod::Day, unit: BudgetUnit::MicroUsd, soft, hard }];
        let set = LedgerChange::BudgetsSet(Budgets { scope, version: 1, limits });
        self.ports.store.seed(Commit { changes: vec![Change::Ledger(set)], ..Commit::default() }).unwrap();
    }

    /// A text to compose; it is proof enough.
    pub(super) fn text(&self) -> GoalId {
        let payload = Payload::Ai(AiPayload { prompt: "Write.".into(), file: None, length: Length::Short });
        self.give_payload(payload, Proof { artifacts: vec![ArtifactKind::Text], ..Proof::default() })
    }

    /// What calls reserved, and what was spent.
    fn money(&self) -> Vec<(Bound, Option<Bound>)> {
        self.ports.store.entries().into_iter().map(|(entry, spent)| (entry.reserved, spent)).collect()
    }

    fn of_compose(&self) -> Vec<Receipt> {
        let all = self.ports.store.receipts().into_iter();
        all.filter(|receipt| receipt.tool.as_deref() == Some("compose")).collect()
    }

    fn phases(&self) -> Vec<Phase> {
        self.of_compose().into_iter().filter_map(|receipt| receipt.phase).collect()
    }

    fn alerts(&self, kind: AlertKind) -> usize {
        self.ports.store.alerts().iter().filter(|alert| alert.kind == kind).count()
    }

    pub(super) fn mine(&self) -> BudgetScope {
        BudgetScope::Persona(self.persona.id)
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_reserves_its_worst_case_and_settles_what_it_took() {
    let board = board(Some(COST)).await;
    let goal = board.text();
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Done);
    assert_eq!(board.money(), [(WORST, Some(TOOK))]);
    let data = |at: usize| board.of_compose()[at].body.clone().unwrap().data;
    assert_eq!(board.phases(), [Phase::Intent, Phase::Outcome]);
    assert_eq!((&data(0)["reserved"]["micro_usd"], &data(1)["charged"]["micro_usd"]), (&60_000.into(), &25_000.into()));
    let (entry, _) = board.ports.store.entries().remove(0);
    assert_eq!((entry.user.as_str(), entry.goal, entry.persona), ("test", Some(goal), Some(board.persona.id)));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_nothing_is_settled_at_the_worst_case() {
    let board = board(None).await;
    board.carry(board.text()).await;
    assert_eq!(board.money(), [(WORST, Some(WORST))]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_begun_takes_nothing() {
    let board = board(None).await;
    board.world.lock().unwrap().failing = Some(("compose", 1));
    board.carry(board.text()).await;
    assert_eq!(board.money(), [(WORST, Some(Bound::default()))]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_end_is_settled_at_its_worst_case_and_its_goal_tries_again() {
    let board = board(Some(COST)).await;
    board.world.lock().unwrap().composes_for_ever = true;
    let goal = board.text();
    assert!(matches!(board.carry(goal).await, RunEnd::Later { due_ms: Some(_) }));
    assert_eq!(board.money(), [(WORST, Some(WORST))]);
    board.world.lock().unwrap().composes_for_ever = false;
    tokio::time::advance(Duration::from_secs(61)).await;
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Done);
    assert_eq!(board.money(), [(WORST, Some(WORST)), (WORST, Some(TOOK))]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_crash_cut_off_is_settled_at_its_worst_case_and_asked_again() {
    for when in [When::Before, When::After] {
        let board = board(Some(COST)).await;
        board.allow(board.mine(), None, 2 * WORST.micro_usd);
        board.world.lock().unwrap().crash_at = Some((0, when));
        let goal = board.text();
        let run = board.begin(goal).await;
        board.ports.performer.called(1).await;
        board.crash(run).await;
        assert_eq!(board.money(), [(WORST, None)], "{when:?}");
        board.carry(goal).await;
        assert_eq!((board.goal(goal).state, board.goal(goal).attempts), (GoalState::Done, 1), "{when:?}");
        assert_eq!(board.money(), [(WORST, Some(WORST)), (WORST, Some(TOOK))], "{when:?}");
        assert_eq!(board.phases(), [Phase::Intent, Phase::Unknown, Phase::Intent, Phase::Outcome], "{when:?}");
        let lost = board.of_compose()[1].body.clone().unwrap();
        assert_eq!(lost.data["charged"]["micro_usd"], 60_000, "{when:?}");
        assert_eq!(board.alerts(AlertKind::Reconcile), 0, "nobody is asked about it");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_budget_has_no_room_for_waits_until_it_renews() {
    let board = board(Some(COST)).await;
    board.allow(board.mine(), None, 80_000);
    let (first, second, third) = (board.text(), board.text(), board.text());
    board.carry(first).await;
    let day = board.persona.hours.day(board.ports.world.now_ms());
    for goal in [second, third] {
        assert_eq!(board.carry(goal).await, RunEnd::Later { due_ms: Some(day.ends_ms) });
        let waits = board.goal(goal);
        assert_eq!((waits.state, waits.parked_on), (GoalState::Parked, Some(ParkedOn::Budget)));
        assert_eq!((waits.due_ms, board.message(goal).state), (Some(day.ends_ms), MessageState::Waiting));
    }
    assert_eq!(board.calls_made(), 1, "nobody was asked");
    assert_eq!(board.money(), [(WORST, Some(TOOK))], "and nothing reserved");
    assert_eq!(board.alerts(AlertKind::OverBudget), 1, "told once");
    let denied = board.of_compose().pop().unwrap();
    assert_eq!((denied.phase, denied.state.as_deref()), (Some(Phase::Denied), Some("not_begun")));
    let why = denied.body.unwrap().error.unwrap();
    assert!(why.starts_with("the persona’s budget has $0.055 of $0.08 left for the day"), "{why}");
    assert!(why.contains("renews at 2026-11-21 00:00 (UTC)"), "{why}");
    let decided = board.ports.store.receipts().pop().unwrap();
    assert_eq!((decided.phase, decided.state.as_deref()), (Some(Phase::Denied), Some("parked")));

    tokio::time::advance(DAY / 2).await;
    board.carry(second).await;
    assert_eq!((board.goal(second).state, board.goal(second).attempts), (GoalState::Done, 1), "the same run went on");
    board.carry(third).await;
    assert_eq!((board.goal(third).parked_on, board.alerts(AlertKind::OverBudget)), (Some(ParkedOn::Budget), 2));
}

#[tokio::test(start_paused = true)]
async fn everybody_who_is_charged_can_be_out_of_money() {
    for scope in [BudgetScope::Company, BudgetScope::User("test".into())] {
        let board = board(Some(COST)).await;
        board.allow(scope.clone(), None, 80_000);
        board.allow(BudgetScope::User("somebody else".into()), None, 0);
        let (first, second) = (board.text(), board.text());
        board.carry(first).await;
        board.carry(second).await;
        assert_eq!((board.goal(first).state, board.goal(second).parked_on), (GoalState::Done, Some(ParkedOn::Budget)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_period_could_hold_is_refused() {
    let board = board(Some(COST)).await;
    board.allow(board.mine(), None, WORST.micro_usd - 1);
    let goal = board.text();
    assert_eq!(board.carry(goal).await, RunEnd::Over { failure_streak: 0, open_circuit: false });
    let refused = board.goal(goal);
    assert_eq!((refused.state, board.message(goal).state), (GoalState::Failed, MessageState::Failed));
    assert!(refused.last_error.unwrap().contains("which no day would hold: raise the budget"));
    assert_eq!((board.calls_made(), board.money().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_only_reserved_is_looked_at_again_soon_and_nobody_is_told() {
    let board = board(Some(COST)).await;
    board.allow(board.mine(), None, 80_000);
    let (goal, now_ms) = (board.text(), board.ports.world.now_ms());
    let other = Entry {
        id: EntryId(board.ports.world.new_id()),
        persona: Some(board.persona.id),
        user: "test".into(),
        goal: Some(goal),
        run: Some(RunId(board.ports.world.new_id())),
        step: 0,
        at_ms: now_ms,
        reserved: WORST,
    };
    let seed = |change| board.ports.store.seed(Commit { changes: vec![Change::Ledger(change)], ..Commit::default() });
    seed(LedgerChange::Reserved(other.clone())).unwrap();
    assert_eq!(board.carry(goal).await, RunEnd::Later { due_ms: Some(now_ms + 60_000) });
    assert_eq!((board.goal(goal).state, board.alerts(AlertKind::OverBudget)), (GoalState::Parked, 0));
    seed(LedgerChange::Settled(Settlement { entry: other, spent: Bound::default(), at_ms: now_ms })).unwrap();
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_raised_before_its_goal_waits_is_not_overlooked() {
    let board = board(Some(COST)).await;
    board.allow(board.mine(), None, WORST.micro_usd);
    board.carry(board.text()).await;
    let goal = board.text();
    let (store, asked) = (board.ports.store.clone(), board.ports.store.batches().len());
    let mut hold = store.hold_writes().await;
    let run = board.begin(goal).await;
    // One write after the other is let through: the run is opened, its intent refused, and that is written.
    for write in 1..=3 {
        store.asked(asked + write).await;
        ((), hold) = tokio::join!(async { drop(hold) }, store.hold_writes());
    }
    store.asked(asked + 4).await;
    let limits = vec![Budget { period: BudgetPeriod::Day, unit: BudgetUnit::MicroUsd, soft: None, hard: 1_000_000 }];
    let set = LedgerChange::BudgetsSet(Budgets { scope: board.mine(), version: 2, limits });
    store.seed(Commit { changes: vec![Change::Ledger(set)], ..Commit::default() }).unwrap();
    drop(hold);
    assert_eq!(run.await.unwrap(), RunEnd::Later { due_ms: Some(board.ports.world.now_ms()) });
    board.carry(goal).await;
    assert_eq!(board.goal(goal).state, GoalState::Done);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_bound_is_refused_also_where_there_is_no_budget() {
    for limited in [true, false] {
        let board = board(Some(COST)).await;
        board.ports.performer.bound_by(|_| Err(StepError::permanent("it has no price")));
        if limited {
            board.allow(BudgetScope::Company, None, u64::MAX);
        }
        let goal = board.text();
        board.carry(goal).await;
        assert_eq!(board.goal(goal).state, GoalState::Failed);
        let denied = board.of_compose().pop().unwrap();
        assert_eq!(denied.phase, Some(Phase::Denied));
        let why = denied.body.unwrap().error.unwrap();
        assert!(
            if limited { why.contains("is not known: it has no price") } else { why == "it has no price" },
            "{why}"
        );
        assert_eq!(board.calls_made(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_worst_case_that_brings_its_code_down_is_one_that_nobody_knows() {
    let board = board(Some(COST)).await;
    board.ports.performer.bound_by(|_| panic!("no table has this model"));
    board.allow(board.mine(), None, u64::MAX);
    let goal = board.text();
    board.carry(goal).await;
    let error = board.goal(goal).last_error.unwrap();
    assert!(error.contains("working it out failed inside the runtime"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_soft_limit_is_told_once_and_the_work_goes_on() {
    let board = board(Some(COST)).await;
    board.allow(board.mine(), Some(2 * TOOK.micro_usd), 10 * WORST.micro_usd);
    let mut told = Vec::new();
    for _ in 0..4 {
        let goal = board.text();
        board.carry(goal).await;
        assert_eq!(board.goal(goal).state, GoalState::Done);
        told.push(board.alerts(AlertKind::BudgetLow));
    }
    assert_eq!(told, [0, 1, 1, 1]);
    let alert = board.ports.store.alerts().remove(0);
    assert_eq!(alert.persona, Some(board.persona.id));
    assert_eq!(
        alert.text,
        "the persona’s budget has passed its soft limit of $0.05 a day: $0.05 are spent, and at $0.60 its calls stop"
    );
}
