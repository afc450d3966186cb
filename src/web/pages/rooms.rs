//! `/rooms`: every room, who is there and what was said last.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use actors::domain::{Member, Persona, PersonaId, PersonaStatus, Room, RoomId, RoomMessage, RoomStatus};
use askama::Template;
use serde::Deserialize;

use super::{
    frame::{Frame, Section},
    show::{self, When},
    visit::{self, NoPage, Visit},
};
use crate::web::{
    Deps,
    auth::Caller,
    routes::{Route, Table, Who},
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "rooms.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct RoomsPage {
    pub frame: Frame,
    /// `3 rooms · 1 talking`
    pub summary: String,
    pub cards: Vec<RoomCard>,
    /// Where the rooms before these are.
    pub earlier: Option<String>,
    /// Slug and name of some a new room can be opened with, to be ticked.
    pub personas: Vec<(String, String)>,
    /// Slugs of some more, as suggestions; empty: there are no more.
    pub more: Vec<String>,
}

/// A room at a glance.
#[derive(Debug, Clone)]
pub struct RoomCard {
    pub id: String,
    pub name: String,
    pub topic: String,
    pub archived: bool,
    /// Somebody is asked or has the floor.
    pub busy: bool,
    /// A class of `.light`.
    pub light: &'static str,
    pub standing: String,
    pub by: String,
    pub by_person: bool,
    /// What was said last; empty: nothing yet.
    pub said: String,
    pub at: Option<When>,
    pub faces: Vec<Face>,
    /// Members that are not among the faces.
    pub more: usize,
}

/// A member by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    pub name: String,
    pub person: bool,
}

/// A room with everything that is needed to show it on a card.
pub struct Parts<'a> {
    pub room: &'a Room,
    pub members: &'a [Member],
    pub people: &'a HashMap<PersonaId, &'a Persona>,
    pub last: Option<&'a RoomMessage>,
    /// Turns that are open there.
    pub open: usize,
}

const FACES: usize = 8;

impl RoomCard {
    /// Prepares a card, as seen from now.
    pub fn new(parts: &Parts<'_>, now_ms: i64) -> Self {
        let Parts { room, members, people, last, open } = parts;
        let archived = room.status == RoomStatus::Archived;
        let busy = *open > 0;
        let mut faces: Vec<_> = members.iter().filter_map(|member| face(member, people)).collect();
        faces.sort_by_key(|face| !face.person);
        let more = faces.len().saturating_sub(FACES);
        faces.truncate(FACES);
        Self {
            id: room.id.to_string(),
            name: room.name.clone(),
            topic: if room.topic.is_empty() { "Nothing was said yet.".to_owned() } else { room.topic.clone() },
            archived,
            busy,
            light: if archived { "paused" } else { ["idle", "active"][usize::from(busy)] },
            standing: match (archived, busy) {
                (true, _) => "closed".to_owned(),
                (false, true) => "talking".to_owned(),
                (false, false) => "quiet".to_owned(),
            },
            by: last.map(|said| said.author.name().to_owned()).unwrap_or_default(),
            by_person: last.is_some_and(|said| said.author.is_person()),
            said: last.map(|said| show::clip(&said.text, 200)).unwrap_or_default(),
            at: last.map(|said| When::at(said.at_ms, now_ms)),
            faces,
            more,
        }
    }
}

/// None: it was deleted.
fn face(member: &Member, people: &HashMap<PersonaId, &Persona>) -> Option<Face> {
    match member {
        Member::Person { name, .. } => Some(Face { name: name.clone(), person: true }),
        Member::Persona { id } => {
            let persona = people.get(id).filter(|persona| persona.status != PersonaStatus::Deleted)?;
            Some(Face { name: persona.name.clone(), person: false })
        }
    }
}

/// The line under the heading.
pub fn summary(cards: &[RoomCard]) -> String {
    let busy = cards.iter().filter(|card| card.busy).count();
    format!("{} · {busy} talking", show::counted(cards.len() as u64, "room"))
}

/// `/rooms`.
pub fn routes() -> Table {
    vec![Route::page("/rooms", Who::Member, "Every room, and what was said there last", show)]
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    before: String,
}

async fn show(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let asked = web::Query::<Asked>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let page = load(&deps, &caller, &asked).await;
    visit::answer(&request, &deps, &caller, page)
}

const CARDS: u32 = 60;
/// Personas that can be ticked in the dialog, and those that are suggested beside them; any other can be written.
const TICKS: usize = 24;
const SUGGESTED: usize = 100;

async fn load(deps: &Deps, caller: &Caller, asked: &Asked) -> Result<RoomsPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let before: Option<RoomId> = asked.before.parse().ok();
    let mut rooms = deps.db.rooms(CARDS + 1, before).await?;
    let more = rooms.len() > CARDS as usize;
    rooms.truncate(CARDS as usize);
    let ids: Vec<_> = rooms.iter().map(|room| room.id).collect();
    let members = deps.db.members_of(&ids).await?;
    let there = members.values().flatten().filter_map(Member::persona);
    let there = deps.db.personas_among(there).await?;
    let people: HashMap<_, _> = there.iter().map(|persona| (persona.id, persona)).collect();
    let (open, said) = (deps.db.open_turns().await?, deps.db.last_said(&ids).await?);
    let card = |room: &Room| {
        let members = members.get(&room.id).map_or(&[][..], Vec::as_slice);
        let open = open.get(&room.id).copied().unwrap_or(0);
        RoomCard::new(&Parts { room, members, people: &people, last: said.get(&room.id), open }, visit.now_ms)
    };
    let cards: Vec<_> = rooms.iter().map(card).collect();
    let earlier = rooms.last().filter(|_| more).map(|last| format!("/rooms?before={}", last.id));
    let known = deps.db.persona_names(u32::try_from(TICKS + SUGGESTED).unwrap_or(u32::MAX)).await?;
    let mut personas: Vec<_> = known.into_iter().map(|(_, slug, name)| (slug, name)).collect();
    let more = personas.split_off(personas.len().min(TICKS)).into_iter().map(|(slug, _)| slug).collect();
    let (frame, summary) = (visit.frame("Rooms", Section::Rooms), summary(&cards));
    Ok(RoomsPage { frame, summary, cards, earlier, personas, more })
}
