//! The store is gone, or takes nothing new: what is kept, what is forgotten, and how it ends.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_outage_keeps_outcomes_and_forgets_the_rest() {
    let desk = desk().await;
    let outage = desk.store.fail_until_told();
    let kept = [Phase::Outcome, Phase::Unknown, Phase::Reconciled].map(|p| desk.recording(desk.commit(1, Some(p))));
    desk.trouble_is(true).await;
    for forgotten in [Some(Phase::Intent), Some(Phase::Denied), None] {
        let answer = desk.evidence.record(desk.commit(1, forgotten)).await;
        assert!(matches!(answer, Err(RecordError::Unavailable(_))), "{answer:?}");
    }
    assert!(desk.evidence.trouble().borrow().as_ref().unwrap().contains("locked"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(kept.iter().all(|recording| !recording.is_finished()));

    drop(outage);
    desk.trouble_is(false).await;
    for recording in kept {
        assert!(recording.await.unwrap().is_ok());
    }
    let phases: Vec<_> = desk.store.chain(&chain(1)).iter().map(|receipt| receipt.phase).collect();
    assert_eq!(phases, [Some(Phase::Outcome), Some(Phase::Unknown), Some(Phase::Reconciled)]);
    let account = desk.store.chain(&ChainId::System(node()));
    assert_eq!(account[0].body.as_ref().unwrap().summary, "the store takes work again");
    desk.is_sound(4);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_hammered_and_ends_without_anyone_asking() {
    let desk = desk().await;
    desk.store.fail_next(3);
    let began = Instant::now();
    assert!(desk.evidence.record(desk.commit(1, None)).await.is_err());
    assert!(desk.evidence.record(desk.commit(1, None)).await.is_err());
    assert_eq!(desk.store.batches(), [1], "too early to try again");
    desk.trouble_is(false).await;
    assert_eq!(began.elapsed().as_millis(), 50 + 100 + 200, "pauses grow");
    assert!(desk.evidence.record(desk.commit(1, None)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn signatures_that_could_not_be_written_come_later() {
    let desk = desk().await;
    desk.evidence.record(desk.commit(1, None)).await.unwrap();
    let outage = desk.store.fail_until_told();
    desk.trouble_is(true).await;
    drop(outage);
    desk.trouble_is(false).await;
    let heads = desk.store.checkpoints();
    assert_eq!((heads.len(), &heads[0].chain), (1, &chain(1)));
}

#[tokio::test(start_paused = true)]
async fn without_room_nothing_begins_and_all_else_is_written() {
    let desk = desk().await;
    desk.store.close_to_new_work(true);
    let hold = desk.store.hold_writes().await;
    let first = desk.recording(desk.commit(1, None));
    desk.store.asked(1).await;
    let phases = [Phase::Outcome, Phase::Intent, Phase::Decision, Phase::Intent];
    let together = phases.map(|phase| desk.recording(desk.commit(1, Some(phase))));
    tokio::task::yield_now().await;
    drop(hold);
    assert!(first.await.unwrap().is_ok());
    let answers = join_all(together).await.into_iter().map(|answer| answer.unwrap());
    for (phase, answer) in phases.into_iter().zip(answers) {
        match answer {
            Ok(_) => assert_ne!(phase, Phase::Intent),
            Err(RecordError::Unavailable(error)) => {
                assert_eq!(phase, Phase::Intent);
                assert!(error.0.to_string().contains("too little room"), "{error:?}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(*desk.evidence.trouble().borrow(), None, "the store itself is well");
    desk.store.close_to_new_work(false);
    assert!(desk.evidence.record(desk.commit(1, Some(Phase::Intent))).await.is_ok());
    desk.evidence.close().await.unwrap();
    desk.is_sound(4);
}
