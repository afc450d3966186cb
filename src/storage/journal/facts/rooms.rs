//! What guards about rooms look at. Pure.

use std::collections::{BTreeMap, BTreeSet};

use actors::{
    domain::{GoalId, Room, RoomId, TurnState},
    ports::{Change, Commit, RoomChange, RoomGuard},
};

/// The keys a batch asks about.
#[derive(Debug, Default)]
pub(in super::super) struct WantedRooms {
    pub names: BTreeSet<String>,
    pub rooms: BTreeSet<RoomId>,
    pub keys: BTreeSet<(RoomId, String)>,
    pub turns: BTreeSet<GoalId>,
}

impl WantedRooms {
    pub(super) fn add_guard(&mut self, guard: &RoomGuard) {
        match guard {
            RoomGuard::NameFree(key) => drop(self.names.insert(key.clone())),
            RoomGuard::Version(id, _) => drop(self.rooms.insert(*id)),
            RoomGuard::KeyFree(id, key) => drop(self.keys.insert((*id, key.clone()))),
            RoomGuard::TurnIs(goal, _) => drop(self.turns.insert(*goal)),
        }
    }

    pub(super) fn add_change(&mut self, change: &RoomChange) {
        match change {
            RoomChange::Created(room) => drop(self.names.insert(Room::name_key(&room.name))),
            RoomChange::Updated(room) => {
                self.names.insert(Room::name_key(&room.name));
                self.rooms.insert(room.id);
            }
            RoomChange::Joined { room, .. } | RoomChange::Left { room, .. } => drop(self.rooms.insert(*room)),
            RoomChange::Said(said) => {
                self.rooms.insert(said.room);
                self.keys.extend(said.correlation.clone().map(|key| (said.room, key)));
            }
            RoomChange::TurnOpened(_) => {}
            RoomChange::TurnMoved(turn) => drop(self.turns.insert(turn.goal)),
        }
    }
}

/// What is known of rooms.
#[derive(Debug, Default)]
pub(in super::super) struct RoomFacts {
    pub names: BTreeMap<String, RoomId>,
    pub rooms: BTreeMap<RoomId, i64>,
    pub keys: BTreeSet<(RoomId, String)>,
    pub turns: BTreeMap<GoalId, TurnState>,
}

impl RoomFacts {
    pub(super) fn leave_unknown(&self, wanted: &mut WantedRooms) {
        wanted.names.retain(|key| !self.names.contains_key(key));
        wanted.rooms.retain(|id| !self.rooms.contains_key(id));
        wanted.keys.retain(|key| !self.keys.contains(key));
        wanted.turns.retain(|goal| !self.turns.contains_key(goal));
    }

    pub(super) fn len(&self) -> usize {
        self.names.len() + self.rooms.len() + self.keys.len() + self.turns.len()
    }

    pub(super) fn holds(&self, guard: &RoomGuard) -> bool {
        match guard {
            RoomGuard::NameFree(key) => !self.names.contains_key(key),
            RoomGuard::Version(id, version) => self.rooms.get(id) == Some(version),
            RoomGuard::KeyFree(id, key) => !self.keys.contains(&(*id, key.clone())),
            RoomGuard::TurnIs(goal, state) => self.turns.get(goal) == Some(state),
        }
    }

    /// What a change takes for granted and is not so.
    pub(super) fn missing(&self, change: &RoomChange, commit: &Commit) -> Option<RoomGuard> {
        let made = |id: &RoomId| {
            let creates = |change: &Change| matches!(change, Change::Room(RoomChange::Created(room)) if room.id == *id);
            commit.changes.iter().any(creates)
        };
        let lost = |id: &RoomId| (!self.rooms.contains_key(id) && !made(id)).then_some(RoomGuard::Version(*id, 0));
        match change {
            RoomChange::Created(room) => self.taken(room),
            RoomChange::Updated(room) => lost(&room.id).or_else(|| self.taken(room)),
            RoomChange::Joined { room, .. } | RoomChange::Left { room, .. } => lost(room),
            RoomChange::Said(said) => lost(&said.room).or_else(|| {
                let key = said.correlation.clone()?;
                let taken = self.keys.contains(&(said.room, key.clone()));
                taken.then_some(RoomGuard::KeyFree(said.room, key))
            }),
            RoomChange::TurnOpened(_) => None,
            RoomChange::TurnMoved(turn) => {
                (!self.turns.contains_key(&turn.goal)).then_some(RoomGuard::TurnIs(turn.goal, turn.state))
            }
        }
    }

    /// Another room has this one's name.
    fn taken(&self, room: &Room) -> Option<RoomGuard> {
        let key = Room::name_key(&room.name);
        let owner = self.names.get(&key);
        owner.is_some_and(|id| *id != room.id).then_some(RoomGuard::NameFree(key))
    }

    pub(super) fn apply(&mut self, change: &RoomChange) {
        match change {
            RoomChange::Created(room) | RoomChange::Updated(room) => {
                self.names.retain(|_, owner| *owner != room.id);
                self.names.insert(Room::name_key(&room.name), room.id);
                self.rooms.insert(room.id, room.version);
            }
            RoomChange::Said(said) => self.keys.extend(said.correlation.clone().map(|key| (said.room, key))),
            RoomChange::TurnOpened(turn) | RoomChange::TurnMoved(turn) => {
                self.turns.insert(turn.goal, turn.state);
            }
            RoomChange::Joined { .. } | RoomChange::Left { .. } => {}
        }
    }
}
