//! Who writes: the one who comes alone, or the task.

use tokio::sync::broadcast::error::TryRecvError;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_commit_that_comes_alone_is_written_by_the_one_who_brings_it() {
    let desk = desk().await;
    let mut live = desk.evidence.subscribe();
    let here = || desk.evidence.record(desk.commit(1, None)).now_or_never();
    let first = here().unwrap().unwrap();
    assert_eq!(live.try_recv().unwrap_err(), TryRecvError::Empty, "whoever wrote it goes on first");
    here().unwrap().unwrap();
    assert_eq!(live.recv().await.unwrap().hash, first.receipts[0].hash);
    assert_eq!(live.recv().await.unwrap().seq, 2);

    let hold = desk.store.hold_writes().await;
    let handed = desk.recording(desk.commit(1, None));
    desk.store.asked(3).await;
    let mut behind = std::pin::pin!(desk.evidence.record(desk.commit(1, None)));
    assert!(behind.as_mut().now_or_never().is_none(), "what was handed in comes first");
    drop(hold);
    let last = behind.await.unwrap().receipts[0].seq;
    assert_eq!((handed.await.unwrap().unwrap().receipts[0].seq, last), (3, 4));
    assert_eq!(live.recv().await.unwrap().seq, 3);
}

#[tokio::test(start_paused = true)]
async fn after_many_the_next_one_is_handed_to_the_task_and_the_one_after_it_is_not() {
    let desk = desk().await;
    let hold = desk.store.hold_writes().await;
    let many = join_all((0..3).map(|n| desk.recording(desk.commit(n, None))));
    desk.store.asked(1).await;
    drop(hold);
    assert!(many.await.into_iter().all(|done| done.unwrap().is_ok()));
    assert_eq!(desk.store.batches(), [3]);
    let mut next = std::pin::pin!(desk.evidence.record(desk.commit(1, None)));
    assert!(next.as_mut().now_or_never().is_none());
    next.await.unwrap();
    assert!(desk.evidence.record(desk.commit(1, None)).now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_was_written_by_the_one_who_brought_it_is_signed_in_time_too() {
    let desk = desk().await;
    // The task has begun to sleep for ever.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(desk.evidence.record(desk.commit(1, None)).now_or_never().is_some());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(desk.store.checkpoints().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_many_threads_at_once_the_log_is_whole_and_told_in_order() {
    let desk = desk().await;
    let mut live = desk.evidence.subscribe();
    let writing = (0..8).map(|n| {
        let (evidence, world) = (desk.evidence.clone(), desk.world.clone());
        tokio::spawn(async move {
            for _ in 0..200 {
                let receipts = vec![draft(&*world, chain(n), None, "did")];
                evidence.record(Commit { receipts, ..Commit::default() }).await.unwrap();
            }
        })
    });
    assert!(join_all(writing).await.iter().all(Result::is_ok));
    desk.evidence.close().await.unwrap();
    desk.is_sound(1_600);
    for pos in 1..=1_600 {
        assert_eq!(live.recv().await.unwrap().pos, pos);
    }
}
