//! Rooms made up: one that talks, one that is quiet, one that is closed.

use std::collections::HashMap;

use actors::domain::{
    Author, GoalId, Member, MessageId, PersonId, Persona, PersonaId, Room, RoomId, RoomMessage, RoomMessageId,
    RoomRules, RoomStatus, RoomTurn, RunId, TraceId, TurnState,
};

use super::{
    pages::{frame, newest_first},
    records::{self, NOW, hash, id},
};
use crate::web::pages::{
    frame::Section,
    room::{self, Head, MemberRow, RoomPage, SaidRow},
    rooms::{self, Parts, RoomCard, RoomsPage},
};

const HOSTILE: &str = "<script>alert(1)</script>";

fn rooms_made() -> [Room; 3] {
    let made = |number: u128, name: &str, topic: &str, status: RoomStatus| Room {
        id: RoomId(id(0x100 + number)),
        name: name.to_owned(),
        topic: topic.to_owned(),
        status,
        version: 4,
        created_by: "admin".to_owned(),
        created_ms: NOW - 86_400_000,
        updated_ms: NOW - 3_600_000,
    };
    [
        made(1, "Studio", "What we write and send this week", RoomStatus::Active),
        made(2, "Night shift & <b>friends</b>", "", RoomStatus::Active),
        made(3, "Autumn launch", "Over since Friday", RoomStatus::Archived),
    ]
}

fn cast() -> Vec<Persona> {
    records::company().into_iter().map(|(persona, ..)| persona).collect()
}

fn members(cast: &[Persona]) -> Vec<Member> {
    let owner = Member::Person { id: PersonId(id(0x200)), name: "admin".to_owned() };
    cast.iter().map(|persona| Member::Persona { id: persona.id }).chain([owner]).collect()
}

fn said(number: u128, author: Author, text: &str, ago_ms: i64) -> RoomMessage {
    let [studio, ..] = rooms_made();
    let spoke = !author.is_person();
    RoomMessage {
        id: RoomMessageId(id(0x300 + number)),
        room: studio.id,
        author,
        text: text.to_owned(),
        goal: spoke.then(|| GoalId(id(0x400 + number))),
        reply_to: None,
        shown_by: spoke.then(|| (RunId(id(0x500)), hash(7))),
        at_ms: NOW - ago_ms,
        trace: TraceId(id(0x600 + number)),
        correlation: None,
    }
}

fn person() -> Author {
    Author::Person { id: Some(PersonId(id(0x200))), name: "admin".to_owned() }
}

fn persona(one: &Persona) -> Author {
    Author::Persona { id: one.id, name: one.name.clone() }
}

fn talk(cast: &[Persona]) -> Vec<RoomMessage> {
    let (livia, jason) = (&cast[0], &cast[1]);
    vec![
        said(1, person(), "@Jason, how far is the data pipeline audit? Livia, what do we send today?", 240_000),
        said(
            2,
            persona(jason),
            "The audit is written up to the third table. Two counts differ: orders and refunds.",
            236_000,
        ),
        said(
            3,
            persona(livia),
            "Today the proposal for the warehouse move goes out; the audit waits for those two counts.",
            234_000,
        ),
        said(4, person(), &format!("Good. Who looks at the refunds? {HOSTILE}"), 2_000),
    ]
}

type Meant<'a> = (&'a Persona, TurnState, u16, &'a str, &'a str);

fn turns(cast: &[Persona], talk: &[RoomMessage]) -> Vec<RoomTurn> {
    let [livia, jason, mara, otis, theo] = cast else { return Vec::new() };
    let (spoke, passed) = (TurnState::Spoke, TurnState::Passed);
    let first: [Meant<'_>; 5] = [
        (jason, spoke, 1_000, "admin names me.", ""),
        (livia, spoke, 400, "I took part in this talk, it is a question; I can answer admin.", ""),
        (
            mara,
            passed,
            300,
            "I would rather rest, but can answer if nobody else does.",
            "Jason and Livia had the floor",
        ),
        (otis, passed, 300, "It is a question; I can answer admin.", "Jason and Livia had the floor"),
        (theo, passed, 0, "", "it is paused"),
    ];
    let last: [Meant<'_>; 5] = [
        (jason, TurnState::Granted, 700, "It is about audits, which I know, it is a question; I can answer admin.", ""),
        (livia, TurnState::Meant, 500, "It follows what I said, it is a question; I can answer admin.", ""),
        (mara, TurnState::Lost, 480, "It is a question; I can answer admin.", "it brought no answer within 30 s"),
        (otis, TurnState::Asked, 0, "", ""),
        (theo, TurnState::Asked, 0, "", ""),
    ];
    let about = |said: &RoomMessage, meant: &[Meant<'_>], base: u128| -> Vec<RoomTurn> {
        let turn = |(number, (one, state, relevance, thought, why)): (u128, &Meant<'_>)| RoomTurn {
            goal: GoalId(id(0x700 + base + number)),
            message: MessageId(id(0x800 + base + number)),
            room: said.room,
            about: said.id,
            persona: one.id,
            from_person: true,
            named: *relevance == 1_000,
            state: *state,
            thought: (*thought).to_owned(),
            relevance: *relevance,
            reluctant: false,
            why: (*why).to_owned(),
            opened_ms: said.at_ms,
            granted_ms: (*state == TurnState::Granted).then_some(said.at_ms + 300),
            moved_ms: said.at_ms + 300,
        };
        (0..).zip(meant).map(turn).collect()
    };
    [about(&talk[0], &first, 0), about(&talk[3], &last, 16)].concat()
}

fn by_id(cast: &[Persona]) -> HashMap<PersonaId, &Persona> {
    cast.iter().map(|persona| (persona.id, persona)).collect()
}

pub(super) fn rooms() -> Vec<(&'static str, RoomsPage)> {
    let (cast, all) = (cast(), rooms_made());
    let (people, members, talk) = (by_id(&cast), members(&cast), talk(&cast));
    let card = |(room, (last, open)): (&Room, (Option<&RoomMessage>, usize))| {
        RoomCard::new(&Parts { room, members: &members, people: &people, last, open }, NOW)
    };
    let states = [(talk.last(), 3), (None, 0), (talk.get(2), 0)];
    let cards: Vec<_> = all.iter().zip(states).map(card).collect();
    let personas: Vec<_> = cast.iter().map(|one| (one.slug.to_string(), one.name.clone())).collect();
    let page = |cards: Vec<RoomCard>, earlier: Option<String>| RoomsPage {
        frame: frame("Rooms", Section::Rooms),
        summary: rooms::summary(&cards),
        cards,
        earlier,
        personas: personas.clone(),
        more: vec!["cy".to_owned()],
    };
    vec![("rooms", page(cards, Some("/rooms?before=x".to_owned()))), ("rooms-empty", page(Vec::new(), None))]
}

pub(super) fn room() -> Vec<(&'static str, RoomPage)> {
    let (cast, [studio, quiet, closed]) = (cast(), rooms_made());
    let (people, members, talk) = (by_id(&cast), members(&cast), talk(&cast));
    let turns = turns(&cast, &talk);
    let about = room::by_message(&turns);
    let none = Vec::new();
    let rows: Vec<_> = talk
        .iter()
        .map(|said| SaidRow::new(said, about.get(&said.id).unwrap_or(&none), &people, "admin", NOW))
        .collect();
    let actors = records::company().into_iter().filter_map(|(one, actor, _)| Some((one.id, actor?))).collect();
    let there: Vec<_> = members.iter().map(|member| MemberRow::new(member, &people, &actors)).collect();
    let page = |room: &Room, talk: Vec<SaidRow>, open: usize| RoomPage {
        frame: frame(&room.name, Section::Rooms),
        head: Head::new(room, open),
        earlier: (open > 0).then(|| "/rooms/x?before=y".to_owned()),
        talk,
        members: there.clone(),
        others: vec!["cy".to_owned()],
        rules: room::rules(&RoomRules::default()),
        feed: newest_first(),
    };
    vec![
        ("room", page(&studio, rows.clone(), 4)),
        ("room-empty", page(&quiet, Vec::new(), 0)),
        ("room-archived", page(&closed, rows.into_iter().take(3).collect(), 0)),
    ]
}
