//! Every migration runs on a database that holds rows, under the same name on both databases.

use std::path::{Path, PathBuf};

use actors::domain::{
    ApprovalState, Autonomy, BudgetPeriod, BudgetScope, BudgetSpan, BudgetUnit, GoalId, Hours, IfFailed, Permissions,
    Persona, PersonaId, Ruling, TurnState,
};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection, migration::Migration, sqlite::Sqlite};
use diesel_migrations::MigrationHarness;
use greenroom::storage::{ApprovalFilter, OpenError, ReceiptFilter, Storage};

use super::stores::Place;
use crate::postgres;

fn folder(database: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database)
}

fn names(database: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder(database)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn both_databases_have_the_same_migrations_each_with_its_data() {
    assert_eq!(names("sqlite"), names("postgres"));
    for database in ["sqlite", "postgres"] {
        for name in names(database) {
            assert!(folder(database).join(&name).join("data.sql").is_file(), "{database}/{name}/data.sql");
        }
    }
}

/// The rows of `data.sql`, as the newest code reads them.
async fn holds_its_rows(storage: Storage) {
    let ada = storage.db.persona_named("ada").await.unwrap().unwrap();
    assert_eq!(ada.id, "01939e00-0000-7000-8000-000000000001".parse::<PersonaId>().unwrap());
    let heavy = storage.db.persona_named("heavy").await.unwrap().unwrap();
    assert_eq!((ada.weight.thousandths(), heavy.weight.thousandths()), (1_000, 2_500));
    assert_eq!(ada.hours, Hours::ALWAYS);
    let granted = storage.db.persona_named("granted").await.unwrap().unwrap();
    assert_eq!(granted.grants.iter().collect::<Vec<_>>(), [("http_fetch", true), ("own", false)]);
    assert_eq!((granted.agents[0].name.as_str(), ada.agents.len(), ada.grants.iter().count()), ("researcher", 0, 0));
    let bo = storage.db.persona_named("bo").await.unwrap().unwrap().hours;
    assert_eq!(
        (bo.zone.name(), bo.wakes.to_string(), bo.sleeps.to_string()),
        ("Europe/Berlin", "09:00".into(), "17:30".into())
    );
    let goal: GoalId = "01939e00-0000-7000-8000-000000000003".parse().unwrap();
    assert_eq!(storage.records.goal(goal).await.unwrap().unwrap().title, "write a line");
    assert!(storage.records.message_of(goal).await.unwrap().is_some());
    assert!(storage.records.open_run(goal).await.unwrap().is_some());
    let waits: GoalId = "01939e00-0000-7000-8000-000000000023".parse().unwrap();
    let prerequisites = storage.records.prerequisites(waits).await.unwrap();
    assert_eq!((prerequisites[0].goal.id, prerequisites[0].if_failed), (goal, IfFailed::Release));
    assert_eq!(storage.records.dependents(goal).await.unwrap(), [waits]);
    assert_eq!(storage.records.inbox(ada.id, 10).await.unwrap().len(), 1);
    assert_eq!(storage.records.goal_receipts(goal).await.unwrap().len(), 1);
    let room = storage.db.room_named("STUDIO").await.unwrap().unwrap();
    let seats = storage.records.rounds(room.id).await.unwrap();
    assert_eq!((seats[0].turn.state, seats[0].goal.id), (TurnState::Granted, goal));
    assert_eq!(storage.db.room_members(room.id).await.unwrap().len(), 2);
    assert_eq!(storage.db.room_talk(room.id, 10, None).await.unwrap()[0].author.name(), "owner");
    assert_eq!(storage.db.receipts(ReceiptFilter::default()).await.unwrap().len(), 1);
    assert_eq!(storage.db.alerts(true, 10).await.unwrap().len(), 1);
    let lines = storage.records.calendar(Some(ada.id)).await.unwrap();
    assert_eq!((lines[0].0.name.as_str(), lines[0].0.last.unwrap().missed), ("morning line", 1));
    assert_eq!(storage.records.big_three(ada.id).await.unwrap().unwrap().goals[0].goal, goal);
    let owned = [BudgetScope::Persona(ada.id)];
    let budgets = storage.records.budgets(&owned).await.unwrap().remove(0);
    assert_eq!((budgets.version, budgets.limits[0].soft, budgets.limits[0].hard), (3, Some(800_000), 1_000_000));
    let day = BudgetSpan::of(owned[0].clone(), BudgetPeriod::Day, ada.hours.zone, 1_732_492_800_000);
    let totals = storage.records.totals(&day).await.unwrap();
    assert_eq!((totals.reserved.micro_usd, totals.spent.micro_usd, totals.taken(BudgetUnit::Tokens)), (60, 30, 1_200));
    assert_eq!(storage.records.open_entries(goal).await.unwrap().len(), 1);
    holds_its_permissions(&storage, &ada, goal).await;
    let unknown = storage.db.goals_to_reconcile(None, 10).await.unwrap();
    assert_eq!((unknown.len(), unknown[0].title.as_str()), (1, "send it"), "and nothing that waits for something else");
    assert_eq!(storage.db.goals_to_reconcile(Some(unknown[0].id), 10).await.unwrap(), []);
    let tried = storage.records.open_tryouts().await.unwrap().remove(0);
    assert_eq!((tried.tool.as_str(), tried.persona, tried.by.as_str()), ("count", Some(ada.id), "owner"));
    assert_eq!(heavy.permissions, Permissions::default());
    assert_eq!(storage.accounts.users().await.unwrap()[0].name, "owner");
}

async fn holds_its_permissions(storage: &Storage, ada: &Persona, goal: GoalId) {
    let pins = storage.db.mcp_pins(&["notes".to_owned(), "other".to_owned()]).await.unwrap();
    assert_eq!((pins.len(), pins[0].tool.as_str(), pins[0].hash.0), (1, "search", [0xab; 32]));
    let asked = storage.records.approvals_of(goal).await.unwrap().remove(0);
    assert_eq!(
        (asked.state, asked.again, asked.decided.unwrap().by.as_str()),
        (ApprovalState::Approved, true, "owner")
    );
    assert_eq!(asked.subject.page.unwrap()["address"], "http://a.test/");
    let of_ada =
        ApprovalFilter { persona: Some(ada.id), waiting_at_ms: Some(0), limit: 9, ..ApprovalFilter::default() };
    let waiting = storage.db.approvals(of_ada).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].state, waiting[0].decided.is_none()), (1, ApprovalState::Waiting, true));
    let keys = storage.accounts.keys().await.unwrap();
    assert_eq!(
        keys.iter().map(|key| (&*key.name, key.keeps_words)).collect::<Vec<_>>(),
        [("ci", false), ("kept", true)]
    );
    let policy = storage.records.host_policies().await.unwrap().remove(0);
    assert_eq!((policy.host.as_str(), policy.version, policy.terms.acts_per_1000_s), ("a.test", 2, Some(200)));
    assert_eq!((ada.permissions.autonomy, ada.permissions.rules[0].say), (Autonomy::Full, Ruling::Ask));
    let back = storage.db.persona_named("back").await.unwrap().unwrap();
    assert_eq!((back.resumed_ms, ada.resumed_ms), (Some(1_732_492_900_000), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_rows_survive_every_migration() {
    let place = Place::new(String::new());
    let file = place.root.path().join("greenroom.db");
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    assert!(conn.applied_migrations().unwrap().is_empty());
    for name in names("sqlite") {
        let source = greenroom::storage::migrations::SQLITE;
        let all = diesel::migration::MigrationSource::<Sqlite>::migrations(&source).unwrap();
        let this = all.iter().find(|migration| migration.name().to_string() == name).unwrap();
        conn.run_migration(this as &dyn Migration<Sqlite>).unwrap();
        conn.batch_execute(&std::fs::read_to_string(folder("sqlite").join(&name).join("data.sql")).unwrap()).unwrap();
    }
    drop(conn);
    holds_its_rows(place.try_open().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_rows_survive_every_migration() {
    let place = Place::new(postgres::empty_database().await);
    let url = &place.config.database_url;
    // As diesel would, so that it takes them for run.
    postgres::sql(
        url,
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);",
    );
    for name in names("postgres") {
        for file in ["up.sql", "data.sql"] {
            postgres::sql(url, &std::fs::read_to_string(folder("postgres").join(&name).join(file)).unwrap());
        }
        let version = name.split('_').next().unwrap().replace('-', "");
        postgres::sql(url, &format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}');"));
    }
    holds_its_rows(place.try_open().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_greenroom_is_refused() {
    let place = Place::new(String::new());
    drop(place.try_open().await.unwrap());
    let file = place.root.path().join("greenroom.db");
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    // The store that was just dropped may still be closing.
    conn.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
    conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')").unwrap();
    let error = place.try_open().await.err().unwrap();
    assert!(matches!(&error, OpenError::Migrate { source, .. } if source.to_string().contains("29991231000000")));
}
