//! A day's ceiling: held by a guard, over neighbours, other goals and a restart; given back by what came to nothing.

use actors::{
    domain::{Autoplan, Goal, GoalState, Persona, PersonaId, Proof, QuotaLeft, QuotaUse, Unit},
    ports::{Change, Commit, Guard, World},
    testing,
};

use super::{
    on_every_store,
    stores::{Store, moved},
};

on_every_store! {
    a_batch_cannot_pass_a_ceiling
    a_goal_counts_once_in_a_batch_in_which_it_takes_its_place_again
    what_becomes_of_a_goal_in_a_batch_counts_for_its_neighbours
    what_came_to_nothing_gives_its_place_back
    only_the_own_day_of_the_own_unit_counts
    what_counts_is_read_back
}

const DAY_MS: i64 = 86_400_000;

async fn counted(store: &Store, persona: PersonaId, unit: Unit) -> Goal {
    let proof = Proof { counts_as: Some(unit), ..Proof::default() };
    let goal = Goal { proof, ..testing::goal(&*store.world, persona) };
    store.commit(store.delivery(&goal, &testing::message(&*store.world, &goal))).await;
    goal
}

fn taken(goal: &Goal, at_ms: i64) -> QuotaUse {
    let (unit, units) = goal.proof.counted().unwrap();
    QuotaUse { goal: goal.id, persona: goal.persona, unit, units, at_ms, begun: false }
}

/// A guard over the first day of all.
fn left(taken: &QuotaUse, persona: Option<PersonaId>, ceiling: u32) -> QuotaLeft {
    let QuotaUse { goal, unit, units, .. } = *taken;
    QuotaLeft { goal, persona, unit, units, from_ms: 0, until_ms: DAY_MS, ceiling }
}

fn admission(taken: QuotaUse, left: QuotaLeft) -> Commit {
    Commit { guards: vec![Guard::QuotaLeft(left)], changes: vec![Change::QuotaTaken(taken)], ..Commit::default() }
}

async fn fits(store: &Store, taken: QuotaUse, left: QuotaLeft) -> bool {
    let answer = store.write(vec![admission(taken, left)]).await.remove(0);
    if let Err(refused) = &answer {
        assert_eq!(refused.guard, Guard::QuotaLeft(left));
    }
    answer.is_ok()
}

async fn a_batch_cannot_pass_a_ceiling(store: Store) {
    let ada = store.persona("ada").await;
    let mut batch = Vec::new();
    let mut goals = Vec::new();
    for _ in 0..4 {
        let goal = counted(&store, ada.id, Unit::Post).await;
        let taken = taken(&goal, 5);
        batch.push(admission(taken, left(&taken, Some(ada.id), 2)));
        goals.push(goal);
    }
    let accepted: Vec<_> = store.write(batch).await.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, false, false]);
    let store = store.reopened_if_it_can_be().await;
    let (first, last) = (taken(&goals[0], 9), taken(&goals[3], 9));
    assert!(!fits(&store, last, left(&last, Some(ada.id), 2)).await, "after a restart too");
    assert!(fits(&store, first, left(&first, Some(ada.id), 2)).await, "what it took itself does not count");
    assert!(!fits(&store, last, left(&last, Some(ada.id), 2)).await, "and it took it once");
    assert!(fits(&store, last, left(&last, Some(ada.id), 3)).await);
}

async fn a_goal_counts_once_in_a_batch_in_which_it_takes_its_place_again(store: Store) {
    let ada = store.persona("ada").await;
    let mut uses = Vec::new();
    for _ in 0..4 {
        uses.push(taken(&counted(&store, ada.id, Unit::Post).await, 5));
    }
    let admit = |taken: QuotaUse| admission(taken, left(&taken, Some(ada.id), 3));
    let accepted = async |batch| store.write(batch).await.iter().map(Result::is_ok).collect::<Vec<_>>();
    assert_eq!(accepted(vec![admit(uses[0])]).await, [true]);
    // The intent of what was begun before, the start and the intent of another one, a third, and one too many.
    let intent = |taken: QuotaUse| admit(QuotaUse { begun: true, at_ms: 6, ..taken });
    let batch = vec![intent(uses[0]), admit(uses[1]), intent(uses[1]), admit(uses[2]), admit(uses[3])];
    assert_eq!(accepted(batch).await, [true, true, true, true, false]);
    // Two go over to the next day: their places are free at once, for one that has none, and one that has one.
    let moves = |taken| Commit { changes: vec![Change::QuotaTaken(taken)], ..Commit::default() };
    let tomorrow = |taken: QuotaUse| moves(QuotaUse { at_ms: DAY_MS, begun: true, ..taken });
    let batch =
        vec![tomorrow(uses[0]), admit(uses[3]), admit(uses[0]), tomorrow(uses[1]), admit(uses[2]), admit(uses[0])];
    assert_eq!(accepted(batch).await, [true, true, false, true, true, true]);
}

async fn what_becomes_of_a_goal_in_a_batch_counts_for_its_neighbours(store: Store) {
    let ada = store.persona("ada").await;
    for (state, begun, gives_back) in
        [(GoalState::Failed, false, true), (GoalState::Failed, true, false), (GoalState::Done, false, false)]
    {
        let bo = store.persona(&format!("bo-{}-{begun}", state.as_str())).await;
        let (first, second) = (counted(&store, bo.id, Unit::Post).await, counted(&store, bo.id, Unit::Post).await);
        let use_of_first = QuotaUse { begun, ..taken(&first, 5) };
        assert!(fits(&store, use_of_first, left(&use_of_first, Some(bo.id), 1)).await);
        let step = vec![Change::GoalMoved(moved(&first, state))];
        let ends = Commit { changes: step, receipts: vec![store.note(ada.id, "moved")], ..Commit::default() };
        let wanted = taken(&second, 6);
        let admit = || admission(wanted, left(&wanted, Some(bo.id), 1));
        let accepted: Vec<_> = store.write(vec![admit(), ends, admit()]).await.iter().map(Result::is_ok).collect();
        assert_eq!(accepted, [false, true, gives_back], "{state}, begun: {begun}");
    }
}

async fn what_came_to_nothing_gives_its_place_back(store: Store) {
    let ada = store.persona("ada").await;
    for (state, begun, gives_back) in [
        (GoalState::Failed, false, true),
        (GoalState::Cancelled, false, true),
        (GoalState::Unconfirmed, false, true),
        (GoalState::Done, false, false),
        (GoalState::Parked, false, false),
        (GoalState::Failed, true, false),
        (GoalState::Unconfirmed, true, false),
        (GoalState::Cancelled, true, false),
    ] {
        let unit = Unit::ALL[0];
        let bo = store.persona(&format!("bo-{}-{begun}", state.as_str())).await;
        let (first, second) = (counted(&store, bo.id, unit).await, counted(&store, bo.id, unit).await);
        let use_of_first = QuotaUse { begun, ..taken(&first, 5) };
        assert!(fits(&store, use_of_first, left(&use_of_first, Some(bo.id), 1)).await);
        let step = Change::GoalMoved(moved(&first, state));
        store
            .commit(Commit { changes: vec![step], receipts: vec![store.note(ada.id, "moved")], ..Commit::default() })
            .await;
        let wanted = taken(&second, 6);
        assert_eq!(fits(&store, wanted, left(&wanted, Some(bo.id), 1)).await, gives_back, "{state}, begun: {begun}");
    }
}

async fn only_the_own_day_of_the_own_unit_counts(store: Store) {
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    let mine = counted(&store, ada.id, Unit::Post).await;
    let others =
        [(bo.id, Unit::Post, 5), (ada.id, Unit::Proposal, 5), (ada.id, Unit::Post, -1), (ada.id, Unit::Post, DAY_MS)];
    for (persona, unit, at_ms) in others {
        let taken = taken(&counted(&store, persona, unit).await, at_ms);
        store.commit(Commit { changes: vec![Change::QuotaTaken(taken)], ..Commit::default() }).await;
    }
    let wanted = taken(&mine, 5);
    assert!(!fits(&store, wanted, left(&wanted, None, 1)).await, "everybody's day has bo's");
    assert!(fits(&store, wanted, left(&wanted, None, 2)).await);
    assert!(fits(&store, wanted, left(&wanted, Some(ada.id), 1)).await);
    let batch = QuotaUse { units: 3, ..wanted };
    assert!(!fits(&store, batch, left(&batch, Some(ada.id), 2)).await, "each unit of a batch counts");
    assert!(fits(&store, batch, left(&batch, Some(ada.id), 3)).await);
}

async fn what_counts_is_read_back(store: Store) {
    let ada = store.persona("ada").await;
    let now_ms = store.world.now_ms();
    let (open, over) = (counted(&store, ada.id, Unit::Post).await, counted(&store, ada.id, Unit::Post).await);
    store.goal(ada.id).await;
    let use_of_over = QuotaUse { begun: true, ..taken(&over, now_ms - 10 * DAY_MS) };
    let changes = vec![Change::QuotaTaken(use_of_over), Change::GoalMoved(moved(&over, GoalState::Done))];
    store.commit(Commit { changes, receipts: vec![store.note(ada.id, "done")], ..Commit::default() }).await;
    let found = async |from_ms, until_ms| {
        let found = store.records.counted(ada.id, from_ms..until_ms).await.unwrap();
        found.into_iter().map(|one| (one.goal.id, one.taken)).collect::<Vec<_>>()
    };
    let (open, over) = ((open.id, None), (over.id, Some(use_of_over)));
    assert_eq!(found(now_ms - DAY_MS, now_ms + DAY_MS).await, [open, over], "given today");
    assert_eq!(found(now_ms - 11 * DAY_MS, now_ms - 9 * DAY_MS).await, [open, over], "open, or counted on that day");
    assert_eq!(found(now_ms - 9 * DAY_MS, now_ms - 8 * DAY_MS).await, [open]);
    assert_eq!(store.records.quota_use(over.0).await.unwrap(), Some(use_of_over));
    assert_eq!(store.records.quota_use(open.0).await.unwrap(), None);

    assert!(store.records.planned_personas().await.unwrap().is_empty());
    let autoplan = Autoplan { on: true, work: Vec::new() };
    let planned = Persona { autoplan, version: 2, ..ada.clone() };
    store
        .commit(Commit { changes: vec![Change::PersonaUpdated(Box::new(planned.clone()))], ..Commit::default() })
        .await;
    assert_eq!(store.records.planned_personas().await.unwrap(), [ada.id]);
    assert_eq!(store.records.persona(ada.id).await.unwrap(), Some(planned));
}
