//! A stored record that was touched is found out; one that was not is sound.

use actors::{
    domain::{ChainId, Hash},
    evidence::{
        chain::Head,
        checkpoint,
        verify::{FaultKind, Report},
    },
    ports::{Change, Commit, World},
};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use ed25519_dalek::SigningKey;
use greenroom::storage::{Archive, Storage, verify};

use super::{
    on_both_databases,
    stores::{self, Store},
};

on_both_databases! {
    an_untouched_record_is_sound
    whatever_was_done_to_it_is_found
    one_persona_is_verified_alone
}

/// Two personas with five receipts each, signed.
async fn recorded(store: &Store) -> Vec<ChainId> {
    let key = SigningKey::from_bytes(&[7; 32]);
    store.storage().register_signing_key(&key.verifying_key()).await.unwrap();
    store.storage().register_signing_key(&key.verifying_key()).await.unwrap();
    let mut chains = Vec::new();
    for slug in ["ada", "bo"] {
        let persona = store.persona(slug).await;
        for n in 0..4 {
            let receipts = vec![store.note(persona.id, &format!("step {n}"))];
            store.commit(Commit { receipts, ..Commit::default() }).await;
        }
        chains.push(ChainId::Persona(persona.id));
    }
    let heads = store.records.heads().await.unwrap().heads;
    assert_eq!(heads.iter().map(|head| head.seq).collect::<Vec<_>>(), [5, 5]);
    assert_eq!(store.records.unsigned_heads().await.unwrap(), heads);
    let sign = |head: actors::ports::ChainHead| {
        let at_ms = store.world.now_ms();
        let newest = Head { seq: head.seq, hash: head.hash };
        Change::CheckpointSigned(checkpoint::sign(&key, head.chain, newest, at_ms))
    };
    store.commit(Commit { changes: heads.into_iter().map(sign).collect(), ..Commit::default() }).await;
    assert_eq!(store.records.unsigned_heads().await.unwrap(), []);
    chains
}

async fn report(store: &Store, head: Option<Hash>) -> Report {
    let place = &store.place;
    let archive = Storage::open_read_only(&place.config, place.root.path(), store.world.clone()).await.unwrap();
    verify(&archive, None, head, |_| ()).await.unwrap()
}

pub(super) fn edit(store: &Store, sql: &str) {
    match store.place.config.database_url.as_str() {
        "" => {
            let file = store.place.root.path().join("greenroom.db");
            let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
            conn.batch_execute(sql).unwrap();
        }
        url => crate::postgres::sql(url, sql),
    }
}

async fn an_untouched_record_is_sound(store: Store) {
    let chains = recorded(&store).await;
    let report = report(&store, None).await;
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.receipts, report.chains, report.checkpoints, report.unsigned), (10, 2, 2, 0));
    let (_, head) = store.storage().db.chain_head(&chains[0]).await.unwrap().unwrap();
    assert!(self::report(&store, Some(head)).await.is_sound());
}

async fn whatever_was_done_to_it_is_found(store: Store) {
    recorded(&store).await;
    let third = "chain = (SELECT id FROM personas WHERE slug = 'ada') AND seq = 3";
    let set = |what: &str| format!("UPDATE receipts SET {what} WHERE {third};");
    // Each edit is undone by the next row's second statement: the record is as it was before every look.
    for (does, undoes, expected) in [
        (set("body = replace(body, 'step 1', 'step 9')"), set("body = replace(body, 'step 9', 'step 1')"), "body"),
        (
            set("header = replace(header, 'execution', 'decision')"),
            set("header = replace(header, 'decision', 'execution')"),
            "header",
        ),
        (set("at_ms = at_ms + 1"), set("at_ms = at_ms - 1"), "column"),
        (set("seq = 300"), "UPDATE receipts SET seq = 3 WHERE seq = 300;".to_owned(), "column"),
    ] {
        edit(&store, &does);
        let found = report(&store, None).await;
        assert!(!found.is_sound(), "{does}");
        let named = found.faults.iter().any(|fault| match fault.kind {
            FaultKind::BodyEdited => expected == "body",
            FaultKind::HeaderEdited => expected == "header",
            FaultKind::ColumnEdited { .. } => expected == "column",
            _ => false,
        });
        assert!(named, "{expected}: {found:?}");
        edit(&store, &undoes);
        assert!(report(&store, None).await.is_sound(), "{undoes}");
    }

    edit(&store, &set("body = NULL, salt = NULL"));
    let erased = report(&store, None).await;
    assert!(erased.is_sound() && erased.erased == 1, "erased is no fault: {erased:?}");

    edit(&store, &format!("DELETE FROM receipts WHERE {third};"));
    let kinds = |report: Report| report.faults.into_iter().map(|fault| fault.kind).collect::<Vec<_>>();
    assert_eq!(kinds(report(&store, None).await), [FaultKind::Removed { last: 3 }]);
    edit(&store, "DELETE FROM receipts WHERE seq >= 3;");
    let truncated = kinds(report(&store, None).await);
    assert_eq!(truncated, [FaultKind::Truncated { signed: 5 }, FaultKind::Truncated { signed: 5 }]);
}

async fn one_persona_is_verified_alone(store: Store) {
    let chains = recorded(&store).await;
    edit(&store, "UPDATE receipts SET at_ms = 1 WHERE chain = (SELECT id FROM personas WHERE slug = 'bo');");
    let archive = Archive::of(store.storage().db.clone(), store.place.root.path());
    assert_eq!(archive.persona_chain("ada").await.unwrap().as_ref(), Some(&chains[0]));
    assert_eq!(archive.persona_chain("nobody").await.unwrap(), None);
    let of = async |slug: &str| {
        let Some(ChainId::Persona(id)) = archive.persona_chain(slug).await.unwrap() else { panic!("{slug}") };
        verify(&archive, Some(id), None, |_| ()).await.unwrap()
    };
    let (ada, bo) = (of("ada").await, of("bo").await);
    assert!(ada.is_sound() && ada.receipts == 5, "{ada:?}");
    assert_eq!(bo.faults.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_no_text_is_found_and_not_stumbled_over() {
    let store = stores::sqlite().await;
    recorded(&store).await;
    edit(&store, "UPDATE receipts SET header = CAST(x'7bff7d' AS TEXT) WHERE pos = 2;");
    let found = report(&store, None).await;
    assert_eq!(found.faults[0].kind, FaultKind::HeaderEdited);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_made() {
    let place = stores::Place::new(String::new());
    let world = std::sync::Arc::new(actors::testing::TestWorld::new(1));
    let refused = Storage::open_read_only(&place.config, place.root.path(), world).await.err().unwrap();
    assert!(refused.to_string().contains("greenroom.db"), "{refused}");
    assert_eq!(std::fs::read_dir(place.root.path()).unwrap().count(), 0);
}
