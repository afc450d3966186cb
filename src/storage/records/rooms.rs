//! What the company reads back about rooms: the same queries as the pages'.

use actors::{
    domain::{GoalId, Member, PersonaId, Room, RoomId, RoomMessage, RoomMessageId, RoomTurn},
    ports::{RoomRecords, Seat, Unavailable},
};
use async_trait::async_trait;

use super::ReadBack;

#[async_trait]
impl RoomRecords for ReadBack {
    async fn room(&self, id: RoomId) -> Result<Option<Room>, Unavailable> {
        Ok(self.0.room(id).await?)
    }

    async fn room_members(&self, id: RoomId) -> Result<Vec<Member>, Unavailable> {
        Ok(self.0.room_members(id).await?)
    }

    async fn room_talk(
        &self,
        id: RoomId,
        limit: u32,
        before: Option<RoomMessageId>,
    ) -> Result<Vec<RoomMessage>, Unavailable> {
        Ok(self.0.room_talk(id, limit, before).await?)
    }

    async fn room_keyed(&self, id: RoomId, key: &str) -> Result<Option<RoomMessage>, Unavailable> {
        Ok(self.0.room_keyed(id, key).await?)
    }

    async fn room_message(&self, id: RoomMessageId) -> Result<Option<RoomMessage>, Unavailable> {
        Ok(self.0.room_message(id).await?)
    }

    async fn turn(&self, goal: GoalId) -> Result<Option<RoomTurn>, Unavailable> {
        Ok(self.0.turn(goal).await?)
    }

    async fn rounds(&self, id: RoomId) -> Result<Vec<Seat>, Unavailable> {
        Ok(self.0.rounds(id).await?)
    }

    async fn rooms_with_turns(&self) -> Result<Vec<RoomId>, Unavailable> {
        Ok(self.0.rooms_with_turns().await?)
    }

    async fn granted_turns(&self, id: RoomId, limit: u32) -> Result<Vec<RoomTurn>, Unavailable> {
        Ok(self.0.granted_turns(id, limit).await?)
    }

    async fn rooms_of(&self, persona: PersonaId) -> Result<Vec<RoomId>, Unavailable> {
        Ok(self.0.rooms_of(persona).await?)
    }
}
