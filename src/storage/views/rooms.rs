//! Rooms: who is there, what was said, whose turn it is.

use std::collections::HashMap;

use actors::{
    domain::{GoalId, Member, PersonaId, Room, RoomId, RoomMessage, RoomMessageId, RoomTurn, TurnState},
    ports::Seat,
};
use diesel::prelude::*;

use super::at_most;
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::{
        Columns,
        goal::GoalRow,
        room::{MemberRow, RoomMessageRow, RoomRow, TurnRow},
        text,
    },
    schema::{goals, room_members, room_messages, room_turns, rooms},
};

diesel::alias!(room_messages as newer: Newer);

const OPEN_TURN: [&str; 3] = [TurnState::Asked.as_str(), TurnState::Meant.as_str(), TurnState::Granted.as_str()];

impl Db {
    /// Rooms by id, the newest first; `before`: only older ones than this.
    pub async fn rooms(&self, limit: u32, before: Option<RoomId>) -> Result<Vec<Room>, DbError> {
        let rows: Vec<RoomRow> = on_db!(self, all: {
            let all = rooms::table.order(rooms::id.desc()).limit(at_most(limit)).select(RoomRow::as_select()).into_boxed();
            match before {
                Some(before) => all.filter(rooms::id.lt(before.as_bytes().to_vec())),
                None => all,
            }
        });
        rows.into_iter().map(Room::try_from).collect()
    }

    /// One room.
    pub async fn room(&self, id: RoomId) -> Result<Option<Room>, DbError> {
        let id = id.as_bytes().to_vec();
        let row: Option<RoomRow> = on_db!(self, one: rooms::table.find(id.clone()).select(RoomRow::as_select()));
        row.map(Room::try_from).transpose()
    }

    /// One room by its id, or its name whatever the case.
    pub async fn room_named(&self, name_or_id: &str) -> Result<Option<Room>, DbError> {
        if let Ok(id) = name_or_id.parse::<RoomId>()
            && let Some(room) = self.room(id).await?
        {
            return Ok(Some(room));
        }
        let key = text(Room::name_key(name_or_id));
        let row: Option<RoomRow> =
            on_db!(self, one: rooms::table.filter(rooms::name_key.eq(key.clone())).select(RoomRow::as_select()));
        row.map(Room::try_from).transpose()
    }

    /// Who is in a room, in the order they came.
    pub async fn room_members(&self, id: RoomId) -> Result<Vec<Member>, DbError> {
        Ok(self.members_of(&[id]).await?.remove(&id).unwrap_or_default())
    }

    /// Who is in these rooms, each in the order they came.
    pub async fn members_of(&self, of: &[RoomId]) -> Result<HashMap<RoomId, Vec<Member>>, DbError> {
        let ids: Vec<_> = of.iter().map(|id| id.as_bytes().to_vec()).collect();
        let rows: Vec<(Vec<u8>, MemberRow)> = on_db!(self, all:
            room_members::table
                .filter(room_members::room.eq_any(ids.clone()))
                .order((room_members::room, room_members::joined_ms, room_members::member))
                .select((room_members::room, MemberRow::as_select())));
        let read = Columns("room_members");
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for (room, member) in rows {
            found.entry(read.id(&room)?).or_default().push(member.try_into()?);
        }
        Ok(found)
    }

    /// What was said in a room, the newest first; `before`: only what was said earlier than this.
    pub async fn room_talk(
        &self,
        id: RoomId,
        limit: u32,
        before: Option<RoomMessageId>,
    ) -> Result<Vec<RoomMessage>, DbError> {
        let rows: Vec<RoomMessageRow> = on_db!(self, all: {
            let all = room_messages::table
                .filter(room_messages::room.eq(id.as_bytes().to_vec()))
                .order(room_messages::id.desc())
                .limit(at_most(limit))
                .select(RoomMessageRow::as_select())
                .into_boxed();
            match before {
                Some(before) => all.filter(room_messages::id.lt(before.as_bytes().to_vec())),
                None => all,
            }
        });
        rows.into_iter().map(RoomMessage::try_from).collect()
    }

    /// What was said last in each of these rooms, if anything was.
    pub async fn last_said(&self, of: &[RoomId]) -> Result<HashMap<RoomId, RoomMessage>, DbError> {
        let ids: Vec<_> = of.iter().map(|id| id.as_bytes().to_vec()).collect();
        let rows: Vec<RoomMessageRow> = on_db!(self, all: {
            let newest = newer
                .filter(newer.field(room_messages::room).eq(rooms::id))
                .order(newer.field(room_messages::id).desc())
                .select(newer.field(room_messages::id))
                .limit(1)
                .single_value();
            rooms::table
                .inner_join(room_messages::table.on(room_messages::room.eq(rooms::id)))
                .filter(rooms::id.eq_any(ids.clone()))
                .filter(room_messages::id.nullable().eq(newest))
                .select(RoomMessageRow::as_select())
        });
        let said = rows.into_iter().map(|row| RoomMessage::try_from(row).map(|said| (said.room, said)));
        said.collect()
    }

    /// One thing that was said.
    pub async fn room_message(&self, id: RoomMessageId) -> Result<Option<RoomMessage>, DbError> {
        let id = id.as_bytes().to_vec();
        let row: Option<RoomMessageRow> =
            on_db!(self, one: room_messages::table.find(id.clone()).select(RoomMessageRow::as_select()));
        row.map(RoomMessage::try_from).transpose()
    }

    /// What was said under this key.
    pub async fn room_keyed(&self, id: RoomId, key: &str) -> Result<Option<RoomMessage>, DbError> {
        let (id, key) = (id.as_bytes().to_vec(), text(key.to_owned()));
        let row: Option<RoomMessageRow> = on_db!(self, one:
            room_messages::table
                .filter(room_messages::room.eq(id.clone()).and(room_messages::correlation.eq(key.clone())))
                .select(RoomMessageRow::as_select()));
        row.map(RoomMessage::try_from).transpose()
    }

    /// Every turn about these messages, in order of message and goal.
    pub async fn turns_about(&self, about: &[RoomMessageId]) -> Result<Vec<RoomTurn>, DbError> {
        let about: Vec<_> = about.iter().map(|id| id.as_bytes().to_vec()).collect();
        let rows: Vec<TurnRow> = on_db!(self, all:
            room_turns::table
                .filter(room_turns::about.eq_any(about.clone()))
                .order((room_turns::about, room_turns::goal))
                .select(TurnRow::as_select()));
        rows.into_iter().map(RoomTurn::try_from).collect()
    }

    /// The turns of these goals; those that are none have none.
    pub async fn turns_of(&self, goals: &[GoalId]) -> Result<Vec<RoomTurn>, DbError> {
        let goals: Vec<_> = goals.iter().map(|id| id.as_bytes().to_vec()).collect();
        let rows: Vec<TurnRow> = on_db!(self, all:
            room_turns::table.filter(room_turns::goal.eq_any(goals.clone())).select(TurnRow::as_select()));
        rows.into_iter().map(RoomTurn::try_from).collect()
    }

    /// The turn of a goal.
    pub async fn turn(&self, goal: GoalId) -> Result<Option<RoomTurn>, DbError> {
        let goal = goal.as_bytes().to_vec();
        let row: Option<TurnRow> = on_db!(self, one: room_turns::table.find(goal.clone()).select(TurnRow::as_select()));
        row.map(RoomTurn::try_from).transpose()
    }

    /// Every turn, open or not, about messages of this room that have an open one; in order of message and goal.
    pub(in crate::storage) async fn rounds(&self, id: RoomId) -> Result<Vec<Seat>, DbError> {
        let room = id.as_bytes().to_vec();
        let open: Vec<Vec<u8>> = on_db!(self, all:
            room_turns::table
                .filter(room_turns::state.eq_any(OPEN_TURN).and(room_turns::room.eq(room.clone())))
                .select(room_turns::about)
                .distinct());
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<(TurnRow, GoalRow)> = on_db!(self, all:
            room_turns::table
                .inner_join(goals::table.on(goals::id.eq(room_turns::goal)))
                .filter(room_turns::about.eq_any(open.clone()))
                .order((room_turns::about, room_turns::goal))
                .select((TurnRow::as_select(), GoalRow::as_select())));
        rows.into_iter().map(|(turn, goal)| Ok(Seat { turn: turn.try_into()?, goal: goal.try_into()? })).collect()
    }

    /// Rooms with an open turn.
    pub(in crate::storage) async fn rooms_with_turns(&self) -> Result<Vec<RoomId>, DbError> {
        let rows: Vec<Vec<u8>> = on_db!(self, all:
            room_turns::table.filter(room_turns::state.eq_any(OPEN_TURN)).select(room_turns::room).distinct());
        rows.iter().map(|id| Columns("room_turns").id(id)).collect()
    }

    /// How many turns are open in each room that has any.
    pub async fn open_turns(&self) -> Result<HashMap<RoomId, usize>, DbError> {
        let rows: Vec<(Vec<u8>, i64)> = on_db!(self, all:
            room_turns::table
                .filter(room_turns::state.eq_any(OPEN_TURN))
                .group_by(room_turns::room)
                .select((room_turns::room, diesel::dsl::count_star())));
        let read = Columns("room_turns");
        rows.iter().map(|(room, count)| Ok((read.id(room)?, usize::try_from(*count).unwrap_or(usize::MAX)))).collect()
    }

    /// The newest turns that were granted in a room, the newest first.
    pub async fn granted_turns(&self, id: RoomId, limit: u32) -> Result<Vec<RoomTurn>, DbError> {
        let room = id.as_bytes().to_vec();
        let rows: Vec<TurnRow> = on_db!(self, all:
            room_turns::table
                .filter(room_turns::room.eq(room.clone()).and(room_turns::granted_ms.is_not_null()))
                .order((room_turns::granted_ms.desc(), room_turns::goal.desc()))
                .limit(at_most(limit))
                .select(TurnRow::as_select()));
        rows.into_iter().map(RoomTurn::try_from).collect()
    }

    /// The rooms a persona is in.
    pub async fn rooms_of(&self, persona: PersonaId) -> Result<Vec<RoomId>, DbError> {
        let member = persona.as_bytes().to_vec();
        let rows: Vec<Vec<u8>> = on_db!(self, all:
            room_members::table
                .filter(room_members::member.eq(member.clone()))
                .order(room_members::room)
                .select(room_members::room));
        rows.iter().map(|id| Columns("room_members").id(id)).collect()
    }
}
