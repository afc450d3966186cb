//! Artifacts as files, and what receipts call them.

use actors::{
    domain::{ArtifactKind, ArtifactRef, Body, Draft, Hash},
    evidence::canonical,
    ports::Commit,
};

use super::{
    on_both_databases,
    stores::{self, Store},
};

on_both_databases! { an_artifact_is_what_a_receipt_first_named_it }

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_can_be_got_by_its_hash() {
    let store = stores::sqlite().await;
    let blobs = &store.storage().blobs;
    for bytes in [b"".to_vec(), b"picture".to_vec(), vec![7; 1 << 20]] {
        let hash = blobs.put(bytes.clone()).await.unwrap();
        assert_eq!(hash, canonical::sha256(&bytes));
        assert_eq!(blobs.put(bytes.clone()).await.unwrap(), hash, "the same again is no fault");
        assert_eq!(blobs.get(hash).await.unwrap(), Some(bytes));
        let name = hash.to_string();
        assert!(store.place.root.path().join("blobs").join(&name[..2]).join(&name).is_file());
    }
    assert_eq!(blobs.get(Hash([9; 32])).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_half_written_is_swept() {
    let store = stores::sqlite().await;
    let unfinished = store.place.root.path().join("blobs/new/0011223344556677");
    std::fs::write(&unfinished, "half").unwrap();
    let store = store.reopen().await;
    assert!(!unfinished.exists());
    store.storage().blobs.put(b"whole".to_vec()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_named() {
    let store = stores::sqlite().await;
    let hash = canonical::sha256(b"picture").to_string();
    // A file stands where the folder should be: that stops root too.
    std::fs::write(store.place.root.path().join("blobs").join(&hash[..2]), "in the way").unwrap();
    let error = store.storage().blobs.put(b"picture".to_vec()).await.unwrap_err();
    assert!(error.0.to_string().contains(&hash), "{:?}", error.0);
}

async fn an_artifact_is_what_a_receipt_first_named_it(store: Store) {
    let (ada, bo) = (store.persona("ada").await, store.persona("bo").await);
    let named = |name: &str, missing| ArtifactRef {
        kind: ArtifactKind::Screenshot,
        name: name.to_owned(),
        media_type: "image/jpeg".to_owned(),
        bytes: 7,
        hash: canonical::sha256(b"picture"),
        missing,
    };
    let lost = ArtifactRef { hash: Hash([3; 32]), ..named("lost.jpg", true) };
    for (persona, name, at_ms) in [(&ada, "first.jpg", 1), (&bo, "second.jpg", 2), (&ada, "third.jpg", 3)] {
        let body = Body { artifacts: vec![named(name, false), lost.clone()], ..Body::default() };
        let draft = Draft { body, at_ms, ..store.note(persona.id, "looked") };
        store.commit(Commit { receipts: vec![draft], ..Commit::default() }).await;
    }
    let db = &store.storage().db;
    assert_eq!(db.artifact(canonical::sha256(b"picture")).await.unwrap(), Some(named("first.jpg", false)));
    assert_eq!(db.artifact(lost.hash).await.unwrap(), None, "it was never kept");
}
