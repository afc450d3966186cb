//! What `Journal` promises about commits and chains.

use actors::{
    domain::{ChainId, Hash, PersonaStatus, Receipt},
    evidence::canonical,
    ports::{Change, Commit, Guard},
    testing,
};

use super::{on_every_store, stores::Store};

on_every_store! {
    a_commit_is_written_whole
    a_refused_commit_is_refused_alone
    receipts_are_linked_without_a_gap_by_many_writers_at_once
    a_batch_may_be_empty_and_a_commit_too
    an_erased_body_is_gone_and_its_header_stays
    a_system_chain_stands_beside_the_personas
}

async fn a_commit_is_written_whole(store: Store) {
    let ada = store.persona("ada").await;
    let (goal, message) = store.goal(ada.id).await;
    assert_eq!(store.records.persona(ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(store.records.goal(goal.id).await.unwrap(), Some(goal.clone()));
    assert_eq!(store.records.message_of(goal.id).await.unwrap(), Some(message));
    let receipts = store.records.goal_receipts(goal.id).await.unwrap();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].seq, 2, "behind the one of the creation");
    assert_eq!(receipts[0].body.as_ref().unwrap().summary, "delivered");
}

async fn a_refused_commit_is_refused_alone(store: Store) {
    let ada = store.persona("ada").await;
    let other = testing::persona(&*store.world, "bo");
    let refused = Commit {
        guards: vec![Guard::PersonaExists(ada.id), Guard::PersonaVersion(ada.id, 9)],
        changes: vec![Change::PersonaCreated(Box::new(other.clone())), Change::FailureStreak(ada.id, 2)],
        receipts: vec![store.note(ada.id, "never")],
    };
    let plain = |summary| Commit { receipts: vec![store.note(ada.id, summary)], ..Commit::default() };
    let results = store.write(vec![plain("before"), refused, plain("after")]).await;

    assert_eq!(results[1].as_ref().unwrap_err().guard, Guard::PersonaVersion(ada.id, 9));
    let seqs: Vec<_> = [&results[0], &results[2]].iter().map(|r| r.as_ref().unwrap().receipts[0].seq).collect();
    assert_eq!(seqs, [2, 3], "no gap where the refused one would have been");
    assert_eq!(store.records.persona(other.id).await.unwrap(), None);
    assert_eq!(store.records.roster_record(ada.id).await.unwrap().unwrap().failure_streak, 0);
}

async fn receipts_are_linked_without_a_gap_by_many_writers_at_once(store: Store) {
    let store = std::sync::Arc::new(store);
    let chains: Vec<ChainId> = (1..=4).map(testing::chain).collect();
    let writers = (0..8).map(|writer| {
        let (store, chains) = (store.clone(), chains.clone());
        tokio::spawn(async move {
            let mut written = Vec::new();
            for n in 0..25 {
                let two = [0, 1].map(|i| store.draft(chains[(writer + n + i) % 4].clone(), "counted"));
                let batch = two.map(|draft| Commit { receipts: vec![draft], ..Commit::default() });
                let results = store.write(batch.into()).await;
                written.extend(results.into_iter().flat_map(|result| result.unwrap().receipts));
            }
            written
        })
    });
    let mut all: Vec<Receipt> = Vec::new();
    for writer in writers {
        all.extend(writer.await.unwrap());
    }
    all.sort_by_key(|receipt| receipt.pos);
    assert!(all.iter().map(|receipt| receipt.pos).eq(1..=400), "positions are gapless over all chains");
    for chain in &chains {
        let (mut seq, mut hash) = (0, Hash::ZERO);
        for receipt in all.iter().filter(|receipt| receipt.chain == *chain) {
            assert_eq!((receipt.seq, receipt.prev), (seq + 1, hash), "{chain}");
            (seq, hash) = (receipt.seq, receipt.hash);
        }
        assert_eq!(seq, 100);
        let heads = store.records.heads().await.unwrap();
        let head = heads.heads.iter().find(|head| head.chain == *chain).unwrap();
        assert_eq!((head.seq, head.hash, heads.pos), (seq, hash, 400));
    }
}

async fn a_batch_may_be_empty_and_a_commit_too(store: Store) {
    assert!(store.write(vec![]).await.is_empty());
    assert!(store.commit(Commit::default()).await.is_empty());
}

async fn an_erased_body_is_gone_and_its_header_stays(store: Store) {
    let ada = store.persona("ada").await;
    let (goal, _) = store.goal(ada.id).await;
    let before = store.records.goal_receipts(goal.id).await.unwrap().remove(0);
    let erase = Change::BodyErased { chain: before.chain.clone(), seq: before.seq };
    store.commit(Commit { changes: vec![erase], ..Commit::default() }).await;
    let after = store.records.goal_receipts(goal.id).await.unwrap().remove(0);
    assert_eq!(after, Receipt { body: None, ..before });
}

async fn a_system_chain_stands_beside_the_personas(store: Store) {
    let mut ada = store.persona("ada").await;
    let system = ChainId::System(testing::node());
    (ada.status, ada.resumed_ms) = (PersonaStatus::Paused, Some(7));
    let commit = Commit {
        guards: vec![],
        changes: vec![Change::PersonaUpdated(Box::new(ada.clone()))],
        receipts: vec![store.draft(system.clone(), "paused ada"), store.note(ada.id, "paused")],
    };
    let written = store.commit(commit).await;
    assert_eq!((written[0].chain.clone(), written[0].seq, written[1].seq), (system, 1, 2));
    assert_eq!(store.records.persona(ada.id).await.unwrap().unwrap(), ada);
    let hash = canonical::sha256(b"");
    assert!(written.iter().all(|receipt| receipt.hash != hash && receipt.node == testing::node()));
}
