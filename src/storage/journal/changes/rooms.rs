//! Changes of rooms as statements.

use actors::{
    domain::{Room, RoomTurn},
    ports::RoomChange,
};
use diesel::{QueryResult, insert_into};

use super::{
    super::statements::{JoinRoom, LeaveRoom, MoveTurn, UpdateRoom},
    Transaction,
};
use crate::storage::{
    rows::room::{RoomMessageRow, RoomRow, TurnRow, member_columns},
    schema::{room_messages, room_turns, rooms},
};

pub(super) async fn apply(change: &RoomChange, to: &mut impl Transaction) -> QueryResult<usize> {
    match change {
        RoomChange::Created(room) => to.run(insert_into(rooms::table).values(RoomRow::from((**room).clone()))).await,
        RoomChange::Updated(room) => update(room, to).await,
        RoomChange::Joined { room, member, at_ms } => {
            let (id, kind, name) = member_columns(member);
            let name = name.as_deref();
            to.run(JoinRoom { room: room.as_bytes(), member: id, kind, name, joined_ms: *at_ms }).await
        }
        RoomChange::Left { room, member } => {
            to.run(LeaveRoom { room: room.as_bytes(), member: member_columns(member).0 }).await
        }
        RoomChange::Said(said) => {
            to.run(insert_into(room_messages::table).values(RoomMessageRow::from((**said).clone()))).await
        }
        RoomChange::TurnOpened(turn) => {
            to.run(insert_into(room_turns::table).values(TurnRow::from((**turn).clone()))).await
        }
        RoomChange::TurnMoved(turn) => move_turn(turn, to).await,
    }
}

async fn update(room: &Room, to: &mut impl Transaction) -> QueryResult<usize> {
    let row = RoomRow::from(room.clone());
    to.run(UpdateRoom {
        name: &row.name,
        name_key: &row.name_key,
        topic: &row.topic,
        status: &row.status,
        version: row.version,
        updated_ms: row.updated_ms,
        id: &row.id,
    })
    .await
}

async fn move_turn(turn: &RoomTurn, to: &mut impl Transaction) -> QueryResult<usize> {
    let row = TurnRow::from(turn.clone());
    to.run(MoveTurn {
        named: row.named,
        state: &row.state,
        thought: &row.thought,
        relevance: row.relevance,
        reluctant: row.reluctant,
        why: &row.why,
        granted_ms: row.granted_ms,
        moved_ms: row.moved_ms,
        goal: &row.goal,
    })
    .await
}
