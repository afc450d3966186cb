//! What the company reads back about rooms. Read only; pages have their own views.

use async_trait::async_trait;

use super::Unavailable;
use crate::domain::{Goal, GoalId, Member, PersonaId, Room, RoomId, RoomMessage, RoomMessageId, RoomTurn};

/// A turn with the goal that names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    pub turn: RoomTurn,
    pub goal: Goal,
}

/// What the company reads back about rooms. Records that keep none answer that there are none.
#[async_trait]
pub trait RoomRecords: Send + Sync {
    async fn room(&self, _: RoomId) -> Result<Option<Room>, Unavailable> {
        Ok(None)
    }

    /// Who is in it, in the order they came.
    async fn room_members(&self, _: RoomId) -> Result<Vec<Member>, Unavailable> {
        Ok(Vec::new())
    }

    /// What was said, the newest first; `before`: only what was said earlier than this.
    async fn room_talk(
        &self,
        _: RoomId,
        _limit: u32,
        _before: Option<RoomMessageId>,
    ) -> Result<Vec<RoomMessage>, Unavailable> {
        Ok(Vec::new())
    }

    /// What was said under this key.
    async fn room_keyed(&self, _: RoomId, _key: &str) -> Result<Option<RoomMessage>, Unavailable> {
        Ok(None)
    }

    async fn room_message(&self, _: RoomMessageId) -> Result<Option<RoomMessage>, Unavailable> {
        Ok(None)
    }

    /// The turn of a goal.
    async fn turn(&self, _: GoalId) -> Result<Option<RoomTurn>, Unavailable> {
        Ok(None)
    }

    /// Every turn, open or not, about messages of this room that have an open one; in order of message and goal.
    async fn rounds(&self, _: RoomId) -> Result<Vec<Seat>, Unavailable> {
        Ok(Vec::new())
    }

    /// Rooms with an open turn; at start, because a crash may have come between any two moves.
    async fn rooms_with_turns(&self) -> Result<Vec<RoomId>, Unavailable> {
        Ok(Vec::new())
    }

    /// The newest turns that were granted in a room, the newest first.
    async fn granted_turns(&self, _: RoomId, _limit: u32) -> Result<Vec<RoomTurn>, Unavailable> {
        Ok(Vec::new())
    }

    /// The rooms a persona is in.
    async fn rooms_of(&self, _: PersonaId) -> Result<Vec<RoomId>, Unavailable> {
        Ok(Vec::new())
    }
}
