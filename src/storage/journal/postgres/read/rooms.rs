//! What guards about rooms look at, in as few queries as there are tables.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{
    super::super::{
        Failed,
        facts::{RoomFacts, WantedRooms},
    },
    bytes,
};
use crate::storage::{
    rows::{Columns, text},
    schema::{room_messages, room_turns, rooms},
};

pub(super) async fn read_facts(
    conn: &mut AsyncPgConnection,
    wanted: &WantedRooms,
    facts: &mut RoomFacts,
) -> Result<(), Failed> {
    for key in &wanted.names {
        let owner: Option<Vec<u8>> = rooms::table
            .filter(rooms::name_key.eq(text(key.clone())))
            .select(rooms::id)
            .get_result(conn)
            .await
            .optional()?;
        if let Some(id) = owner {
            facts.names.insert(key.clone(), Columns("rooms").id(&id)?);
        }
    }
    if !wanted.rooms.is_empty() {
        let rows: Vec<(Vec<u8>, i64)> = rooms::table
            .filter(rooms::id.eq_any(bytes(wanted.rooms.iter().map(|id| id.as_bytes()))))
            .order(rooms::id)
            .select((rooms::id, rooms::version))
            .get_results(conn)
            .await?;
        for (id, version) in rows {
            facts.rooms.insert(Columns("rooms").id(&id)?, version);
        }
    }
    for (room, key) in &wanted.keys {
        let same: Option<Vec<u8>> = room_messages::table
            .filter(room_messages::room.eq(room.as_bytes().to_vec()))
            .filter(room_messages::correlation.eq(text(key.clone())))
            .select(room_messages::id)
            .get_result(conn)
            .await
            .optional()?;
        if same.is_some() {
            facts.keys.insert((*room, key.clone()));
        }
    }
    if !wanted.turns.is_empty() {
        let read = Columns("room_turns");
        let rows: Vec<(Vec<u8>, String)> = room_turns::table
            .filter(room_turns::goal.eq_any(bytes(wanted.turns.iter().map(|id| id.as_bytes()))))
            .order(room_turns::goal)
            .select((room_turns::goal, room_turns::state))
            .get_results(conn)
            .await?;
        for (goal, state) in rows {
            facts.turns.insert(read.id(&goal)?, read.word(&state)?);
        }
    }
    Ok(())
}
