//! Rooms: where several personas and people talk. Commands about them, and who decides what.
//!
//! # The way of a message
//!
//! ```text
//! say ── one commit: the message, and for every persona a message in its inbox, a goal parked on the floor, a turn
//!   │ after COMMIT: every persona is poked
//!   ▼
//! persona ── looks, and says what it would do: its intention, with a receipt (persona/listening.rs)
//!   │ after COMMIT
//!   ▼
//! moderator ── when all have, or the window is over: gives the floor to a few; their goals may begin
//!   │ the others wait as the reserve: who has the floor and falls, fails or is late is followed by the next
//!   ▼ the goal is done
//! moderator ── posts its answer, which opens the next round; who did not get the floor passes, with a receipt
//! ```
//!
//! # Who owns what
//!
//! A persona moves its own turn from `asked` to `meant` or `passed`, on its own chain. All else about turns is the
//! [`moderator`]'s: one task for all rooms, like the one that releases goals, because what it decides on lies in the
//! journal and it must see every end of a goal, whoever brought it about. An actor for each room would hold nothing
//! that is not read back anyway, and the store would still have to say whether somebody else was faster. The policy
//! is pure ([`floor`]). No timer runs while no turn is open.
//!
//! A crash between any two commits loses nothing and doubles nothing: every move of a turn is guarded by where the
//! turn stands, and an answer is posted by the same commit that says so. At start every room with an open turn is
//! looked at again. Windows are measured by a clock that never jumps, and begin anew then.

mod floor;
pub(super) mod moderator;
mod opening;
mod receipts;
mod saying;
mod steps;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    By, CommandError, Company,
    desk::{Desk, RACES, busy, check_length, check_text, invalid},
};
use crate::{
    domain::{Member, PersonId, PersonaId, PersonaStatus, Room, RoomId, RoomStatus},
    ports::{Change, Commit, Guard, Outdated, RoomChange, RoomGuard},
};

pub use saying::{NewSaying, Said};

const LONGEST_NAME: usize = 80;
const LONGEST_TOPIC: usize = 500;
/// Everybody in a room hears everything: more would drown.
pub const MOST_MEMBERS: usize = 64;

/// A room to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRoom {
    pub name: String,
    pub topic: String,
    /// At least one: a room with no one in it answers nobody.
    pub personas: Vec<PersonaId>,
    pub people: Vec<(PersonId, String)>,
}

/// What is to change; none: stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoomPatch {
    pub name: Option<String>,
    pub topic: Option<String>,
    /// Archived: what was said stays, nothing more can be said.
    pub status: Option<RoomStatus>,
}

impl Company {
    /// Its name must be free, also of archived rooms.
    pub async fn create_room(&self, new: NewRoom, by: &By) -> Result<Room, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.create_room(new, &by).await }).await
    }

    /// Refused with `Conflict` when `version` is not the current one.
    pub async fn update_room(&self, id: RoomId, version: i64, patch: RoomPatch, by: &By) -> Result<Room, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.update_room(id, Some(version), patch, &by).await }).await
    }

    /// Archives a room, or opens it again. It is so already: nothing is written.
    pub async fn set_room_status(&self, id: RoomId, status: RoomStatus, by: &By) -> Result<Room, CommandError> {
        let patch = RoomPatch { status: Some(status), ..RoomPatch::default() };
        self.carry_out(by, move |desk, by| async move { desk.update_room(id, None, patch, &by).await }).await
    }

    /// Who is there already stays.
    pub async fn join_room(&self, id: RoomId, members: Vec<Member>, by: &By) -> Result<Room, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.join_room(id, members, &by).await }).await
    }

    /// What it was asked there before is still answered.
    pub async fn leave_room(&self, id: RoomId, member: Member, by: &By) -> Result<Room, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.leave_room(id, &member, &by).await }).await
    }

    /// Durable when it returns; what personas answer comes later. A known key brings what was said the first time.
    pub async fn say(&self, saying: NewSaying, by: &By) -> Result<Said, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.say(&saying, &by).await }).await
    }
}

impl Desk {
    pub(super) async fn room(&self, id: RoomId) -> Result<Room, CommandError> {
        let none = || CommandError::NotFound { what: "room", which: id.to_string() };
        self.ports.records.room(id).await?.ok_or_else(none)
    }

    async fn create_room(&self, new: NewRoom, by: &By) -> Result<Room, CommandError> {
        let now_ms = self.now_ms();
        let room = Room {
            id: RoomId(self.world().new_id()),
            name: plain(&new.name),
            topic: new.topic.trim().to_owned(),
            status: RoomStatus::Active,
            version: 1,
            created_by: by.who.clone(),
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        check(&room)?;
        if new.personas.is_empty() {
            return Err(invalid("personas", "must name at least one: a room with no one in it answers nobody"));
        }
        let people = new.people.into_iter().map(|(id, name)| Member::Person { id, name });
        let members: Vec<_> = new.personas.into_iter().map(|id| Member::Persona { id }).chain(people).collect();
        let mut guards = vec![Guard::Room(RoomGuard::NameFree(Room::name_key(&room.name)))];
        guards.extend(self.check_members(&members, &[]).await?);
        let mut changes = vec![Change::Room(RoomChange::Created(Box::new(room.clone())))];
        changes.extend(members.iter().map(|member| joined(room.id, member, now_ms)));
        let data = json!({"room": room.id, "name": room.name, "members": members});
        let receipts = vec![self.system_decision(by, format!("opened the room “{}”", room.name), data)];
        self.write(Commit { guards, changes, receipts }).await?.map_err(|outdated| refused(&outdated))?;
        Ok(room)
    }

    async fn update_room(
        &self,
        id: RoomId,
        version: Option<i64>,
        patch: RoomPatch,
        by: &By,
    ) -> Result<Room, CommandError> {
        for _ in 0..RACES {
            let before = self.room(id).await?;
            let version = version.unwrap_or(before.version);
            let mut room = before.clone();
            room.name = patch.name.as_deref().map_or(room.name, plain);
            room.topic = patch.topic.as_deref().map_or(room.topic, |topic| topic.trim().to_owned());
            room.status = patch.status.unwrap_or(room.status);
            if room == before && version == before.version {
                return Ok(room);
            }
            check(&room)?;
            (room.version, room.updated_ms) = (version + 1, self.now_ms());
            let mut guards = vec![Guard::Room(RoomGuard::Version(id, version))];
            if Room::name_key(&room.name) != Room::name_key(&before.name) {
                guards.push(Guard::Room(RoomGuard::NameFree(Room::name_key(&room.name))));
            }
            let did = match (before.status, room.status) {
                (RoomStatus::Active, RoomStatus::Archived) => "archived",
                (RoomStatus::Archived, RoomStatus::Active) => "opened again",
                _ => "changed",
            };
            let data = json!({"room": id, "name": room.name, "topic": room.topic, "status": room.status});
            let receipts = vec![self.system_decision(by, format!("{did} the room “{}”", room.name), data)];
            let changes = vec![Change::Room(RoomChange::Updated(Box::new(room.clone())))];
            match self.write(Commit { guards, changes, receipts }).await? {
                Ok(_) => return Ok(room),
                // Nobody named a version: decide anew about the room as it is now.
                Err(Outdated { guard: Guard::Room(RoomGuard::Version(..)) })
                    if patch.name.is_none() && patch.topic.is_none() => {}
                Err(outdated) => return Err(refused(&outdated)),
            }
        }
        Err(busy("the room"))
    }

    async fn join_room(&self, id: RoomId, members: Vec<Member>, by: &By) -> Result<Room, CommandError> {
        for _ in 0..RACES {
            let room = self.room(id).await?;
            let there = self.ports.records.room_members(id).await?;
            let mut guards = self.check_members(&members, &there).await?;
            let new: Vec<_> =
                members.iter().filter(|member| !there.iter().any(|known| known.is_same(member))).collect();
            if new.is_empty() {
                return Ok(room);
            }
            let at_ms = self.now_ms();
            let changes = new.iter().map(|member| joined(id, member, at_ms)).collect();
            guards.push(Guard::Room(RoomGuard::Version(id, room.version)));
            let summary = format!("brought {} more into the room “{}”", new.len(), room.name);
            let data = json!({"room": id, "members": new});
            if let Some(room) = self.new_version(&room, guards, changes, (summary, data), by).await? {
                return Ok(room);
            }
        }
        Err(busy("the room"))
    }

    async fn leave_room(&self, id: RoomId, member: &Member, by: &By) -> Result<Room, CommandError> {
        for _ in 0..RACES {
            let room = self.room(id).await?;
            let there = self.ports.records.room_members(id).await?;
            if !there.iter().any(|known| known.is_same(member)) {
                let which = match member {
                    Member::Persona { id } => id.to_string(),
                    Member::Person { id, .. } => id.to_string(),
                };
                return Err(CommandError::NotFound { what: "member", which });
            }
            let changes = vec![Change::Room(RoomChange::Left { room: id, member: member.clone() })];
            let guards = vec![Guard::Room(RoomGuard::Version(id, room.version))];
            let said = (format!("took one out of the room “{}”", room.name), json!({"room": id, "members": [member]}));
            if let Some(room) = self.new_version(&room, guards, changes, said, by).await? {
                return Ok(room);
            }
        }
        Err(busy("the room"))
    }

    /// One more version of a room whose members changed; none: somebody else was faster.
    async fn new_version(
        &self,
        before: &Room,
        guards: Vec<Guard>,
        mut changes: Vec<Change>,
        (summary, data): (String, Value),
        by: &By,
    ) -> Result<Option<Room>, CommandError> {
        let room = Room { version: before.version + 1, updated_ms: self.now_ms(), ..before.clone() };
        changes.push(Change::Room(RoomChange::Updated(Box::new(room.clone()))));
        let receipts = vec![self.system_decision(by, summary, data)];
        match self.write(Commit { guards, changes, receipts }).await? {
            Ok(_) => Ok(Some(room)),
            Err(Outdated { guard: Guard::Room(RoomGuard::Version(..)) | Guard::PersonaExists(_) }) => Ok(None),
            Err(outdated) => Err(refused(&outdated)),
        }
    }

    /// Everybody is there once, and every persona exists until the commit.
    async fn check_members(&self, members: &[Member], there: &[Member]) -> Result<Vec<Guard>, CommandError> {
        let mut seen = BTreeSet::new();
        let mut guards = Vec::new();
        for (at, id) in members.iter().filter_map(Member::persona).enumerate() {
            let field = format!("personas[{at}]");
            if !seen.insert(id) {
                return Err(invalid(&field, "stands there already"));
            }
            let persona = self.ports.records.persona(id).await?;
            match persona {
                None => return Err(invalid(&field, format!("there is no persona `{id}`"))),
                Some(persona) if persona.status == PersonaStatus::Deleted => {
                    return Err(invalid(&field, format!("{} is deleted", persona.name)));
                }
                Some(_) => guards.push(Guard::PersonaExists(id)),
            }
        }
        if members.len() + there.len() > MOST_MEMBERS {
            return Err(invalid("personas", format!("a room takes at most {MOST_MEMBERS} members")));
        }
        Ok(guards)
    }
}

/// One line without runs of white space.
fn plain(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn check(room: &Room) -> Result<(), CommandError> {
    check_text("name", &room.name, LONGEST_NAME)?;
    check_length("topic", &room.topic, LONGEST_TOPIC)
}

fn joined(room: RoomId, member: &Member, at_ms: i64) -> Change {
    Change::Room(RoomChange::Joined { room, member: member.clone(), at_ms })
}

/// The answer to a caller whose commit was refused.
fn refused(outdated: &Outdated) -> CommandError {
    match &outdated.guard {
        Guard::Room(RoomGuard::NameFree(name)) => {
            invalid("name", format!("there is a room “{name}” already: choose another name"))
        }
        Guard::PersonaExists(id) => invalid("personas", format!("persona {id} was deleted meanwhile")),
        Guard::Room(RoomGuard::Version(id, _)) => {
            CommandError::Conflict(format!("room {id} was changed meanwhile: read it again, then decide again"))
        }
        _ => CommandError::Conflict(format!("{outdated}: read again, then decide again")),
    }
}
