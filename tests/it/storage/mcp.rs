//! Tools of MCP servers: what was confirmed stands until something else is, or it is withdrawn.

use actors::{
    domain::{Hash, McpPin},
    ports::{Change, Commit, McpChange},
};

use super::{on_both_databases, stores::Store};

on_both_databases! { what_was_confirmed_stands_until_it_is_replaced_or_withdrawn }

fn pin(server: &str, tool: &str, hash: u8) -> McpPin {
    let definition = format!("{{\"name\":\"{tool}\",\"description\":\"\u{0}{hash}\"}}");
    let (server, tool, confirmed_by) = (server.to_owned(), tool.to_owned(), "owner".to_owned());
    McpPin { server, tool, definition, hash: Hash([hash; 32]), confirmed_by, confirmed_ms: hash.into() }
}

async fn change(store: &Store, change: McpChange) {
    let commit = Commit { changes: vec![Change::Mcp(change)], ..Commit::default() };
    store.write(vec![commit]).await.remove(0).unwrap();
}

async fn what_was_confirmed_stands_until_it_is_replaced_or_withdrawn(store: Store) {
    let confirm = async |pin| change(&store, McpChange::Confirmed(Box::new(pin))).await;
    confirm(pin("notes", "search", 1)).await;
    confirm(pin("notes", "add", 1)).await;
    confirm(pin("other", "search", 1)).await;
    confirm(pin("notes", "search", 2)).await;
    let known = async || {
        let pins = store.storage().db.mcp_pins(&["notes".to_owned()]).await.unwrap();
        pins.into_iter().map(|pin| (pin.tool, pin.hash.0[0], pin.confirmed_ms)).collect::<Vec<_>>()
    };
    assert_eq!(known().await, [("add".to_owned(), 1, 1), ("search".to_owned(), 2, 2)]);
    change(&store, McpChange::Withdrawn { server: "notes".into(), tool: "search".into() }).await;
    assert_eq!(known().await, [("add".to_owned(), 1, 1)]);
}
