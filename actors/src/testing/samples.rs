//! Plain records to begin a test with; change what matters to it.

use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{
        AiPayload, Alert, AlertId, AlertKind, Author, Body, ChainId, Draft, Goal, GoalId, GoalState, Length, Message,
        MessageId, MessageKind, MessageState, NodeName, Payload, Persona, PersonaId, PersonaStatus, Phase, Place,
        Priority, Profile, Proof, ReceiptKind, Role, Room, RoomId, RoomMessage, RoomMessageId, RoomStatus, RoomTurn,
        Slug, TraceId, TurnState, Weight,
    },
    ports::World,
};

/// The one node of most tests.
pub fn node() -> NodeName {
    NodeName::try_from("test".to_owned()).unwrap_or_else(|error| unreachable!("{error}"))
}

/// An active worker.
pub fn persona(world: &dyn World, slug: &str) -> Persona {
    let now = world.now_ms();
    Persona {
        id: PersonaId(world.new_id()),
        slug: Slug::try_from(slug.to_owned()).unwrap_or_else(|error| unreachable!("{error}")),
        name: slug.to_owned(),
        role: Some(Role::Worker),
        description: String::new(),
        status: PersonaStatus::Active,
        version: 1,
        profile: Profile::default(),
        hosts: Vec::new(),
        model: None,
        weight: Weight::ORDINARY,
        hours: Default::default(),
        quotas: Default::default(),
        autoplan: Default::default(),
        permissions: Default::default(),
        grants: Default::default(),
        agents: Vec::new(),
        created_ms: now,
        updated_ms: now,
        resumed_ms: None,
    }
}

/// A pending `ai` goal.
pub fn goal(world: &dyn World, persona: PersonaId) -> Goal {
    let now = world.now_ms();
    Goal {
        id: GoalId(world.new_id()),
        persona,
        title: "write a line".to_owned(),
        payload: Payload::Ai(AiPayload { prompt: "Write a line.".to_owned(), file: None, length: Length::Short }),
        proof: Proof::default(),
        state: GoalState::Pending,
        parked_on: None,
        attempts: 0,
        last_error: None,
        result: None,
        due_ms: None,
        version: 1,
        trace: TraceId(world.new_id()),
        correlation: None,
        project: None,
        created_by: "test".to_owned(),
        created_ms: now,
        updated_ms: now,
    }
}

/// The waiting message that starts a goal.
pub fn message(world: &dyn World, goal: &Goal) -> Message {
    let now = world.now_ms();
    Message {
        id: MessageId(world.new_id()),
        persona: goal.persona,
        kind: MessageKind::Goal,
        sender: "test".to_owned(),
        text: goal.title.clone(),
        goal: goal.id,
        priority: Priority::BASE,
        scored: false,
        falls: 0,
        coalescing: None,
        optional: false,
        deadline_ms: now + 210_000,
        state: MessageState::Waiting,
        received_ms: now,
        serve_by_ms: now + 3_600_000,
        trace: goal.trace,
        correlation: goal.correlation.clone(),
        project: goal.project.clone(),
    }
}

/// An active room without members.
pub fn room(world: &dyn World, name: &str) -> Room {
    let now = world.now_ms();
    Room {
        id: RoomId(world.new_id()),
        name: name.to_owned(),
        topic: String::new(),
        status: RoomStatus::Active,
        version: 1,
        created_by: "test".to_owned(),
        created_ms: now,
        updated_ms: now,
    }
}

/// Something said in a room.
pub fn room_message(world: &dyn World, room: &Room, author: Author, text: &str) -> RoomMessage {
    RoomMessage {
        id: RoomMessageId(world.new_id()),
        room: room.id,
        author,
        text: text.to_owned(),
        goal: None,
        reply_to: None,
        shown_by: None,
        at_ms: world.now_ms(),
        trace: TraceId(world.new_id()),
        correlation: None,
    }
}

/// A room of this name in which nobody spoke lately; the same name is the same room.
pub fn place(name: &str) -> Place {
    let mut id = [0; 16];
    id.copy_from_slice(&crate::evidence::canonical::sha256(name.as_bytes()).0[..16]);
    Place { room: id.into(), name: name.to_owned(), active: None, own_words: None, told: String::new() }
}

/// The turn of a goal about a person's message, nothing meant yet.
pub fn turn(world: &dyn World, about: &RoomMessage, message: &Message) -> RoomTurn {
    let now = world.now_ms();
    RoomTurn {
        goal: message.goal,
        message: message.id,
        room: about.room,
        about: about.id,
        persona: message.persona,
        from_person: about.author.is_person(),
        named: false,
        state: TurnState::Asked,
        thought: String::new(),
        relevance: 0,
        reluctant: false,
        why: String::new(),
        opened_ms: now,
        granted_ms: None,
        moved_ms: now,
    }
}

/// An open alert.
pub fn alert(world: &dyn World, persona: Option<PersonaId>) -> Alert {
    let (id, text) = (AlertId(world.new_id()), "look here".to_owned());
    let (kind, raised_ms) = (AlertKind::Unavailable, world.now_ms());
    Alert { id, kind, persona, goal: None, text, raised_ms, resolved_ms: None }
}

/// A receipt to be, with a salt drawn from the world.
pub fn draft(world: &dyn World, chain: ChainId, phase: Option<Phase>, summary: &str) -> Draft {
    Draft {
        phase,
        ..Draft::new(
            chain,
            world.now_ms(),
            node(),
            ReceiptKind::Execution,
            world.salt(),
            Body { summary: summary.to_owned(), data: Value::Null, ..Body::default() },
        )
    }
}

/// A chain of a persona that is nothing but a number.
pub fn chain(n: u128) -> ChainId {
    ChainId::Persona(PersonaId(Uuid::from_u128(n)))
}
