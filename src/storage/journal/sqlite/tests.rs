//! A disk that fills up, played with SQLite's own limit on pages.

use std::path::Path;

use actors::{
    domain::{Draft, GoalState, PersonaId, Phase},
    ports::{Change, GoalMove, Guard, World},
    testing::{self, TestWorld, chain, draft},
};
use diesel::connection::SimpleConnection;

use super::*;
use crate::storage::{migrations, sqlite::DatabaseFile};

async fn journal(folder: &Path) -> SqliteJournal {
    let path = folder.join("greenroom.db");
    let mut conn = open_writer(&path).unwrap();
    migrations::run_sqlite(&mut conn).unwrap();
    let writer = SqliteWriter::new(conn, DatabaseFile::open(&path).unwrap());
    let checkpointer = Checkpointer::start(&path, writer.clone()).unwrap();
    let (admission, reserve) = (Admission::new(folder, 0), Reserve::beside(&path));
    SqliteJournal::open(writer, path, checkpointer, admission, reserve).await.unwrap()
}

async fn limit(journal: &SqliteJournal, pragma: &'static str) {
    journal.writer.run(move |conn| conn.batch_execute(pragma)).await.unwrap().unwrap();
}

/// A receipt that needs a few pages.
fn large(world: &TestWorld) -> Commit {
    let mut draft: Draft = draft(world, chain(1), Some(Phase::Outcome), "observed");
    draft.body.data = "x".repeat(100_000).into();
    Commit { receipts: vec![draft], ..Commit::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_would_have_changed_is_not_remembered_when_it_was_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path()).await;
    let world = TestWorld::new(1);
    let goal = testing::goal(&world, PersonaId(world.new_id()));
    let added = Commit { changes: vec![Change::GoalAdded(Box::new(goal.clone()))], ..Commit::default() };
    journal.write(vec![added]).await.unwrap().remove(0).unwrap();

    limit(&journal, "PRAGMA max_page_count = 1").await;
    let cancelled = GoalMove {
        id: goal.id,
        state: GoalState::Cancelled,
        parked_on: None,
        attempts: 0,
        last_error: None,
        result: None,
        due_ms: None,
        at_ms: world.now_ms(),
    };
    let cancel = || Commit { changes: vec![Change::GoalMoved(cancelled.clone())], ..large(&world) };
    journal.write(vec![cancel()]).await.unwrap_err();
    limit(&journal, "PRAGMA max_page_count = 1000000").await;

    let while_open = || Commit { guards: vec![Guard::GoalOpen(goal.id)], ..large(&world) };
    assert!(journal.write(vec![while_open()]).await.unwrap().remove(0).is_ok(), "nobody has cancelled it");
    journal.write(vec![cancel()]).await.unwrap().remove(0).unwrap();
    assert!(journal.write(vec![while_open()]).await.unwrap().remove(0).is_err(), "now somebody has");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_takes_the_reserve_and_leaves_the_heads_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path()).await;
    let world = TestWorld::new(1);
    let large = |world| vec![large(world)];
    let reserve = folder.path().join("greenroom.reserve");
    let written = journal.write(large(&world)).await.unwrap().remove(0).unwrap();
    assert!(reserve.exists());

    // As small as it is now: the next large receipt does not fit.
    limit(&journal, "PRAGMA max_page_count = 1").await;
    for _ in 0..2 {
        let error = journal.write(large(&world)).await.unwrap_err();
        let cause = std::error::Error::source(&*error.0).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("database or disk is full"));
    }

    limit(&journal, "PRAGMA max_page_count = 1000000").await;
    let next = journal.write(large(&world)).await.unwrap().remove(0).unwrap();
    assert_eq!((next.receipts[0].seq, next.receipts[0].prev), (2, written.receipts[0].hash));
    assert_eq!(next.receipts[0].pos, 2);
    assert!(reserve.exists(), "made again as soon as there is room");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reserve_is_kept_for_what_has_happened() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path()).await;
    let world = TestWorld::new(1);
    let of = |phase| {
        let mut commit = large(&world);
        commit.receipts.iter_mut().for_each(|draft| draft.phase = phase);
        commit
    };
    let reserve = folder.path().join("greenroom.reserve");
    journal.write(vec![of(None)]).await.unwrap().remove(0).unwrap();
    limit(&journal, "PRAGMA max_page_count = 1").await;
    for phase in [None, Some(Phase::Intent), Some(Phase::Decision), Some(Phase::Expired)] {
        journal.write(vec![of(phase)]).await.unwrap_err();
        assert!(reserve.exists(), "{phase:?}");
    }
    journal.write(vec![of(None), of(Some(Phase::Unknown))]).await.unwrap_err();
    assert!(!reserve.exists(), "an effect that may have happened is among them");
}
