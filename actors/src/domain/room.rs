//! Rooms: where several personas and people talk, and who may speak there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{GoalId, MessageId, PersonId, PersonaId, Priority, RoomId, RoomMessageId, RunId, TraceId, words::words};

words! {
    /// Whether anything can be said in a room.
    RoomStatus("room status") {
        Active = "active",
        /// What was said stays; nothing more can be said.
        Archived = "archived",
    }
}

/// A room as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub id: RoomId,
    /// As people see it, 1 to 80 characters; no two rooms share one, whatever the case.
    pub name: String,
    /// What it is for; may be empty.
    pub topic: String,
    pub status: RoomStatus,
    /// Rises with every change of the room or its members.
    pub version: i64,
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl Room {
    /// What must be new in a name.
    pub fn name_key(name: &str) -> String {
        name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
    }
}

/// Who is in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Member {
    /// A user, with the name they had when they came in.
    Person {
        id: PersonId,
        name: String,
    },
    Persona {
        id: PersonaId,
    },
}

impl Member {
    /// The persona, if it is one.
    pub const fn persona(&self) -> Option<PersonaId> {
        match self {
            Self::Persona { id } => Some(*id),
            Self::Person { .. } => None,
        }
    }

    /// Whether both are the same one, whatever they are called now.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Person { id, .. }, Self::Person { id: other, .. }) => id == other,
            (Self::Persona { id }, Self::Persona { id: other }) => id == other,
            _ => false,
        }
    }
}

/// Who said something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Author {
    /// None: an operator at the command line, who is no user.
    Person {
        id: Option<PersonId>,
        name: String,
    },
    Persona {
        id: PersonaId,
        name: String,
    },
}

impl Author {
    /// An operator who is no user.
    pub fn person(name: &str) -> Self {
        Self::Person { id: None, name: name.to_owned() }
    }

    /// As it was called then.
    pub fn name(&self) -> &str {
        match self {
            Self::Person { name, .. } | Self::Persona { name, .. } => name,
        }
    }

    /// A person, not a persona.
    pub const fn is_person(&self) -> bool {
        matches!(self, Self::Person { .. })
    }

    /// The persona, if it is one.
    pub const fn persona(&self) -> Option<PersonaId> {
        match self {
            Self::Persona { id, .. } => Some(*id),
            Self::Person { .. } => None,
        }
    }

    /// This persona.
    pub fn is(&self, persona: PersonaId) -> bool {
        matches!(self, Self::Persona { id, .. } if *id == persona)
    }
}

/// Something said in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomMessage {
    /// They sort in the order said.
    pub id: RoomMessageId,
    pub room: RoomId,
    pub author: Author,
    pub text: String,
    /// The goal whose answer it is; none: a person said it.
    pub goal: Option<GoalId>,
    /// What it answers.
    pub reply_to: Option<RoomMessageId>,
    /// The run that wrote it, and its receipt that shows the text.
    pub shown_by: Option<(RunId, super::Hash)>,
    pub at_ms: i64,
    pub trace: TraceId,
    /// The caller's own key: the same one says the same thing only once.
    pub correlation: Option<String>,
}

words! {
    /// Where a persona's turn stands: whether it may answer one message of a room.
    TurnState("turn state") {
        /// The message lies in its inbox.
        Asked = "asked",
        /// It said what it would do: its intention.
        Meant = "meant",
        /// It has the floor.
        Granted = "granted",
        /// Its answer stands in the room.
        Spoke = "spoke",
        /// It does not answer.
        Passed = "passed",
        /// It had the floor and brought no answer.
        Lost = "lost",
        /// A newer message took this one's place.
        Coalesced = "coalesced",
    }
}

impl TurnState {
    /// Something will still become of it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Meant | Self::Granted)
    }
}

/// What a persona would do about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intention {
    /// One line for people, in its own voice.
    pub thought: String,
    /// 0 to 1,000.
    pub relevance: u16,
    /// It wants the floor; otherwise it passes by itself.
    pub wants: bool,
    /// It would rather rest: others go before it.
    pub reluctant: bool,
}

/// One persona's turn about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomTurn {
    /// The answer to be. It names the turn.
    pub goal: GoalId,
    /// In the persona's inbox.
    pub message: MessageId,
    pub room: RoomId,
    /// What is to be answered.
    pub about: RoomMessageId,
    pub persona: PersonaId,
    /// A person said it, so people wait for an answer.
    pub from_person: bool,
    pub named: bool,
    pub state: TurnState,
    pub thought: String,
    pub relevance: u16,
    pub reluctant: bool,
    /// Why it ended as it did; empty while it is open.
    pub why: String,
    pub opened_ms: i64,
    pub granted_ms: Option<i64>,
    pub moved_ms: i64,
}

impl RoomTurn {
    /// Whether nobody waits for this persona's answer, with such a priority: then mood and rest may hold it back. Talk
    /// among personas is that however much it concerns the persona; a person's is not when it is urgent to it.
    pub const fn is_optional(&self, priority: Priority) -> bool {
        !(self.named || (self.from_person && priority.is_urgent()))
    }
}

/// How the floor is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRules {
    /// So many answer a person's message; a persona's message one.
    pub speakers: u32,
    /// How long personas have to say what they would do.
    pub window: Duration,
    /// How long a speaker has for its answer before the next one gets the floor.
    pub answer_within: Duration,
    /// So many more than `speakers` get the floor about one message when others lose it.
    pub regrants: u32,
    /// Turns about what personas said, per room and minute.
    pub persona_turns_per_minute: u32,
    /// Personas do not answer each other when none of the last so many messages is a person's.
    pub silence_after: u32,
}

impl Default for RoomRules {
    fn default() -> Self {
        Self {
            speakers: 2,
            window: Duration::from_secs(2),
            answer_within: Duration::from_secs(30),
            regrants: 3,
            persona_turns_per_minute: 4,
            silence_after: 8,
        }
    }
}
