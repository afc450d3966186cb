//! What the in-memory journal knows about rooms.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{lock, state::State, store::MemoryStore};
use crate::{
    domain::{GoalId, Member, PersonaId, Room, RoomId, RoomMessage, RoomMessageId, RoomTurn},
    ports::{RoomChange, RoomGuard, RoomRecords, Seat, Unavailable},
};

#[derive(Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<RoomId, Room>,
    members: Vec<(RoomId, Member)>,
    said: BTreeMap<RoomMessageId, RoomMessage>,
    turns: BTreeMap<GoalId, RoomTurn>,
}

impl Rooms {
    pub(super) fn holds(&self, guard: &RoomGuard) -> bool {
        match guard {
            RoomGuard::NameFree(key) => self.rooms.values().all(|room| Room::name_key(&room.name) != *key),
            RoomGuard::Version(id, version) => self.rooms.get(id).is_some_and(|room| room.version == *version),
            RoomGuard::KeyFree(id, key) => {
                !self.said.values().any(|said| said.room == *id && said.correlation.as_ref() == Some(key))
            }
            RoomGuard::TurnIs(goal, state) => self.turns.get(goal).is_some_and(|turn| turn.state == *state),
        }
    }

    pub(super) fn apply(&mut self, change: RoomChange) {
        match change {
            RoomChange::Created(room) => {
                let before = self.rooms.insert(room.id, *room);
                assert!(before.is_none(), "the room {before:?} was created twice");
            }
            RoomChange::Updated(room) => {
                assert!(self.rooms.contains_key(&room.id), "there is no {room:?} to update");
                self.rooms.insert(room.id, *room);
            }
            RoomChange::Joined { room, member, .. } => {
                if !self.members.iter().any(|(in_room, known)| *in_room == room && known.is_same(&member)) {
                    self.members.push((room, member));
                }
            }
            RoomChange::Left { room, member } => {
                self.members.retain(|(in_room, known)| *in_room != room || !known.is_same(&member));
            }
            RoomChange::Said(message) => {
                let before = self.said.insert(message.id, *message);
                assert!(before.is_none(), "{before:?} was said twice");
            }
            RoomChange::TurnOpened(turn) => {
                let before = self.turns.insert(turn.goal, *turn);
                assert!(before.is_none(), "the turn {before:?} was opened twice");
            }
            RoomChange::TurnMoved(turn) => {
                assert!(self.turns.contains_key(&turn.goal), "there is no {turn:?} to move");
                self.turns.insert(turn.goal, *turn);
            }
        }
    }

    pub(super) fn turn(&self, goal: GoalId) -> Option<&RoomTurn> {
        self.turns.get(&goal)
    }

    fn talk(&self, room: RoomId) -> impl DoubleEndedIterator<Item = &RoomMessage> {
        self.said.values().filter(move |said| said.room == room)
    }
}

impl MemoryStore {
    /// Everything said in a room, in order.
    pub fn room_talk(&self, room: RoomId) -> Vec<RoomMessage> {
        lock(&self.state).rooms.talk(room).cloned().collect()
    }

    /// Every turn of a room, in order of its goal.
    pub fn turns(&self, room: RoomId) -> Vec<RoomTurn> {
        lock(&self.state).rooms.turns.values().filter(|turn| turn.room == room).cloned().collect()
    }
}

impl State {
    fn seat(&self, turn: &RoomTurn) -> Option<Seat> {
        Some(Seat { turn: turn.clone(), goal: self.goals.get(&turn.goal)?.goal.clone() })
    }
}

#[async_trait]
impl RoomRecords for MemoryStore {
    async fn room(&self, id: RoomId) -> Result<Option<Room>, Unavailable> {
        Ok(lock(&self.state).rooms.rooms.get(&id).cloned())
    }

    async fn room_members(&self, id: RoomId) -> Result<Vec<Member>, Unavailable> {
        let state = lock(&self.state);
        Ok(state.rooms.members.iter().filter(|(room, _)| *room == id).map(|(_, member)| member.clone()).collect())
    }

    async fn room_talk(
        &self,
        id: RoomId,
        limit: u32,
        before: Option<RoomMessageId>,
    ) -> Result<Vec<RoomMessage>, Unavailable> {
        let state = lock(&self.state);
        let earlier = |said: &&RoomMessage| before.is_none_or(|before| said.id < before);
        Ok(state.rooms.talk(id).rev().filter(earlier).take(limit as usize).cloned().collect())
    }

    async fn room_keyed(&self, id: RoomId, key: &str) -> Result<Option<RoomMessage>, Unavailable> {
        let state = lock(&self.state);
        Ok(state.rooms.talk(id).find(|said| said.correlation.as_deref() == Some(key)).cloned())
    }

    async fn room_message(&self, id: RoomMessageId) -> Result<Option<RoomMessage>, Unavailable> {
        Ok(lock(&self.state).rooms.said.get(&id).cloned())
    }

    async fn turn(&self, goal: GoalId) -> Result<Option<RoomTurn>, Unavailable> {
        Ok(lock(&self.state).rooms.turns.get(&goal).cloned())
    }

    async fn rounds(&self, id: RoomId) -> Result<Vec<Seat>, Unavailable> {
        let state = lock(&self.state);
        let turns = || state.rooms.turns.values().filter(|turn| turn.room == id);
        let open: BTreeSet<_> = turns().filter(|turn| turn.state.is_open()).map(|turn| turn.about).collect();
        let mut seats: Vec<_> =
            turns().filter(|turn| open.contains(&turn.about)).filter_map(|turn| state.seat(turn)).collect();
        seats.sort_by_key(|seat| (seat.turn.about, seat.turn.goal));
        Ok(seats)
    }

    async fn rooms_with_turns(&self) -> Result<Vec<RoomId>, Unavailable> {
        let state = lock(&self.state);
        let open = state.rooms.turns.values().filter(|turn| turn.state.is_open());
        Ok(open.map(|turn| turn.room).collect::<BTreeSet<_>>().into_iter().collect())
    }

    async fn granted_turns(&self, id: RoomId, limit: u32) -> Result<Vec<RoomTurn>, Unavailable> {
        let state = lock(&self.state);
        let mut granted: Vec<_> =
            state.rooms.turns.values().filter(|turn| turn.room == id && turn.granted_ms.is_some()).cloned().collect();
        granted.sort_by_key(|turn| std::cmp::Reverse((turn.granted_ms, turn.goal)));
        granted.truncate(limit as usize);
        Ok(granted)
    }

    async fn rooms_of(&self, persona: PersonaId) -> Result<Vec<RoomId>, Unavailable> {
        let state = lock(&self.state);
        let there = state.rooms.members.iter().filter(|(_, member)| member.persona() == Some(persona));
        Ok(there.map(|(room, _)| *room).collect())
    }
}
