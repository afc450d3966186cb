//! Budgets: what a call may take is reserved below every limit or not at all, settled once, and added up so that the
//! sums are what the entries say.

use std::{process::Stdio, sync::Arc};

use actors::{
    domain::{
        Bound, Budget, BudgetLeft, BudgetPeriod, BudgetScope, BudgetSpan, BudgetUnit, Budgets, Entry, EntryId, GoalId,
        GoalState, ParkedOn, PersonaId, RunId, SLOT_MS, Settlement, Totals,
    },
    ports::{Change, Commit, GoalMove, Guard, LedgerChange, LedgerGuard, World},
    testing,
};
use diesel::{Connection, RunQueryDsl, SqliteConnection, sql_query, sql_types::BigInt};

use super::{
    on_both_databases, on_every_store,
    stores::{Store, moved},
};

on_every_store! {
    a_batch_cannot_pass_a_limit
    what_is_settled_makes_room_for_others_once
    only_the_own_period_of_who_is_charged_counts
    a_limit_that_changed_since_it_was_read_is_refused
    a_hundred_callers_at_once_never_take_more_than_there_is
    what_nobody_settled_is_found_again
    an_alert_is_raised_once
    goals_that_wait_for_a_budget_are_found
}

mod sums {
    use super::*;

    on_both_databases! { the_sums_are_what_the_entries_say }
}

const DAY_MS: i64 = 86_400_000;
const DOLLAR: u64 = 1_000_000;

fn entry(world: &dyn World, persona: PersonaId, at_ms: i64, micro_usd: u64) -> Entry {
    Entry {
        id: EntryId(world.new_id()),
        persona: Some(persona),
        user: "owner".to_owned(),
        goal: Some(GoalId(world.new_id())),
        run: Some(RunId(world.new_id())),
        step: 0,
        at_ms,
        reserved: Bound { micro_usd, tokens: micro_usd / 10 },
    }
}

/// Room on the first day of all.
fn left(scope: BudgetScope, amount: u64, hard: u64) -> Guard {
    let limit = Budget { period: BudgetPeriod::Day, unit: BudgetUnit::MicroUsd, soft: None, hard };
    let span = BudgetSpan { scope, from_ms: 0, until_ms: DAY_MS };
    Guard::Ledger(LedgerGuard::BudgetLeft(BudgetLeft { span, limit, amount }))
}

fn reserve(entry: &Entry, guards: Vec<Guard>) -> Commit {
    let changes = vec![Change::Ledger(LedgerChange::Reserved(entry.clone()))];
    Commit { guards, changes, ..Commit::default() }
}

fn settle(entry: &Entry, micro_usd: u64) -> Commit {
    let (entry, spent) = (entry.clone(), Bound { micro_usd, tokens: micro_usd / 10 });
    let settled = Settlement { at_ms: entry.at_ms + 5, entry, spent };
    Commit { changes: vec![Change::Ledger(LedgerChange::Settled(settled))], ..Commit::default() }
}

async fn taken(store: &Store, scope: BudgetScope) -> Totals {
    store.records.totals(&BudgetSpan { scope, from_ms: 0, until_ms: DAY_MS }).await.unwrap()
}

async fn a_batch_cannot_pass_a_limit(store: Store) {
    let ada = store.persona("ada").await;
    let calls: Vec<_> = (0..4).map(|at_ms| entry(&*store.world, ada.id, at_ms, 400)).collect();
    let admit = |entry: &Entry| reserve(entry, vec![left(BudgetScope::Persona(ada.id), 400, 1_000)]);
    let accepted: Vec<_> = store.write(calls.iter().map(admit).collect()).await.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, false, false]);
    let store = store.reopened_if_it_can_be().await;
    assert!(store.write(vec![admit(&calls[3])]).await[0].is_err(), "after a restart too");
    let totals = taken(&store, BudgetScope::Persona(ada.id)).await;
    assert_eq!((totals.reserved, totals.spent), (Bound { micro_usd: 800, tokens: 80 }, Bound::default()));
    let less = reserve(&calls[3], vec![left(BudgetScope::Persona(ada.id), 200, 1_000)]);
    assert!(store.write(vec![less]).await[0].is_ok(), "up to the limit there is room");
}

async fn what_is_settled_makes_room_for_others_once(store: Store) {
    let ada = store.persona("ada").await;
    let calls: Vec<_> = (0..4).map(|at_ms| entry(&*store.world, ada.id, at_ms, 400)).collect();
    let admit = |entry: &Entry| reserve(entry, vec![left(BudgetScope::Company, 400, 1_000)]);
    // Reserved, settled for less and settled again in one batch: the neighbours see it at once.
    let batch = vec![admit(&calls[0]), admit(&calls[1]), admit(&calls[2]), settle(&calls[0], 100), admit(&calls[2])];
    let accepted: Vec<_> = store.write(batch).await.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, false, true, true]);
    let again = vec![settle(&calls[0], 0), admit(&calls[3])];
    let accepted: Vec<_> = store.write(again).await.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, false], "a second settlement gives nothing back");
    let store = store.reopened_if_it_can_be().await;
    store.commit(settle(&calls[0], 0)).await;
    store.commit(settle(&calls[3], 7)).await;
    let totals = taken(&store, BudgetScope::Company).await;
    assert_eq!((totals.reserved.micro_usd, totals.spent.micro_usd), (800, 100), "nor does one of what was refused");
    store.commit(settle(&calls[1], 400)).await;
    let totals = taken(&store, BudgetScope::Company).await;
    assert_eq!((totals.reserved.tokens, totals.spent.tokens), (40, 50));
}

async fn only_the_own_period_of_who_is_charged_counts(store: Store) {
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    let others = Entry { user: "guest".to_owned(), ..entry(&*store.world, bo.id, 5, 100) };
    for call in [entry(&*store.world, ada.id, -1, 100), entry(&*store.world, ada.id, DAY_MS, 100), others] {
        store.commit(reserve(&call, Vec::new())).await;
    }
    let mine = entry(&*store.world, ada.id, 5, 100);
    let fits = async |scope, hard| {
        // Refused or not, nothing of it stays: its second guard never holds.
        let never = Guard::Ledger(LedgerGuard::BudgetsAt(BudgetScope::Company, 99));
        let commit = reserve(&mine, vec![left(scope, 100, hard), never.clone()]);
        store.write(vec![commit]).await.remove(0).unwrap_err().guard == never
    };
    for scope in [BudgetScope::Persona(ada.id), BudgetScope::User("owner".into())] {
        assert!(fits(scope.clone(), 100).await, "{scope}");
        assert!(!fits(scope.clone(), 99).await, "{scope}");
    }
    for scope in [BudgetScope::Company, BudgetScope::Persona(bo.id), BudgetScope::User("guest".into())] {
        assert!(!fits(scope.clone(), 199).await, "{scope}");
        assert!(fits(scope.clone(), 200).await, "{scope}");
    }
}

async fn a_limit_that_changed_since_it_was_read_is_refused(store: Store) {
    let ada = store.persona("ada").await;
    let scopes = [BudgetScope::Company, BudgetScope::Persona(ada.id)];
    let read = async |store: &Store| store.records.budgets(&scopes).await.unwrap();
    assert_eq!(read(&store).await, scopes.clone().map(Budgets::none));
    let limit = Budget { period: BudgetPeriod::Month, unit: BudgetUnit::Tokens, soft: Some(3), hard: 9 };
    let set = |version, hard| {
        let budgets = Budgets { scope: scopes[1].clone(), version, limits: vec![Budget { hard, ..limit }] };
        let guards = vec![Guard::Ledger(LedgerGuard::BudgetsAt(scopes[1].clone(), version - 1))];
        Commit { guards, changes: vec![Change::Ledger(LedgerChange::BudgetsSet(budgets))], ..Commit::default() }
    };
    let accepted: Vec<_> = store.write(vec![set(1, 9), set(1, 8), set(2, 7)]).await.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, false, true], "whoever decided from what was there before is refused");
    let store = store.reopened_if_it_can_be().await;
    let expected = Budgets { scope: scopes[1].clone(), version: 2, limits: vec![Budget { hard: 7, ..limit }] };
    assert_eq!(read(&store).await, [Budgets::none(BudgetScope::Company), expected]);
    assert!(store.write(vec![set(2, 5)]).await[0].is_err());
    assert!(store.write(vec![set(3, 5)]).await[0].is_ok());
}

/// Each takes up to six cents of one dollar at worst, and settles for what it really took: far more would be spent if
/// anyone looked before the others had written.
async fn a_hundred_callers_at_once_never_take_more_than_there_is(store: Store) {
    const WORST: u64 = 60_000;
    let ada = store.persona("ada").await;
    let store = Arc::new(store);
    let caller = |number: u64| {
        let (store, persona) = (store.clone(), ada.id);
        tokio::spawn(async move {
            let call = entry(&*store.world, persona, number.cast_signed(), WORST);
            let commit = reserve(&call, vec![left(BudgetScope::Company, WORST, DOLLAR)]);
            if store.write(vec![commit]).await[0].is_err() {
                return 0;
            }
            let now = taken(&store, BudgetScope::Company).await;
            assert!(now.taken(BudgetUnit::MicroUsd) <= DOLLAR, "{now:?}");
            let spent = WORST / 2 + number * 300;
            store.commit(settle(&call, spent)).await;
            spent
        })
    };
    let callers: Vec<_> = (0..100).map(caller).collect();
    let mut spent = 0;
    for caller in callers {
        spent += caller.await.unwrap();
    }
    let totals = taken(&store, BudgetScope::Company).await;
    assert_eq!((totals.spent.micro_usd, totals.reserved), (spent, Bound::default()));
    assert!(spent <= DOLLAR && spent + WORST > DOLLAR / 2, "{spent} micro-dollars of {DOLLAR} were spent");
}

async fn what_nobody_settled_is_found_again(store: Store) {
    let ada = store.persona("ada").await;
    let (goal, _) = store.goal(ada.id).await;
    let [lost, over, other] = [5, 6, 7].map(|at_ms| entry(&*store.world, ada.id, at_ms, 40));
    let (lost, over) = (Entry { goal: Some(goal.id), ..lost }, Entry { goal: Some(goal.id), step: 3, ..over });
    for call in [&lost, &over, &other] {
        store.commit(reserve(call, Vec::new())).await;
    }
    store.commit(settle(&over, 1)).await;
    let store = store.reopened_if_it_can_be().await;
    assert_eq!(store.records.open_entries(goal.id).await.unwrap(), std::slice::from_ref(&lost));
    let called = Entry { goal: None, run: None, ..entry(&*store.world, ada.id, 8, 40) };
    store.commit(reserve(&called, Vec::new())).await;
    assert_eq!(store.records.lost_entries().await.unwrap(), std::slice::from_ref(&called), "the goal may go on");
    let changes = vec![Change::GoalMoved(moved(&goal, GoalState::Cancelled))];
    let receipts = vec![store.note(ada.id, "cancelled")];
    store.commit(Commit { changes, receipts, ..Commit::default() }).await;
    let mut found = store.records.lost_entries().await.unwrap();
    found.sort_by_key(|entry| entry.at_ms);
    assert_eq!(found, [lost, called]);
}

async fn an_alert_is_raised_once(store: Store) {
    let ada = store.persona("ada").await;
    let alert = testing::alert(&*store.world, Some(ada.id));
    let raise = |text: &str| {
        let alert = actors::domain::Alert { text: text.to_owned(), ..alert.clone() };
        let changes = vec![Change::AlertRaised(Box::new(alert))];
        Commit { changes, receipts: vec![store.note(ada.id, text)], ..Commit::default() }
    };
    assert!(!store.records.has_alert(alert.id).await.unwrap());
    let resolve = Commit { changes: vec![Change::AlertResolved(alert.id, 9)], ..Commit::default() };
    let all_taken = store.write(vec![raise("first"), raise("second"), resolve, raise("third")]).await;
    assert!(all_taken.iter().all(Result::is_ok));
    assert!(store.records.has_alert(alert.id).await.unwrap());
    assert!(store.records.open_alerts(ada.id).await.unwrap().is_empty(), "what was seen to stays so");
}

async fn goals_that_wait_for_a_budget_are_found(store: Store) {
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    let mut waiting = Vec::new();
    for (persona, parked_on) in [(ada.id, ParkedOn::Budget), (bo.id, ParkedOn::Budget), (ada.id, ParkedOn::Quota)] {
        let (goal, _) = store.goal(persona).await;
        let step = GoalMove { parked_on: Some(parked_on), due_ms: Some(9), ..moved(&goal, GoalState::Parked) };
        let receipts = vec![store.note(persona, "waits")];
        store.commit(Commit { changes: vec![Change::GoalMoved(step)], receipts, ..Commit::default() }).await;
        waiting.push(goal.id);
    }
    assert_eq!(store.records.parked_on_budgets().await.unwrap(), waiting[..2]);
}

/// Sums that differ from what the entries add up to, and how many there are at all. `hex` writes bytes as text.
fn difference(hex: &str) -> String {
    let part = |from: u32, length: u32| format!("substr({hex}, {from}, {length})");
    let id = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)].join(" || '-' || ");
    let scopes = ["'company'".to_owned(), "'user:' || user_name".to_owned(), format!("'persona:' || {id}")];
    let of_scope = |scope: &String| {
        format!(
            "SELECT {scope} AS scope, at_ms - at_ms % {SLOT_MS} AS slot_ms, \
             CASE WHEN settled_ms IS NULL THEN reserved_tokens ELSE 0 END AS a, \
             CASE WHEN settled_ms IS NULL THEN reserved_micro_usd ELSE 0 END AS b, \
             spent_tokens AS c, spent_micro_usd AS d FROM ledger_entries"
        )
    };
    let charged = scopes.each_ref().map(of_scope).join(" UNION ALL ");
    format!(
        "WITH charged AS ({charged}), rebuilt AS (SELECT scope, slot_ms, CAST(sum(a) AS BIGINT) AS a, \
         CAST(sum(b) AS BIGINT) AS b, CAST(sum(c) AS BIGINT) AS c, CAST(sum(d) AS BIGINT) AS d \
         FROM charged GROUP BY scope, slot_ms), \
         kept AS (SELECT scope, slot_ms, reserved_tokens AS a, reserved_micro_usd AS b, spent_tokens AS c, \
         spent_micro_usd AS d FROM ledger_totals), \
         missing AS (SELECT * FROM rebuilt EXCEPT SELECT * FROM kept), \
         surplus AS (SELECT * FROM kept EXCEPT SELECT * FROM rebuilt) \
         SELECT (SELECT count(*) FROM missing) + (SELECT count(*) FROM surplus) AS wrong, \
         (SELECT count(*) FROM kept) AS kept"
    )
}

#[derive(diesel::QueryableByName)]
struct Compared {
    #[diesel(sql_type = BigInt)]
    wrong: i64,
    #[diesel(sql_type = BigInt)]
    kept: i64,
}

async fn the_sums_are_what_the_entries_say(store: Store) {
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    let mut batch = Vec::new();
    for number in 0..60_u64 {
        let persona = if number % 3 == 0 { ada.id } else { bo.id };
        let at_ms = number.cast_signed() * SLOT_MS / 4 + 1;
        let user = if number % 2 == 0 { "owner" } else { "guest" }.to_owned();
        let call = Entry { user, ..entry(&*store.world, persona, at_ms, 100 + number) };
        batch.push(reserve(&call, Vec::new()));
        if number % 5 != 0 {
            batch.push(settle(&call, number * 7));
            batch.push(settle(&call, 1));
        }
        if number % 7 == 0 {
            store.write(std::mem::take(&mut batch)).await;
        }
    }
    store.write(batch).await;
    let Compared { wrong, kept } = if store.place.config.database_url.is_empty() {
        let file = store.place.root.path().join("greenroom.db");
        let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        sql_query(difference("lower(hex(persona))")).get_result(&mut conn).unwrap()
    } else {
        let query = difference("encode(persona, 'hex')");
        let mut psql = crate::postgres::psql(&store.place.config.database_url);
        let answer = psql.args(["-tAF", " ", "-c", &query]).stderr(Stdio::inherit()).output().unwrap();
        let text = String::from_utf8(answer.stdout).unwrap();
        let (wrong, kept) = text.trim().split_once(' ').unwrap();
        Compared { wrong: wrong.parse().unwrap(), kept: kept.parse().unwrap() }
    };
    // 16 quarters of an hour of five scopes, less those in which somebody did nothing.
    assert_eq!(wrong, 0);
    assert!(kept > 60, "{kept}");
}
