//! Tools tried by hand: one whose end nobody wrote is found after a restart.

use actors::{
    domain::{Effect, PersonaId, TraceId, TryId, Tryout},
    ports::{Change, Commit, World as _},
};

use super::{on_every_store, stores::Store};

on_every_store! { a_try_is_open_until_its_end_is_written }

async fn a_try_is_open_until_its_end_is_written(store: Store) {
    let ada = store.persona("ada").await;
    let tryout = |persona: Option<PersonaId>, begun_ms| Tryout {
        id: TryId(store.world.new_id()),
        tool: "count".to_owned(),
        persona,
        effect: Effect::Irreversible,
        by: "anna".to_owned(),
        trace: TraceId(store.world.new_id()),
        begun_ms,
    };
    let (first, second) = (tryout(Some(ada.id), 5), tryout(None, 6));
    let begun = [&first, &second].map(|tryout| Change::TryBegun(Box::new(tryout.clone())));
    store
        .commit(Commit { changes: begun.to_vec(), receipts: vec![store.note(ada.id, "tries")], ..Commit::default() })
        .await;
    let store = store.reopened_if_it_can_be().await;
    let mut open = store.records.open_tryouts().await.unwrap();
    open.sort_by_key(|tryout| tryout.begun_ms);
    assert_eq!(open, [first.clone(), second.clone()]);
    let ended = vec![Change::TryEnded(first.id)];
    store.commit(Commit { changes: ended, receipts: vec![store.note(ada.id, "tried")], ..Commit::default() }).await;
    assert_eq!(store.records.open_tryouts().await.unwrap(), [second]);
}
