//! `rooms`, `room_members`, `room_messages` and `room_turns`.

use actors::domain::{Author, Member, PersonId, PersonaId, Room, RoomId, RoomMessage, RoomTurn};
use diesel::prelude::*;

use super::{Columns, text};
use crate::storage::{
    db::DbError,
    schema::{room_members, room_messages, room_turns, rooms},
};

/// What a member or an author is, as the database says it.
const PERSON: &str = "person";
const PERSONA: &str = "persona";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = rooms)]
pub(in crate::storage) struct RoomRow {
    pub id: Vec<u8>,
    pub name: String,
    pub name_key: String,
    pub topic: String,
    pub status: String,
    pub version: i64,
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl From<Room> for RoomRow {
    fn from(room: Room) -> Self {
        Self {
            id: room.id.as_bytes().to_vec(),
            name_key: text(Room::name_key(&room.name)),
            name: text(room.name),
            topic: text(room.topic),
            status: room.status.to_string(),
            version: room.version,
            created_by: text(room.created_by),
            created_ms: room.created_ms,
            updated_ms: room.updated_ms,
        }
    }
}

impl TryFrom<RoomRow> for Room {
    type Error = DbError;

    fn try_from(row: RoomRow) -> Result<Self, DbError> {
        let read = Columns("rooms");
        Ok(Self {
            id: read.id(&row.id)?,
            name: row.name,
            topic: row.topic,
            status: read.word(&row.status)?,
            version: row.version,
            created_by: row.created_by,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = room_members)]
pub(in crate::storage) struct MemberRow {
    pub member: Vec<u8>,
    pub kind: String,
    pub name: Option<String>,
}

impl TryFrom<MemberRow> for Member {
    type Error = DbError;

    fn try_from(row: MemberRow) -> Result<Self, DbError> {
        let read = Columns("room_members");
        match row.kind.as_str() {
            PERSONA => Ok(Self::Persona { id: read.id(&row.member)? }),
            PERSON => Ok(Self::Person { id: read.id(&row.member)?, name: row.name.unwrap_or_default() }),
            other => Err(read.corrupt(format!("`{other}` is no kind of member"))),
        }
    }
}

/// Its id, its kind and its name.
pub(in crate::storage) fn member_columns(member: &Member) -> (&[u8; 16], &'static str, Option<String>) {
    match member {
        Member::Person { id, name } => (id.as_bytes(), PERSON, Some(text(name.clone()))),
        Member::Persona { id } => (id.as_bytes(), PERSONA, None),
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = room_messages, treat_none_as_default_value = false)]
pub(in crate::storage) struct RoomMessageRow {
    pub id: Vec<u8>,
    pub room: Vec<u8>,
    pub kind: String,
    pub author: Option<Vec<u8>>,
    pub author_name: String,
    pub text: String,
    pub goal: Option<Vec<u8>>,
    pub reply_to: Option<Vec<u8>>,
    pub run: Option<Vec<u8>>,
    pub receipt: Option<Vec<u8>>,
    pub at_ms: i64,
    pub trace: Vec<u8>,
    pub correlation: Option<String>,
}

impl From<RoomMessage> for RoomMessageRow {
    fn from(said: RoomMessage) -> Self {
        let (kind, author, author_name) = match said.author {
            Author::Person { id, name } => (PERSON, id.map(|id| id.as_bytes().to_vec()), name),
            Author::Persona { id, name } => (PERSONA, Some(id.as_bytes().to_vec()), name),
        };
        Self {
            id: said.id.as_bytes().to_vec(),
            room: said.room.as_bytes().to_vec(),
            kind: kind.to_owned(),
            author,
            author_name: text(author_name),
            text: text(said.text),
            goal: said.goal.map(|id| id.as_bytes().to_vec()),
            reply_to: said.reply_to.map(|id| id.as_bytes().to_vec()),
            run: said.shown_by.map(|(run, _)| run.as_bytes().to_vec()),
            receipt: said.shown_by.map(|(_, receipt)| receipt.0.to_vec()),
            at_ms: said.at_ms,
            trace: said.trace.as_bytes().to_vec(),
            correlation: said.correlation.map(text),
        }
    }
}

impl TryFrom<RoomMessageRow> for RoomMessage {
    type Error = DbError;

    fn try_from(row: RoomMessageRow) -> Result<Self, DbError> {
        let read = Columns("room_messages");
        let name = row.author_name;
        let receipt = row.receipt.as_deref().map(|receipt| read.hash(receipt)).transpose()?;
        let author = match row.kind.as_str() {
            PERSON => Author::Person { id: read.optional_id::<PersonId>(row.author.as_deref())?, name },
            _ => {
                let id: Option<PersonaId> = read.optional_id(row.author.as_deref())?;
                Author::Persona { id: id.ok_or_else(|| read.corrupt("a persona's message has no author"))?, name }
            }
        };
        Ok(Self {
            id: read.id(&row.id)?,
            room: read.id(&row.room)?,
            author,
            text: row.text,
            goal: read.optional_id(row.goal.as_deref())?,
            reply_to: read.optional_id(row.reply_to.as_deref())?,
            shown_by: read.optional_id(row.run.as_deref())?.zip(receipt),
            at_ms: row.at_ms,
            trace: read.id(&row.trace)?,
            correlation: row.correlation,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = room_turns, treat_none_as_default_value = false)]
pub(in crate::storage) struct TurnRow {
    pub goal: Vec<u8>,
    pub message: Vec<u8>,
    pub room: Vec<u8>,
    pub about: Vec<u8>,
    pub persona: Vec<u8>,
    pub from_person: bool,
    pub named: bool,
    pub state: String,
    pub thought: String,
    pub relevance: i32,
    pub reluctant: bool,
    pub why: String,
    pub opened_ms: i64,
    pub granted_ms: Option<i64>,
    pub moved_ms: i64,
}

impl From<RoomTurn> for TurnRow {
    fn from(turn: RoomTurn) -> Self {
        Self {
            goal: turn.goal.as_bytes().to_vec(),
            message: turn.message.as_bytes().to_vec(),
            room: turn.room.as_bytes().to_vec(),
            about: turn.about.as_bytes().to_vec(),
            persona: turn.persona.as_bytes().to_vec(),
            from_person: turn.from_person,
            named: turn.named,
            state: turn.state.to_string(),
            thought: text(turn.thought),
            relevance: turn.relevance.into(),
            reluctant: turn.reluctant,
            why: text(turn.why),
            opened_ms: turn.opened_ms,
            granted_ms: turn.granted_ms,
            moved_ms: turn.moved_ms,
        }
    }
}

impl TryFrom<TurnRow> for RoomTurn {
    type Error = DbError;

    fn try_from(row: TurnRow) -> Result<Self, DbError> {
        let read = Columns("room_turns");
        Ok(Self {
            goal: read.id(&row.goal)?,
            message: read.id(&row.message)?,
            room: read.id::<RoomId>(&row.room)?,
            about: read.id(&row.about)?,
            persona: read.id(&row.persona)?,
            from_person: row.from_person,
            named: row.named,
            state: read.word(&row.state)?,
            thought: row.thought,
            relevance: read.count(row.relevance)?,
            reluctant: row.reluctant,
            why: row.why,
            opened_ms: row.opened_ms,
            granted_ms: row.granted_ms,
            moved_ms: row.moved_ms,
        })
    }
}
