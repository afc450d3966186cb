//! What is written on a persona's chain about its turns in a room.

use serde_json::{Value, json};

use super::super::{By, drafts};
use crate::{
    domain::{
        ChainId, Draft, Goal, GoalState, Limits, Message, Phase, ReceiptKind, Room, RoomMessage, Score, TraceId,
        TurnState,
    },
    ports::{Ports, Seat},
};

/// Characters of a message that its receipt repeats.
const SHOWN: usize = 500;

/// Writes receipts about one room.
pub(super) struct Receipts<'a> {
    ports: &'a Ports,
    limits: &'a Limits,
    room: &'a Room,
    by: By,
}

impl<'a> Receipts<'a> {
    pub(super) fn new(ports: &'a Ports, limits: &'a Limits, room: &'a Room, trace: TraceId) -> Self {
        Self { ports, limits, room, by: By { who: "system".to_owned(), trace } }
    }

    /// The message lies in the persona's inbox.
    pub(super) fn heard(&self, said: &RoomMessage, message: &Message, goal: &Goal, score: &Score) -> Draft {
        let summary = format!("heard {} in “{}”", said.author.name(), self.room.name);
        Draft { kind: ReceiptKind::Log, phase: None, ..self.arrival(said, message, goal, score, summary) }
    }

    /// The same, when an open turn takes it in.
    pub(super) fn joined(&self, said: &RoomMessage, message: &Message, goal: &Goal, score: &Score) -> Draft {
        let summary = format!("took in what {} said in “{}”", said.author.name(), self.room.name);
        let draft = self.arrival(said, message, goal, score, summary);
        Draft { kind: ReceiptKind::Log, phase: Some(Phase::Coalesced), ..draft }
    }

    fn arrival(&self, said: &RoomMessage, message: &Message, goal: &Goal, score: &Score, summary: String) -> Draft {
        let data = json!({
            "room": self.room.id,
            "said": said.id,
            "message": message.id,
            "from": said.author.name(),
            "text": said.text.chars().take(SHOWN).collect::<String>(),
            "priority": message.priority,
            "priority_because": score.explained(),
            "serve_by_ms": message.serve_by_ms,
        });
        self.about(goal, goal.state, summary, data)
    }

    /// A turn that makes way for a newer message, or for a person.
    pub(super) fn ended(&self, seat: &Seat, state: TurnState, why: &str) -> Draft {
        let (did, phase) = match state {
            TurnState::Coalesced => ("let a turn go in", Phase::Coalesced),
            TurnState::Passed => ("passed in", Phase::Skipped),
            _ => ("lost the floor in", Phase::Skipped),
        };
        let data = json!({"room": self.room.id, "said": seat.turn.about, "turn": state, "why": why});
        let draft = self.about(&seat.goal, GoalState::Cancelled, format!("{did} “{}”: {why}", self.room.name), data);
        Draft { phase: Some(phase), ..draft }
    }

    /// It has the floor.
    pub(super) fn granted(&self, seat: &Seat, place: usize, of: usize) -> Draft {
        let turn = &seat.turn;
        let data = json!({
            "room": self.room.id,
            "said": turn.about,
            "turn": TurnState::Granted,
            "named": turn.named,
            "relevance": turn.relevance,
            "place": place,
            "of": of,
        });
        self.about(&seat.goal, GoalState::Pending, format!("was given the floor in “{}”", self.room.name), data)
    }

    /// Its answer stands in the room.
    pub(super) fn spoke(&self, seat: &Seat, answer: &RoomMessage, heard_by: usize) -> Draft {
        let data = json!({
            "room": self.room.id,
            "said": answer.id,
            "in_reply_to": answer.reply_to,
            "turn": TurnState::Spoke,
            "text": answer.text.chars().take(SHOWN).collect::<String>(),
            "heard_by": heard_by,
        });
        let summary = format!("spoke in “{}”", self.room.name);
        Draft { state: None, ..self.about(&seat.goal, seat.goal.state, summary, data) }
    }

    /// A turn whose goal somebody else ended.
    pub(super) fn stray(&self, seat: &Seat, state: TurnState, why: &str) -> Draft {
        let data = json!({"room": self.room.id, "said": seat.turn.about, "turn": state, "why": why});
        let summary = format!("has no turn any more in “{}”: {why}", self.room.name);
        let draft = self.about(&seat.goal, seat.goal.state, summary, data);
        Draft { state: None, phase: Some(Phase::Skipped), ..draft }
    }

    fn about(&self, goal: &Goal, state: GoalState, summary: String, data: Value) -> Draft {
        let chain = ChainId::Persona(goal.persona);
        let draft = drafts::decision(&self.limits.node, &*self.ports.world, chain, &self.by, summary, data);
        drafts::about(draft, goal.id, goal.project.clone(), Some(state.as_str()))
    }
}
