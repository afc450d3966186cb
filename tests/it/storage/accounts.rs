//! Users, sessions, tokens, login links.

use std::sync::Arc;

use actors::{domain::Hash, ports::World};
use greenroom::storage::{DbError, UserRole};

use super::{on_both_databases, stores::Store};

on_both_databases! {
    a_name_is_taken_once
    a_session_lasts_until_it_expires_or_ends
    a_token_is_good_until_it_is_revoked
    a_login_link_works_once
}

const ONE: Hash = Hash([1; 32]);
const TWO: Hash = Hash([2; 32]);

async fn a_name_is_taken_once(store: Store) {
    let accounts = &store.storage().accounts;
    assert_eq!(accounts.user_count().await.unwrap(), 0);
    let owner = accounts.create_user("ada", UserRole::Owner).await.unwrap();
    let again = accounts.create_user("ada", UserRole::Member).await.unwrap_err();
    assert!(matches!(again, DbError::Taken(name) if name == "ada"));
    assert_eq!(accounts.users().await.unwrap(), [owner]);
}

async fn a_session_lasts_until_it_expires_or_ends(store: Store) {
    let accounts = &store.storage().accounts;
    let user = accounts.create_user("ada", UserRole::Owner).await.unwrap();
    let now = store.world.now_ms();
    accounts.create_session(user.id, ONE, now + 1_000).await.unwrap();
    let session = accounts.session(ONE, now).await.unwrap().unwrap();
    assert_eq!((session.user_id, session.user_name.as_str(), session.expires_ms), (user.id, "ada", now + 1_000));
    assert!(accounts.session(ONE, now + 1_000).await.unwrap().is_none());
    accounts.extend_session(ONE, now + 5_000).await.unwrap();
    assert!(accounts.session(ONE, now + 4_999).await.unwrap().is_some());
    assert!(accounts.session(TWO, now).await.unwrap().is_none());

    accounts.create_session(user.id, TWO, now - 1).await.unwrap();
    accounts.delete_session(ONE).await.unwrap();
    assert!(accounts.session(ONE, now).await.unwrap().is_none());
}

async fn a_token_is_good_until_it_is_revoked(store: Store) {
    let accounts = &store.storage().accounts;
    let user = accounts.create_user("ada", UserRole::Member).await.unwrap();
    let label = accounts.create_token(user.id, "ci", ONE, 5).await.unwrap();
    let token = accounts.token(ONE).await.unwrap().unwrap();
    assert_eq!((token.id, token.user_id, token.role), (label.id, user.id, UserRole::Member));
    assert!(accounts.revoke_token(label.id).await.unwrap());
    assert!(!accounts.revoke_token(label.id).await.unwrap());
    assert!(accounts.token(ONE).await.unwrap().is_none());
    assert!(accounts.tokens().await.unwrap()[0].revoked_ms.is_some());
}

async fn a_login_link_works_once(store: Store) {
    let accounts = Arc::new(store.storage().accounts.clone());
    let user = accounts.create_user("ada", UserRole::Owner).await.unwrap();
    accounts.create_login_link(ONE, user.id, 1_000).await.unwrap();
    accounts.create_login_link(TWO, user.id, 1_000).await.unwrap();
    assert_eq!(accounts.use_login_link(TWO, 1_000).await.unwrap(), None, "too late");
    let pressed = (0..8).map(|_| {
        let accounts = accounts.clone();
        tokio::spawn(async move { accounts.use_login_link(ONE, 999).await.unwrap() })
    });
    let mut used = Vec::new();
    for press in pressed {
        used.extend(press.await.unwrap());
    }
    assert_eq!(used, [user.id], "of eight who press at once, one comes in");
}
