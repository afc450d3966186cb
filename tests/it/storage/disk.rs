//! Too little room: nothing new begins, what has happened is written.

use actors::{
    domain::{Phase, Receipt},
    ports::Commit,
    testing,
};
use greenroom::storage::LowDisk;

use super::stores::{self, Place};

#[tokio::test(flavor = "multi_thread")]
async fn below_the_limit_no_intent_and_no_delivery_is_admitted() {
    let roomy = stores::sqlite().await;
    let ada = roomy.persona("ada").await;
    let (goal, _) = roomy.goal(ada.id).await;
    let run = roomy.run(&goal).await;
    let Place { root, mut config } = roomy.reopen().await.place;
    config.min_free_mb = u64::MAX;
    let store = Place { root, config }.open().await;

    let new_goal = testing::goal(&*store.world, ada.id);
    let delivery = store.delivery(&new_goal, &testing::message(&*store.world, &new_goal));
    let phase = |phase| Commit { receipts: vec![store.step(&run, phase, "clicked")], ..Commit::default() };
    for refused in [delivery, phase(Phase::Intent)] {
        let error = store.journal.write(vec![refused, phase(Phase::Outcome)]).await.unwrap_err();
        let why = error.0.downcast_ref::<LowDisk>().unwrap();
        assert!(why.free_mb > 0 && why.needed_mb == u64::MAX, "{why}");
        assert!(why.to_string().contains("storage.min_free_mb"), "{why}");
    }
    let written: Vec<Receipt> = store.commit(phase(Phase::Outcome)).await;
    assert_eq!(written[0].body.as_ref().unwrap().summary, "clicked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserve_lies_beside_the_database() {
    let store = stores::sqlite().await;
    store.persona("ada").await;
    let reserve = store.place.root.path().join("greenroom.reserve");
    assert_eq!(std::fs::metadata(reserve).unwrap().len(), 16 << 20);
    let _ = store.journal.write(vec![]).await;
}
