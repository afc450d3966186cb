//! What changes about rooms, and what must still be so. Only the supervisor writes it.

use std::fmt;

use crate::domain::{GoalId, Member, Room, RoomId, RoomMessage, RoomTurn, TurnState};

/// What must still be so about a room when the commit is written.
#[derive(Debug, Clone, PartialEq)]
pub enum RoomGuard {
    /// No other room, archived ones included, has this name; by [`Room::name_key`].
    NameFree(String),
    /// The room exists and has this version: nobody came or went, and it was not archived.
    Version(RoomId, i64),
    /// Nothing was said in this room under this key yet.
    KeyFree(RoomId, String),
    /// The turn of this goal stands here.
    TurnIs(GoalId, TurnState),
}

impl fmt::Display for RoomGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameFree(name) => write!(f, "room name `{name}` is free"),
            Self::Version(id, version) => write!(f, "room {id} at version {version}"),
            Self::KeyFree(_, key) => write!(f, "key `{key}` is new in its room"),
            Self::TurnIs(goal, state) => write!(f, "turn {goal} is {state}"),
        }
    }
}

/// Every change of rooms there is.
#[derive(Debug, Clone, PartialEq)]
pub enum RoomChange {
    /// Without members; they come in by changes of their own.
    Created(Box<Room>),
    /// All fields but `id`, `created_by` and `created_ms` are replaced; `version` is the new one.
    Updated(Box<Room>),
    /// Who is there already stays as it is.
    Joined {
        room: RoomId,
        member: Member,
        at_ms: i64,
    },
    Left {
        room: RoomId,
        member: Member,
    },
    Said(Box<RoomMessage>),
    TurnOpened(Box<RoomTurn>),
    /// Every field that can change is replaced.
    TurnMoved(Box<RoomTurn>),
}

impl RoomChange {
    /// The room it is about, when something may now have to be decided there.
    pub const fn stirs(&self) -> Option<RoomId> {
        match self {
            Self::Said(message) => Some(message.room),
            Self::TurnOpened(turn) | Self::TurnMoved(turn) => Some(turn.room),
            Self::Created(_) | Self::Updated(_) | Self::Joined { .. } | Self::Left { .. } => None,
        }
    }
}
