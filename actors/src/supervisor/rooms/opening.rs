//! What a message in a room means for every persona there: a message in its inbox with its own priority, a goal that
//! waits for the floor, and a turn.
//!
//! Bursts coalesce: a persona has at most one turn in a room that has not begun. A newer message takes the older one's
//! place, also when that has the floor, with the higher priority and the older time of both. People first: what a
//! persona says joins a turn that is open about a person's message, and a person's message ends turns about personas
//! that have not begun.
//!
//! What an answer is told is settled when it gets the floor ([`told_now`]): what was said in between is part of it.

use super::{super::doorbell::News, receipts::Receipts};
use crate::{
    domain::{
        ActiveRoom, Arrival, Assignment, Chat, Draft, Goal, GoalId, GoalState, Limits, Message, MessageId,
        MessageState, ParkedOn, Payload, Persona, PersonaId, PersonaStatus, Place, Room, RoomMessage, RoomStatus,
        RoomTurn, Score, TurnState, own_words,
    },
    ports::{Change, GoalMove, Guard, Outdated, Ports, RoomChange, RoomGuard, Seat, Unavailable},
};

/// Talk looked at: whether the room is active, and what an answer is told of what was said before.
const BEFORE: u32 = 12;
/// Characters of an earlier message that an answer is told.
const QUOTED: usize = 600;
const NEWER: &str = "a newer message took its place";
const PEOPLE_FIRST: &str = "a person spoke: people first";

/// What is to be written, besides the message itself.
#[derive(Default)]
pub(super) struct Opening {
    pub(super) guards: Vec<Guard>,
    pub(super) changes: Vec<Change>,
    pub(super) receipts: Vec<Draft>,
    /// Who is told after the commit.
    pub(super) rings: Vec<(PersonaId, News)>,
    /// Whose inbox lost something.
    pub(super) touched: Vec<PersonaId>,
    /// Personas that heard it.
    pub(super) personas: usize,
    /// Messages that become the context of another one.
    pub(super) coalesced: usize,
}

/// Whether an opening that was refused is worth preparing anew: something moved meanwhile.
pub(super) fn may_pass(outdated: &Outdated) -> bool {
    let moved = |guard: &RoomGuard| !matches!(guard, RoomGuard::NameFree(_));
    match &outdated.guard {
        Guard::Room(guard) => moved(guard),
        guard => matches!(guard, Guard::PersonaExists(_) | Guard::GoalVersion(..) | Guard::GoalOpen(_)),
    }
}

/// Prepares it for everybody in the room but its author. In an archived room nobody hears anything.
pub(super) async fn open(
    ports: &Ports,
    limits: &Limits,
    room: &Room,
    said: &RoomMessage,
) -> Result<Opening, Unavailable> {
    let records = &ports.records;
    let guards = vec![Guard::Room(RoomGuard::Version(room.id, room.version))];
    let mut opening = Opening { guards, ..Opening::default() };
    if room.status == RoomStatus::Archived {
        return Ok(opening);
    }
    let before = records.room_talk(room.id, BEFORE, None).await?;
    let mut seats = records.rounds(room.id).await?;
    seats.retain(|seat| seat.turn.state.is_open() && !seat.goal.state.is_over());
    let receipts = Receipts::new(ports, limits, room, said.trace);
    for member in records.room_members(room.id).await? {
        let Some(id) = member.persona().filter(|id| !said.author.is(*id)) else { continue };
        let Some(persona) = records.persona(id).await? else { continue };
        if persona.status == PersonaStatus::Deleted {
            continue;
        }
        let open: Vec<_> = seats.iter().filter(|seat| seat.turn.persona == id).collect();
        let hearing = Hearing { ports, limits, room, said, before: &before, receipts: &receipts };
        hearing.by(&persona, &open, &mut opening).await?;
    }
    Ok(opening)
}

/// One message on its way to everybody.
struct Hearing<'a> {
    ports: &'a Ports,
    limits: &'a Limits,
    room: &'a Room,
    said: &'a RoomMessage,
    before: &'a [RoomMessage],
    receipts: &'a Receipts<'a>,
}

impl Hearing<'_> {
    async fn by(&self, persona: &Persona, open: &[&Seat], opening: &mut Opening) -> Result<(), Unavailable> {
        opening.personas += 1;
        opening.guards.push(Guard::PersonaExists(persona.id));
        let chat = self.chat(persona);
        let Some(score) = chat.urgency(persona) else { return Ok(()) };
        let (mut message, goal) = self.arrival(&chat, persona, &score);
        let mut turn = self.turn(&message, score.names());
        let waiting = |seat: &&&Seat| seat.turn.state != TurnState::Granted;
        let from_person = self.said.author.is_person();
        if !from_person && let Some(older) = open.iter().filter(waiting).find(|seat| seat.turn.from_person) {
            self.joins(message, goal, turn, older, &score, opening);
            return Ok(());
        }
        let begun = |seat: &Seat| seat.goal.state != GoalState::Pending || seat.goal.attempts > 0;
        let granted = |seat: &&&Seat| !waiting(seat) && !begun(seat);
        let mut ended = Vec::new();
        let older = |seat: &&&Seat| waiting(seat) || (granted(seat) && seat.turn.from_person == from_person);
        for seat in open.iter().filter(older) {
            if let Some(older) = self.ports.records.message(seat.turn.message).await? {
                message.priority = message.priority.max(older.priority);
                message.received_ms = message.received_ms.min(older.received_ms);
                message.deadline_ms = message.deadline_ms.min(older.deadline_ms);
                message.optional &= older.optional;
            }
            turn.named |= seat.turn.named;
            ended.push((*seat, TurnState::Coalesced, NEWER));
        }
        for seat in open.iter().filter(granted).filter(|seat| from_person && !seat.turn.from_person) {
            ended.push((*seat, TurnState::Lost, PEOPLE_FIRST));
        }
        opening.receipts.push(self.receipts.heard(self.said, &message, &goal, &score));
        opening.changes.extend([
            Change::MessageDelivered(Box::new(message)),
            Change::GoalAdded(Box::new(goal)),
            Change::Room(RoomChange::TurnOpened(Box::new(turn))),
        ]);
        opening.rings.push((persona.id, News { messages: 1, due_ms: 0 }));
        if !ended.is_empty() {
            opening.touched.push(persona.id);
        }
        for (seat, state, why) in ended {
            opening.coalesced += usize::from(state == TurnState::Coalesced);
            self.end(seat, state, why, opening);
        }
        Ok(())
    }

    /// A person waits for this persona's answer already: what another persona says is context of that.
    fn joins(&self, message: Message, goal: Goal, turn: RoomTurn, older: &Seat, score: &Score, opening: &mut Opening) {
        let why = "a person waits for its answer already: this is part of what it knows then".to_owned();
        let turn = RoomTurn { state: TurnState::Coalesced, why: why.clone(), ..turn };
        let goal = Goal { state: GoalState::Cancelled, parked_on: None, result: Some(why), ..goal };
        let message = Message { state: MessageState::Coalesced, ..message };
        opening.coalesced += 1;
        opening.guards.push(Guard::Room(RoomGuard::TurnIs(older.turn.goal, older.turn.state)));
        opening.receipts.push(self.receipts.joined(self.said, &message, &goal, score));
        opening.changes.extend([
            Change::MessageDelivered(Box::new(message)),
            Change::GoalAdded(Box::new(goal)),
            Change::Room(RoomChange::TurnOpened(Box::new(turn))),
        ]);
    }

    /// An older turn makes way for this message.
    fn end(&self, seat: &Seat, state: TurnState, why: &str, opening: &mut Opening) {
        let at_ms = self.said.at_ms;
        opening.guards.push(Guard::Room(RoomGuard::TurnIs(seat.turn.goal, seat.turn.state)));
        opening.guards.push(Guard::GoalVersion(seat.goal.id, seat.goal.version));
        opening.receipts.push(self.receipts.ended(seat, state, why));
        let message = if state == TurnState::Coalesced { MessageState::Coalesced } else { MessageState::Cancelled };
        opening.changes.extend(ended(seat, state, why, message, at_ms));
    }

    /// What was said, as this persona hears it.
    fn chat(&self, persona: &Persona) -> Chat {
        let active = ActiveRoom::of(self.before, persona, self.said.at_ms);
        let told = told(self.room, self.said, self.before, &[]);
        let own_words = (!self.said.author.is_person()).then(|| own_words(&self.said.text));
        let place = Place { room: self.room.id, name: self.room.name.clone(), active, own_words, told };
        Chat::in_room(self.said.text.clone(), place)
    }

    fn arrival(&self, chat: &Chat, persona: &Persona, score: &Score) -> (Message, Goal) {
        let (world, said) = (&self.ports.world, self.said);
        let expires_ms = i64::try_from(self.limits.serve_within.as_millis()).unwrap_or(i64::MAX);
        let Assignment { title, payload, proof } = chat.assignment();
        let goal = Goal {
            id: GoalId(world.new_id()),
            persona: persona.id,
            title,
            payload,
            proof,
            state: GoalState::Parked,
            parked_on: Some(ParkedOn::Room),
            attempts: 0,
            last_error: None,
            result: None,
            due_ms: None,
            version: 1,
            trace: said.trace,
            correlation: None,
            project: None,
            created_by: said.author.name().to_owned(),
            created_ms: said.at_ms,
            updated_ms: said.at_ms,
        };
        let message = Message {
            id: MessageId(world.new_id()),
            persona: persona.id,
            kind: chat.kind(),
            sender: said.author.name().to_owned(),
            text: chat.text(),
            goal: goal.id,
            priority: score.priority(),
            scored: true,
            falls: 0,
            coalescing: chat.coalescing(),
            optional: chat.is_optional(persona),
            deadline_ms: said.at_ms.saturating_add(score.priority().patience_ms()),
            state: MessageState::Waiting,
            received_ms: said.at_ms,
            serve_by_ms: said.at_ms.saturating_add(expires_ms),
            trace: said.trace,
            correlation: None,
            project: None,
        };
        (message, goal)
    }

    fn turn(&self, message: &Message, named: bool) -> RoomTurn {
        RoomTurn {
            goal: message.goal,
            message: message.id,
            room: self.room.id,
            about: self.said.id,
            persona: message.persona,
            from_person: self.said.author.is_person(),
            named,
            state: TurnState::Asked,
            thought: String::new(),
            relevance: 0,
            reluctant: false,
            why: String::new(),
            opened_ms: self.said.at_ms,
            granted_ms: None,
            moved_ms: self.said.at_ms,
        }
    }
}

/// A turn ends without an answer, and its goal and message with it.
pub(super) fn ended(seat: &Seat, state: TurnState, why: &str, message: MessageState, at_ms: i64) -> [Change; 3] {
    let turn = RoomTurn { state, why: why.to_owned(), moved_ms: at_ms, ..seat.turn.clone() };
    let step = GoalMove {
        id: seat.goal.id,
        state: GoalState::Cancelled,
        parked_on: None,
        attempts: seat.goal.attempts,
        last_error: seat.goal.last_error.clone(),
        result: Some(format!("{state}: {why}")),
        due_ms: None,
        at_ms,
    };
    [
        Change::GoalMoved(step),
        Change::MessageMoved(seat.turn.message, message),
        Change::Room(RoomChange::TurnMoved(Box::new(turn))),
    ]
}

/// What is to be answered, told with the talk as it is now.
pub(super) async fn told_now(ports: &Ports, room: &Room, turn: &RoomTurn) -> Result<Option<Payload>, Unavailable> {
    let Some(said) = ports.records.room_message(turn.about).await? else { return Ok(None) };
    let talk = ports.records.room_talk(room.id, BEFORE, None).await?;
    let since = talk.iter().take_while(|other| other.id > said.id).count();
    let before = talk.iter().skip(since).skip_while(|other| other.id == said.id).cloned().collect::<Vec<_>>();
    let told = told(room, &said, &before, &talk[..since]);
    let place = Place { room: room.id, name: room.name.clone(), active: None, own_words: None, told };
    Ok(Some(Chat::in_room(said.text, place).assignment().payload))
}

/// Who said it where, and what was said before and since, both newest first and told the oldest first.
fn told(room: &Room, said: &RoomMessage, before: &[RoomMessage], since: &[RoomMessage]) -> String {
    let line = |said: &RoomMessage| {
        let text: String = said.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(QUOTED).collect();
        format!("{}: {text}", said.author.name())
    };
    let mut lines = vec![format!("(Said by {} in the room {}.", said.author.name(), room.name)];
    for (heading, talk) in [("Before that, the oldest first:", before), ("Since then, the oldest first:", since)] {
        if !talk.is_empty() {
            lines.push(heading.to_owned());
            lines.extend(talk.iter().rev().map(line));
        }
    }
    format!("{})", lines.join("\n"))
}
