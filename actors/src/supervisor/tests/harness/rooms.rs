//! The watched records about rooms: those of the store.

use async_trait::async_trait;

use super::WatchedRecords;
use crate::{
    domain::{GoalId, Member, PersonaId, Room, RoomId, RoomMessage, RoomMessageId, RoomTurn},
    ports::{RoomRecords, Seat, Unavailable},
};

impl WatchedRecords {
    /// From now on this room's rounds are read as they are now, whatever becomes of them.
    pub(in crate::supervisor::tests) async fn stand_still(&self, room: RoomId) {
        let seats = self.store.rounds(room).await.unwrap();
        self.still.lock().unwrap().insert(room, seats);
    }

    /// How often a room's rounds were read.
    pub(in crate::supervisor::tests) fn looks(&self, room: RoomId) -> u32 {
        self.looks.lock().unwrap().get(&room).copied().unwrap_or(0)
    }
}

#[async_trait]
impl RoomRecords for WatchedRecords {
    async fn room(&self, id: RoomId) -> Result<Option<Room>, Unavailable> {
        self.store.room(id).await
    }

    async fn room_members(&self, id: RoomId) -> Result<Vec<Member>, Unavailable> {
        self.store.room_members(id).await
    }

    async fn room_talk(
        &self,
        id: RoomId,
        limit: u32,
        before: Option<RoomMessageId>,
    ) -> Result<Vec<RoomMessage>, Unavailable> {
        RoomRecords::room_talk(&*self.store, id, limit, before).await
    }

    async fn room_keyed(&self, id: RoomId, key: &str) -> Result<Option<RoomMessage>, Unavailable> {
        self.store.room_keyed(id, key).await
    }

    async fn room_message(&self, id: RoomMessageId) -> Result<Option<RoomMessage>, Unavailable> {
        self.store.room_message(id).await
    }

    async fn turn(&self, goal: GoalId) -> Result<Option<RoomTurn>, Unavailable> {
        self.store.turn(goal).await
    }

    async fn rounds(&self, id: RoomId) -> Result<Vec<Seat>, Unavailable> {
        *self.looks.lock().unwrap().entry(id).or_default() += 1;
        let still = self.still.lock().unwrap().get(&id).cloned();
        match still {
            Some(seats) => Ok(seats),
            None => self.store.rounds(id).await,
        }
    }

    async fn rooms_with_turns(&self) -> Result<Vec<RoomId>, Unavailable> {
        self.store.rooms_with_turns().await
    }

    async fn granted_turns(&self, id: RoomId, limit: u32) -> Result<Vec<RoomTurn>, Unavailable> {
        self.store.granted_turns(id, limit).await
    }

    async fn rooms_of(&self, persona: PersonaId) -> Result<Vec<RoomId>, Unavailable> {
        self.store.rooms_of(persona).await
    }
}
