//! Secrets at rest: bound to their owner, and to a key file that may not vanish.

use std::sync::Arc;

use actors::testing::TestWorld;
use greenroom::{
    cli::doctor::{self, Standing},
    config::Config,
    secrets::{EvidenceKey, OpenSecretError},
    storage::{OpenError, Storage, VaultError},
};

use super::{
    on_both_databases,
    stores::{self, Store},
};

on_both_databases! {
    a_secret_is_kept_listed_replaced_and_deleted
    what_was_written_is_read_at_once_whoever_reads_meanwhile
    without_its_key_file_the_store_does_not_open
    another_key_file_is_refused
}

async fn a_secret_is_kept_listed_replaced_and_deleted(store: Store) {
    let vault = &store.storage().vault;
    vault.set("persona:ada", "openai", "sk-first-0001").await.unwrap();
    vault.set("persona:ada", "openai", "sk-second-0002").await.unwrap();
    vault.set("instance", "openai", "sk-shared-0003").await.unwrap();

    assert_eq!(vault.get("persona:ada", "openai").await.unwrap().unwrap().reveal(), "sk-second-0002");
    assert_eq!(vault.get("instance", "openai").await.unwrap().unwrap().reveal(), "sk-shared-0003");
    assert!(vault.get("persona:bo", "openai").await.unwrap().is_none());
    let labels = vault.list("persona:ada").await.unwrap();
    assert_eq!(labels.len(), 1);
    assert_eq!((labels[0].name.as_str(), labels[0].last_four.as_str()), ("openai", "0002"));

    assert!(vault.delete("persona:ada", "openai").await.unwrap());
    assert!(!vault.delete("persona:ada", "openai").await.unwrap());
    assert!(vault.get("persona:ada", "openai").await.unwrap().is_none());
}

async fn what_was_written_is_read_at_once_whoever_reads_meanwhile(store: Store) {
    let vault = store.storage().vault.clone();
    let stop = tokio_util::sync::CancellationToken::new();
    let reading = tokio::spawn({
        let (vault, stop) = (vault.clone(), stop.clone());
        async move {
            while !stop.is_cancelled() {
                vault.get("instance", "openai").await.unwrap();
                // What is known takes no time.
                tokio::task::yield_now().await;
            }
        }
    });
    for number in 0..200 {
        let value = format!("sk-{number:04}");
        vault.set("instance", "openai", &value).await.unwrap();
        assert_eq!(vault.get("instance", "openai").await.unwrap().unwrap().reveal(), value);
        if number % 5 == 0 {
            assert!(vault.delete("instance", "openai").await.unwrap());
            assert!(vault.get("instance", "openai").await.unwrap().is_none());
        }
    }
    stop.cancel();
    reading.await.unwrap();
}

/// A call to a model asks for its key each time, and first for those that nobody has.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_not_read_again() {
    let store = stores::sqlite().await;
    let vault = &store.storage().vault;
    vault.set("instance", "openai", "sk-first-0001").await.unwrap();
    let read = async |owner: &str| {
        let found = vault.get(owner, "openai").await.unwrap();
        found.map(|secret| secret.reveal().to_owned())
    };
    let known = [None, Some("sk-first-0001".to_owned())];
    assert_eq!([read("persona:ada").await, read("instance").await], known);
    let file = store.place.root.path().join("greenroom.db");
    let mut conn = <diesel::SqliteConnection as diesel::Connection>::establish(file.to_str().unwrap()).unwrap();
    let mut run = |sql: &str| diesel::connection::SimpleConnection::batch_execute(&mut conn, sql).unwrap();
    run("PRAGMA busy_timeout = 10000; ALTER TABLE secrets RENAME TO elsewhere");
    assert_eq!([read("persona:ada").await, read("instance").await], known, "there is nothing to read");
    assert!(vault.get("persona:bo", "openai").await.is_err());
    run("ALTER TABLE elsewhere RENAME TO secrets");
    vault.set("persona:ada", "openai", "sk-own-0002").await.unwrap();
    assert_eq!(read("persona:ada").await.as_deref(), Some("sk-own-0002"));
}

async fn without_its_key_file_the_store_does_not_open(store: Store) {
    store.storage().vault.set("instance", "openai", "sk-shared-0003").await.unwrap();
    let place = store.close();
    let key = place.root.path().join("keys/secrets.key");
    std::fs::rename(&key, place.root.path().join("elsewhere")).unwrap();
    let error = place.try_open().await.err().unwrap();
    assert!(matches!(&error, OpenError::KeyGone { path, count: 1 } if *path == key), "{error}");
    assert!(error.to_string().contains("secrets.key"), "{error}");
    assert!(!key.exists(), "no new key in its place");
    let mut config = Config::for_test(place.root.path());
    config.storage.database_url = place.config.database_url.clone();
    let look = || async {
        let opened = Storage::open_read_only(&config.storage, place.root.path(), Arc::new(TestWorld::new(1))).await;
        doctor::database(&config, opened).await.into_iter().find(|one| one.found.contains("secrets")).unwrap()
    };
    let found = look().await;
    assert_eq!(found.standing, Standing::Bad, "the next start is refused: {found:?}");
    assert!(found.found.contains("secrets.key is gone, and stored secrets (1) open with no other"), "{found:?}");

    std::fs::rename(place.root.path().join("elsewhere"), &key).unwrap();
    let again = place.try_open().await.unwrap();
    assert_eq!(again.vault.get("instance", "openai").await.unwrap().unwrap().reveal(), "sk-shared-0003");
    assert_eq!(look().await.standing, Standing::Ok);
}

async fn another_key_file_is_refused(store: Store) {
    store.storage().vault.set("instance", "openai", "sk-shared-0003").await.unwrap();
    let place = store.close();
    let key = place.root.path().join("keys/secrets.key");
    std::fs::remove_file(&key).unwrap();
    EvidenceKey::load_or_create(&key).unwrap();
    assert!(matches!(place.try_open().await.err().unwrap(), OpenError::OtherKey { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_moved_to_another_owner_does_not_open() {
    let store = stores::sqlite().await;
    let vault = &store.storage().vault;
    vault.set("persona:ada", "openai", "sk-ada-0001").await.unwrap();
    let file = store.place.root.path().join("greenroom.db");
    let mut conn = <diesel::SqliteConnection as diesel::Connection>::establish(file.to_str().unwrap()).unwrap();
    diesel::connection::SimpleConnection::batch_execute(&mut conn, "UPDATE secrets SET owner = 'persona:bo'").unwrap();
    let refused = vault.get("persona:bo", "openai").await.unwrap_err();
    assert!(matches!(refused, VaultError::Open(OpenSecretError::Changed { .. })), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_database_file() {
    let store = stores::sqlite().await;
    store.storage().vault.set("instance", "openai", "sk-plainly-visible-0003").await.unwrap();
    for entry in std::fs::read_dir(store.place.root.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(15).any(|window| window == b"plainly-visible");
            assert!(!found, "{}", path.display());
        }
    }
}
