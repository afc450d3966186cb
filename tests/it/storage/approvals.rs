//! Approvals: a yes is used once, only for what it was given for, and only in time; after a restart too.

use actors::{
    domain::{
        Approval, ApprovalId, ApprovalState, Decided, GoalId, Hash, HostPolicy, HostTerms, PersonaId, RunId, Subject,
    },
    ports::{ApprovalChange, ApprovalGuard, Change, Commit, Guard, HostPolicyChange, HostPolicyGuard, World},
};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types};
use serde_json::json;

use super::{
    on_every_store,
    stores::{self, Store},
};

on_every_store! {
    a_yes_is_used_once
    a_yes_is_for_this_call_and_this_time
    what_was_asked_and_said_is_read_back
    a_host_policy_is_replaced_by_version
}

fn asked(world: &dyn World, persona: PersonaId) -> Approval {
    let args = json!({"action": "click", "selector": "#send", "odd": "nul \u{0} byte"});
    Approval {
        id: ApprovalId(world.new_id()),
        persona,
        goal: GoalId(world.new_id()),
        run: RunId(world.new_id()),
        step: 3,
        key: "goal:3".to_owned(),
        tool: "browser_click".to_owned(),
        digest: Hash([7; 32]),
        state: ApprovalState::Waiting,
        subject: Subject {
            label: "browser_click #send".to_owned(),
            args,
            page: Some(json!({"address": "http://a.test/", "form": []})),
            host: Some("a.test".to_owned()),
            rule: "a rule".to_owned(),
            disclosure: None,
        },
        again: true,
        asked_ms: 5,
        expires_ms: 1_000,
        decided: None,
    }
}

fn ask(approval: &Approval) -> Commit {
    let changes = vec![Change::Approval(ApprovalChange::Asked(Box::new(approval.clone())))];
    Commit { changes, ..Commit::default() }
}

fn moves(id: ApprovalId, state: ApprovalState, by: Option<&str>, guard: ApprovalGuard) -> Commit {
    let decided = by.map(|by| Decided { by: by.to_owned(), at_ms: 9, note: "fine".to_owned() });
    let changes = vec![Change::Approval(ApprovalChange::Moved { id, state, decided })];
    Commit { guards: vec![Guard::Approval(guard)], changes, ..Commit::default() }
}

fn approve(id: ApprovalId) -> Commit {
    moves(id, ApprovalState::Approved, Some("anna"), ApprovalGuard::Is(id, ApprovalState::Waiting))
}

fn uses(id: ApprovalId, digest: [u8; 32], at_ms: i64) -> Commit {
    moves(id, ApprovalState::Used, None, ApprovalGuard::Usable { id, digest: Hash(digest), at_ms })
}

async fn accepted(store: &Store, batch: Vec<Commit>) -> Vec<bool> {
    store.write(batch).await.iter().map(Result::is_ok).collect()
}

async fn a_yes_is_used_once(store: Store) {
    let ada = store.persona("ada").await;
    let one = asked(&*store.world, ada.id);
    let early = uses(one.id, [7; 32], 10);
    assert_eq!(accepted(&store, vec![ask(&one), early.clone()]).await, [true, false], "nobody has said yes");
    // All in one batch: the neighbours see it at once.
    let batch = vec![approve(one.id), approve(one.id), early.clone(), early.clone()];
    assert_eq!(accepted(&store, batch).await, [true, false, true, false]);
    let store = store.reopened_if_it_can_be().await;
    assert_eq!(accepted(&store, vec![early, approve(one.id)]).await, [false, false], "after a restart too");
    let read = store.records.approval(one.id).await.unwrap().unwrap();
    assert_eq!((read.state, read.decided.unwrap().by.as_str()), (ApprovalState::Used, "anna"));
}

async fn a_yes_is_for_this_call_and_this_time(store: Store) {
    let ada = store.persona("ada").await;
    let one = asked(&*store.world, ada.id);
    store.commit(ask(&one)).await;
    store.commit(approve(one.id)).await;
    let store = store.reopened_if_it_can_be().await;
    let mut other = [7; 32];
    other[31] ^= 1;
    let unknown = ApprovalId(store.world.new_id());
    let batch = vec![
        uses(one.id, other, 10),
        uses(one.id, [7; 32], 1_000),
        uses(unknown, [7; 32], 10),
        uses(one.id, [7; 32], 999),
    ];
    assert_eq!(accepted(&store, batch).await, [false, false, false, true]);
}

async fn what_was_asked_and_said_is_read_back(store: Store) {
    let ada = store.persona("ada").await;
    let (first, second) = (asked(&*store.world, ada.id), asked(&*store.world, ada.id));
    let second = Approval { goal: first.goal, ..second };
    store.commit(ask(&first)).await;
    store.commit(ask(&second)).await;
    store.commit(ask(&asked(&*store.world, ada.id))).await;
    let store = store.reopened_if_it_can_be().await;
    let mut read = store.records.approvals_of(first.goal).await.unwrap();
    read.sort_by_key(|approval| approval.id);
    let mut wanted = vec![first.clone(), second];
    wanted.sort_by_key(|approval| approval.id);
    assert_eq!(read, wanted);
    let is = ApprovalGuard::Is(first.id, ApprovalState::Waiting);
    store.commit(moves(first.id, ApprovalState::Denied, Some("anna"), is)).await;
    let read = store.records.approval(first.id).await.unwrap().unwrap();
    assert_eq!((read.state, read.decided.map(|said| said.note)), (ApprovalState::Denied, Some("fine".to_owned())));
}

async fn a_host_policy_is_replaced_by_version(store: Store) {
    let set = |version: i64, said: &str| {
        let terms = HostTerms { disclosure: said.to_owned(), ..HostTerms::default() };
        let policy = HostPolicy { host: "a.test".to_owned(), version: version + 1, terms };
        let guard = HostPolicyGuard { host: "a.test".to_owned(), version };
        Commit {
            guards: vec![Guard::HostPolicy(guard)],
            changes: vec![Change::HostPolicy(HostPolicyChange::Set(Box::new(policy)))],
            ..Commit::default()
        }
    };
    assert_eq!(accepted(&store, vec![set(0, "one"), set(0, "two"), set(1, "three")]).await, [true, false, true]);
    let store = store.reopened_if_it_can_be().await;
    assert_eq!(accepted(&store, vec![set(1, "four")]).await, [false], "after a restart too");
    let read = store.records.host_policies().await.unwrap();
    assert_eq!((read.len(), read[0].version, read[0].terms.disclosure.as_str()), (1, 2, "three"));
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = sql_types::Text)]
    detail: String,
}

/// What a list costs does not grow with what was ever asked: each walks an index from one end, and sorts nothing.
#[tokio::test(flavor = "multi_thread")]
async fn lists_walk_an_index_of_their_own() {
    let store = stores::sqlite().await;
    let file = store.place.root.path().join("greenroom.db");
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    for (index, asked) in [
        ("approvals_waiting", "state = 'waiting' AND expires_ms > 9"),
        ("approvals_persona", "persona = x'00'"),
        ("approvals_persona", "persona = x'00' AND (state <> 'waiting' OR expires_ms <= 9)"),
        ("approvals_goal", "goal = x'00'"),
        ("approvals_goal", "goal = x'00' AND id < x'09'"),
    ] {
        let list = format!("SELECT * FROM approvals WHERE {asked} ORDER BY id DESC LIMIT 50");
        let plan: Vec<Line> = sql_query(format!("EXPLAIN QUERY PLAN {list}")).load(&mut conn).unwrap();
        let plan: Vec<_> = plan.into_iter().map(|line| line.detail).collect();
        assert!(plan.len() == 1 && plan[0].contains(index), "{asked}: {plan:?}");
    }
}
