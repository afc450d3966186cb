//! What guards about rooms look at, read one key at a time.

use diesel::prelude::*;

use super::super::{
    Failed,
    facts::{RoomFacts, WantedRooms},
};
use crate::storage::{
    rows::{Columns, text},
    schema::{room_messages, room_turns, rooms},
};

pub(super) fn read_facts(
    conn: &mut SqliteConnection,
    wanted: &WantedRooms,
    facts: &mut RoomFacts,
) -> Result<(), Failed> {
    for key in &wanted.names {
        let owner = rooms::table.filter(rooms::name_key.eq(text(key.clone()))).select(rooms::id);
        if let Some(id) = owner.get_result::<Vec<u8>>(conn).optional()? {
            facts.names.insert(key.clone(), Columns("rooms").id(&id)?);
        }
    }
    for id in &wanted.rooms {
        let row = rooms::table.find(&id.as_bytes()[..]).select(rooms::version);
        if let Some(version) = row.get_result::<i64>(conn).optional()? {
            facts.rooms.insert(*id, version);
        }
    }
    for (room, key) in &wanted.keys {
        let same = room_messages::table
            .filter(room_messages::room.eq(&room.as_bytes()[..]))
            .filter(room_messages::correlation.eq(text(key.clone())))
            .select(room_messages::id);
        if same.get_result::<Vec<u8>>(conn).optional()?.is_some() {
            facts.keys.insert((*room, key.clone()));
        }
    }
    for goal in &wanted.turns {
        let row = room_turns::table.find(&goal.as_bytes()[..]).select(room_turns::state);
        if let Some(state) = row.get_result::<String>(conn).optional()? {
            facts.turns.insert(*goal, Columns("room_turns").word(&state)?);
        }
    }
    Ok(())
}
