//! What survives: a restart, a caller that goes away, a locked database.

use std::sync::Arc;

use actors::ports::Commit;
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use greenroom::storage::UserRole;

use super::{
    on_both_databases,
    stores::{self, Place, Store},
};
use crate::postgres as cluster;

on_both_databases! {
    a_chain_goes_on_where_it_was_after_a_restart
    a_caller_that_goes_away_does_not_cancel_its_transaction
    a_store_may_be_dropped_while_it_writes
}

async fn a_chain_goes_on_where_it_was_after_a_restart(store: Store) {
    let ada = store.persona("ada").await;
    let (goal, _) = store.goal(ada.id).await;
    let before = store.records.goal_receipts(goal.id).await.unwrap().remove(0);
    let store = store.reopen().await;
    let after = store
        .commit(Commit { receipts: vec![store.note(ada.id, "after the restart")], ..Commit::default() })
        .await
        .remove(0);
    assert_eq!((after.seq, after.prev, after.pos), (before.seq + 1, before.hash, before.pos + 1));
    assert_eq!(store.records.goal_receipts(goal.id).await.unwrap(), [before]);
}

async fn a_caller_that_goes_away_does_not_cancel_its_transaction(store: Store) {
    let store = Arc::new(store);
    let ada = store.persona("ada").await;
    let batch = (0..200).map(|_| Commit { receipts: vec![store.note(ada.id, "kept")], ..Commit::default() });
    let mut write = Box::pin(store.journal.write(batch.collect()));
    // Polled once: the batch is under way, or written already. Then its caller goes away.
    let _ = futures::poll!(&mut write);
    drop(write);
    let next = store.commit(Commit { receipts: vec![store.note(ada.id, "next")], ..Commit::default() }).await;
    assert_eq!(next[0].seq, 202, "all two hundred came before");
}

async fn a_store_may_be_dropped_while_it_writes(store: Store) {
    let ada = store.persona("ada").await;
    let journal = store.journal.clone();
    let commit = Commit { receipts: vec![store.note(ada.id, "last")], ..Commit::default() };
    let writing = tokio::spawn(async move { journal.write(vec![commit]).await });
    let store = store.reopen().await;
    assert!(writing.await.unwrap().is_ok());
    assert_eq!(store.storage().db.receipt_head().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_is_unavailable_and_then_it_is_not() {
    let store = stores::sqlite().await;
    let ada = store.persona("ada").await;
    let file = store.place.root.path().join("greenroom.db");
    let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();

    let commit = || vec![Commit { receipts: vec![store.note(ada.id, "written")], ..Commit::default() }];
    let refused = store.journal.write(commit()).await.unwrap_err();
    let cause = std::error::Error::source(&*refused.0).map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("database is locked"), "{refused:?}");
    // Readers do not mind.
    assert_eq!(store.storage().db.receipt_head().await.unwrap(), 1);

    other.batch_execute("ROLLBACK").unwrap();
    let written = store.write(commit()).await.remove(0).unwrap();
    assert_eq!(written.receipts[0].seq, 2, "nothing of the refused batch was left in the heads");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_find_what_the_writer_wrote() {
    let store = stores::sqlite().await;
    store.persona("ada").await;
    let named = store.storage().db.persona_named("ada").await.unwrap().unwrap();
    assert_eq!(store.storage().db.persona_named(&named.id.to_string()).await.unwrap(), Some(named));
    assert_eq!(store.storage().db.persona_named("nobody\0").await.unwrap(), None);
}

/// Notes how each write to this table is committed, as the session that writes has it.
fn note_commits_to(url: &str, table: &str) {
    let name = url.split(['/', '?']).nth(3).unwrap();
    cluster::sql(
        url,
        &format!(
            "ALTER DATABASE {name} SET synchronous_commit = off;
             CREATE TABLE IF NOT EXISTS commits (how TEXT);
             CREATE FUNCTION note_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO commits VALUES ('{table} ' || current_setting('synchronous_commit'));
                 RETURN NULL;
             END $$;
             CREATE TRIGGER note AFTER INSERT ON {table} EXECUTE FUNCTION note_{table}();"
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_commit_to_postgres_waits_for_its_disk_whatever_the_database_says() {
    let url = cluster::database().await;
    for table in ["receipts", "users"] {
        note_commits_to(&url, table);
    }
    let store = Place::new(url.clone()).open().await;
    store.persona("ada").await;
    store.storage().accounts.create_user("ada", UserRole::Owner).await.unwrap();
    let heard = cluster::psql(&url).args(["-t", "-A", "-c", "SELECT DISTINCT how FROM commits ORDER BY how"]).output();
    assert_eq!(String::from_utf8(heard.unwrap().stdout).unwrap(), "receipts on\nusers on\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_at_a_time_works_on_a_postgres_database() {
    let place = Place::new(cluster::database().await);
    let first = place.try_open().await.unwrap();
    let refused = place.try_open().await.err().unwrap();
    let said = anyhow::Error::from(refused);
    let said = format!("{said:#}");
    assert!(said.contains("another server") && said.contains("DATABASE_URL"), "{said}");
    drop(first);
    place.try_open().await.unwrap();
}
