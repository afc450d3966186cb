//! A person says something in a room: one commit with the message, everybody's turn about it, and the receipts.

use serde_json::json;

use super::{
    super::{
        By, CommandError,
        desk::{Desk, RACES, busy, check_length, check_text, invalid, settle},
    },
    opening::{self, Opening},
    refused,
};
use crate::{
    domain::{Author, Member, Room, RoomId, RoomMessage, RoomMessageId, RoomStatus},
    ports::{Change, Commit, Guard, RoomChange, RoomGuard},
};

/// Everybody reads all of it, and every answer carries the talk before it.
const LONGEST_TEXT: usize = 4_000;
const LONGEST_KEY: usize = 200;
const SHOWN: usize = 500;

/// Something a person says.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSaying {
    pub room: RoomId,
    /// Who speaks comes in: speaking makes a user a member.
    pub author: Author,
    pub text: String,
    /// The same key says the same thing only once.
    pub correlation: Option<String>,
}

/// What now stands in the room.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub message: RoomMessage,
    /// Personas whose turn it opened.
    pub heard_by: usize,
    /// The key was known: this was said the first time.
    pub repeated: bool,
}

impl Desk {
    pub(super) async fn say(&self, saying: &NewSaying, by: &By) -> Result<Said, CommandError> {
        check_text("text", &saying.text, LONGEST_TEXT)?;
        if let Some(key) = &saying.correlation {
            check_text("correlation", key, LONGEST_KEY)?;
            check_length("correlation", key, LONGEST_KEY)?;
        }
        for _ in 0..RACES {
            let room = self.room(saying.room).await?;
            if let Some(said) = self.said_before(saying).await? {
                return Ok(said);
            }
            if room.status == RoomStatus::Archived {
                let reason = format!("the room “{}” is archived: open it again, then speak", room.name);
                return Err(CommandError::Conflict(reason));
            }
            let message = self.message(saying, by);
            let opening = opening::open(&self.ports, &self.limits, &room, &message).await?;
            if opening.personas == 0 {
                return Err(invalid("room", format!("no persona is in “{}” to hear it: add one first", room.name)));
            }
            if let Some(said) = self.put(&room, message, opening, by).await? {
                return Ok(said);
            }
        }
        Err(busy("the room"))
    }

    async fn said_before(&self, saying: &NewSaying) -> Result<Option<Said>, CommandError> {
        let Some(key) = &saying.correlation else { return Ok(None) };
        let first = self.ports.records.room_keyed(saying.room, key).await?;
        Ok(first.map(|message| Said { message, heard_by: 0, repeated: true }))
    }

    fn message(&self, saying: &NewSaying, by: &By) -> RoomMessage {
        RoomMessage {
            id: RoomMessageId(self.world().new_id()),
            room: saying.room,
            author: saying.author.clone(),
            text: saying.text.clone(),
            goal: None,
            reply_to: None,
            shown_by: None,
            at_ms: self.now_ms(),
            trace: by.trace,
            correlation: saying.correlation.clone(),
        }
    }

    /// None: somebody else was faster.
    async fn put(
        &self,
        room: &Room,
        message: RoomMessage,
        opening: Opening,
        by: &By,
    ) -> Result<Option<Said>, CommandError> {
        let Opening { mut guards, changes: opened, receipts: heard, rings, touched, personas: heard_by, coalesced } =
            opening;
        if let Some(key) = &message.correlation {
            guards.push(Guard::Room(RoomGuard::KeyFree(room.id, key.clone())));
        }
        let mut changes = vec![Change::Room(RoomChange::Said(Box::new(message.clone())))];
        if let Author::Person { id: Some(id), name } = &message.author {
            let member = Member::Person { id: *id, name: name.clone() };
            changes.push(super::joined(room.id, &member, message.at_ms));
        }
        changes.extend(opened);
        let text: String = message.text.chars().take(SHOWN).collect();
        let data = json!({"room": room.id, "said": message.id, "text": text, "heard_by": heard_by});
        let mut receipts = vec![self.system_decision(by, format!("spoke in “{}”", room.name), data)];
        receipts.extend(heard);
        let bell = self.office.bell();
        let ring = move || rings.into_iter().for_each(|(persona, news)| bell.press(persona, news));
        let written = self.evidence.record_then(Commit { guards, changes, receipts }, move |_| ring()).await;
        match settle(written)? {
            Ok(_) => {
                self.tally.coalesced(coalesced);
                for persona in touched {
                    self.refresh(persona).await;
                }
                Ok(Some(Said { message, heard_by, repeated: false }))
            }
            Err(outdated) if opening::may_pass(&outdated) => Ok(None),
            Err(outdated) => Err(refused(&outdated)),
        }
    }
}
