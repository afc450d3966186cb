//! Rooms, what was said and whose turn it is, as callers see them.

use std::collections::HashMap;

use actors::domain::{
    Author, GoalId, Member, Persona, PersonaId, PersonaStatus, Room, RoomId, RoomMessage, RoomMessageId, RoomTurn,
    RunId,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{Deps, errors::Problem};

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomView {
    #[schema(value_type = String)]
    pub id: RoomId,
    pub name: String,
    pub topic: String,
    /// `active` or `archived`.
    pub status: &'static str,
    /// Send it back with a change.
    pub version: i64,
    pub members: Vec<MemberView>,
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// Someone in a room, or someone who spoke there.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// `person` or `persona`.
    pub kind: &'static str,
    /// None: an operator at the command line.
    pub id: Option<String>,
    /// A persona's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    pub name: String,
    /// A persona's: `active`, `paused` or `deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
}

/// Something said in a room.
#[derive(Debug, Serialize, ToSchema)]
pub struct SaidView {
    #[schema(value_type = String)]
    pub id: RoomMessageId,
    pub author: MemberView,
    pub text: String,
    /// The goal whose answer it is; none: a person said it.
    #[schema(value_type = Option<String>)]
    pub goal: Option<GoalId>,
    /// What it answers.
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<RoomMessageId>,
    /// The run that wrote it.
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// The hash of the receipt that shows the text.
    pub receipt: Option<String>,
    pub at_ms: i64,
    pub trace: String,
    pub correlation: Option<String>,
    /// What each persona would do about it, and who got the floor.
    pub turns: Vec<TurnView>,
}

/// A persona's turn about a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnView {
    pub persona: MemberView,
    /// `asked`, `meant`, `granted`, `spoke`, `passed`, `lost` or `coalesced`.
    pub state: &'static str,
    /// What it would do, in its own words; empty until it said so.
    pub thought: String,
    /// 0 to 1,000.
    pub relevance: u16,
    pub named: bool,
    /// It would rather rest.
    pub reluctant: bool,
    /// Why it ended so.
    pub why: String,
    /// The answer to be.
    #[schema(value_type = String)]
    pub goal: GoalId,
    pub opened_ms: i64,
    pub granted_ms: Option<i64>,
    pub moved_ms: i64,
}

type People = HashMap<PersonaId, Persona>;

/// These personas, deleted ones included: they may have spoken.
pub(super) async fn people(deps: &Deps, ids: impl IntoIterator<Item = PersonaId>) -> Result<People, Problem> {
    Ok(deps.db.personas_among(ids).await?.into_iter().map(|persona| (persona.id, persona)).collect())
}

pub(super) async fn one(deps: &Deps, room: Room) -> Result<RoomView, Problem> {
    let members = deps.db.room_members(room.id).await?;
    let people = people(deps, members.iter().filter_map(Member::persona)).await?;
    Ok(room_view(room, &members, &people))
}

pub(super) async fn all(deps: &Deps, rooms: &[Room]) -> Result<Vec<RoomView>, Problem> {
    let ids: Vec<_> = rooms.iter().map(|room| room.id).collect();
    let mut members = deps.db.members_of(&ids).await?;
    let people = people(deps, members.values().flatten().filter_map(Member::persona)).await?;
    let view = |room: &Room| room_view(room.clone(), &members.remove(&room.id).unwrap_or_default(), &people);
    Ok(rooms.iter().map(view).collect())
}

/// Messages with everybody's turns about them.
pub(super) async fn talk(deps: &Deps, said: Vec<RoomMessage>) -> Result<Vec<SaidView>, Problem> {
    let ids: Vec<_> = said.iter().map(|said| said.id).collect();
    let taken = deps.db.turns_about(&ids).await?;
    let authors = said.iter().filter_map(|said| said.author.persona());
    let people = people(deps, taken.iter().map(|turn| turn.persona).chain(authors)).await?;
    let mut turns: HashMap<RoomMessageId, Vec<TurnView>> = HashMap::new();
    for turn in taken {
        turns.entry(turn.about).or_default().push(turn_view(turn, &people));
    }
    let view = |said: RoomMessage| {
        let turns = turns.remove(&said.id).unwrap_or_default();
        said_view(said, turns, &people)
    };
    Ok(said.into_iter().map(view).collect())
}

fn room_view(room: Room, members: &[Member], people: &People) -> RoomView {
    RoomView {
        id: room.id,
        name: room.name,
        topic: room.topic,
        status: room.status.as_str(),
        version: room.version,
        members: members.iter().map(|member| member_view(member, people)).collect(),
        created_by: room.created_by,
        created_ms: room.created_ms,
        updated_ms: room.updated_ms,
    }
}

fn member_view(member: &Member, people: &People) -> MemberView {
    match member {
        Member::Person { id, name } => person(Some(id.to_string()), name.clone()),
        Member::Persona { id } => persona(*id, None, people),
    }
}

fn person(id: Option<String>, name: String) -> MemberView {
    MemberView { kind: "person", id, slug: None, name, status: None }
}

fn persona(id: PersonaId, named: Option<String>, people: &People) -> MemberView {
    let known = people.get(&id);
    MemberView {
        kind: "persona",
        id: Some(id.to_string()),
        slug: known.map(|persona| persona.slug.to_string()),
        name: named.or_else(|| known.map(|persona| persona.name.clone())).unwrap_or_default(),
        status: Some(known.map_or(PersonaStatus::Deleted, |persona| persona.status).as_str()),
    }
}

fn said_view(said: RoomMessage, turns: Vec<TurnView>, people: &People) -> SaidView {
    let author = match said.author {
        Author::Person { id, name } => person(id.map(|id| id.to_string()), name),
        Author::Persona { id, name } => persona(id, Some(name), people),
    };
    SaidView {
        id: said.id,
        author,
        text: said.text,
        goal: said.goal,
        reply_to: said.reply_to,
        run: said.shown_by.map(|(run, _)| run),
        receipt: said.shown_by.map(|(_, receipt)| receipt.to_string()),
        at_ms: said.at_ms,
        trace: said.trace.0.simple().to_string(),
        correlation: said.correlation,
        turns,
    }
}

fn turn_view(turn: RoomTurn, people: &People) -> TurnView {
    TurnView {
        persona: persona(turn.persona, None, people),
        state: turn.state.as_str(),
        thought: turn.thought,
        relevance: turn.relevance,
        named: turn.named,
        reluctant: turn.reluctant,
        why: turn.why,
        goal: turn.goal,
        opened_ms: turn.opened_ms,
        granted_ms: turn.granted_ms,
        moved_ms: turn.moved_ms,
    }
}
